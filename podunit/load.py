"""From files to the model: reads each, lets the front end of its kind translate it, and checks the whole.

In: paths. Out: `Workload`, or problems in a `Report`. Knows which kinds there are, and nothing of their fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from podunit import source
from podunit.conflicts import find_conflicts
from podunit.decode import suggest
from podunit.kubernetes.claims import read_claim, read_volume
from podunit.kubernetes.jobs import read_cron_job, read_job
from podunit.kubernetes.objects import Objects, read_config_map, read_secret
from podunit.kubernetes.services import Services
from podunit.kubernetes.translate import read_pod
from podunit.model import Pod, Workload
from podunit.report import Report

_ObjectReader = Callable[[source.Mapping, Objects, Report], None]
# What a reader returns is of no use if the report has failed.
_PodReader = Callable[[source.Mapping, Objects, Report], Workload]


def _read_one_pod(node: source.Mapping, objects: Objects, report: Report) -> Workload:
    pod = read_pod(node, objects, report)
    return Workload((pod,)) if pod else Workload()


# apiVersion and kind → what reads such a document: first what pods refer to, then pods.
_OBJECTS: Mapping[tuple[str, str], _ObjectReader] = {
    ("v1", "ConfigMap"): read_config_map,
    ("v1", "Secret"): read_secret,
    ("v1", "PersistentVolumeClaim"): read_claim,
    ("v1", "PersistentVolume"): read_volume,
}
_PODS: Mapping[tuple[str, str], _PodReader] = {
    ("v1", "Pod"): _read_one_pod,
    ("batch/v1", "Job"): read_job,
    ("batch/v1", "CronJob"): read_cron_job,
}
# What is looked at once all pods are known.
_SERVICE = ("v1", "Service")
_KINDS = (*_PODS, *_OBJECTS, _SERVICE)


@dataclass(frozen=True, slots=True)
class Document:
    """An object in a file, by its kind and, if it has one that is text, its name."""

    version: str
    kind: str
    name: str
    node: source.Mapping

    @property
    def key(self) -> str:
        """What tells it from all other objects: `Pod.web`."""
        return f"{self.kind}.{self.name}"


def load_files(paths: Iterable[str], report: Report) -> Workload | None:
    """All pods of the files; None, and at least one error in the report, if anything is wrong with them."""
    return translate(read_documents(paths, report), report)


def read_documents(paths: Iterable[str], report: Report) -> tuple[Document, ...]:
    """The objects in the files, of kinds that podunit knows; what is wrong with others is in the report."""
    found = []
    for path in dict.fromkeys(file for given in paths for file in source.list_files(given, report)):
        data = source.read_source(path, report)
        if data is None:
            continue
        for node in source.parse_documents(data, path, report):
            if document := _identify(node, report):
                found.append(document)
    return tuple(found)


def find_kept(
    documents: Iterable[Document], kept: Mapping[str, Path], pods: Iterable[str], report: Report
) -> tuple[Document, ...]:
    """Of the objects that an earlier apply has kept those that belong to these.

    That is what they may refer to, and of the installed `pods` those that name such an object among these.
    """
    documents = tuple(documents)
    given = {document.key for document in documents}
    names = [document.name for document in documents if (document.version, document.kind) in _OBJECTS]
    kinds = {kind for _, kind in (*_OBJECTS, _SERVICE)}
    # A Service may select any pod.
    every = any((document.version, document.kind) == _SERVICE for document in documents)
    # A Job may have several pods, with an index each.
    installed = {name for pod in pods for name in (pod, re.sub("-[0-9]+$", "", pod))}
    found: list[Document] = []
    for key, file in kept.items():
        kind, _, name = key.partition(".")
        if key in given:
            continue
        if kind in kinds or (name in installed and (every or _mentions(file, names))):
            found += read_documents([str(file)], report)
    return tuple(found)


def _mentions(file: Path, names: Iterable[str]) -> bool:
    text = file.read_text(encoding="utf-8")
    return any(f'"{name}"' in text for name in names)


def translate(documents: Iterable[Document], report: Report, kept: Iterable[Document] = ()) -> Workload | None:
    """What the objects mean together; None, and at least one error in the report, if anything is wrong with them."""
    given, kept = tuple(documents), tuple(kept)
    objects = Objects()
    for document in (*given, *kept):
        if read_object := _OBJECTS.get((document.version, document.kind)):
            read_object(document.node, objects, report)
    services = Services()
    pods: list[Pod] = []
    concerned: set[str] = set()
    for index, document in enumerate((*given, *kept)):
        if (document.version, document.kind) == _SERVICE:
            services.read(document.node, report, kept=index >= len(given))
        if read := _PODS.get((document.version, document.kind)):
            found = read(document.node, objects, report).pods
            pods += found
            concerned.update(pod.name for pod in found if index >= len(given))
    if report.failed:
        return None
    workload = Workload(services.attach(pods, report), frozenset(concerned))
    find_conflicts(workload, report)
    return None if report.failed else workload


def _identify(node: source.Node, report: Report) -> Document | None:
    known = _find_kind(node, report)
    if known is None or not isinstance(node, source.Mapping):
        return None
    metadata = next((entry.value for entry in node.entries if entry.key.text == "metadata"), None)
    entries = metadata.entries if isinstance(metadata, source.Mapping) else ()
    name = next((entry.value for entry in entries if entry.key.text == "name"), None)
    return Document(*known, name.text if isinstance(name, source.Scalar) else "", node)


def _find_kind(node: source.Node, report: Report) -> tuple[str, str] | None:
    if not isinstance(node, source.Mapping):
        report.error(node.at, "", "not a Kubernetes object", "it is a mapping with apiVersion and kind")
        return None
    keys = [entry.key for entry in node.entries]
    words = {entry.key.text: entry.value for entry in node.entries if entry.key.text in ("apiVersion", "kind")}
    for key in ("apiVersion", "kind"):
        if key not in words:
            similar = [found for found in keys if suggest(found.text, [key])]
            at = similar[0].at if similar else node.at
            hint = f"did you mean '{key}'?" if similar else "a pod starts with 'apiVersion: v1' and 'kind: Pod'"
            report.error(at, "", f"'{key}' is missing", hint)
    version, kind = words.get("apiVersion"), words.get("kind")
    if version is None or kind is None:
        return None
    for key, word in (("apiVersion", version), ("kind", kind)):
        if not isinstance(word, source.Scalar):
            found = "a list" if isinstance(word, source.Sequence) else "a mapping"
            report.error(word.at, key, f"{found}, expected a string")
    if not (isinstance(version, source.Scalar) and isinstance(kind, source.Scalar)):
        return None
    kinds = [known for _, known in _KINDS]
    if kind.text not in kinds:
        hint = suggest(kind.text, kinds) or f"kinds that podunit runs: {', '.join(kinds)}"
        report.error(kind.at, "kind", f"'{kind.text[:60]}' is not supported", hint)
        return None
    if (version.text, kind.text) not in _KINDS:
        right = next(known for known, name in _KINDS if name == kind.text)
        report.error(version.at, "apiVersion", f"'{version.text[:60]}' has no kind {kind.text}", f"write '{right}'")
        return None
    return version.text, kind.text
