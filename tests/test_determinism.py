"""The same input gives the same bytes: in every process, wherever it runs, and however the file is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from podunit.generate import generate, generate_files
from podunit.load import Document, read_documents, translate_with_kept
from podunit.render import render
from podunit.report import Report
from podunit.scope import Scope
from podunit.source import Entry, Mapping, Node, Sequence
from podunit.target import Target

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


def turn(node: Node) -> Node:
    """The same with the keys of all mappings in the opposite order."""
    if isinstance(node, Mapping):
        return turn_mapping(node)
    return replace(node, items=tuple(map(turn, node.items))) if isinstance(node, Sequence) else node


def turn_mapping(node: Mapping) -> Mapping:
    return replace(node, entries=tuple(Entry(entry.key, turn(entry.value)) for entry in reversed(node.entries)))


def make(documents: Iterable[Document]) -> dict[str, str]:
    """Units, and what they read."""
    workload = translate_with_kept(documents, (), Report())
    assert workload is not None
    units = {unit.name: render(unit) for unit in generate(workload, Scope.SYSTEM, Target(257, (5, 4, 2)))}
    files = {pod.name: {**generate_files(pod)} for pod in workload.pods}
    return {**units, **{f"files/{pod}": repr(sorted(own.items())) for pod, own in files.items()}}


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_the_order_of_keys_does_not_matter(case: Path) -> None:
    documents = read_documents([str(case / "pod.yaml")], Report())
    assert make(replace(document, node=turn_mapping(document.node)) for document in documents) == make(documents)


def test_the_environment_does_not_matter(expected: bytes, tmp_path: Path) -> None:
    environment = {
        "HOME": "/nowhere",
        "TZ": "Asia/Kathmandu",
        "XDG_DATA_HOME": "/x",
        "USER": "somebody",
        "COLUMNS": "20",
    }
    assert compile_all(tmp_path, environment) == expected
