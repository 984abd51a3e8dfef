"""Whatever a manifest says, podunit honours it, warns of it or refuses it, and says where.

The manifests are those of this repository, and with `--corpus DIR` all that are below a folder, as a clone of
github.com/kubernetes/examples; `corpus/report.md` has what came of that one, and `--update-golden` rewrites it.
`corpus/README.md` says more.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from podunit import source
from podunit.files import read_static_units
from podunit.kubernetes.fields import Verdict
from podunit.kubernetes.lookup import UnknownFieldError, find, list_objects
from podunit.load import load_files
from podunit.names import PARENT_SLICE
from podunit.report import Level, Position, Report
from tests.manifests import (
    Manifest,
    Outcome,
    is_valid,
    list_keys,
    list_manifests,
    read_rows,
    try_manifest,
    write_page,
    write_rows,
)
from tests.test_golden import needs_analyze, verify

_OWN = Path(__file__).parent.parent
_PAGE = Path(__file__).parent / "corpus/report.md"
_PROBLEM = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?:error|warning): (?P<sentence>.+)")
# A sentence is about a field, by its path, or about a key or a value that it quotes.
_SUBJECT = re.compile(r"[A-Za-z]\S*: .+|.*'[^']+'.*")
# Of the files with workload kinds alone, in percent: what holds at the moment.
_FLOOR = 78


def list_all(config: pytest.Config) -> list[Manifest]:
    """The repository's own manifests but those of errors, and those of the corpus."""
    cases = [found for found in list_manifests(_OWN / "tests/golden") if "/error-" not in found.name]
    given = config.getoption("--corpus")
    return [*cases, *list_manifests(_OWN / "examples"), *(list_manifests(Path(given).resolve()) if given else ())]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "manifest" in metafunc.fixturenames:
        metafunc.parametrize("manifest", list_all(metafunc.config), ids=lambda manifest: manifest.name)


@pytest.fixture
def corpus(request: pytest.FixtureRequest) -> list[Manifest]:
    """The manifests of the folder that is given."""
    given = request.config.getoption("--corpus")
    if not given:
        pytest.skip("no --corpus")
    return list_manifests(Path(given).resolve())


@pytest.fixture
def outcomes(corpus: list[Manifest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Manifest, Outcome]]:
    """What podunit makes of each of these."""
    found = []
    for number, manifest in enumerate(corpus):
        monkeypatch.chdir(manifest.root)
        found.append((manifest, try_manifest(manifest, tmp_path / str(number))))
    return found


def parse(manifest: Manifest) -> tuple[source.Mapping, ...]:
    report = Report()
    nodes = source.parse_documents((manifest.root / manifest.name).read_bytes(), manifest.name, report)
    return tuple(document for node in nodes for document in list_documents(node))


def list_documents(node: source.Node) -> Iterator[source.Mapping]:
    """A document, or the items of a list, of one kind or of several."""
    if isinstance(node, source.Mapping) and find_kind(node).endswith("List"):
        items = next(entry.value for entry in node.entries if entry.key.text == "items")
        for item in items.items if isinstance(items, source.Sequence) else ():
            yield from list_documents(item)
    elif isinstance(node, source.Mapping):
        yield node


def find_kind(document: source.Mapping) -> str:
    kind = next(entry.value for entry in document.entries if entry.key.text == "kind")
    assert isinstance(kind, source.Scalar)
    return kind.text


def find_kind_at(document: source.Mapping) -> Position:
    return next(entry.value.at for entry in document.entries if entry.key.text == "kind")


def find_verdict(kind: str, path: tuple[str, ...]) -> Verdict | None:
    """What the table says of a key; None below what is not read, and for keys that are the user's own."""
    found = find(kind.lower())
    for word in path:
        if found.unread or (found.field and found.field.type.startswith("map[string]")):
            return None
        if found.field and found.field.verdict is not Verdict.HONOURED:
            return None
        if "/" in word and found.object and found.object.name == "ResourceList":
            # The name of a vendor's device.
            return None
        found = found.go(word)
    return found.field.verdict if found.field else None


