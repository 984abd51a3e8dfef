"""What a script can count on: exit codes, which stream says what, the formats, and that nothing is done by halves.

Commands run as processes of their own, as a script would run them. No systemd is needed: the bus is one that nobody
answers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from podunit import __version__

_SOUND = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: main
      image: quay.io/a/b:1
"""
_BROKEN = _SOUND.replace("spec:", "spec:\n  restartPolicy: 'Alway,100%: no'").replace(
    "image:", "comand: [a]\n      image:"
)
_MESSAGE = "'Alway,100%: no' is not one of Always, OnFailure, Never"


class Shell:
    """A folder with files, and podunit run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # HOME and the bus are of this folder: no file of the machine is seen, and no bus answers.
        bus = f"unix:path={folder}/no-bus"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DBUS_SYSTEM_BUS_ADDRESS": bus,
            "DBUS_SESSION_BUS_ADDRESS": bus,
        }

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        script = "import sys; from podunit.cli.main import run; sys.argv[0] = 'podunit'; run()"
        return [sys.executable, "-c", script, *arguments]

    def run(self, *arguments: str, stdout: int = subprocess.PIPE) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def list_files(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in a folder with a sound and a broken pod."""
    shell = Shell(tmp_path)
    shell.write("sound.yaml", _SOUND)
    shell.write("broken.yaml", _BROKEN)
    return shell


# validate


def test_a_sound_file_has_nothing_to_say(shell: Shell) -> None:
    assert shell.run("validate", "sound.yaml") == (0, "", "")


def test_a_broken_file_says_where_and_what(shell: Shell) -> None:
    status, output, errors = shell.run("validate", "broken.yaml")
    assert (status, output) == (1, "")
    assert errors.splitlines() == [
        f"broken.yaml:6:18: error: spec.restartPolicy: {_MESSAGE}",
        "broken.yaml:9:7: error: spec.containers[0].comand: unknown field 'comand'",
        "  hint: did you mean 'command'?",
    ]


