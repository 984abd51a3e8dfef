"""From files to the model: reads each, lets the front end of its kind translate it, and checks the whole.

In: paths. Out: `Workload`, or problems in a `Report`. Knows which kinds there are, and nothing of their fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from podunit import source
from podunit.chosen import Choice, Engine
from podunit.conflicts import find_conflicts
from podunit.decode import suggest
from podunit.dependencies import check_dependencies
from podunit.kubernetes.claims import read_claim, read_volume
from podunit.kubernetes.elsewhere import INSTEAD
from podunit.kubernetes.engines import choose_engine, refuse_fields, refuse_volumes
from podunit.kubernetes.idle import IDLE, check_idle
from podunit.kubernetes.jobs import read_cron_job, read_job
from podunit.kubernetes.objects import Objects, read_config_map, read_secret
from podunit.kubernetes.services import Services
from podunit.kubernetes.translate import read_pod
from podunit.kubernetes.versions import find_version, modernise
from podunit.kubernetes.workloads import (
    read_daemon_set,
    read_deployment,
    read_namespace,
    read_replica_set,
    read_replication_controller,
    read_stateful_set,
)
from podunit.names import DEFAULT_NAMESPACE
from podunit.record import record
from podunit.report import Report
from podunit.workload import Workload

_ObjectReader = Callable[[source.Mapping, Objects, Report], None]
# What these return is of no use if the report has failed.
_WorkloadReader = Callable[[source.Mapping, Objects, Report], Workload]
_Check = Callable[[source.Mapping, Report], None]


def _read_one_pod(node: source.Mapping, objects: Objects, report: Report) -> Workload:
    pod = read_pod(node, objects, report)
    return Workload((pod,)) if pod else Workload()


# apiVersion and kind → what reads such a document: what pods refer to, pods and those who own them, and the rest.
_OBJECTS: Mapping[tuple[str, str], _ObjectReader] = {
    ("v1", "ConfigMap"): read_config_map,
    ("v1", "Secret"): read_secret,
    ("v1", "PersistentVolumeClaim"): read_claim,
    ("v1", "PersistentVolume"): read_volume,
}
_REFERABLE = frozenset(kind for _, kind in _OBJECTS)
_WORKLOADS: Mapping[tuple[str, str], _WorkloadReader] = {
    ("v1", "Pod"): _read_one_pod,
    ("batch/v1", "Job"): read_job,
    ("batch/v1", "CronJob"): read_cron_job,
    ("apps/v1", "Deployment"): read_deployment,
    ("apps/v1", "StatefulSet"): read_stateful_set,
    ("apps/v1", "DaemonSet"): read_daemon_set,
    ("apps/v1", "ReplicaSet"): read_replica_set,
    ("v1", "ReplicationController"): read_replication_controller,
}
_NAMES: Mapping[tuple[str, str], _Check] = {("v1", "Namespace"): read_namespace}
# What is looked at once all pods are known.
_SERVICE = ("v1", "Service")
_VOLUME = ("v1", "PersistentVolume")
# Where a StatefulSet has claims of its own.
_TEMPLATES = "volumeClaimTemplates"
_KINDS = (*_WORKLOADS, *_OBJECTS, _SERVICE, *_NAMES, *IDLE)
# Kind of a list → its apiVersion.
_LISTS: Mapping[str, str] = {"List": "v1", **{f"{kind}List": version for version, kind in _KINDS}}
_LIST_FIELDS = ("apiVersion", "kind", "metadata", "items")


@record
class Document:
    """An object in a file, by its kind and, if it has one that is text, its name; `path` is its own inside a list."""

    version: str
    kind: str
    name: str
    node: source.Mapping
    path: str = ""

    @property
    def key(self) -> str:
        """What tells it from all other objects: `Pod.web`."""
        return f"{self.kind}.{self.name}"

    @property
    def is_workload(self) -> bool:
        """Whether it is a pod, or owns pods."""
        return (self.version, self.kind) in _WORKLOADS


def load_files(
    paths: Iterable[str], report: Report, *, skip_unsupported: bool = False, choice: Choice | None = None
) -> Workload | None:
    """All pods of the files; None, and at least one error in the report, if anything is wrong with them.

    A ConfigMap or Secret that is in none of them is a warning: an earlier apply may have kept it. With
    `skip_unsupported` a kind that podunit does not run is one, too. The `choice` is for pods that name no engine.
    """
    documents = choose(read_documents(paths, report, skip_unsupported=skip_unsupported), choice)
    return _translate(documents, (), Objects(more=True), report)


def read_documents(paths: Iterable[str], report: Report, *, skip_unsupported: bool = False) -> tuple[Document, ...]:
    """The objects in the files, of kinds that podunit knows; what is wrong with others is in the report."""
    found: list[Document] = []
    for path in dict.fromkeys(file for given in paths for file in source.list_files(given, report)):
        data = source.read_source(path, report)
        if data is not None:
            found += _read(path, data, _Reader(report, skip_unsupported))
    return tuple(found)


def read_texts(texts: Mapping[str, str], report: Report) -> tuple[Document, ...]:
    """As `read_documents`, of texts that are given by what they are called in the report."""
    reader = _Reader(report, skips_unsupported=False)
    return tuple(document for name, text in texts.items() for document in _read(name, text.encode(), reader))


def _read(name: str, data: bytes, reader: _Reader) -> list[Document]:
    return [found for node in source.parse_documents(data, name, reader.report) for found in reader.read(node, "")]


def scale(document: Document, replicas: int) -> Document:
    """The object with another number of replicas; where its file has none, that is at the spec's place."""
    entries = []
    for entry in document.node.entries:
        spec = entry.value
        if entry.key.text == "spec" and isinstance(spec, source.Mapping):
            others = tuple(one for one in spec.entries if one.key.text != "replicas")
            old = next((one for one in spec.entries if one.key.text == "replicas"), entry)
            key = source.Scalar("replicas", "str", old.key.at, True)
            number = source.Scalar(str(replicas), "int", old.value.at, True)
            spec = source.Mapping((*others, source.Entry(key, number)), spec.at)
        entries.append(source.Entry(entry.key, spec))
    return replace(document, node=source.Mapping(tuple(entries), document.node.at))


