"""What is done with a pod whose files change, and why: decided from files and states, before anything is done.

In: the pod as it was and as it will be, and how it runs. Out: a `Decision`, which `bringup` carries out and `planning`
foretells. Knows no files and no running systemd.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum

from podunit.installed import InstalledContainer, InstalledPod
from podunit.limits import differs, list_changed_limits
from podunit.names import container_unit, sandbox_unit
from podunit.record import record

# What is done for a pod whose Job starts it.
IN_TURN = "run in its turn"
LIVE = "limits applied live"


class Deed(StrEnum):
    """What is done with a pod."""

    NOTHING = "nothing"
    START = "start"
    RESTART = "restart"
    RESTART_CONTAINERS = "restart containers"
    SCHEDULE = "schedule"
    SUSPEND = "suspend"


@record
class Decision:
    """What is done with a pod, for which reasons, and what is said of the pod when that ends well.

    Of `RESTART_CONTAINERS` the containers, and whether the pod is started after that. `unit` is what is restarted in
    place of the handle, '' for nothing else. `limits` are directives that running units take as they run, by unit.
    """

    deed: Deed
    done: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    containers: tuple[InstalledContainer, ...] = ()
    then_starts: bool = False
    unit: str = ""
    limits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def decide(
    pod: InstalledPod,
    before: InstalledPod | None,
    refreshed: Collection[str],
    state: str,
    timer_state: str,
    *,
    start_stopped: bool,
) -> Decision:
    """Whether a pod is started, restarted or left; `refreshed` are paths that its units read.

    `state` and `timer_state` are active states of the handle and the timer. What was stopped by somebody stays so
    unless `start_stopped`.
    """
    old = before.texts if before else {}
    files = {name for name in (*old, *pod.texts) if old.get(name) != pod.texts.get(name)}
    causes = _find_causes(pod, old, files, refreshed)
    changed = bool(causes or refreshed or _find_limits(pod, old))
    word = "created" if before is None else "changed" if changed else "rewritten" if files else "unchanged"
    decision = _decide(pod, before, causes, word, state, timer_state, bool(refreshed), start_stopped=start_stopped)
    return add_limits(decision, pod, before, state)


def add_limits(decision: Decision, pod: InstalledPod, before: InstalledPod | None, state: str) -> Decision:
    """The decision, with the limits of what goes on as it runs; `state` is the active state of the handle."""
    if before is None or state == "inactive" or decision.deed is Deed.RESTART:
        return decision
    again = {container.unit for container in decision.containers}
    limits = {name: found for name, found in _find_limits(pod, before.texts).items() if name not in again}
    return replace(decision, done=(*decision.done, LIVE), limits=limits) if limits else decision


def add_engine(decision: Decision, pod: InstalledPod, before: InstalledPod | None) -> Decision:
    """The decision, with the pod's engine if that becomes another: then all of it ends before any of it starts."""
    if before is None or pod.engine is before.engine:
        return decision
    word, *rest = decision.done
    reasons = (f"its engine was {before.engine}", *decision.reasons)
    if decision.deed is Deed.RESTART_CONTAINERS:
        decision, rest = Decision(Deed.RESTART, ()), ["restarted"]
    done = (word, f"engine {pod.engine} instead of {before.engine}", *rest)
    return replace(decision, done=done, reasons=reasons)


