"""Pods that are installed: started, stopped and restarted, and what comes of it.

In: pods, a manager. Out: an `Outcome`. Changes no files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from enum import StrEnum

from podunit.bringup import PodOutcome, run, start_timer
from podunit.installed import InstalledPod
from podunit.manager import Manager
from podunit.plan import IN_TURN
from podunit.planning import Outcome
from podunit.record import record
from podunit.scope import Scope


class Verb(StrEnum):
    """What can be done with an installed pod."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


_PAST = {Verb.START: "started", Verb.STOP: "stopped", Verb.RESTART: "restarted"}


async def operate(
    verb: Verb, manager: Manager, pods: Iterable[InstalledPod], scope: Scope, *, with_timers: bool = False
) -> Outcome:
    """Start, stop or restart pods, and wait until they are up, or until nothing of them runs.

    With `with_timers` a pod that has a timer is not started, but its timer; and none is left to start what is stopped.
    """
    pods = tuple(pods)
    if verb is Verb.STOP:
        if with_timers:
            await manager.run_jobs(manager.stop_unit, [pod.timer for pod in pods if pod.timer])
        await manager.run_jobs(manager.stop_unit, sorted(_list_jobs(pods)))

    async def take(step: _Step) -> PodOutcome:
        if step.unit is None:
            return PodOutcome(step.pod.name, step.done)
        if step.unit == step.pod.timer:
            return await start_timer(manager, step.pod, step.done)
        outcome = await run(manager, step.pod, scope, step.done, _find_call(manager, verb), [step.unit])
        return replace(outcome, aim=_PAST[verb]) if verb is Verb.STOP else outcome

    return Outcome(await gather(take(step) for step in _list_steps(verb, pods, with_timers=with_timers)))


@record
class _Step:
    """What is done with a pod, and the unit for which a job is run: None for none."""

    pod: InstalledPod
    done: tuple[str, ...]
    unit: str | None


def _list_steps(verb: Verb, pods: Iterable[InstalledPod], *, with_timers: bool) -> list[_Step]:
    pods = tuple(pods)
    jobs = _list_jobs(pods)

    def find(pod: InstalledPod) -> _Step:
        if verb is not Verb.STOP and pod.job_unit in jobs:
            return _Step(pod, (_PAST[verb],), pod.job_unit) if pod.leads else _Step(pod, (IN_TURN,), None)
        if verb is not Verb.STOP and with_timers and pod.timer:
            return _Step(pod, ("scheduled",), pod.timer)
        return _Step(pod, (_PAST[verb],), pod.unit)

    return [find(pod) for pod in pods]


def _list_jobs(pods: Iterable[InstalledPod]) -> set[str]:
    """The services of Jobs whose first pod is among these."""
    return {pod.job_unit for pod in pods if pod.leads and pod.job_unit}


def foresee_operation(verb: Verb, pods: Iterable[InstalledPod], *, wait: bool, with_timers: bool) -> Outcome:
    """What `operate` or, without `wait`, `enqueue` does if all goes well."""
    pods = tuple(pods)
    if not wait:
        return _tell_enqueued(verb, pods)
    steps = _list_steps(verb, pods, with_timers=with_timers)
    return Outcome(tuple(PodOutcome(step.pod.name, step.done) for step in steps))


async def enqueue(verb: Verb, manager: Manager, pods: Iterable[InstalledPod]) -> Outcome:
    """Ask for the start, stop or restart of pods, and wait for nothing."""
    pods = tuple(pods)
    jobs = _list_jobs(pods)
    units = dict.fromkeys(pod.job_unit if pod.job_unit in jobs and pod.job_unit else pod.unit for pod in pods)
    await asyncio.gather(*(_find_call(manager, verb)(unit) for unit in units))
    return _tell_enqueued(verb, pods)


def _tell_enqueued(verb: Verb, pods: Iterable[InstalledPod]) -> Outcome:
    return Outcome(tuple(PodOutcome(pod.name, (f"{verb} enqueued",)) for pod in pods))


async def gather(outcomes: Iterable[Awaitable[PodOutcome]]) -> tuple[PodOutcome, ...]:
    """What becomes of pods side by side."""
    return tuple(await asyncio.gather(*outcomes))


def _find_call(manager: Manager, verb: Verb) -> Callable[[str], Awaitable[str]]:
    calls = {Verb.START: manager.start_unit, Verb.STOP: manager.stop_unit, Verb.RESTART: manager.restart_unit}
    return calls[verb]