def choose(documents: Iterable[Document], choice: Choice | None) -> tuple[Document, ...]:
    """The objects, with the engine chosen for those of their pods that name none."""
    if choice is None or choice.engine is Engine.PODMAN:
        # Which they have anyway.
        return tuple(documents)
    return tuple(
        replace(one, node=choose_engine(one.node, one.kind, choice)) if one.is_workload else one for one in documents
    )


def find_kept(
    documents: Iterable[Document], kept: Mapping[str, Path], installed: Iterable[str], report: Report
) -> tuple[Document, ...]:
    """Of the objects that an earlier apply has kept those that belong to these.

    That is what they may refer to, and of the `installed` ones, given by their keys, those that name such an object
    among these. An object that cannot take the place of the kept one is a problem.
    """
    documents = tuple(documents)
    given = {document.key for document in documents}
    for document in documents:
        if file := kept.get(document.key):
            _check_successor(document, file, report)
    names = [document.name for document in documents if (document.version, document.kind) in _OBJECTS]
    kinds = {kind for _, kind in (*_OBJECTS, _SERVICE)}
    # A Service may select any pod, and any pod's claim may be bound to a volume.
    every = any((document.version, document.kind) in (_SERVICE, _VOLUME) for document in documents)
    present = set(installed)
    found: list[Document] = []
    for key, file in kept.items():
        if key in given:
            continue
        if key.partition(".")[0] in kinds or (key in present and (every or _mentions(file, names))):
            found += read_documents([str(file)], report)
    return tuple(found)


