"""What `podunit.readiness` promises: what the prober has written, and a container that it has not probed yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from podunit.prober.states import Kind, Known, Last, write_state
from podunit.readiness import read_known
from podunit.scope import Scope


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the prober keeps what it knows of container `main` of pod `web`."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "podunit-probes/web.main"


def test_a_container_without_probes_has_no_folder(folder: Path) -> None:
    assert not folder.exists()
    assert read_known("web", "main", Scope.USER) is None


def test_a_container_that_was_not_probed_yet_is_not_ready(folder: Path) -> None:
    folder.mkdir(parents=True)
    assert read_known("web", "main", Scope.USER) == Known("", False, False)


def test_results_are_the_probers(folder: Path) -> None:
    folder.mkdir(parents=True)
    known = Known("1-2", True, False, "", {Kind.READINESS: Last(False, "HTTP 500", 1764000000.5, 3, 0)})
    write_state(folder, known)
    assert read_known("web", "main", Scope.USER) == known