def test_a_problem_says_where_and_of_what(manifest: Manifest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(manifest.root)
    outcome = try_manifest(manifest, tmp_path / "units")
    assert (outcome.status == 0) == (not any(problem.level is Level.ERROR for problem in outcome.problems))
    assert (tmp_path / "units").exists() == (outcome.status == 0)
    lines = (manifest.root / manifest.name).read_text(encoding="utf-8").split("\n")
    for printed in outcome.text.splitlines():
        if printed.startswith("  hint: "):
            continue
        problem = _PROBLEM.fullmatch(printed)
        assert problem, printed
        assert problem["file"] == manifest.name
        assert lines[int(problem["line"]) - 1][int(problem["column"]) - 1 :].strip(), printed
        assert _SUBJECT.fullmatch(problem["sentence"]), printed


def test_a_key_of_what_compiles_is_honoured_or_warned_of(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(manifest.root)
    report = Report()
    load_files([manifest.name], report)
    if report.failed:
        return
    warned = {problem.at for problem in report.problems}
    for document in parse(manifest):
        for path, entry in list_keys(document):
            if isinstance(entry.value, source.Scalar) and entry.value.tag == "null":
                continue
            try:
                verdict = find_verdict(find_kind(document), path)
            except UnknownFieldError:
                pytest.fail(f"{entry.key.at}: {'.'.join(path)} is no field of the API, and was not refused")
            assert verdict is not Verdict.REFUSED, f"{entry.key.at}: {'.'.join(path)}"
            # Of a kind without effect the warning is at the kind.
            said_of = entry.key.at if list_objects()[find_kind(document)].is_honoured else find_kind_at(document)
            assert verdict is not Verdict.IGNORED or said_of in warned, f"{entry.key.at}: {'.'.join(path)}"


def test_a_misspelt_key_of_what_compiles_is_refused(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(manifest.root)
    report = Report()
    load_files([manifest.name], report)
    if report.failed:
        return
    lines = (manifest.root / manifest.name).read_text(encoding="utf-8").split("\n")
    file = tmp_path / "misspelt.yaml"
    for document in parse(manifest):
        for path, entry in list_keys(document):
            if find_verdict(find_kind(document), path) is None:
                continue
            at = entry.key.at
            line = lines[at.line - 1]
            end = at.column - 1 + len(entry.key.text)
            if line[at.column - 1 : end] != entry.key.text:
                continue
            changed = [*lines[: at.line - 1], f"{line[:end]}Qq{line[end:]}", *lines[at.line :]]
            file.write_text("\n".join(changed), encoding="utf-8")
            found = Report()
            load_files([str(file)], found)
            assert (at.line, at.column) in {(said.at.line, said.at.column) for said in found.problems}, (
                f"{at}: {'.'.join(path)}"
            )


def test_the_page_says_what_becomes_of_the_corpus(
    outcomes: list[tuple[Manifest, Outcome]], update_golden: bool
) -> None:
    if update_golden:
        _PAGE.write_text(write_page(outcomes), encoding="utf-8")
    kept, now = read_rows(_PAGE.read_text(encoding="utf-8")), write_rows(outcomes)
    shared = kept.keys() & now.keys()
    if not shared:
        pytest.skip("no file of the page is in this folder")
    assert {key: now[key] for key in shared} == {key: kept[key] for key in shared}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n", True),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nmetadata: {name: a}\n", False),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndate: {}\n", False),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nimmutable: 7\n", False),
        ("apiVersion: apps/v1beta2\nkind: Deployment\nmetadata: {name: a}\n", False),
        ("apiVersion: apps/v1  for old clusters\nkind: Deployment\nmetadata: {name: a}\n", False),
    ],
)
def test_what_kubernetes_itself_would_not_take(text: str, expected: bool) -> None:
    assert is_valid(text.encode()) == expected


def test_so_many_manifests_compile(outcomes: list[tuple[Manifest, Outcome]]) -> None:
    kept = read_rows(_PAGE.read_text(encoding="utf-8"))
    counted = [found for manifest, found in outcomes if manifest.is_workload and (manifest.name, manifest.blob) in kept]
    assert sum(found.status == 0 for found in counted) * 100 >= _FLOOR * len(counted)


@needs_analyze
def test_systemd_has_nothing_to_say_about_units_of_the_corpus(
    outcomes: list[tuple[Manifest, Outcome]], tmp_path: Path
) -> None:
    batches: list[set[str]] = []
    for number, (_, outcome) in enumerate(outcomes):
        if outcome.status:
            continue
        units = sorted((tmp_path / str(number)).iterdir())
        names = {file.name for file in units} - {PARENT_SLICE}
        # Two manifests may have a pod of one name: these are not looked at together.
        place = next((at for at, batch in enumerate(batches) if not batch & names), len(batches))
        folder = tmp_path / f"batch{place}"
        if place == len(batches):
            batches.append(set())
            folder.mkdir()
        batches[place] |= names
        for file in units:
            shutil.copy(file, folder)
        for name, text in read_static_units().items():
            (folder / name).write_text(text, encoding="utf-8")
    assert batches
    for place in range(len(batches)):
        assert verify(tmp_path / f"batch{place}") == ""
