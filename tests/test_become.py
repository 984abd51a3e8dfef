"""What a command of root's is when it is a user's; that it becomes one is tested with a systemd."""

from __future__ import annotations

import pytest

from podunit.cli.become import strip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("-M alice@ ps", "ps"),
        ("-Malice@ -q ps -o name", "-q ps -o name"),
        ("--user --machine alice@ apply -M", "--user apply -M"),
        ("--machine=alice@ --unit-dir -M --color never logs web", "--unit-dir -M --color never logs web"),
        ("--color -M -M alice@", "--color -M"),
    ],
)
def test_a_user_has_the_command_without_the_machine(given: str, expected: str) -> None:
    assert strip(given.split()) == ["--user", *expected.split()]
