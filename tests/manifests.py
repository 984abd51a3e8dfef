"""Manifests that nobody here wrote: which files of a folder count, what podunit makes of each, and the page of that."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import kubernetes_validate
import yaml
from typer.testing import CliRunner

from podunit import source
from podunit.cli.main import app
from podunit.kubernetes.fields import Verdict
from podunit.kubernetes.lookup import list_objects
from podunit.load import load_files
from podunit.report import Level, Problem, Report

_MAX_BYTES = 16 * 1024
_WORKLOADS = {
    *("Pod", "ReplicationController", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"),
    *("Service", "ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim", "List"),
}
_VERSION = "1.37.0"
_ROW = re.compile(r"\| `(?P<name>[^`]+)` \| (?P<blob>[0-9a-f]{12}) \|.*")
_HEAD = """\
# What podunit makes of github.com/kubernetes/examples

`pytest tests/test_corpus.py --corpus DIR --update-golden` writes this page, [README.md](README.md) says from what.
Reasons are those of the first error in a file; each is at line:column. Errors are counted without the template that a
pod's fields are in; those that a first one hides are not among them.
"""
_TAIL = """
Not valid for Kubernetes either are a key twice, an unknown field, a value of another type, and a version of the API
that is served no longer; podunit takes some versions of the last kind. What a file refers to and does not have, such
as a Secret, is a warning: an apply needs it, there or from an earlier one."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file below `root`. `blob` is the start of its hash in git, `kinds` what its documents are, in their order."""

    root: Path
    name: str
    blob: str
    kinds: tuple[str, ...]

    @property
    def is_workload(self) -> bool:
        """Whether all of its documents are of kinds that run something, or that what runs refers to."""
        return set(self.kinds) <= _WORKLOADS


def hash_blob(data: bytes) -> str:
    """The start of what `git hash-object` prints."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()[:12]


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it, which takes no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [self.construct_object(key) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(problem="duplicate key")
        return super().construct_mapping(node, deep)


def is_valid(data: bytes) -> bool:
    """Whether Kubernetes itself would take all documents of a file."""
    try:
        for document in yaml.load_all(data, _Loader):
            if document is not None:
                kubernetes_validate.validate(document, _VERSION, strict=True)
    except (
        yaml.YAMLError,
        kubernetes_validate.SchemaNotFoundError,
        kubernetes_validate.ValidationError,
        kubernetes_validate.utils.VersionNotSupportedError,
    ):
        return False
    return True


def list_manifests(root: Path) -> list[Manifest]:
    """The small files below a folder with at least one workload kind: no charts, no kustomizations, nothing twice."""
    found: dict[str, Manifest] = {}
    for file in sorted(root.rglob("*.yaml")):
        if any((folder / "Chart.yaml").exists() for folder in file.parents if folder.is_relative_to(root)):
            continue
        data = file.read_bytes()
        kinds = tuple(re.findall(rb"^kind:[ \t]*[\"']?(\w+)", data, flags=re.M))
        words = tuple(kind.decode() for kind in kinds)
        if len(data) <= _MAX_BYTES and b"apiVersion:" in data and _WORKLOADS & set(words):
            blob = hash_blob(data)
            found.setdefault(blob, Manifest(root, file.relative_to(root).as_posix(), blob, words))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What podunit says of a manifest: the exit status and the text of the commands, and the problems behind it."""

    status: int
    text: str
    problems: tuple[Problem, ...]

    @property
    def word(self) -> str:
        """The outcome in the page's words."""
        if self.status:
            return "refused"
        return "compiles with warnings" if self.problems else "compiles"


def try_manifest(manifest: Manifest, units: Path) -> Outcome:
    """Validate a file, and compile it into a folder, from the root that its name is relative to."""
    validated = CliRunner().invoke(app, ["validate", manifest.name])
    compiled = CliRunner().invoke(app, ["--system", "compile", manifest.name, "--output", str(units)])
    for done in (validated, compiled):
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
    assert validated.exit_code == compiled.exit_code
    assert validated.stderr == compiled.stderr
    report = Report()
    load_files([manifest.name], report)
    return Outcome(compiled.exit_code, compiled.stderr, report.problems)


def list_keys(node: source.Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], source.Entry]]:
    """All keys below a node, each with the keys on the way to it; lists are no part of that."""
    if isinstance(node, source.Sequence):
        for item in node.items:
            yield from list_keys(item, path)
    elif isinstance(node, source.Mapping):
        for entry in node.entries:
            yield (*path, entry.key.text), entry
            yield from list_keys(entry.value, (*path, entry.key.text))