def _check_successor(document: Document, file: Path, report: Report) -> None:
    """An object of the name is kept: it is of the same namespace, and not immutable."""
    text = file.read_text(encoding="utf-8")
    if _find_namespace(document) is None and not any(word in text for word in ('"namespace"', '"immutable"')):
        return
    for old in read_texts({str(file): text}, report):
        _check_namespace(document, old, report.within(document.path))
        _check_immutable(document, old, report.within(document.path))


def _check_immutable(document: Document, old: Document, report: Report) -> None:
    # What is wrong with either is said elsewhere.
    found = [Objects(), Objects()]
    for one, objects in zip((old, document), found, strict=True):
        if read := _OBJECTS.get((one.version, one.kind)):
            read(one.node, objects, Report())
    for before, after in zip(found[0].configs.values(), found[1].configs.values(), strict=False):
        if before.immutable and (before.data != after.data or not after.immutable):
            message = f"{document.kind} '{document.name[:60]}' is immutable, and was applied with other data"
            if before.data == after.data:
                message = f"{document.kind} '{document.name[:60]}' was applied as immutable, and stays so"
            hint = "give this one another name, or delete that one first"
            report.error(after.name_at, "metadata.name", message, hint)


def _check_namespace(document: Document, old: Document, report: Report) -> None:
    namespace, found = _find_namespace(document), _find_namespace(old)
    other = found.text if found else DEFAULT_NAMESPACE
    own = namespace.text if namespace else DEFAULT_NAMESPACE
    if own != other:
        message = f"{document.kind} '{document.name[:60]}' is there already, of namespace '{other}'"
        hint = "the two namespaces are one on this machine: delete that one, or give this one another name"
        at = namespace.at if namespace else document.node.at
        report.error(at, "metadata.namespace" if namespace else "metadata", message, hint)


def _find_namespace(document: Document) -> source.Scalar | None:
    return _find_word(document.node, "namespace")


def _find_word(node: source.Mapping, key: str) -> source.Scalar | None:
    """A word in the metadata of an object."""
    metadata = next((entry.value for entry in node.entries if entry.key.text == "metadata"), None)
    entries = metadata.entries if isinstance(metadata, source.Mapping) else ()
    found = next((entry.value for entry in entries if entry.key.text == key), None)
    return found if isinstance(found, source.Scalar) and found.tag != "null" else None


def is_referable(key: str) -> bool:
    """Whether others may refer to an object, given by `KIND.NAME`."""
    return key.partition(".")[0] in _REFERABLE


def list_references(text: str, known: Iterable[str]) -> list[str]:
    """Of these objects, given by `KIND.NAME`, those to which one may refer whose text this is, as it is kept."""
    parts = [(key, *key.partition(".")) for key in known if is_referable(key)]
    # A claim that selects a volume by its labels may refer to any.
    any_volume = '"selector"' in text and any(f'"{word}"' in text for word in ("PersistentVolumeClaim", _TEMPLATES))
    return [key for key, kind, _, name in parts if f'"{name}"' in text or (any_volume and kind == _VOLUME[1])]


def _mentions(file: Path, names: Iterable[str]) -> bool:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        # Somebody else has just forgotten it.
        return False
    return any(f'"{name}"' in text for name in names)


def translate_with_kept(documents: Iterable[Document], kept: Iterable[Document], report: Report) -> Workload | None:
    """As `load_files`, of objects and all those `kept` that they may refer to, or that refer to them."""
    return _translate(tuple(documents), tuple(kept), Objects(), report)


