"""systemd over D-Bus: the only import of dbus-next.

In: unit names. Out: job results and properties, by the names of org.freedesktop.systemd1(5); or PodunitError with a
hint. Knows nothing of pods. Every call has a timeout, at most 64 are under way at once, and a bus that went away is
said to be gone: dbus-next itself would wait for ever.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageType
from dbus_next.errors import DBusError
from dbus_next.message import Message
from dbus_next.signature import Variant

from podunit.errors import PodunitError
from podunit.record import record
from podunit.scope import Scope

T = TypeVar("T")

_NAME = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = "org.freedesktop.systemd1.Manager"
_UNITS = "/org/freedesktop/systemd1/unit"
_PROPERTIES = "org.freedesktop.DBus.Properties"

_CALL_TIMEOUT_SEC = 25.0
# A reload rereads every unit file of the machine.
_RELOAD_TIMEOUT_SEC = 300.0
# The bus allows a connection 128 replies that have not come yet (dbus-daemon(1), max_replies_per_connection).
_WINDOW = 64
_BURST_SEC = 0.02

_HINTS = {
    "org.freedesktop.DBus.Error.AccessDenied": "run this as root, or use --user",
    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired": "run this as root, or use --user",
    "org.freedesktop.systemd1.UnitMasked": "to allow it again: systemctl unmask UNIT",
}


@record
class JobResult:
    """How a job ended: `done`, `failed`, `canceled`, `timeout`, `dependency`, `skipped`, … (JobRemoved)."""

    unit: str
    result: str


@record
class UnitState:
    """A unit's load, active and sub state, as `systemctl list-units` prints them, and its queued job: 'start', …."""

    name: str
    load: str
    active: str
    sub: str
    job: str = ""