def _find_reason(outcome: Outcome) -> Problem | None:
    return next((problem for problem in outcome.problems if problem.level is Level.ERROR), None)


def generalise(problem: Problem) -> str:
    """A problem without what is particular to one file: indices, numbers, the user's names, the template of a pod."""
    path = re.sub(r"\[\d+\]", "[]", problem.path)
    path = re.sub(r"^spec\.(?:jobTemplate\.spec\.)?template\.(?=spec\.)", "", path)
    message = re.sub(r"\b(line|port|with) \d+", r"\1 N", problem.message)
    message = re.sub(r"(selects several pods), [^:]*", r"\1", message)
    return f"{path}: {message}" if path else message


def _write_row(manifest: Manifest, outcome: Outcome) -> str:
    reason = _find_reason(outcome)
    said = ""
    if reason:
        subject = f"{reason.path}: " if reason.path else ""
        said = f"{reason.at.line}:{reason.at.column} {subject}{reason.message}".replace("|", "\\|")
    kinds = ", ".join(dict.fromkeys(manifest.kinds))
    return f"| `{manifest.name}` | {manifest.blob} | {kinds} | {outcome.word} | {said} |"


def _write_total(title: str, words: Iterable[str]) -> str:
    count = Counter(words)
    passed = count["compiles"] + count["compiles with warnings"]
    share = 100 * passed // max(1, count.total())
    cells = (count.total(), count["compiles"], count["compiles with warnings"], count["refused"], f"{share} %")
    return f"| {title} | {' | '.join(map(str, cells))} |"


def _needs_cluster_storage(outcome: Outcome) -> bool:
    """Whether it is refused for a volume that is a cloud's or a cluster's."""
    storages = {field.name for field in list_objects()["Volume"].fields if field.verdict is Verdict.REFUSED}
    errors = {problem.message for problem in outcome.problems if problem.level is Level.ERROR}
    return not errors.isdisjoint(f"'{name}' is not supported" for name in storages)


def write_page(outcomes: Iterable[tuple[Manifest, Outcome]]) -> str:
    """The whole page: totals, the most frequent errors, and a row for each file."""
    outcomes = tuple(outcomes)
    files_by_error = Counter(
        said
        for _, outcome in outcomes
        for said in {generalise(problem) for problem in outcome.problems if problem.level is Level.ERROR}
    )
    workloads = [(found, outcome) for found, outcome in outcomes if found.is_workload]
    valid = [(found, outcome) for found, outcome in workloads if is_valid((found.root / found.name).read_bytes())]
    here = [outcome for _, outcome in valid if not _needs_cluster_storage(outcome)]
    version = _VERSION.removesuffix(".0")
    ranked = sorted(files_by_error.items(), key=lambda item: (-item[1], item[0]))
    lines = [
        _HEAD,
        "| | files | compiles | with warnings | refused | passed |",
        "|---|---|---|---|---|---|",
        _write_total("all", (outcome.word for _, outcome in outcomes)),
        _write_total("only workload kinds", (outcome.word for _, outcome in workloads)),
        _write_total(f"of these, valid for Kubernetes {version}", (outcome.word for _, outcome in valid)),
        _write_total("of these, without storage of a cloud or a cluster", (outcome.word for outcome in here)),
        _TAIL,
        "\n## Errors by the number of files\n",
        "| files | error |",
        "|---|---|",
        *(f"| {number} | {said.replace('|', chr(92) + '|')} |" for said, number in ranked),
        "\n## Files\n",
        "| file | blob | kinds | outcome | first reason |",
        "|---|---|---|---|---|",
        *(_write_row(found, outcome) for found, outcome in outcomes),
    ]
    return "\n".join(lines) + "\n"


def read_rows(page: str) -> dict[tuple[str, str], str]:
    """The rows of a page's files, by name and hash."""
    return {(row["name"], row["blob"]): row[0] for row in map(_ROW.fullmatch, page.splitlines()) if row}


def write_rows(outcomes: Iterable[tuple[Manifest, Outcome]]) -> dict[tuple[str, str], str]:
    """The rows as they would be now, by name and hash."""
    return {(found.name, found.blob): _write_row(found, outcome) for found, outcome in outcomes}
