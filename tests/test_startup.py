"""What a command imports: nothing that is slow to import and of no use to it. Times are for `tests.bench.startup`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from podunit.cli.main import app

_POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: main
      image: example.com/web:1
"""
_SCRIPT = """\
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
from podunit.cli.entry import run
run()
"""

_FILES = {"yaml", "podunit.load", "podunit.model", "podunit.kubernetes.schema"}
_UNITS = {"jinja2", "podunit.generate", "podunit.render"}
_SYSTEMD = {
    "asyncio",
    "dbus_next",
    "podunit.manager",
    "podunit.deploy",
    "podunit.operating",
    "podunit.planning",
    "podunit.states",
}
_TYPER = {"typer", "inspect", "enum", "re", "podunit.cli.main"}
# Of Typer's, where commands are helped and not run.
_RICH = {"rich"}


@pytest.mark.parametrize(
    ("command", "needless"),
    [
        (("--version",), _FILES | _UNITS | _SYSTEMD | _TYPER),
        (("--help",), _FILES | _UNITS | _SYSTEMD | _RICH),
        (("start", "--help"), _FILES | _UNITS | _SYSTEMD | _RICH),
        (("validate", "pod.yaml"), _UNITS | _SYSTEMD | _RICH | {"hashlib"}),
        (("compile", "pod.yaml"), _SYSTEMD | _RICH),
        (("--unit-dir", "units", "ps"), _FILES | _UNITS | {"podunit.deploy", "podunit.planning"} | _RICH),
    ],
)
def test_a_command_imports_what_it_needs(command: tuple[str, ...], needless: set[str], tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(_POD)
    # As after an install: what `site` imports for an editable one is not the command's.
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    modules = set(done.stderr.split())
    assert "podunit.cli.entry" in modules
    assert needless & modules == set()


def test_the_version_is_the_same_beside_other_options() -> None:
    alone, beside = (
        subprocess.run([sys.executable, "-c", _SCRIPT, *words], capture_output=True, text=True, check=True).stdout
        for words in (("--version",), ("--quiet", "--version"))
    )
    assert alone == beside


def test_only_the_command_that_is_asked_for_is_understood() -> None:
    # To read the signatures of all takes a quarter of the time of a short command.
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    assert not group.commands
    context = typer.Context(group)
    command = group.get_command(context, "validate")
    assert command is not None
    assert command.name == "validate"
    assert list(group.commands) == ["validate"]