def _find_limits(pod: InstalledPod, old: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found = {name: list_changed_limits(old.get(name), text) for name, text in sorted(pod.texts.items())}
    return {name: limits for name, limits in found.items() if limits}


def _decide(
    pod: InstalledPod,
    before: InstalledPod | None,
    causes: Mapping[str, list[str]],
    word: str,
    state: str,
    timer_state: str,
    refreshed: bool,
    *,
    start_stopped: bool,
) -> Decision:
    every = tuple(cause for own in causes.values() for cause in own)
    if pod.timer:
        same = not causes and not refreshed
        return _decide_timer(pod, before, word, timer_state, every, start_stopped, same=same)
    if pod.runs_once:
        due = before is None or bool(causes) or (start_stopped and state in ("inactive", "failed"))
        return decide_once(pod, word, state, every, due)
    if before is None or (state == "inactive" and start_stopped):
        reasons = ("it is new",) if before is None else every or ("it is stopped",)
        return Decision(Deed.START, (word, "started"), reasons)
    if state == "inactive":
        return Decision(Deed.NOTHING, (word, "stays stopped"))
    inits = {container.unit for container in (*before.containers, *pod.containers) if container.init}
    kept = {container.unit for container in pod.containers} & before.texts.keys() - inits
    # Without a container that stays, the pod has just come to its end.
    whole = [cause for unit in (sandbox_unit(pod.name), *sorted(inits)) for cause in causes.get(unit, ())]
    if whole or not kept:
        return Decision(Deed.RESTART, (word, "restarted"), tuple(whole or ["no container of it stays"]))
    again = tuple(container for container in pod.containers if container.unit in causes)
    said = (f"container {', '.join(container.name for container in again)} restarted",) if again else ()
    reasons = tuple(cause for container in again for cause in causes[container.unit])
    if state != "active":
        reasons, said = (*reasons, f"it is {state}"), (*said, "started")
    deed = Deed.RESTART_CONTAINERS if again else Deed.START if state != "active" else Deed.NOTHING
    return Decision(deed, (word, *said), reasons, again, then_starts=bool(again) and state != "active")


def _decide_timer(
    pod: InstalledPod,
    before: InstalledPod | None,
    word: str,
    state: str,
    causes: tuple[str, ...],
    start_stopped: bool,
    *,
    same: bool,
) -> Decision:
    """Start or stop the timer of a pod; a run that is not done goes on as it is."""
    if pod.suspended:
        return Decision(Deed.SUSPEND if state != "inactive" else Deed.NOTHING, (word, "suspended"))
    was_scheduled = before is not None and not before.suspended
    if was_scheduled and state == "inactive" and not start_stopped:
        return Decision(Deed.NOTHING, (word, "stays stopped"))
    if was_scheduled and state == "active" and same:
        return Decision(Deed.NOTHING, (word,))
    reasons = ("it is new",) if before is None else causes or (f"its timer is {state}",)
    return Decision(Deed.SCHEDULE, (word, "scheduled"), reasons)


def decide_once(pod: InstalledPod, word: str, state: str, causes: tuple[str, ...], due: bool) -> Decision:
    """Run a Job that has not run as it is now; one that has ended is not run again.

    `state` is that of what runs it: of its own unit, or the pod's handle.
    """
    if pod.suspended:
        return Decision(Deed.NOTHING, (word, "suspended"))
    if due:
        reasons = ("it is new",) if word == "created" else causes or (f"it is {state}",)
        return Decision(Deed.RESTART, (word, "started"), reasons)
    return Decision(Deed.NOTHING, (word,) if state not in ("inactive", "failed") else (word, "has ended"))


def _find_causes(
    pod: InstalledPod, old: Mapping[str, str], files: Iterable[str], refreshed: Iterable[str]
) -> dict[str, list[str]]:
    """Why each unit is not what it was: by its text, or by files that it reads."""
    causes: dict[str, list[str]] = {}
    for name in sorted(files):
        if differs(old.get(name), pod.texts.get(name)):
            what = "is new" if name not in old else "is gone" if name not in pod.texts else "differs"
            causes.setdefault(name, []).append(f"{name} {what}")
    for path in sorted(refreshed):
        kind, own, *_ = path.split("/", 2)
        if kind == "registries":
            # Read by the next pull.
            continue
        # The sandbox copies the files of volumes when it starts; a secret variable is its container's alone.
        unit = container_unit(pod.name, own) if kind in ("env", "bundle") else sandbox_unit(pod.name)
        cause = f"{describe_file(path)} differs"
        if cause not in causes.setdefault(unit, []):
            causes[unit].append(cause)
    return causes


def describe_file(path: str) -> str:
    """A path that a pod's units read, in words; its content is nobody's business."""
    kind, own, *rest = path.split("/", 2)
    if kind == "registries":
        return "the credentials of a registry"
    if kind == "bundle":
        return f"the bundle of container {own}"
    return f"a secret variable of container {own}" if kind == "env" else f"file {rest[0]} of volume {own}"
