"""Waiting until pods are as somebody wants them: signals of systemd, and the prober's files.

In: pods, a condition, a manager. Out: whether each pod is so, or never will be.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

from podunit.condition import Condition
from podunit.installed import InstalledPod
from podunit.manager import Manager
from podunit.names import again_unit, timer_unit
from podunit.readiness import find_known
from podunit.scope import Scope
from podunit.states import Phase, PodSummary, get_summaries

# Files of the prober make no signal.
_PROBED_POLL_SEC = 0.2
# The journal tells how something has ended a little later than systemd that it has.
_ENDED_POLL_SEC = 1.0


async def wait_for(
    manager: Manager,
    pods: Iterable[InstalledPod],
    condition: Condition,
    scope: Scope,
    timeout_sec: float,
    tell: Callable[[PodSummary, bool], None],
) -> tuple[PodSummary, ...]:
    """Wait until it is known of each pod whether it is so or can no longer become so, and `tell` it at once.

    What is returned are those of which it is not known after that time; all are looked at once at least.
    """
    deadline = time.monotonic() + timeout_sec
    left = {pod.name: pod for pod in pods}
    await manager.watch(unit for pod in left.values() for unit in (*pod.units, again_unit(pod.name)))
    while True:
        coming = await _list_coming(manager, left.values())
        summaries = await get_summaries(manager, tuple(left.values()), scope)
        for summary in summaries:
            verdict = judge(left[summary.pod], summary, condition, comes_again=summary.pod in coming)
            if verdict is not None:
                tell(summary, verdict)
                del left[summary.pod]
        left_sec = deadline - time.monotonic()
        if not left or left_sec <= 0:
            return tuple(summary for summary in summaries if summary.pod in left)
        await manager.wait_for_change(min(_find_poll_sec(left.values(), condition, scope), left_sec))


def judge(pod: InstalledPod, summary: PodSummary, condition: Condition, *, comes_again: bool) -> bool | None:
    """Whether a pod is so; False if it can no longer become so by itself, None if it may."""
    phase = summary.phase
    ends = any(container.ends for container in pod.containers)
    # A pod that is restarted for ever is mended after a failed start, and one that has a timer runs again.
    over = ends and not comes_again and timer_unit(pod.name) not in pod.texts
    match condition:
        case Condition.READY if phase is Phase.RUNNING and _are_ready(summary):
            return True
        case Condition.READY:
            return False if over and phase in (Phase.SUCCEEDED, Phase.FAILED) else None
        case Condition.STOPPED:
            runs = any(container.active not in ("inactive", "failed") for container in summary.containers)
            return None if runs or phase in (Phase.STARTING, Phase.RUNNING, Phase.STOPPING) or comes_again else True
        case Condition.SUCCEEDED if phase is Phase.SUCCEEDED:
            return True
        case Condition.SUCCEEDED:
            return False if not ends or (over and phase is Phase.FAILED) else None
        case Condition.FAILED if phase is Phase.FAILED and not comes_again:
            return True
        case Condition.FAILED:
            return False if over and phase is Phase.SUCCEEDED else None


def _are_ready(summary: PodSummary) -> bool:
    return all(container.ready for container in summary.containers if not container.init)


async def _list_coming(manager: Manager, pods: Iterable[InstalledPod]) -> set[str]:
    """The pods of Jobs that have failed and are about to be tried again."""
    units = {again_unit(pod.name): pod.name for pod in pods if again_unit(pod.name) in pod.texts}
    found = await manager.get_all_properties(units, "Unit")
    return {
        pod
        for pod, properties in zip(units.values(), found, strict=True)
        # A job has a number.
        if properties["ActiveState"] in ("active", "activating") or properties["Job"][0]
    }


def _find_poll_sec(pods: Iterable[InstalledPod], condition: Condition, scope: Scope) -> float:
    containers = [container for pod in pods for container in pod.containers]
    if condition is Condition.READY and any(find_known(it, scope) for it in containers):
        return _PROBED_POLL_SEC
    return _ENDED_POLL_SEC if any(container.ends for container in containers) else math.inf
