"""Fixtures of the tests that need a kernel of their own: the virtual machine, one for the whole session.

They take minutes, and run with `./check --vm`; otherwise they are skipped. Then a machine that cannot run is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm.virtual import VirtualMachine

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _FOLDER in item.path.parents:
            item.add_marker(pytest.mark.vm)
            if not config.getoption("--vm"):
                item.add_marker(pytest.mark.skip(reason="takes minutes in a virtual machine: ./check --vm"))


@pytest.fixture(scope="session")
def vm() -> Iterator[VirtualMachine]:
    """A booted virtual machine; tests leave nothing of theirs in it."""
    with VirtualMachine(os.environ.get("PODUNIT_LAB_SUITE", "trixie")) as machine:
        yield machine


@pytest.fixture
def soak(pytestconfig: pytest.Config) -> int:
    """The number that random moments follow from; who asks for none has no time for that."""
    seed: int | None = pytestconfig.getoption("--soak")
    if seed is None:
        pytest.skip("takes half an hour: ./check --vm --soak 1 -k ten_losses")
    return seed
