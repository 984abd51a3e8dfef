"""A machine for `podunit` without a systemd: folders of a user, and a systemd that is played.

Each command runs in a process of its own, whose system calls may be judged; the systemd that it talks to is outside,
and goes on when the process dies. What counts of systemd: which text of each unit it has loaded, which it has started,
with which files beside it, and what is enabled.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import fnmatch
import importlib
import itertools
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import typer.main

import podunit.bringup
import podunit.deploy
import podunit.host
import podunit.manager
import podunit.planning
from podunit.cli import entry, main
from podunit.completion import complete
from podunit.errors import PodunitError
from podunit.generate import generate
from podunit.install import hold
from podunit.load import load_files
from podunit.names import container_unit, parse_pod, pod_unit, sandbox_unit
from podunit.render import render
from podunit.report import Report
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.target import parse_target
from podunit.unitfile import list_directives, strip_remarks
from tests import faults, trees

Tree = Mapping[str, bytes]

# In the command of a container: it is not up when it has started.
BROKEN = "is-broken"

# Made once for all processes.
_COMMAND = typer.main.get_command(main.app)


@dataclass(frozen=True)
class Unit:
    """A unit that runs: the text that it was started with, the files that it reads, and its process."""

    text: str
    files: Tree
    pid: int


@dataclass
class PlayedSystemd:
    """systemd and podman as far as an apply sees them."""

    units: Path
    files: Path
    loaded: dict[str, str] = field(default_factory=dict)
    running: dict[str, Unit] = field(default_factory=dict)
    # The links of each unit, as lines of its [Install] section.
    enabled: dict[str, frozenset[str]] = field(default_factory=dict)
    volumes: set[str] = field(default_factory=set)
    pids: Iterator[int] = field(default_factory=lambda: itertools.count(100))
    calls: list[str] = field(default_factory=list)

    @property
    def running_texts(self) -> dict[str, tuple[str, frozenset[tuple[str, bytes]]]]:
        """What runs, without the numbers of processes."""
        return {name: (unit.text, frozenset(unit.files.items())) for name, unit in self.running.items()}

    def answer(self, member: str, body: list[Any]) -> list[Any]:
        """The reply to a call of its manager; PodunitError for an error."""
        self.calls.append(" ".join([member, *(str(part) for part in body[:1] if part)]))
        match member:
            case "StartUnit":
                self._start(body[0])
            case "StopUnit":
                self._stop(body[0])
            case "RestartUnit":
                self._stop(body[0])
                self._start(body[0])
            case "Reload":
                fresh = {name: self._read(name) for name in self.loaded}
                self.loaded = {name: text for name, text in fresh.items() if text or name in self.running}
            case "EnableUnitFiles":
                for name in body[0]:
                    lines = list_directives(self._load(name))
                    links = frozenset(line for line in lines if line.startswith("[Install]"))
                    self.enabled[name] = self.enabled.get(name, frozenset()) | links
            case "DisableUnitFiles":
                for name in body[0]:
                    self.enabled.pop(name, None)
            case "ListUnitFilesByPatterns":
                return [[[f"/{name}", "enabled"] for name in body[1] if name in self.enabled]]
            case "ListUnitsByPatterns":
                patterns = body[1] or ["*"]
                names = [name for name in self.loaded if any(fnmatch.fnmatch(name, one) for one in patterns)]
                states = {name: "active" if name in self.running else "inactive" for name in names}
                return [[[name, "", "loaded", states[name], "", "", "/unit", 0, "", "/"] for name in names]]
            case "podman":
                return [self._run_podman(*body)]
        fails = member in ("StartUnit", "RestartUnit") and self._is_broken(parse_pod(body[0]))
        return ["/job/failed" if fails else "/job"]

    def _is_broken(self, pod: str | None) -> bool:
        return any(BROKEN in unit.text for name, unit in self.running.items() if parse_pod(name) == pod)

    def _run_podman(self, kind: str, verb: str, *names: str) -> str:
        if kind != "volume":
            return ""
        if (kind, verb) == ("volume", "rm"):
            self.volumes -= set(names)
        if "--format=json" in names:
            return json.dumps([{"Name": name, "Driver": "local", "CreatedAt": ""} for name in sorted(self.volumes)])
        return "\n".join(sorted(self.volumes))

    def _start(self, name: str) -> None:
        text = self._load(name)
        if name in self.running:
            return
        pod = parse_pod(name) or ""
        self.running[name] = Unit(strip_remarks(text), read_tree(self.files / pod), next(self.pids))
        if name == pod_unit(pod):
            for file in sorted(self.units.glob(container_unit(pod, "*"))):
                self._start(file.name)
        elif name.startswith("container@"):
            self._start(sandbox_unit(pod))

    def _stop(self, name: str) -> None:
        self._load(name)
        pod = parse_pod(name) or ""
        own = [unit for unit in self.running if parse_pod(unit) == pod]
        ends = own if name in (pod_unit(pod), sandbox_unit(pod)) else [name]
        for unit in ends:
            self.running.pop(unit, None)

    def _load(self, name: str) -> str:
        if not self.loaded.get(name):
            self.loaded[name] = self._read(name)
        if not self.loaded[name]:
            del self.loaded[name]
            raise PodunitError(f"Unit {name} not found")
        return self.loaded[name]

    def _read(self, name: str) -> str:
        file = self.units / name
        return file.read_text(encoding="utf-8") if file.is_file() else ""


class _Manager(podunit.manager.Manager):
    """The real one, but for the bus."""

    scope = Scope.USER

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    async def _call(self, *message: Any, **_: Any) -> list[Any]:
        _, _, member, *rest = message
        return _ask(self._connection, member, rest[1] if rest else [])

    async def _subscribe(self) -> None:
        pass

    async def _wait_for_job(self, path: str) -> str:
        await asyncio.sleep(0)
        return "failed" if path.endswith("failed") else "done"

    async def get_control_group(self) -> str:
        return ""

    async def get_version(self) -> str:
        return "257"

    async def get_unit_path(self) -> tuple[Path, ...]:
        return tuple(map(Path, _ask(self._connection, "UnitPath", [])))


def _ask(connection: socket.socket, member: str, body: list[Any]) -> list[Any]:
    connection.send(json.dumps([member, body]).encode())
    reply = json.loads(connection.recv(1 << 20))
    if isinstance(reply, str):
        raise PodunitError(reply)
    return cast(list[Any], reply)


@dataclass(frozen=True)
class Result:
    """How a command has ended: -9 if it was killed."""

    status: int
    output: str
    errors: str


@contextlib.contextmanager
def make_machine(files: Mapping[str, str]) -> Iterator[PlayedMachine]:
    """A machine with files in its home folder; in memory where that can be: it would wait for the disk all the time."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="podunit-", dir=place) as folder:
        machine = PlayedMachine(Path(folder))
        for name, text in files.items():
            machine.write(name, text)
        _warm_up(str(machine.home / next(iter(files))))
        yield machine


