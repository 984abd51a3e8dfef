"""From files to the model: reads each, lets the front end of its kind translate it, and checks the whole.

In: paths. Out: `Workload`, or problems in a `Report`. Knows which kinds there are, and nothing of their fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from podunit import source
from podunit.conflicts import find_conflicts
from podunit.decode import suggest
from podunit.kubernetes.translate import read_pod
from podunit.model import Pod, Workload
from podunit.report import Report

_Reader = Callable[[source.Mapping, Report], Pod | None]

# apiVersion and kind → what reads such a document.
_KINDS: Mapping[tuple[str, str], _Reader] = {("v1", "Pod"): read_pod}


def load_files(paths: Iterable[str], report: Report) -> Workload | None:
    """All pods of the files; None, and at least one error in the report, if anything is wrong with them."""
    pods: list[Pod] = []
    for path in dict.fromkeys(file for given in paths for file in source.list_files(given, report)):
        data = source.read_source(path, report)
        if data is None:
            continue
        for node in source.parse_documents(data, path, report):
            reader = _find_reader(node, report)
            pod = reader(node, report) if reader and isinstance(node, source.Mapping) else None
            if pod:
                pods.append(pod)
    if report.failed:
        return None
    workload = Workload(tuple(pods))
    find_conflicts(workload, report)
    return None if report.failed else workload


def _find_reader(node: source.Node, report: Report) -> _Reader | None:
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
    reader = _KINDS.get((version.text, kind.text))
    if reader is None:
        right = next(known for known, name in _KINDS if name == kind.text)
        report.error(version.at, "apiVersion", f"'{version.text[:60]}' has no kind {kind.text}", f"write '{right}'")
    return reader