def _translate(
    given: tuple[Document, ...], kept: tuple[Document, ...], objects: Objects, report: Report
) -> Workload | None:
    for document in (*given, *kept):
        own, key = report.within(document.path), (document.version, document.kind)
        if read_object := _OBJECTS.get(key):
            read_object(document.node, objects, own)
        elif check := _NAMES.get(key):
            check(document.node, own)
    parts: list[Workload] = []
    services = Services()
    concerned: set[str] = set()
    for index, document in enumerate((*given, *kept)):
        own, key, is_kept = report.within(document.path), (document.version, document.kind), index >= len(given)
        if key == _SERVICE:
            services.read(document.node, own, kept=is_kept)
        if read := _WORKLOADS.get(key):
            refuse_fields(document.node, own)
            found = read(document.node, objects, own)
            parts.append(found)
            concerned.update(pod.name for pod in found.pods if is_kept)
    if report.failed:
        return None
    pods = services.attach(tuple(pod for part in parts for pod in part.pods), report)
    workload = Workload(pods, frozenset(concerned), tuple(one for part in parts for one in part.controllers))
    refuse_volumes(workload.pods, report)
    find_conflicts(workload, report)
    check_dependencies(workload, report, more=objects.more)
    return None if report.failed else workload


@record
class _Reader:
    """Finds the objects in documents, and in lists of them."""

    report: Report
    skips_unsupported: bool

    def read(self, node: source.Node, path: str) -> list[Document]:
        """The object, or those of a list; `path` is the node's own."""
        report = self.report.within(path)
        words = _find_words(node, report)
        if words is None or not isinstance(node, source.Mapping):
            return []
        version, kind = words
        if _LISTS.get(kind.text) == version.text:
            return self._read_items(node, path, report)
        if not self._knows(version, kind, report):
            return []
        node = modernise(node, report)
        version_today = find_version(version.text, kind.text)
        if (version_today, kind.text) in IDLE:
            check_idle(node, kind, report)
            return []
        name = _find_word(node, "name")
        return [Document(version_today, kind.text, name.text if name else "", node, path)]

    def _read_items(self, node: source.Mapping, path: str, report: Report) -> list[Document]:
        found: list[Document] = []
        for entry in node.entries:
            key, value = entry.key, entry.value
            if key.text not in _LIST_FIELDS:
                hint = suggest(key.text, _LIST_FIELDS) or f"fields allowed here: {', '.join(_LIST_FIELDS)}"
                report.error(key.at, key.text, f"unknown field '{key.text[:60]}'", hint)
            elif key.text == "items" and isinstance(value, source.Sequence):
                for index, item in enumerate(value.items):
                    found += self.read(item, f"{path}.items[{index}]".lstrip("."))
            elif key.text == "items" and not (isinstance(value, source.Scalar) and value.tag == "null"):
                report.error(value.at, "items", "expected a list")
        return found

    def _knows(self, version: source.Scalar, kind: source.Scalar, report: Report) -> bool:
        if (find_version(version.text, kind.text), kind.text) in _KINDS:
            return True
        every = [name for _, name in _KINDS]
        kinds = [name for known, name in _KINDS if (known, name) not in IDLE]
        versions = [known for known, name in _KINDS if name == kind.text]
        if right := _LISTS.get(kind.text) or next(iter(versions), ""):
            message = f"'{version.text[:60]}' has no kind {kind.text}"
            report.error(version.at, "apiVersion", message, f"write '{right}'")
            return False
        hint = INSTEAD.get(kind.text) or suggest(kind.text, every) or f"kinds that podunit runs: {', '.join(kinds)}"
        # Of these versions all kinds are known: another one is mistyped, and is not meant to be skipped.
        mistyped = kind.text not in INSTEAD and version.text in {known for known, _ in _KINDS}
        if self.skips_unsupported and not mistyped:
            report.warning(kind.at, "kind", f"'{kind.text[:60]}' is not supported: skipped", hint)
        else:
            report.error(kind.at, "kind", f"'{kind.text[:60]}' is not supported", hint)
        return False


def _find_words(node: source.Node, report: Report) -> tuple[source.Scalar, source.Scalar] | None:
    """apiVersion and kind."""
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
    return version, kind
