"""What `podunit-generator` puts into its folders, and when it looks at nothing; the rest is tested with a systemd."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from podunit.generate import generate as generate_units
from podunit.generator.log import ERROR, Log
from podunit.generator.main import generate
from podunit.load import load_files
from podunit.render import render
from podunit.report import Report
from podunit.scope import Scope
from podunit.target import parse_target

_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  containers:
  - {name: main, image: example.com/web:1}
"""
_PROGRAM = """\
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
from podunit.generator.main import main
sys.exit(main())
"""


def pod(name: str, more: str = "") -> str:
    return _POD.replace("NAME", name) + more


class World:
    """A user's manager with a folder of specs, and what its generator has made."""

    def __init__(self, path: Path) -> None:
        self.specs = path / "config/podunit"
        self.specs.mkdir(parents=True)
        self.runtime = path / "run"
        self.runtime.mkdir()
        self.path = path
        self.runs = 0
        self.lines: list[str] = []

    def write(self, **specs: str) -> None:
        for name, text in specs.items():
            (self.specs / f"{name}.yaml").write_text(text)

    def run(self, **environment: str) -> Path:
        """The folder that the generator has filled; systemd empties it before each run."""
        self.runs += 1
        folders = [self.path / f"{self.runs}/{name}" for name in ("normal", "early", "late")]
        for folder in folders:
            folder.mkdir(parents=True)
        assert generate([str(folder) for folder in folders], {"SYSTEMD_SCOPE": "user", **environment}) == 0
        assert not any(file for folder in folders[:2] for file in folder.iterdir())
        return folders[2]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(tmp_path)
    for name, folder in {"XDG_CONFIG_HOME": "config", "XDG_RUNTIME_DIR": "run", "XDG_DATA_HOME": "data"}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, said in {"systemctl": "systemd 257 (257.13)", "podman": "podman version 5.4.2", "catatonit": ""}.items():
        (programs / name).write_text(f"#!/bin/sh\necho '{said}'\n")
        (programs / name).chmod(0o755)
    for name in ("SYSTEMCTL", "PODMAN", "CATATONIT"):
        monkeypatch.setattr(f"podunit.host.{'_' if name == 'SYSTEMCTL' else ''}{name}", str(programs / name.lower()))
    monkeypatch.setattr(Log, "tell", lambda _, priority, text, unit="": found.lines.append(f"{priority} {unit} {text}"))
    return found


def list_files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir() or file.is_symlink())


def test_units_are_those_of_compile_and_start_with_the_machine(world: World) -> None:
    world.write(
        web=pod("web"), resting=pod("resting").replace("{name: r", "{annotations: {podunit/boot: 'false'}, name: r")
    )
    late = world.run()
    workload = load_files([str(world.specs)], Report())
    assert workload
    compiled = generate_units(workload, Scope.USER, parse_target("257", "5.4.2"))
    assert compiled
    for unit in compiled:
        assert (late / unit.name).read_text() == render(unit)
    links = [file for file in list_files(late) if (late / file).is_symlink()]
    assert links == ["default.target.wants/pod@web.service", "podunit.target.wants/pod@web.service"]
    assert (late / links[0]).readlink() == Path("../pod@web.service")
    assert "pod@.service" in list_files(late)


def test_nothing_is_made_without_specs_or_in_the_initrd(world: World) -> None:
    assert list_files(world.run()) == []
    assert list_files(world.runtime) == []
    world.write(web=pod("web"))
    assert list_files(world.run(SYSTEMD_IN_INITRD="1")) == []


def test_a_file_with_an_error_is_a_unit_that_fails_and_keeps_nobody_away(world: World) -> None:
    world.write(
        web=pod("web"),
        wrong=pod("wrong", "  hostNetwork: 12\n"),
        torn="kind: [\n",
        owned=pod("x").replace("v1\nkind: Pod", "apps/v1\nkind: Deployment"),
        bundled=pod("bundled").replace("{name: b", "{annotations: {podunit/engine: crun}, name: b"),
        data="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: data}\nwrong: 1\n",
    )
    late = world.run()
    assert "container@web.main.service" in list_files(late)
    for name, said in {
        "wrong": f"{world.specs}/wrong.yaml:7:16: error: spec.hostNetwork: ",
        "torn": f"{world.specs}/torn.yaml:2:1: error: ",
        "x": f"{world.specs}/owned.yaml:",
        "bundled": f"{world.specs}/bundled.yaml:1:",
    }.items():
        assert said in (late / f"pod@{name}.service").read_text()
        assert (late / f"default.target.wants/pod@{name}.service").is_symlink()
        assert any(f"{ERROR} pod@{name}.service {said}" in line for line in world.lines)
    # That of no pod is told, and is no unit.
    assert any(f"{world.specs}/data.yaml:4:1: error" in line for line in world.lines)
    assert not (late / "pod@data.service").exists()


