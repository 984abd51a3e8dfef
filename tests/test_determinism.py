"""The same input gives the same bytes: in every process, wherever it runs, and however the file is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_CASES = sorted(
    path.parent
    for path in (Path(__file__).parent / "golden/kubernetes").glob("*/units")
    if not (path.parent / "report").exists()
)


def compile_all(folder: Path, environment: dict[str, str]) -> bytes:
    """What a fresh process makes of all sound golden cases, one after the other, in a folder of its own."""
    script = "import sys; from podunit.cli.entry import run; sys.argv[0] = 'podunit'; run()"
    files = [os.path.relpath(case / "pod.yaml", folder) for case in _CASES]
    done = subprocess.run(
        [sys.executable, "-c", script, "--system", "compile", *files],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    output = compile_all(tmp_path_factory.mktemp("first"), {"PYTHONHASHSEED": "0"})
    names = [line.removeprefix("# file ") for line in output.decode().splitlines() if line.startswith("# file ")]
    assert sorted(names) == sorted({file.name for case in _CASES for file in (case / "units").iterdir()})
    return output


@pytest.mark.parametrize("seed", ["1", "4711", "random"])
def test_the_order_of_hashes_does_not_matter(seed: str, expected: bytes, tmp_path: Path) -> None:
    assert compile_all(tmp_path, {"PYTHONHASHSEED": seed}) == expected


def test_the_working_directory_does_not_matter(expected: bytes) -> None:
    assert compile_all(Path("/"), {"PYTHONHASHSEED": "0"}) == expected


def test_the_environment_does_not_matter(expected: bytes, tmp_path: Path) -> None:
    environment = {
        "HOME": "/nowhere",
        "TZ": "Asia/Kathmandu",
        "XDG_DATA_HOME": "/x",
        "USER": "somebody",
        "COLUMNS": "20",
    }
    assert compile_all(tmp_path, environment) == expected
