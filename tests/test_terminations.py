"""What is kept of a container's end: the last of its file, or of its log. journalctl is played by a script."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podunit.engines.terminations import keep_message, make_message
from podunit.model import Message, Pod
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.unitfile import Word
from tests.sound_pods import read_sound_pod


def read(fields: str) -> Pod:
    """A pod of which the one container has these fields."""
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
        f"spec: {{containers: [{{name: c, image: 'localhost/i:1'{fields}}}]}}\n"
    )
    return read_sound_pod(text)


_FALLS_BACK = ", terminationMessagePolicy: FallbackToLogsOnError"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("", None),
        (", terminationMessagePolicy: File", Message("/dev/termination-log", False)),
        (", terminationMessagePath: ''", Message("/dev/termination-log", False)),
        (", terminationMessagePath: /end", Message("/end", False)),
        (f", terminationMessagePath: /end{_FALLS_BACK}", Message("/end", True)),
    ],
)
def test_either_field_asks_for_a_message(fields: str, message: Message | None) -> None:
    assert read(fields).containers[0].message == message


def run(words: tuple[Word, ...], tmp_path: Path, status: str | None = None) -> None:
    """As systemd does, with the exit status of what has ended."""
    journalctl = tmp_path / "bin/journalctl"
    journalctl.parent.mkdir(exist_ok=True)
    journalctl.write_text('#!/bin/sh\n[ "$1" = --sync ] || seq 10000; echo "$@" >> "${0%/bin/*}/asked"\n')
    journalctl.chmod(0o755)
    # Specifiers stand for a directory of systemd's.
    argv = [
        word if isinstance(word, str) else f"{tmp_path}{''.join(it for it in word if it.startswith('/podunit'))}"
        for word in words
    ]
    environment = {"PATH": f"{journalctl.parent}:/usr/bin:/bin", "INVOCATION_ID": "1f"}
    if status is not None:
        environment["EXIT_STATUS"] = status
    subprocess.run(argv, env=environment, check=True)


def end(pod: Pod, tmp_path: Path, left: bytes, status: str | None) -> str | None:
    """What is known of a container that has written this."""
    run(make_message(pod, pod.containers[0], Scope.SYSTEM), tmp_path)
    folder = tmp_path / "podunit/ends/a/c"
    assert (folder / "now").stat().st_mode & 0o777 == 0o666
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "now").write_bytes(left)
    keep = keep_message(pod, pod.containers[0], Scope.SYSTEM)
    run(keep, tmp_path, status)
    message = StateFolder(tmp_path / "podunit").read_message("a", "c")
    # Of one end it is kept once.
    run(keep, tmp_path, "9")
    assert StateFolder(tmp_path / "podunit").read_message("a", "c") == message
    assert [file.name for file in folder.iterdir()] == ["last"]
    return message


def test_the_last_of_the_file_is_kept_until_the_next_end(tmp_path: Path) -> None:
    pod = read(", terminationMessagePath: /end")
    state = StateFolder(tmp_path / "podunit")
    assert state.read_message("a", "c") is None
    run(keep_message(pod, pod.containers[0], Scope.SYSTEM), tmp_path, "1")
    assert state.read_message("a", "c") is None
    assert end(pod, tmp_path, b"x" * 5000 + b"end", "1") == "x" * 4093 + "end"
    run(make_message(pod, pod.containers[0], Scope.SYSTEM), tmp_path)
    assert state.read_message("a", "c") == "x" * 4093 + "end"
    assert end(pod, tmp_path, b"", "1") == ""
    assert not (tmp_path / "asked").exists()
    state.forget_files(["a"])
    assert state.read_message("a", "c") is None
    assert not (tmp_path / "podunit/ends/a").exists()


def test_the_log_stands_for_an_empty_file_of_a_failure(tmp_path: Path) -> None:
    pod = read(_FALLS_BACK)
    assert end(pod, tmp_path, b"why", "1") == "why"
    assert end(pod, tmp_path, b"", "0") == ""
    assert end(pod, tmp_path, b"", None) == ""
    assert not (tmp_path / "asked").exists()
    text = end(pod, tmp_path, b"", "KILL")
    assert text is not None
    assert (len(text), text[-12:]) == (2048, "\n9999\n10000\n")
    asked = (tmp_path / "asked").read_text().splitlines()
    options = "--quiet --no-pager --output=cat --lines=80"
    assert asked == ["--sync", f"{options} _SYSTEMD_INVOCATION_ID=1f CONTAINER_NAME=a.c"]