class _Inside(_Manager):
    """A manager in the process of the systemd that is played."""

    def __init__(self, systemd: PlayedSystemd) -> None:
        self._systemd = systemd

    async def _call(self, *message: Any, **_: Any) -> list[Any]:
        _, _, member, *rest = message
        return self._systemd.answer(member, rest[1] if rest else [])


@dataclass(frozen=True)
class Moment:
    """All that a machine is."""

    nodes: trees.Nodes
    systemd: PlayedSystemd

    @property
    def key(self) -> object:
        """The same of two moments after which the same happens."""
        systemd = self.systemd
        return (
            frozenset(self.nodes.items()),
            *(frozenset(part.items()) for part in (systemd.loaded, systemd.running_texts)),
            frozenset(systemd.enabled.items()),
            frozenset(systemd.volumes),
        )


class Recording:
    """Judges calls: lets all of them go on, and takes down what is there before each of them."""

    def __init__(self, machine: PlayedMachine) -> None:
        self._machine = machine
        self.moments: list[tuple[faults.Call | None, Moment]] = []
        # What each call syncs, by its place.
        self.synced: list[tuple[str, ...]] = []

    def __call__(self, call: faults.Call) -> None:
        self.moments.append((call, self._machine.take()))
        start = f"{self._machine.home}/"
        paths = call.find_paths() if call.name in ("fsync", "fdatasync") else ()
        self.synced.append(tuple(path.removeprefix(start) for path in paths if path.startswith(start)))


