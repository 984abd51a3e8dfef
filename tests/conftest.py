"""Options and fixtures of the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.journalctl import Journalctl


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite what the cases of tests/golden expect by what podunit does now; review the diff",
    )
    parser.addoption(
        "--corpus",
        metavar="DIR",
        help="a folder of manifests that tests/test_corpus.py reads too, as a clone of github.com/kubernetes/examples",
    )
    parser.addoption(
        "--soak",
        type=int,
        metavar="SEED",
        help="with --vm: cut the power ten times in a row, too, at moments that follow from this number; half an hour",
    )
    parser.addoption("--vm", action="store_true", help="run tests/vm, too: minutes in a virtual machine")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten, not compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journalctl:
    """A journalctl that comes first in PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Journalctl(tmp_path)
