"""What `podunit.readiness` promises: what the prober has written, and a container that it has not probed yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podunit.readiness import Probed, ProbeResult, read_probed
from podunit.scope import Scope


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the prober keeps what it knows of container `main` of pod `web`."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "podunit-probes/web.main"


def test_a_container_without_probes_has_no_folder(folder: Path) -> None:
    assert not folder.exists()
    assert read_probed("web", "main", Scope.USER) is None


def test_a_container_that_was_not_probed_yet_is_not_ready(folder: Path) -> None:
    folder.mkdir(parents=True)
    assert read_probed("web", "main", Scope.USER) == Probed(False, False, {})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"started": true}'])
def test_what_is_no_state_is_not_ready(text: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(text, encoding="utf-8")
    assert read_probed("web", "main", Scope.USER) == Probed(False, False, {})


def test_results_are_the_probers(folder: Path) -> None:
    folder.mkdir(parents=True)
    result = {"success": False, "message": "HTTP 500", "at": 1764000000.5, "failures": 3, "successes": 0}
    state = {"started": True, "ready": False, "readiness": result, "liveness": None}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    assert read_probed("web", "main", Scope.USER) == Probed(
        True, False, {"readiness": ProbeResult(False, "HTTP 500", 1764000000.5, 3, 0)}
    )