class PlayedMachine:
    """One home folder with its systemd, saved and restored at will."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.etc = self.home / ".config/systemd/user"
        self.units = self.home / ".local/share/systemd/user"
        self.state = self.home / ".local/state/podunit"
        self.specs = self.home / ".config/podunit"
        self._saved: dict[str, Moment] = {}
        self.etc.mkdir(parents=True)
        self.systemd = PlayedSystemd(self.units, self.state / "files")

    def write(self, name: str, text: str) -> str:
        """A file in the home folder; its path."""
        file = self.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return str(file)

    def run(self, *arguments: str, judge: faults.Judge = lambda _: None) -> Result:
        """Run a command of podunit."""
        inside, outside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        outputs = [os.memfd_create(name) for name in ("output", "errors")]

        def answer() -> None:
            data = outside.recv(1 << 20)
            if not data:
                return
            member, body = json.loads(data)
            try:
                reply: Any = (
                    [str(self.etc), str(self.units)] if member == "UnitPath" else self.systemd.answer(member, body)
                )
            except PodunitError as error:
                reply = error.message
            outside.send(json.dumps(reply).encode())

        try:
            status = faults.run(
                lambda: _work(self.home, inside, outputs, arguments), judge, faults.Service(outside.fileno(), answer)
            )
            texts = [os.pread(handle, 1 << 20, 0).decode() for handle in outputs]
        finally:
            for handle in outputs:
                os.close(handle)
            inside.close()
            outside.close()
        return Result(status, *texts)

    def type(self, command: str, judge: faults.Judge = lambda _: None, *, check: bool = True) -> Result:
        """Run a command as it is typed in the home folder, which is of podunit or `rm`; a bug in it is an error."""
        if command.startswith("rm "):
            (self.home / command[3:]).unlink()
            return Result(0, "", "")
        words = [str(self.home / word) if word.endswith(".yaml") else word for word in command.split()]
        done = self.run(*words, judge=judge)
        assert "Traceback" not in done.errors, done.errors
        if check:
            assert done.status == 0, done
        return done

    def save(self, name: str) -> None:
        """Keep all as it is now, to be restored."""
        self._saved[name] = self.take()

    def restore(self, name: str) -> None:
        """Let all be as it was saved."""
        self.put(self._saved[name])

    def take(self) -> Moment:
        """All as it is now."""
        return Moment(trees.take(self.home), copy.deepcopy(self.systemd))

    def put(self, moment: Moment) -> None:
        """Let all be as it was at a moment."""
        trees.lay(self.home, moment.nodes)
        self.systemd = copy.deepcopy(moment.systemd)

    def reboot(self, nodes: trees.Nodes) -> None:
        """Let this be what a loss of power has left, and start what is to start with the machine."""
        trees.lay(self.home, nodes)
        systemd = self.systemd
        systemd.loaded, systemd.running = {}, {}
        for name in sorted(systemd.enabled):
            with contextlib.suppress(PodunitError):
                systemd._start(name)

    def record(self, command: str, status: int = 0) -> Recording:
        """Run a command, and take down what is there before each of its calls that change or sync anything."""
        recording = Recording(self)
        done = self.type(command, recording, check=False)
        assert done.status == status, done
        recording.moments.append((None, self.take()))
        return recording

    def complete(self) -> list[str]:
        """Complete what a command that has died has left, as the next one does before all else; its words."""
        said: list[str] = []
        state, manager = StateFolder(self.state), _Inside(self.systemd)

        async def run() -> None:
            async with hold(self.units, said.append) as directory:
                said.extend(await complete(directory, state, manager, Scope.USER))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(podunit.host, "_run", lambda *words: self.systemd.answer("podman", list(words))[0])
            asyncio.run(run())
        return said

    def read(self) -> dict[str, Tree]:
        """All files that podunit has made, without the generations, which have times, and what it saw of podman."""
        seen = ("generations", "surroundings.json")
        state = {name: data for name, data in read_tree(self.state).items() if not name.startswith(seen)}
        return {"units": read_tree(self.units), "state": state, "specs": read_tree(self.specs)}

    def read_units(self) -> Tree:
        """The files that systemd would load."""
        return {name: data for name, data in read_tree(self.units).items() if not name.startswith(".")}

    def look(self) -> dict[str, object]:
        """All that counts: the files, and what systemd makes of them, without the numbers of processes."""
        stale = {name for name, text in self.systemd.loaded.items() if text != self.systemd._read(name)}
        return {
            **self.read(),
            "running": self.systemd.running_texts,
            "stale": stale,
            "enabled": dict(self.systemd.enabled),
            "volumes": set(self.systemd.volumes),
        }


def read_tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder with what is in them, and all folders."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.fsencode(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else b"/"
    return found


def _warm_up(file: str) -> None:
    """Let this process learn all that a command needs, so that not every command has to."""
    for module in ("podunit.deploy", "podunit.documents", "podunit.specs", "podunit.state", "podunit.cli.applying"):
        importlib.import_module(module)
    workload = load_files([file], Report())
    assert workload
    for unit in generate(workload, Scope.USER, parse_target("257", "5.4.2")):
        render(unit)


def _work(home: Path, connection: socket.socket, outputs: list[int], arguments: tuple[str, ...]) -> int:
    for number, handle in enumerate(outputs, 1):
        os.dup2(handle, number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    os.environ["HOME"] = str(home)
    os.environ["XDG_RUNTIME_DIR"] = str(home / "run")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        os.environ.pop(name, None)

    @asynccontextmanager
    async def connect(_: object) -> AsyncIterator[podunit.manager.Manager]:
        yield _Manager(connection)

    async def find_target(_: object) -> object:
        return parse_target("257", "5.4.2")

    async def be_up(*_: object) -> bool:
        return True

    async def find_failures(*_: object) -> tuple[()]:
        return ()

    patch = pytest.MonkeyPatch()
    patch.setattr(podunit.deploy, "wait_until_up", be_up)
    patch.setattr(podunit.bringup, "find_failures", find_failures)
    patch.setattr(podunit.manager, "connect", connect)
    patch.setattr(podunit.planning, "find_target", find_target)
    patch.setattr(podunit.host, "_run", lambda *words: _ask(connection, "podman", list(words))[0])
    patch.setattr(main, "app", _COMMAND)
    patch.setattr(sys, "argv", ["podunit", "--user", *arguments])
    try:
        entry.run()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        return end.code if isinstance(end.code, int) else 1
    return 0
