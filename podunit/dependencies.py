"""Which pods depend on which: what is missing, and what would wait for itself.

In: pods, and what else there is. Out: problems at the place that names the other pod. Knows no files and no systemd.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from podunit.decode import suggest
from podunit.errors import PodunitError
from podunit.installed import InstalledPod
from podunit.model import Pod, Requirement
from podunit.report import Report
from podunit.workload import Workload

_PATH = "metadata.annotations['podunit/depends-on']"


def check_dependencies(workload: Workload, report: Report, *, more: bool) -> None:
    """Report what is wrong with them among the pods of one command.

    Others may be installed. With `more` nobody will look at those later: a pod that is not here is a warning then.
    """
    own = {pod.name: pod for pod in workload.pods}
    owners: dict[str, list[str]] = {}
    for pod in workload.pods:
        if pod.owner:
            owners.setdefault(pod.owner.name, []).append(pod.name)
    graph = {name: [it.pod for it in pod.requirements] for name, pod in own.items()}
    for pod, requirement in _list_requirements(workload.pods):
        name, at = requirement.pod, requirement.at
        if other := own.get(name):
            if other.run:
                report.error(at, _PATH, *_tell_job(name))
        elif pods := owners.get(name):
            message = f"'{name}' is not a pod: it has pods of its own"
            report.error(at, _PATH, message, f"name those that have to be ready: {', '.join(pods[:3])}")
        elif more:
            hint = suggest(name, own) or "an apply needs it, in its files or from an earlier one"
            report.warning(at, _PATH, f"there is no pod '{name}' in these files", hint)
        if cycle := _find_cycle(pod.name, name, graph):
            report.error(at, _PATH, *_tell_cycle(cycle))


def refuse_dependencies(pods: Collection[Pod], before: Mapping[str, InstalledPod]) -> None:
    """PodunitError if a pod depends on one that is neither among these nor installed, or is what can not be ready."""
    own = {pod.name: pod for pod in pods}
    graph = {name: list(pod.requirements) for name, pod in before.items()}
    graph.update((pod.name, [it.pod for it in pod.requirements]) for pod in pods)
    for pod, requirement in _list_requirements(pods):
        name, place = requirement.pod, f"{requirement.at}: {_PATH}"
        if name not in own and name not in before:
            hint = suggest(name, graph) or "name its file as well, or apply it before"
            raise PodunitError(f"{place}: there is no pod '{name}'", hint)
        if name not in own and before[name].runs_once:
            message, hint = _tell_job(name)
            raise PodunitError(f"{place}: {message}", hint)
        if cycle := _find_cycle(pod.name, name, graph):
            message, hint = _tell_cycle(cycle)
            raise PodunitError(f"{place}: {message}", hint)


def find_dependents(names: Collection[str], pods: Mapping[str, InstalledPod]) -> dict[str, str]:
    """The pods that depend on any of these, also by way of others, each with the one that it depends on itself.

    systemd stops and restarts them with it (`Requires=` in systemd.unit(5)).
    """
    found: dict[str, str] = {}
    left = list(names)
    while left:
        name = left.pop(0)
        for other, pod in pods.items():
            if name in pod.requirements and other not in found and other not in names:
                found[other] = name
                left.append(other)
    return found


def _list_requirements(pods: Collection[Pod]) -> list[tuple[Pod, Requirement]]:
    return [(pod, requirement) for pod in pods for requirement in pod.requirements]


def _tell_job(name: str) -> tuple[str, str]:
    return f"pod '{name}' runs to its end, and does not stay ready", "let an init container do what comes first"


def _find_cycle(pod: str, requirement: str, graph: Mapping[str, list[str]]) -> list[str] | None:
    """The way from a pod by way of this requirement back to itself, None if there is none."""
    ways = [[pod, requirement]]
    seen = {requirement}
    while ways:
        way = ways.pop(0)
        if way[-1] == pod:
            return way
        for following in graph.get(way[-1], ()):
            if following == pod or following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return None


def _tell_cycle(cycle: list[str]) -> tuple[str, str]:
    between = ", ".join(f"'{name}'" for name in cycle[1:-1])
    way = f" by way of {between}" if between else ""
    return f"pod '{cycle[0]}' depends on itself{way}: neither would start", "one of them has to start without the other"