class Manager:
    """A connection to one systemd."""

    def __init__(self, bus: MessageBus, scope: Scope) -> None:
        self._bus = bus
        self.scope = scope
        self._window = asyncio.Semaphore(_WINDOW)
        self._subscribed = False
        # Job object path → result; a job may end before the call that made it has returned.
        self._results: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Future[str]] = {}
        # Object paths of units, and whether anything has happened to one of them.
        self._watched: set[str] = set()
        self._changed = asyncio.Event()
        self._gone = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]

    async def start_unit(self, unit: str) -> str:
        """Enqueue a start job; its object path."""
        return await self._enqueue("StartUnit", unit)

    async def stop_unit(self, unit: str) -> str:
        """Enqueue a stop job; its object path."""
        return await self._enqueue("StopUnit", unit)

    async def restart_unit(self, unit: str) -> str:
        """Enqueue a restart job; its object path."""
        return await self._enqueue("RestartUnit", unit)

    async def start_passing_slice(self, name: str) -> str:
        """Enqueue the start of a slice without a file that is gone again once it is active; the job's object path."""
        return await self._start_transient(name, {"StopWhenUnneeded": Variant("b", True)})

    async def start_passing_service(self, name: str, description: str, command: tuple[str, ...]) -> str:
        """Enqueue the start of a oneshot service without a file, which logs errors alone; the job's object path.

        The command is run as it is: systemd replaces nothing in it. However it ends, the service is gone then.
        """
        properties = {
            "Description": Variant("s", description),
            "CollectMode": Variant("s", "inactive-or-failed"),
            "IgnoreOnIsolate": Variant("b", True),
            "Type": Variant("s", "oneshot"),
            "ExecStartEx": Variant("a(sasas)", [[command[0], list(command), ["no-env-expand"]]]),
            "StandardOutput": Variant("s", "null"),
            "StandardError": Variant("s", "journal"),
        }
        return await self._start_transient(name, properties)

    async def reset_failed_unit(self, unit: str) -> None:
        """Forget that a unit has failed."""
        await self._call(_PATH, _MANAGER, "ResetFailedUnit", "s", [unit])

    async def clean_unit(self, unit: str) -> None:
        """Remove the state of a unit that does not run, such as the time when a timer has fired."""
        await self._call(_PATH, _MANAGER, "CleanUnit", "sas", [unit, ["state"]])

    async def get_version(self) -> str:
        """systemd's own version, such as '257.13-1~deb13u1'."""
        reply = await self._call(_PATH, _PROPERTIES, "Get", "ss", [_MANAGER, "Version"])
        version: str = reply[0].value
        return version

    async def get_control_group(self) -> str:
        """The cgroup below which all units are, '' for the root."""
        reply = await self._call(_PATH, _PROPERTIES, "Get", "ss", [_MANAGER, "ControlGroup"])
        group: str = reply[0].value
        return group

    async def get_unit_path(self) -> tuple[Path, ...]:
        """Where systemd looks for unit files, the folder that wins first."""
        reply = await self._call(_PATH, _PROPERTIES, "Get", "ss", [_MANAGER, "UnitPath"])
        return tuple(map(Path, reply[0].value))

    async def reload(self) -> None:
        """Reread all unit files."""
        await self._call(_PATH, _MANAGER, "Reload", timeout_sec=_RELOAD_TIMEOUT_SEC)

    async def enable_unit_files(self, units: Iterable[str]) -> None:
        """Make the links that their [Install] sections ask for."""
        await self._call(_PATH, _MANAGER, "EnableUnitFiles", "asbb", [list(units), False, False])

    async def disable_unit_files(self, units: Iterable[str]) -> None:
        """Remove the links that point at these units."""
        await self._call(_PATH, _MANAGER, "DisableUnitFiles", "asb", [list(units), False])

    async def list_enabled(self, units: Iterable[str]) -> frozenset[str]:
        """Those of these unit files to which links point, of any [Install] section."""
        names = list(units)
        # Without a pattern systemd lists all that there are.
        if not names:
            return frozenset()
        reply = await self._call(_PATH, _MANAGER, "ListUnitFilesByPatterns", "asas", [["enabled"], names])
        return frozenset(Path(path).name for path, _ in reply[0])

    async def list_units_by_patterns(self, patterns: Iterable[str]) -> tuple[UnitState, ...]:
        """The loaded units whose names match one of the patterns."""
        reply = await self._call(_PATH, _MANAGER, "ListUnitsByPatterns", "asas", [[], list(patterns)])
        return tuple(UnitState(row[0], row[2], row[3], row[4], row[8]) for row in reply[0])

    async def get_properties(self, unit: str, *interfaces: str) -> Mapping[str, Any]:
        """All properties of a unit in interfaces such as 'Unit', 'Service'; it is loaded for that."""
        path = _unit_path(unit)
        found: dict[str, Any] = {}
        for interface in interfaces:
            reply = await self._call(path, _PROPERTIES, "GetAll", "s", [f"{_NAME}.{interface}"])
            found.update({name: variant.value for name, variant in reply[0].items()})
        return found

    async def get_all_properties(self, units: Iterable[str], *interfaces: str) -> tuple[Mapping[str, Any], ...]:
        """The properties of several units, in their order."""
        return tuple(await asyncio.gather(*(self.get_properties(unit, *interfaces) for unit in units)))

    async def run_jobs(
        self,
        enqueue: Callable[[str], Awaitable[str]],
        units: Iterable[str],
        enqueued: Callable[[], None] = lambda: None,
    ) -> tuple[JobResult, ...]:
        """Enqueue a job for each unit, all at once, and wait for the ends of all, in the units' order.

        `enqueued` is called when systemd has all of them.
        """
        units = tuple(units)
        await self._subscribe()
        paths = await asyncio.gather(*(enqueue(unit) for unit in units))
        enqueued()
        results = await asyncio.gather(*map(self._wait_for_job, paths))
        return tuple(JobResult(unit, result) for unit, result in zip(units, results, strict=True))

    async def watch(self, units: Iterable[str]) -> None:
        """Let `wait_for_change` heed these units from now on."""
        self._watched |= {_unit_path(unit) for unit in units}
        await self._subscribe()
        rule = f"type='signal',sender='{_NAME}',interface='{_PROPERTIES}',path_namespace='{_UNITS}'"
        await self._add_match(rule)

    async def wait_for_change(self, timeout_sec: float) -> None:
        """Wait until a property of a watched unit has changed since the last call, or for so long."""
        # Changes come in bursts.
        if self._changed.is_set():
            await asyncio.sleep(_BURST_SEC)
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            done, _ = await asyncio.wait(
                {changed, self._gone}, timeout=timeout_sec, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()
        if self._gone in done:
            raise self._explain_loss()
        self._changed.clear()

    async def _start_transient(self, name: str, properties: Mapping[str, Variant]) -> str:
        body = [name, "replace", [[key, value] for key, value in properties.items()], []]
        path: str = (await self._call(_PATH, _MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))", body))[0]
        return path

    async def _enqueue(self, method: str, unit: str) -> str:
        path: str = (await self._call(_PATH, _MANAGER, method, "ss", [unit, "replace"]))[0]
        return path

    async def _subscribe(self) -> None:
        # Before the first job, or its end could be missed.
        if self._subscribed:
            return
        self._subscribed = True
        self._bus.add_message_handler(self._handle)
        await self._add_match(f"type='signal',sender='{_NAME}',interface='{_MANAGER}',member='JobRemoved'")
        await self._call(_PATH, _MANAGER, "Subscribe")

    async def _add_match(self, rule: str) -> None:
        await self._call(
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "AddMatch",
            "s",
            [rule],
            destination="org.freedesktop.DBus",
        )

    def _handle(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.path in self._watched:
            self._changed.set()
        if message.message_type is MessageType.SIGNAL and message.member == "JobRemoved":
            _, path, _, result = message.body
            self._results[path] = result
            waiting = self._waiting.pop(path, None)
            if waiting and not waiting.done():
                waiting.set_result(result)

    async def _wait_for_job(self, path: str) -> str:
        if path in self._results:
            return self._results[path]
        ended = self._waiting.setdefault(path, asyncio.get_running_loop().create_future())
        return await self._or_gone(asyncio.shield(ended))

    async def _call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[Any] | None = None,
        *,
        destination: str = _NAME,
        timeout_sec: float = _CALL_TIMEOUT_SEC,
    ) -> list[Any]:
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body or [],
        )
        async with self._window:
            try:
                # Not wait_for(): before Python 3.12 it forgets that it was cancelled if the answer comes just then.
                async with asyncio.timeout(timeout_sec):
                    reply = await self._or_gone(asyncio.ensure_future(self._bus.call(message)))
            except TimeoutError:
                raise PodunitError(f"systemd did not answer {member} within {timeout_sec:.0f} s") from None
            except (DBusError, OSError) as error:
                raise PodunitError(f"{member}: {error}") from None
        assert reply is not None  # None answers only a message that asks for no reply
        if reply.message_type is MessageType.ERROR:
            raise _explain(reply, (body or [""])[0])
        found: list[Any] = reply.body
        return found

    async def _or_gone(self, awaited: Awaitable[T]) -> T:
        """Its result, or an error as soon as the connection is lost."""
        future = asyncio.ensure_future(awaited)
        try:
            done, _ = await asyncio.wait({future, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Should the waiting be cancelled, asyncio.wait() leaves this to fail later, with nobody to tell.
            future.cancel()
        if future in done:
            return future.result()
        raise self._explain_loss()

    def _explain_loss(self) -> PodunitError:
        hint = f"see whether it runs: systemctl {self._option}status dbus"
        return PodunitError("the connection to D-Bus was lost", hint)

    @property
    def _option(self) -> str:
        return "--user " if self.scope is Scope.USER else ""

    def close(self) -> None:
        """Close the connection; jobs go on."""
        self._gone.cancel()
        for waiting in self._waiting.values():
            waiting.cancel()
        self._bus.disconnect()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def connect(scope: Scope) -> AsyncIterator[Manager]:
    """A connection to the systemd of the system, or to that of the user."""
    try:
        bus = MessageBus(bus_address=_user_address()) if scope is Scope.USER else MessageBus(bus_type=BusType.SYSTEM)
        await asyncio.wait_for(bus.connect(), _CALL_TIMEOUT_SEC)
    except (OSError, DBusError, ValueError, TimeoutError) as error:
        raise PodunitError(f"no connection to systemd over D-Bus: {error}", _connection_hint(scope)) from None
    manager = Manager(bus, scope)
    try:
        yield manager
    finally:
        manager.close()


def _unit_path(unit: str) -> str:
    """The object of a unit: what is no ASCII letter or digit is `_` and its code (sd_bus_path_encode(3))."""
    data = unit.encode()
    leads = [index == 0 and chr(byte).isdigit() for index, byte in enumerate(data)]
    plain = [chr(byte).isascii() and chr(byte).isalnum() for byte in data]
    return f"{_UNITS}/" + "".join(
        chr(byte) if ok and not lead else f"_{byte:02x}" for byte, ok, lead in zip(data, plain, leads, strict=True)
    )


def _user_address() -> str:
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path=/run/user/{os.getuid()}/bus"


def _connection_hint(scope: Scope) -> str:
    if scope is Scope.SYSTEM:
        return "podunit needs a machine that systemd has booted, with the package dbus"
    return (
        "log in as this user itself (not by su or sudo), or give it a manager of its own: "
        f"loginctl enable-linger {os.environ.get('USER') or os.getuid()}"
    )


def _explain(reply: Message, subject: object) -> PodunitError:
    text = str(reply.body[0]) if reply.body else str(reply.error_name)
    hint = _HINTS.get(str(reply.error_name), "")
    return PodunitError(text.rstrip("."), hint.replace("UNIT", str(subject)))
