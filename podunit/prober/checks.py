"""What can be done to one container: its checks and hooks. In: a Check or a Hook. Out: a result."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from podunit.prober.bundled import Bundled
from podunit.prober.commands import run
from podunit.prober.dialer import Dialer
from podunit.prober.networks import Networks, NoNetworkError
from podunit.prober.payload import Payload, PayloadError
from podunit.prober.series import Result, shorten
from podunit.probes import Check, Exec, Grpc, Hook, HttpGet, Registration, Sleep, TcpSocket
from podunit.scope import Scope

# What podman may take to say how a container is run, or to stop it beyond the grace period.
_PODMAN_SEC = 60

_SYSTEMCTL = "/usr/bin/systemctl"
_SYSTEMD_SEC = 5


class Doer(Protocol):
    """Who makes the checks of one container, and has it stopped."""

    async def make(self, check: Check, timeout_sec: float) -> Result:
        """Make a check once, for so long at most."""

    async def run_hook(self, hook: Hook, timeout_sec: float) -> Result:
        """Do what a hook says, for so long at most. Any response to an HTTP request is a success."""

    async def stop(self, grace_sec: int) -> Result:
        """Stop the container, and kill it after so many seconds; a success when it is gone."""

    async def is_leaving(self) -> bool:
        """Whether somebody has stopped the container's unit, or it has ended."""


class Checks:
    """The checks of a registered container."""

    def __init__(self, registration: Registration, directory: Path, networks: Networks) -> None:
        self._dialer = Dialer(networks, registration.sandbox_name)
        name, bundle = registration.engine_name, registration.bundle
        self._payload = Bundled(name, directory, Path(bundle)) if bundle else Payload(name, directory)
        self._unit = registration.unit

    async def make(self, check: Check, timeout_sec: float) -> Result:
        """Make a check once, for so long at most."""
        return await self._make(check, timeout_sec)

    async def run_hook(self, hook: Hook, timeout_sec: float) -> Result:
        """Do what a hook says, for so long at most. Any response to an HTTP request is a success."""
        return await self._make(hook, timeout_sec, any_status=True)

    async def _make(self, check: Check | Hook, timeout_sec: float, *, any_status: bool = False) -> Result:
        call: tuple[str, ...] = ()
        if isinstance(check, Exec):
            try:
                async with asyncio.timeout(_PODMAN_SEC):
                    call = await self._payload.prepare(check.command)
            except TimeoutError:
                return Result(None, "podman does not answer")
            except PayloadError as error:
                return Result(None, str(error))
        try:
            async with asyncio.timeout(timeout_sec):
                return await self._do(check, call, any_status=any_status)
        except TimeoutError:
            return Result(False, f"no answer within {timeout_sec:g} s")
        except NoNetworkError as error:
            return Result(None, str(error))

    async def stop(self, grace_sec: int) -> Result:
        """Stop the container, and kill it after so many seconds; a success when it is gone."""
        try:
            async with asyncio.timeout(grace_sec + _PODMAN_SEC):
                stopped = await self._payload.stop(grace_sec)
        except TimeoutError:
            return Result(False, "podman does not answer")
        except OSError as error:
            return Result(False, f"podman: {error.strerror}")
        return Result(stopped.status == 0, shorten(stopped.output))

    async def is_leaving(self) -> bool:
        """Whether somebody has stopped the container's unit, or it has ended."""
        scope = f"--{Scope.default()}"
        try:
            async with asyncio.timeout(_SYSTEMD_SEC):
                found = await run((_SYSTEMCTL, scope, "show", "--value", "--property=ActiveState", self._unit))
        except (TimeoutError, OSError):
            return False
        return found.output.strip() == b"deactivating"

    async def _do(self, check: Check | Hook, call: tuple[str, ...], *, any_status: bool) -> Result:
        # What not every pod needs is imported where it is needed: the prober is small where nobody asks for it.
        match check:
            case HttpGet():
                from podunit.prober.http import check_http

                return await check_http(check, self._dialer, any_status=any_status)
            case TcpSocket():
                from podunit.prober.tcp import check_tcp

                return await check_tcp(check, self._dialer)
            case Grpc():
                from podunit.prober.grpc import check_grpc

                return await check_grpc(check, self._dialer)
            case Exec():
                return await _execute(call)
            case Sleep(seconds):
                await asyncio.sleep(seconds)
                return Result(True)


async def _execute(call: tuple[str, ...]) -> Result:
    try:
        finished = await run(call)
    except OSError as error:
        return Result(None, f"{call[0]}: {error.strerror}")
    success = finished.status == 0
    return Result(success, "exit status 0" if success else shorten(finished.output) or f"exit status {finished.status}")