def test_problems_of_all_files_are_told(shell: Shell) -> None:
    status, _, errors = shell.run("validate", "missing.yaml", "sound.yaml", "broken.yaml", ".")
    assert status == 1
    assert [line.split(":")[0] for line in errors.splitlines() if "error:" in line] == [
        "missing.yaml",
        "broken.yaml",
        "broken.yaml",
        ".",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.yaml", "no such file"),
        ("", "no such file"),
        (".", "this is a directory, not a file"),
        ("loop", "cannot be read: too many levels of symbolic links"),
        ("/proc/self/mem", "cannot be read: input/output error"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, message: str, shell: Shell) -> None:
    (shell.folder / "loop").symlink_to("loop")
    assert shell.run("validate", name) == (1, "", f"{name}:1:1: error: {message}\n")


def test_a_file_given_twice_is_read_once(shell: Shell) -> None:
    assert shell.run("validate", "sound.yaml", "sound.yaml")[0] == 0


def test_pods_of_several_files_are_checked_together(shell: Shell) -> None:
    shell.write("again.yaml", _SOUND)
    status, _, errors = shell.run("validate", "sound.yaml", "again.yaml")
    assert status == 1
    assert errors.splitlines() == [
        "again.yaml:4:9: error: metadata.name: a second pod 'web'",
        "  hint: the first is at sound.yaml:4:9",
    ]


def test_json_has_stable_keys(shell: Shell) -> None:
    status, output, errors = shell.run("validate", "--format", "json", "broken.yaml")
    assert (status, errors) == (1, "")
    problems = json.loads(output)
    assert [list(problem) for problem in problems] == [
        ["file", "line", "column", "level", "path", "message", "hint"]
    ] * 2
    assert problems[0] == {
        "file": "broken.yaml",
        "line": 6,
        "column": 18,
        "level": "error",
        "path": "spec.restartPolicy",
        "message": _MESSAGE,
        "hint": "",
    }


def test_json_of_no_problem_is_an_empty_list(shell: Shell) -> None:
    status, output, errors = shell.run("validate", "--format", "json", "sound.yaml")
    assert (status, json.loads(output), errors) == (0, [], "")


def test_github_shows_problems_at_their_lines(shell: Shell) -> None:
    (shell.folder / "a,b:c.yaml").write_text(_BROKEN, encoding="utf-8")
    status, output, errors = shell.run("validate", "--format", "github", "a,b:c.yaml")
    assert (status, errors) == (1, "")
    assert output.splitlines() == [
        "::error file=a%2Cb%3Ac.yaml,line=6,col=18::spec.restartPolicy: " + _MESSAGE.replace("%", "%25"),
        "::error file=a%2Cb%3Ac.yaml,line=9,col=7::spec.containers[0].comand: unknown field 'comand'"
        " (did you mean 'command'?)",
    ]
    assert shell.run("validate", "--format", "github", "sound.yaml") == (0, "", "")


# compile


def test_units_go_to_standard_output(shell: Shell) -> None:
    before = shell.list_files()
    status, output, errors = shell.run("--system", "compile", "sound.yaml")
    assert (status, errors) == (0, "")
    names = [line.removeprefix("# file ") for line in output.splitlines() if line.startswith("# file ")]
    assert {"pod-web.slice", "pod@web.service", "sandbox@web.service", "container@web.main.service"} <= set(names)
    assert shell.list_files() == before


def test_units_go_into_a_directory(shell: Shell) -> None:
    (shell.folder / "made").mkdir()
    (shell.folder / "made/other").write_text("kept", encoding="utf-8")
    assert shell.run("--system", "compile", "sound.yaml", "-o", "made") == (0, "", "")
    written = {path.name: path.read_text(encoding="utf-8") for path in (shell.folder / "made").iterdir()}
    assert written.pop("other") == "kept"
    _, output, _ = shell.run("--system", "compile", "sound.yaml")
    names = sorted(written, key=lambda name: output.index(f"# file {name}\n"))
    assert output == "\n".join(f"# file {name}\n{written[name]}" for name in names)


def test_a_directory_that_is_missing_is_made(shell: Shell) -> None:
    assert shell.run("compile", "sound.yaml", "-o", "a/b")[0] == 0
    assert (shell.folder / "a/b/pod@web.service").is_file()


def test_a_broken_file_makes_nothing(shell: Shell) -> None:
    status, output, errors = shell.run("compile", "sound.yaml", "broken.yaml", "-o", "made")
    assert (status, output) == (1, "")
    assert "broken.yaml:6:18: error:" in errors
    assert not (shell.folder / "made").exists()


def test_a_directory_that_cannot_be_made_is_the_systems_no(shell: Shell) -> None:
    status, output, errors = shell.run("compile", "sound.yaml", "-o", "sound.yaml/made")
    assert (status, output) == (3, "")
    assert errors == "error: sound.yaml/made: not a directory\n"


def test_system_and_user_have_units_of_their_own(shell: Shell) -> None:
    system, user = (shell.run(option, "compile", "sound.yaml")[1] for option in ("--system", "--user"))
    assert "WantedBy=multi-user.target" in system
    assert "WantedBy=default.target" in user
    assert "systemctl --user " in user
    assert "--user" not in system
    assert shell.run("compile", "sound.yaml")[1] == (system if os.geteuid() == 0 else user)


# Usage


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("validate",),
        ("validate", "--nonsense", "sound.yaml"),
        ("validate", "--format", "xml", "sound.yaml"),
        ("compile",),
        ("start",),
        ("up", "--timeout", "soon", "web"),
        ("up", "--timeout", "-1", "web"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: tuple[str, ...], shell: Shell) -> None:
    status, output, errors = shell.run(*arguments)
    assert status == 2
    assert "Usage: podunit" in output + errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_no_error(option: str, shell: Shell) -> None:
    status, output, errors = shell.run(option)
    assert (status, errors) == (0, "")
    commands = ("validate", "compile", "apply", "up", "down", "delete", "start", "stop", "restart", "ps")
    assert [line.split()[0] for line in output.partition("Commands:")[2].splitlines() if line] == list(commands)
    assert shell.run("apply", option)[0] == 0


def test_version(shell: Shell) -> None:
    assert shell.run("--version") == (0, f"podunit {__version__}\n", "")


# No systemd


@pytest.mark.parametrize("scope", ["--user", "--system"])
@pytest.mark.parametrize("command", ["apply", "up"])
def test_without_a_bus_nothing_is_installed(command: str, scope: str, shell: Shell) -> None:
    systems = Path("/usr/local/lib/systemd/system")
    before = (shell.list_files(), systems.exists())
    status, output, errors = shell.run(scope, command, "sound.yaml")
    assert (status, output) == (3, "")
    message, hint = errors.splitlines()
    assert message.startswith("error: no connection to systemd over D-Bus: ")
    expected = "loginctl enable-linger" if scope == "--user" else "podunit needs a machine that systemd has booted"
    assert hint.startswith("  hint: ")
    assert expected in hint
    assert (shell.list_files(), systems.exists()) == before


@pytest.mark.parametrize("command", ["apply", "up", "down", "delete"])
def test_a_broken_file_ends_with_1_before_systemd_is_asked(command: str, shell: Shell) -> None:
    status, output, errors = shell.run("--user", command, "./broken.yaml")
    assert (status, output) == (1, "")
    assert errors.startswith("./broken.yaml:6:18: error: spec.restartPolicy:")


@pytest.mark.parametrize("command", ["up", "down", "delete", "start", "stop", "restart"])
def test_a_pod_that_is_not_installed(command: str, shell: Shell) -> None:
    expected = "error: there is no pod 'web'\n  hint: pods here: none\n"
    assert shell.run("--user", command, "web") == (3, "", expected)


def test_installed_pods_are_known_by_their_files(shell: Shell) -> None:
    folder = ".local/share/systemd/user"
    assert shell.run("--user", "compile", "sound.yaml", "-o", folder)[0] == 0
    assert shell.run("--user", "start", "webb")[2] == "error: there is no pod 'webb'\n  hint: did you mean 'web'?\n"
    assert shell.run("--user", "start", "zzz")[2] == "error: there is no pod 'zzz'\n  hint: pods here: web\n"
    for command in (("start", "web"), ("stop", "--no-wait", "web"), ("delete", "web"), ("ps",)):
        before = shell.list_files()
        status, output, errors = shell.run("--user", *command)
        assert (status, output) == (3, "")
        assert errors.startswith("error: no connection to systemd over D-Bus: ")
        assert shell.list_files() == before


def test_apply_without_a_file_takes_those_of_the_spec_folder(shell: Shell) -> None:
    status, _, errors = shell.run("--user", "apply")
    assert status == 3
    assert errors.startswith(f"error: there is no pod file in {shell.folder}/.config/podunit\n  hint: ")
    (shell.folder / ".config/podunit").mkdir(parents=True)
    shell.write(".config/podunit/web.yaml", _BROKEN)
    shell.write(".config/podunit/web.txt", "not read")
    status, _, errors = shell.run("--user", "apply")
    assert status == 1
    assert errors.startswith(f"{shell.folder}/.config/podunit/web.yaml:6:18: error:")


def test_ps_of_no_pod_asks_nobody(shell: Shell) -> None:
    assert shell.run("--user", "ps", "-o", "json") == (0, '{\n  "schemaVersion": 1,\n  "containers": []\n}\n', "")
    assert shell.run("--user", "ps", "-o", "name") == (0, "", "")
    status, output, errors = shell.run("--user", "ps")
    assert (status, errors) == (0, "")
    assert output.split() == ["POD", "CONTAINER", "STATE", "READY", "RESTARTS", "PID", "IMAGE"]


# Streams


def test_a_reader_that_goes_away_is_no_error(shell: Shell) -> None:
    # More than a buffer holds: it is written before the end.
    documents = [_SOUND.replace("name: web", f"name: web-{number}") for number in range(50)]
    shell.write("many.yaml", "---\n".join(documents))
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status, _, errors = shell.run("compile", "many.yaml", stdout=writer)
    finally:
        os.close(writer)
    assert (status, errors) == (1, "")


def test_output_that_is_no_terminal_has_no_colours(shell: Shell) -> None:
    assert "\x1b" not in shell.run("validate", "broken.yaml")[2]


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_shows_the_line(no_color: bool, shell: Shell) -> None:
    ours, theirs = os.openpty()
    environment = {**shell.environment, **({"NO_COLOR": "1"} if no_color else {})}
    try:
        subprocess.run(
            shell.command("validate", "broken.yaml"), cwd=shell.folder, env=environment, stderr=theirs, check=False
        )
        shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(theirs)
        os.close(ours)
    assert ("\x1b[" in shown) is not no_color
    if no_color:
        assert shown.splitlines()[:3] == [
            f"broken.yaml:6:18: error: spec.restartPolicy: {_MESSAGE}",
            "      restartPolicy: 'Alway,100%: no'",
            "                     ^^^^^^^^^^^^^^^^",
        ]
