"""From the specs of a folder to what the generator puts in place: units as `podunit compile` makes them.

In: the spec folder. Out: an `Output`. A file with an error does not keep the pods of others away, and each pod of it
is a unit that fails with the error. Asks neither D-Bus nor the network.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from podunit.chosen import Choice, Engine
from podunit.defaults import read_default
from podunit.engines.nfs import list_network_directories
from podunit.errors import PodunitError
from podunit.files import read_static_units
from podunit.generate import find_memory_low, generate_files, generate_parent, generate_pod
from podunit.generator.cache import Cache
from podunit.generator.log import ERROR, WARNING
from podunit.generator.output import Output
from podunit.generator.units import hand_over_files, refuse_pod
from podunit.host import find_installed_target, require_nfs, require_root
from podunit.installed import list_pods
from podunit.load import load_files, read_documents
from podunit.model import Pod
from podunit.names import pod_unit
from podunit.render import render
from podunit.report import Level, Problem, Report
from podunit.scope import Scope
from podunit.source import list_files
from podunit.target import Target
from podunit.unitfile import list_directives
from podunit.workload import Workload

# A pod's name, a DNS subdomain: what a file without one may lend to it.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?")
_KINDS_OF_LINKS = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}


def make(folder: Path, scope: Scope, cache: Cache) -> Output:
    """All pods of the folder, whether installed or not."""
    files = list(list_files(str(folder), Report()))
    report = Report()
    choice = read_default(str(folder / "podunit.toml"), report)
    workload, wrong, warnings = _load(files, choice)
    lines = [(WARNING, str(problem), "") for problem in warnings]
    refused = {}
    for file, problems in wrong.items():
        texts = [_tell(problem) for problem in problems]
        names = [name for name in _name_pods(file) if name not in {pod.name for pod in workload.pods}]
        refused.update(dict.fromkeys(names, texts))
        unit = pod_unit(names[0]) if names else ""
        lines += [(ERROR, text, unit) for text in texts]
    if report.failed:
        # Which engine runs them is not known.
        texts = [_tell(problem) for problem in report.problems]
        refused.update({pod.name: texts for pod in workload.pods})
        return _finish(refused, {}, {}, [*lines, *((ERROR, text, "") for text in texts)], scope)
    try:
        target = find_installed_target() if workload.pods else Target()
        static = read_static_units()
    except PodunitError as error:
        text = f"{folder}: {_explain(error)}"
        refused.update({pod.name: [text] for pod in workload.pods})
        return _finish(refused, {}, {}, [*lines, (ERROR, text, "")], scope)
    pods: dict[str, dict[str, str]] = {}
    kept: dict[str, dict[str, bytes]] = {}
    for pod in workload.pods:
        try:
            _refuse(pod, scope, target)
            units = generate_pod(pod, scope, target)
        except PodunitError as error:
            text = f"{pod.at}: error: {_explain(error)}"
            refused[pod.name] = [text]
            lines.append((ERROR, text, pod_unit(pod.name)))
            continue
        if own := dict(generate_files(pod)):
            kept[pod.name] = own
            units = (*units, *hand_over_files(pod, cache.files, scope))
        pods[pod.name] = {unit.name: render(unit) for unit in units}
    cache.keep_files(kept)
    low = sum(find_memory_low(pod, scope) for pod in workload.pods if pod.name in pods)
    parent = {unit.name: render(unit) for unit in ([generate_parent(low)] if low else [])}
    return _finish(refused, pods, {**static, **parent}, lines, scope)


def _load(files: list[str], choice: Choice | None) -> tuple[Workload, dict[str, list[Problem]], list[Problem]]:
    """The pods of all files without an error, the errors of the others by file, and the warnings."""
    wrong: dict[str, list[Problem]] = {}
    while True:
        report = Report()
        workload = load_files([file for file in files if file not in wrong], report, choice=choice)
        errors = [problem for problem in report.problems if problem.level is Level.ERROR]
        if workload is not None:
            return workload, wrong, list(report.problems)
        assert errors
        for problem in errors:
            wrong.setdefault(problem.at.file, []).append(problem)


def _name_pods(file: str) -> list[str]:
    """The names of what is described in a file with an error, as far as they can be read; else that of the file."""
    documents = read_documents([file], Report())
    names = [document.name for document in documents if document.is_workload] if documents else [PurePath(file).stem]
    return [name for name in names if _NAME.fullmatch(name)]


def _refuse(pod: Pod, scope: Scope, target: Target) -> None:
    """PodunitError for what cannot be had here."""
    if pod.engine is Engine.CRUN:
        origin = pod.engine_origin
        message = f"pod {pod.name}: {origin.words}: podman, which says how crun runs it, cannot be asked here"
        raise PodunitError(message, f"apply it, or leave out {origin.remedy}")
    require_nfs([pod.name] if list_network_directories(pod) else [], scope)
    require_root([pod], scope, target)


def _finish(
    refused: dict[str, list[str]],
    pods: dict[str, dict[str, str]],
    shared: dict[str, str],
    lines: list[tuple[int, str, str]],
    scope: Scope,
) -> Output:
    every = {**pods}
    for name, texts in refused.items():
        unit = refuse_pod(name, texts, scope)
        every[name] = {unit.name: render(unit)}
    links = {name: _list_links(name, texts) for name, texts in every.items()}
    return Output(every, links, shared, lines)


def _list_links(name: str, texts: dict[str, str]) -> dict[str, str]:
    """What `systemctl enable` would link for a pod that starts with the machine."""
    pod = list_pods(texts)[name]
    found = {}
    for line in list_directives(texts[pod.boot_unit]) if pod.boots else ():
        key, _, words = line.removeprefix("[Install]").partition("=")
        for word in words.replace("%%", "%").split() if line.startswith("[Install]") else ():
            if kind := _KINDS_OF_LINKS.get(key):
                found[f"{word}.{kind}/{pod.boot_unit}"] = f"../{pod.boot_unit}"
            elif key == "Alias":
                found[word] = pod.boot_unit
    return found


def _tell(problem: Problem) -> str:
    return f"{problem}; {problem.hint}" if problem.hint else str(problem)


def _explain(error: PodunitError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