def test_the_default_of_the_folder_holds_here_and_without_it_nothing_is_guessed(world: World) -> None:
    podman = "{annotations: {podunit/engine: podman}, name: "
    world.write(web=pod("web"), named=pod("named").replace("{name: n", f"{podman}n"))
    default = world.specs / "podunit.toml"
    default.write_text('engine = "podman"\n')
    assert {"container@web.main.service", "container@named.main.service"} <= {*list_files(world.run())}
    default.write_text('\nengine = "crun"\n')
    late = world.run()
    assert "container@named.main.service" in list_files(late)
    assert "container@web.main.service" not in list_files(late)
    assert f"in {default}:2: podman, which says how" in (late / "pod@web.service").read_text()
    default.write_text('engine = "cron"\n')
    late = world.run()
    for name in ("web", "named"):
        assert f"{default}:1:10: error: engine: 'cron'" in (late / f"pod@{name}.service").read_text()
    assert [line for line in world.lines if f" {default}:1:10: error: " in line]


def test_what_is_applied_is_left_alone(world: World) -> None:
    world.write(web=pod("web"), other=pod("other"))
    installed = world.path / "data/systemd/user"
    installed.mkdir(parents=True)
    (installed / "pod@web.service").write_text("# Generated by podunit\n")
    late = world.run()
    assert not [file for file in list_files(late) if "web" in file]
    assert "pod@other.service" in list_files(late)
    assert world.lines == [f"6  {world.specs}: left to what podunit apply has installed: web"]


def test_files_of_pods_are_their_owners_alone_and_handed_over_before_they_are_read(world: World) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {key: sesame}\n---\n"
    volume = "    volumeMounts: [{name: v, mountPath: /v}]\n  volumes: [{name: v, secret: {secretName: s}}]\n"
    text = pod("web").replace("{name: main, image: example.com/web:1}", "name: main\n    image: example.com/web:1")
    world.write(web=secret + text + volume)
    late = world.run()
    kept = world.runtime / "podunit-generator"
    assert kept.stat().st_mode & 0o777 == 0o700
    assert (kept / "files/web/volumes/v/key").read_text() == "sesame"
    assert not [file for file in list_files(late) if "sesame" in (late / file).read_text()]
    assert "sesame" not in (kept / "made.json").read_text()
    assert "Requires=pod-files@web.service" in (late / "sandbox@web.service.d/podunit-generator.conf").read_text()
    assert f"{kept}/files/web" in (late / "pod-files@web.service").read_text()


def test_without_podman_all_pods_fail_and_say_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podunit.host.PODMAN", "/nowhere/podman")
    world.write(web=pod("web"))
    assert "there is no /nowhere/podman; install podman" in (world.run() / "pod@web.service").read_text()


def test_only_a_change_is_compiled_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(web=pod("web"))
    first = world.run()
    with monkeypatch.context() as patch:
        patch.setattr("podunit.generator.making.make", None)
        second = world.run()
    assert list_files(first) == list_files(second)
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in list_files(first))
    world.write(more=pod("more"))
    assert "pod@more.service" in list_files(world.run())
    (world.specs / "more.yaml").unlink()
    assert "pod@more.service" not in list_files(world.run())
    # What is kept and cannot be read is made anew.
    (world.runtime / "podunit-generator/made.json").write_text("{")
    assert list_files(world.run()) == list_files(first)


def test_a_run_without_changes_imports_next_to_nothing(world: World) -> None:
    world.write(web=pod("web"))
    needless = {
        "typer",
        "yaml",
        "jinja2",
        "asyncio",
        "dbus_next",
        "inspect",
        "podunit.load",
        "podunit.model",
        "subprocess",
    }
    for seen in (True, False):
        folders = [str(world.path / f"{seen}{name}") for name in "nel"]
        for folder in folders:
            Path(folder).mkdir()
        environment = {**os.environ, "SYSTEMD_SCOPE": "user", "HOME": str(world.path)}
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *folders], env=environment, capture_output=True, text=True, check=True
        )
        modules = set(done.stderr.split())
        assert ("podunit.load" in modules) is seen
    assert needless & modules == set()


def test_lines_go_to_the_journal_and_without_one_to_the_kernel(tmp_path: Path) -> None:
    kernel = tmp_path / "kmsg"
    kernel.touch()
    Log(Scope.SYSTEM, tmp_path / "none", kernel).tell(ERROR, "web.yaml:1:1: error: " + "x" * 2000, "pod@web.service")
    line = kernel.read_text()
    assert line.startswith(f"<3>podunit-generator[{os.getpid()}]: web.yaml:1:1: error: xxx")
    assert len(line) <= 900
