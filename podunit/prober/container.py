"""One registered container: when its probes are made, what their results mean, and what is done about it.

In: a registration and who makes the checks. Out: gates that open, a state file, lines in the journal, a stop. What
the kubelet's worker and manager do (pkg/kubelet/prober), but for one thing: a container that is not up yet is looked
at more often between its first check and the second, since somebody waits for it; only a success counts then.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from podunit.prober.checks import Doer
from podunit.prober.gates import Gate
from podunit.prober.journal import Event, Journal
from podunit.prober.replies import reply
from podunit.prober.series import Result, Series
from podunit.prober.states import Kind, Known, Last, read_state, stamp_registration, write_reason, write_state
from podunit.probes import POST_START_SEC, Hook, Probe, Registration

# The kubelet's least time for a container to end by itself, whatever its hook has left of the grace period.
_LEAST_GRACE_SEC = 2
_FIRST_LOOK_SEC = 0.1
# Where podman could not stop a container, it is asked again.
_AGAIN_SEC = 10

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Container:
    """A container from its registration to its end.

    `spawn` starts a task whose failure ends the prober; `doubt` is called when the registration is not there any more.
    """

    def __init__(
        self,
        directory: Path,
        registration: Registration,
        stamp: str,
        doer: Doer,
        journal: Journal,
        spawn: Spawn,
        doubt: Callable[[], None],
    ) -> None:
        self.registration, self.stamp = registration, stamp
        self._directory, self._doer, self._journal, self._spawn, self._doubt = directory, doer, journal, spawn, doubt
        probes = registration.probes
        found = {Kind.STARTUP: probes.startup, Kind.READINESS: probes.readiness, Kind.LIVENESS: probes.liveness}
        self.probes: dict[Kind, Probe] = {kind: probe for kind, probe in found.items() if probe}
        self._series = {kind: Series(it.success_threshold, it.failure_threshold) for kind, it in self.probes.items()}
        # None as long as there are too few results for a verdict.
        self._verdicts: dict[Kind, bool | None] = dict.fromkeys(self.probes)
        self._last: dict[Kind, Last] = {}
        self._stopping = ""
        self._failing: set[Kind] = set()
        self._was_started = asyncio.Event()
        self._gates: dict[Kind, Gate] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._pre_stop: asyncio.Task[Result] | None = None
        self._restored = self._restore()

    @property
    def started(self) -> bool:
        """The API's `started`: without a startup probe from the beginning."""
        return self._verdicts.get(Kind.STARTUP, True) is True

    @property
    def ready(self) -> bool:
        """The API's `ready`."""
        return self.started and self._verdicts.get(Kind.READINESS, True) is True

    def start(self) -> None:
        """Open the gates that are open, and begin."""
        self._write()
        self.settle()
        if self._stopping:
            self._spawn(self._stop(Kind(self._stopping), with_hook=False))
        for kind, probe in self.probes.items():
            if not (kind is Kind.STARTUP and self.started) and not (self._stopping and kind is not Kind.READINESS):
                self._tasks.append(self._spawn(self._watch(kind, probe)))

    def close(self) -> None:
        """End all checks, and let those who wait find that nobody will tell them."""
        self._end_tasks()
        for gate in self._gates.values():
            gate.close()
        self._gates.clear()

    async def answer(self, name: str) -> None:
        """Run the hook of that name, and tell the unit, which waits."""
        registration = self.registration
        result = Result(False, "not registered")
        if name == "postStart" and registration.post_start:
            result = await self._doer.run_hook(registration.post_start, POST_START_SEC)
        elif name == "preStop" and registration.pre_stop:
            result = await self._run_pre_stop(registration.pre_stop, registration.grace_sec)
        reply(self._directory / name, result)

    async def _run_pre_stop(self, hook: Hook, grace_sec: int) -> Result:
        """Run it once, whoever asks: a container may be stopped by its unit while a probe has it stopped."""
        if self._pre_stop is None:
            if self._restored and self._stopping:
                return Result(True, "run before")
            self._pre_stop = asyncio.create_task(self._doer.run_hook(hook, grace_sec))
        return await asyncio.shield(self._pre_stop)

    def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _restore(self) -> bool:
        """Take up what another prober has left of this registration."""
        known = read_state(self._directory)
        if known is None or known.registration != self.stamp:
            return False
        if Kind.STARTUP in self.probes and known.started:
            self._verdicts[Kind.STARTUP] = True
        if Kind.READINESS in self.probes and known.ready:
            self._verdicts[Kind.READINESS] = True
        self._stopping = known.stopping if known.stopping in (Kind.STARTUP, Kind.LIVENESS) else ""
        for kind, last in known.results.items():
            if kind in self.probes:
                self._last[kind] = last
                self._series[kind].successes, self._series[kind].failures = last.successes, last.failures
        return True

    def _open_gates(self) -> None:
        """Take what gates there are; one that is made after its registration is found the next time."""
        for kind, name in ((Kind.STARTUP, "started"), (Kind.READINESS, "ready")):
            if kind in self.probes and kind not in self._gates:
                with contextlib.suppress(OSError):
                    self._gates[kind] = Gate(self._directory / name)

    async def _watch(self, kind: Kind, probe: Probe) -> None:
        loop = asyncio.get_running_loop()
        if kind is not Kind.STARTUP:
            await self._was_started.wait()
        due = loop.time() + self._first_delay(probe)
        looks = kind is not Kind.LIVENESS and not self._restored
        while True:
            await asyncio.sleep(due - loop.time())
            if not self._is_there():
                return
            if self._take(kind, await self._doer.make(probe.check, probe.timeout_sec)):
                return
            due += probe.period_sec
            if looks:
                looks = False
                if await self._look(kind, probe, due):
                    return
            due = max(due, loop.time())

    async def _look(self, kind: Kind, probe: Probe, due: float) -> bool:
        """Look ever more rarely until a check succeeds or the next one is due; whether that was the last check."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_LOOK_SEC
        while not self._series[kind].successes and loop.time() + pause < due:
            await asyncio.sleep(pause)
            if not self._is_there():
                return True
            result = await self._doer.make(probe.check, probe.timeout_sec)
            if result.success:
                return self._take(kind, result)
            pause *= 2
        return False

    def _first_delay(self, probe: Probe) -> float:
        _, _, since = self.stamp.partition("-")
        delay = int(since) / 1e9 + probe.initial_delay_sec - time.time()
        # Those that another prober has left come back all at once: spread their checks.
        return max(delay, random.random() * probe.period_sec if self._restored else 0)

    def _is_there(self) -> bool:
        if stamp_registration(self._directory) == self.stamp:
            return True
        self._doubt()
        return False

    def _take(self, kind: Kind, result: Result) -> bool:
        """Count a result and do what follows from it; whether this probe is done."""
        if result.success is None:
            if kind not in self._failing:
                self._failing.add(kind)
                self._tell(Event.FAILED_PROBE, f"the {kind} probe could not be made: {result.message}")
            return False
        self._failing.discard(kind)
        series, before = self._series[kind], self._verdicts[kind]
        verdict = series.add(result.success)
        turned = kind not in self._last or self._last[kind].success != result.success
        if verdict is not None:
            self._verdicts[kind] = verdict
        changed = verdict is not None and verdict != before
        if turned or changed:
            self._last[kind] = Last(result.success, result.message, time.time(), series.failures, series.successes)
        done = False
        if changed:
            done = self._conclude(kind, result.message)
        if turned or changed:
            self._write()
        self.settle()
        return done

    def _conclude(self, kind: Kind, message: str) -> bool:
        """What a new verdict means; whether this probe is done."""
        verdict = self._verdicts[kind]
        if kind is Kind.READINESS:
            self._tell(Event.READY if verdict else Event.UNREADY, "ready" if verdict else f"not ready: {message}")
            return False
        if not verdict:
            self._spawn(self._give_up(kind, message))
            return True
        if kind is Kind.STARTUP:
            self._tell(Event.STARTED, "started")
            return True
        return False

    async def _give_up(self, kind: Kind, message: str) -> None:
        """Have a container stopped whose probe has failed; unless it is on its way out, and fails for that."""
        if self._stopping or await self._doer.is_leaving():
            return
        times = self.probes[kind].failure_threshold
        failed = f"{kind} probe failed{f' {times} times' if times > 1 else ''}: {message}"
        self._tell(Event.KILLING, f"{failed}; stopping the container")
        write_reason(self._directory, failed)
        self._stopping = kind
        self._write()
        await self._stop(kind, with_hook=True)

    async def _stop(self, kind: Kind, *, with_hook: bool) -> None:
        """End the container; its unit starts it again."""
        probe, registration = self.probes[kind], self.registration
        grace_sec = registration.grace_sec if probe.grace_sec is None else probe.grace_sec
        loop = asyncio.get_running_loop()
        end = loop.time() + grace_sec
        if registration.pre_stop and with_hook:
            result = await self._run_pre_stop(registration.pre_stop, grace_sec)
            if not result.success:
                self._tell(Event.FAILED_PRE_STOP, f"preStop: {result.message}")
        complained = False
        while stamp_registration(self._directory) == self.stamp:
            result = await self._doer.stop(max(_LEAST_GRACE_SEC, math.ceil(end - loop.time())))
            if result.success:
                self._end_tasks()
                return
            if not complained:
                complained = True
                self._tell(Event.FAILED_KILL, f"podman cannot stop it: {result.message}")
            await asyncio.sleep(_AGAIN_SEC)

    def settle(self) -> None:
        """Let those wait who have to, and no others."""
        if self.started:
            self._was_started.set()
        self._open_gates()
        for kind, gate in self._gates.items():
            gate.set(self.started if kind is Kind.STARTUP else self.ready)

    def _write(self) -> None:
        known = Known(self.stamp, self.started, self.ready, self._stopping, self._last)
        try:
            write_state(self._directory, known)
        except OSError as error:
            # A directory that is gone is the end of the container.
            if stamp_registration(self._directory) == self.stamp:
                self._tell(Event.FAILED_PROBE, f"its state cannot be written: {error.strerror}")

    def _tell(self, event: Event, message: str) -> None:
        self._journal.tell(self.registration, event, message)
