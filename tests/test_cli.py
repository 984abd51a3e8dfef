"""What a script can count on: exit codes, which stream says what, the formats, and that nothing is done by halves.

Commands run as processes of their own, as a script would run them. No systemd is needed: the bus is one that nobody
answers.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from podunit import __version__
from podunit.cli.settings import Settings
from podunit.scope import Scope

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
_COMMANDS = (
    *("validate", "compile", "explain"),
    *("diff", "apply", "up", "down", "delete", "scale", "start", "stop", "restart", "enable", "disable"),
    *("ps", "status", "describe", "wait", "top", "events", "logs", "exec", "gc", "uninstall", "rollout"),
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

    def write(self, name: str, text: str | bytes) -> None:
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    def command(self, *arguments: str) -> list[str]:
        script = "import sys; from podunit.cli.entry import run; sys.argv[0] = 'podunit'; run()"
        return [sys.executable, "-c", script, *arguments]

    def run(
        self,
        *arguments: str,
        stdin: str = "",
        stdout: int = subprocess.PIPE,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            input=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
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
    (shell.folder / "empty").mkdir()
    status, _, errors = shell.run("validate", "empty", "missing.yaml", "sound.yaml", "broken.yaml")
    assert status == 1
    assert [line.split(":")[0] for line in errors.splitlines() if "error:" in line] == [
        "empty",
        "missing.yaml",
        "broken.yaml",
        "broken.yaml",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.yaml", "no such file"),
        ("", "no such file"),
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


def test_a_warning_is_no_failure(shell: Shell) -> None:
    shell.write("warns.yaml", _SOUND + "  hostname: front\n  hostNetwork: true\n")
    said = "warns.yaml:9:13: warning: spec.hostname: no effect: with hostNetwork the host's own name holds\n"
    assert shell.run("validate", "warns.yaml") == (0, "", said)
    status, output, errors = shell.run("--system", "compile", "warns.yaml")
    assert (status, errors) == (0, said)
    assert "# file pod@web.service\n" in output
    status, output, errors = shell.run("validate", "--format", "json", "warns.yaml")
    assert (status, [problem["level"] for problem in json.loads(output)], errors) == (0, ["warning"], "")
    assert shell.run("validate", "--format", "github", "warns.yaml")[1].startswith("::warning file=warns.yaml,line=9,")


def test_standard_input_is_a_file_too(shell: Shell) -> None:
    assert shell.run("validate", "-", stdin=_SOUND) == (0, "", "")
    status, output, errors = shell.run("validate", "-", stdin=_BROKEN)
    assert (status, output) == (1, "")
    assert errors.startswith(f"-:6:18: error: spec.restartPolicy: {_MESSAGE}\n")
    assert shell.run("validate", "-") == (
        1,
        "",
        "-:1:1: error: no document in this file\n  hint: a pod starts with 'apiVersion: v1' and 'kind: Pod'\n",
    )


def test_a_folder_is_all_its_yaml_files(shell: Shell) -> None:
    (shell.folder / "pods").mkdir()
    shell.write("pods/a.yaml", _SOUND)
    shell.write("pods/b.yml", _SOUND.replace("web", "other"))
    shell.write("pods/c.txt", "not read: [")
    assert shell.run("validate", "pods") == shell.run("validate", "pods", "pods/a.yaml") == (0, "", "")
    output = shell.run("--system", "compile", "pods")[1]
    assert output == shell.run("--system", "compile", "pods/a.yaml", "pods/b.yml")[1]
    assert "# file pod@other.service\n" in output
    shell.write("pods/d.json", "{")
    status, _, errors = shell.run("validate", "pods")
    assert status == 1
    assert errors.startswith("pods/d.json:1:")


def test_what_compile_finds_as_it_should_be_is_not_written_again(shell: Shell) -> None:
    shell.write("web.yaml", _SOUND)
    assert shell.run("--system", "compile", "web.yaml", "-o", "units") == (0, "", "")
    units = sorted((shell.folder / "units").iterdir())
    for unit in units:
        os.utime(unit, (1, 1))
    changed, wanted = units[0], units[0].read_bytes()
    changed.write_bytes(b"#" + wanted)
    assert shell.run("--system", "compile", "web.yaml", "-o", "units") == (0, "", "")
    assert changed.read_bytes() == wanted
    assert [unit for unit in units if unit.stat().st_mtime != 1] == [changed]


@pytest.mark.parametrize("command", ["validate", "compile"])
def test_an_empty_folder_is_a_problem(command: str, shell: Shell) -> None:
    (shell.folder / "empty").mkdir()
    said = "empty:1:1: error: no YAML file in this folder\n  hint: their names end in .yaml, .yml or .json\n"
    assert shell.run(command, "empty") == (1, "", said)


@pytest.mark.parametrize("command", ["validate", "compile", "apply"])
def test_pods_that_want_one_host_port_name_each_other(command: str, shell: Shell) -> None:
    for name, port in (("one", 8080), ("two", 9090)):
        ports = (
            f"      ports:\n        - containerPort: 80\n        - containerPort: {port}\n          hostPort: 8080\n"
        )
        shell.write(f"{name}.yaml", _SOUND.replace("web", name) + ports)
    status, output, errors = shell.run("--user", command, "one.yaml", "two.yaml")
    assert (status, output) == (1, "")
    assert errors.splitlines() == [
        "two.yaml:12:21: error: host port 8080/TCP is taken already",
        "  hint: the first claim is at one.yaml:12:21",
    ]


_BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("[" * 10_000_000, r"evil\.yaml:1:\d+: error: nested deeper than 64 levels"),
        (_BOMB, r"evil\.yaml:6:10: error: aliases stand for more than 100000 values up to here"),
        (b"a: 1\n\xc3\xa9: \xe9\n", r"evil\.yaml:2:4: error: byte 0xe9 is not UTF-8"),
        (b"\x00" * 1000, r"evil\.yaml:1:1: error: character U\+0000 is not allowed in YAML"),
        (os.urandom(1000), r"evil\.yaml:\d+:\d+: error: .+"),
    ],
    ids=["brackets", "aliases", "latin-1", "zeros", "noise"],
)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_evil_input_ends_soon_with_a_place(data: str | bytes, problem: str, way: str, shell: Shell) -> None:
    shell.write("evil.yaml", data)
    started = time.monotonic()
    done = subprocess.run(
        shell.command("validate", "evil.yaml" if way == "file" else "-"),
        cwd=shell.folder,
        env=shell.environment,
        stdin=(shell.folder / "evil.yaml").open("rb"),
        capture_output=True,
        check=False,
    )
    assert time.monotonic() - started < 10
    assert (done.returncode, done.stdout) == (1, b"")
    first = done.stderr.decode().splitlines()[0]
    assert re.fullmatch(problem if way == "file" else problem.replace(r"evil\.yaml", "-"), first)


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


def test_standard_input_is_compiled(shell: Shell) -> None:
    assert shell.run("compile", "-", stdin=_SOUND) == shell.run("compile", "sound.yaml")


@pytest.mark.parametrize("versions", [("--systemd", "254"), ("--systemd", "257.13-1~deb13u1", "--podman", "5.4.2")])
def test_units_are_for_a_newer_systemd_on_demand(versions: tuple[str, ...], shell: Shell) -> None:
    old, new = shell.run("compile", "sound.yaml")[1], shell.run("compile", "sound.yaml", *versions)[1]
    assert ("RestartSteps=" in old, "RestartSteps=" in new) == (False, True)
    assert f"\nSystemd={versions[1][:3]}\n" in new


@pytest.mark.parametrize("versions", [(), ("--systemd", "252"), ("--podman", "4.3.1"), ("--systemd", "252.1")])
def test_units_are_for_the_oldest_systemd_by_default(versions: tuple[str, ...], shell: Shell) -> None:
    assert shell.run("compile", "sound.yaml", *versions) == shell.run("compile", "sound.yaml")
    assert "\nSystemd=252\nPodman=4.3.1\n" in shell.run("compile", "sound.yaml", *versions)[1]


@pytest.mark.parametrize(
    ("option", "version", "message"),
    [
        ("--systemd", "200", "systemd 200 is too old; podunit needs 252 or later"),
        ("--podman", "4.2", "podman 4.2 is too old; podunit needs 4.3 or later"),
        ("--systemd", "new", "'new' is not a version of systemd; write it as 257, or 5.4.2"),
        ("--podman", "", "'' is not a version of podman; write it as 257, or 5.4.2"),
    ],
)
def test_a_version_that_is_too_old_or_none_is_wrong_usage(
    option: str, version: str, message: str, shell: Shell
) -> None:
    status, output, errors = shell.run("compile", "sound.yaml", option, version, "-o", "made")
    assert (status, output) == (2, "")
    assert message in errors
    assert "Usage: podunit compile" in errors
    assert not (shell.folder / "made").exists()


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
        ("wait", "web"),
        ("wait", "--for=gone", "web"),
        ("wait", "--for=ready", "--timeout=soon", "web"),
        ("wait", "--for=ready", "--timeout=-1s", "web"),
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
    assert [line.split()[0] for line in output.partition("Commands:")[2].splitlines() if line] == list(_COMMANDS)
    assert shell.run("apply", option)[0] == 0


@pytest.mark.parametrize("command", _COMMANDS)
def test_each_command_says_what_it_does(command: str, shell: Shell) -> None:
    status, output, errors = shell.run(command, "--help")
    assert (status, errors) == (0, "")
    usage, about, *_ = output.split("\n\n")
    assert usage.startswith(f"Usage: podunit {command} [OPTIONS]")
    assert about.endswith(".")


def test_a_shell_can_complete(shell: Shell) -> None:
    status, output, errors = shell.run(environment={"_PODUNIT_COMPLETE": "source_bash"})
    assert (status, errors) == (0, "")
    assert "complete -o default -F _podunit_completion podunit" in output
    assert shell.run("--show-completion", "bash")[1].strip() == output.strip()
    words = {"COMP_WORDS": "podunit sta", "COMP_CWORD": "1", "_PODUNIT_COMPLETE": "complete_bash"}
    assert shell.run(environment=words)[1].split() == ["start", "status"]


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


@pytest.mark.parametrize("timeout", ["0", "30", "1m30s", "500ms", "1.5h"])
def test_a_pod_that_is_not_there_is_not_waited_for(timeout: str, shell: Shell) -> None:
    expected = "error: there is no pod 'web'\n  hint: pods here: none\n"
    assert shell.run("--user", "wait", "--for=ready", f"--timeout={timeout}", "web") == (3, "", expected)


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
    folder = f"{shell.folder}/.config/podunit"
    status, _, errors = shell.run("--user", "apply")
    assert (status, errors.splitlines()[0]) == (3, f"error: there is no folder {folder}")
    Path(folder).mkdir(parents=True)
    status, _, errors = shell.run("--user", "apply")
    assert status == 1
    assert errors.startswith(f"{folder}:1:1: error: no YAML file in this folder\n  hint: ")
    shell.write(".config/podunit/web.yaml", _BROKEN)
    shell.write(".config/podunit/web.txt", "not read")
    status, _, errors = shell.run("--user", "apply")
    assert status == 1
    assert errors.startswith(f"{shell.folder}/.config/podunit/web.yaml:6:18: error:")


def test_ps_of_no_pod_asks_nobody(shell: Shell) -> None:
    assert shell.run("--user", "ps", "-o", "json") == (
        0,
        '{\n  "schemaVersion": 1,\n  "containers": [],\n  "pods": []\n}\n',
        "",
    )
    assert shell.run("--user", "ps", "-o", "name") == (0, "", "")
    status, output, errors = shell.run("--user", "ps")
    assert (status, errors) == (0, "")
    assert output.split() == ["POD", "PHASE", "READY", "CONTAINER", "STATE", "RESTARTS", "LAST", "EXIT", "PID", "IMAGE"]


@pytest.mark.parametrize("command", [("top",), ("top", "-o", "json")])
def test_nothing_is_used_without_systemd(command: tuple[str, ...], shell: Shell) -> None:
    status, output, errors = shell.run("--user", *command)
    assert (status, output) == (3, "")
    assert errors.startswith("error: no connection to systemd over D-Bus: ")


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


@pytest.mark.parametrize(
    ("options", "environment", "colored"),
    [
        ((), {}, False),
        (("--color", "auto"), {}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_output_that_is_no_terminal_has_colors_only_on_demand(
    options: tuple[str, ...], environment: dict[str, str], colored: bool, shell: Shell
) -> None:
    status, output, errors = shell.run(*options, "validate", "broken.yaml", environment=environment)
    assert (status, output) == (1, "")
    assert ("\x1b[1;31merror:\x1b[0m" in errors) is colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", errors) == shell.run("validate", "broken.yaml")[2]
    for form in ("json", "github"):
        assert "\x1b" not in shell.run(*options, "validate", "--format", form, "broken.yaml")[1]


@pytest.mark.parametrize(
    ("options", "no_color", "colored"),
    [
        ((), None, True),
        ((), "", True),
        ((), "1", False),
        (("--color", "never"), None, False),
        (("--color", "always"), "1", True),
    ],
)
def test_a_terminal_shows_the_line(options: tuple[str, ...], no_color: str | None, colored: bool, shell: Shell) -> None:
    ours, theirs = os.openpty()
    environment = {**shell.environment, **({} if no_color is None else {"NO_COLOR": no_color})}
    command = shell.command(*options, "validate", "broken.yaml")
    try:
        subprocess.run(command, cwd=shell.folder, env=environment, stderr=theirs, check=False)
        shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(theirs)
        os.close(ours)
    assert ("\x1b[" in shown) is colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()[:3] == [
        f"broken.yaml:6:18: error: spec.restartPolicy: {_MESSAGE}",
        "      restartPolicy: 'Alway,100%: no'",
        "                     ^^^^^^^^^^^^^^^^",
    ]


def test_quiet_is_about_what_went_well(shell: Shell) -> None:
    assert shell.run("-q", "validate", "broken.yaml") == shell.run("validate", "broken.yaml")
    assert shell.run("-q", "compile", "sound.yaml") == shell.run("compile", "sound.yaml")
    assert shell.run("--quiet", "--user", "start", "web") == shell.run("--user", "start", "web")


@pytest.mark.parametrize(("quiet", "printed"), [(False, "pod web: started\n"), (True, "")])
def test_what_went_well_is_one_line(quiet: bool, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    Settings(Scope.USER, None, quiet, False).print_success("pod web: started")
    assert capsys.readouterr() == (printed, "")


@pytest.mark.parametrize(
    "locale",
    [
        {"LANG": "C"},
        {"LC_ALL": "POSIX"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=lambda locale: "-".join(locale),
)
def test_a_locale_without_umlauts_is_no_error(locale: dict[str, str], shell: Shell) -> None:
    shell.write("grüße.yaml", _SOUND + "      args: [Grüße, 🐋]\n")
    shell.write("größe.yaml", _SOUND.replace("spec:", "spec:\n  restartPolicy: Größe"))
    status, output, errors = shell.run("--system", "compile", "grüße.yaml", environment=locale)
    assert (status, errors) == (0, "")
    assert output == shell.run("--system", "compile", "grüße.yaml", environment={"LANG": "C.UTF-8"})[1]
    assert '"Grüße" "🐋"' in output
    status, output, errors = shell.run("validate", "größe.yaml", environment=locale)
    assert (status, output) == (1, "")
    assert ".yaml:6:18: error: spec.restartPolicy: 'Gr" in errors
    assert "Traceback" not in errors
    status, output, errors = shell.run("validate", "--format", "json", "größe.yaml", environment=locale)
    assert (status, errors) == (1, "")
    assert json.loads(output)[0]["message"].startswith("'Größe' is not one of ")


def test_a_full_disk_is_the_systems_no(shell: Shell) -> None:
    with Path("/dev/full").open("wb") as full:
        status, _, errors = shell.run("compile", "sound.yaml", stdout=full.fileno())
    assert (status, errors) == (3, "error: standard output: no space left on device\n")


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_the_exit_status(number: signal.Signals, expected: int, shell: Shell) -> None:
    os.mkfifo(shell.folder / "fifo.yaml")
    waiting = subprocess.Popen(
        shell.command("validate", "fifo.yaml"), cwd=shell.folder, env=shell.environment, stderr=subprocess.PIPE
    )
    with waiting, (shell.folder / "fifo.yaml").open("wb"):
        # It has opened its end: it reads, and would for ever.
        waiting.send_signal(number)
        _, errors = waiting.communicate()
    assert (waiting.returncode, errors) == (expected, b"")


# diff


def test_a_diff_tells_problems_from_differences_by_its_status(shell: Shell) -> None:
    status, output, errors = shell.run("--user", "diff", "broken.yaml")
    assert (status, output) == (2, "")
    assert errors.startswith(f"broken.yaml:6:18: error: spec.restartPolicy: {_MESSAGE}\n")
    assert shell.run("--user", "diff")[0] == 3
    before = shell.list_files()
    status, output, errors = shell.run("--user", "diff", "sound.yaml")
    assert (status, output) == (3, "")
    assert errors.startswith("error: no connection to systemd over D-Bus: ")
    assert shell.list_files() == before


# --dry-run


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (("start", "web"), "pod web: started\n"),
        (("stop", "web"), "pod web: stopped\n"),
        (("stop", "--no-wait", "web"), "pod web: stop enqueued\n"),
        (("restart", "web"), "pod web: restarted\n"),
        (("up", "web"), "pod web: started\n"),
        (("down", "sound.yaml"), "pod web: stopped\n"),
        (("delete", "--volumes", "web"), "pod web: stopped, deleted\n"),
        (("enable", "web"), "pod web: enabled\n"),
        (("disable", "web"), "pod web: disabled\n"),
        (("uninstall",), "pod web: stopped, deleted\n"),
    ],
)
def test_a_dry_run_says_what_would_be_said_and_changes_nothing(
    command: tuple[str, ...], output: str, shell: Shell
) -> None:
    assert shell.run("--user", "compile", "sound.yaml", "-o", ".local/share/systemd/user")[0] == 0
    before = shell.list_files()
    assert shell.run("--user", *command, "--dry-run") == (0, output, "note: a dry run: nothing was changed\n")
    assert shell.run("-q", "--user", *command, "--dry-run") == (0, "", "")
    assert shell.list_files() == before
    # Without it systemd is asked, and there is none.
    assert shell.run("--user", *command)[0] == 3


def test_a_dry_run_finds_the_same_mistakes(shell: Shell) -> None:
    assert shell.run("--user", "apply", "--dry-run", "broken.yaml") == shell.run("--user", "apply", "broken.yaml")
    assert shell.run("--user", "stop", "--dry-run", "web") == shell.run("--user", "stop", "web")
    assert shell.run("--user", "apply", "--dry-run", "sound.yaml")[0] == 3


def test_units_that_would_be_kept_are_named(shell: Shell) -> None:
    assert shell.run("--user", "compile", "sound.yaml", "-o", ".local/share/systemd/user")[0] == 0
    before = shell.list_files()
    status, output, _ = shell.run("--user", "uninstall", "--keep-units", "--dry-run")
    assert (status, shell.list_files()) == (0, before)
    assert "unit pod@web.service: kept, yours now\n" in output


# The spec folder


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("apply", "--prune", "sound.yaml"), "--prune goes with the spec folder: name no file"),
        (("diff", "--prune", "sound.yaml"), "--prune goes with the spec folder: name no file"),
        (("apply", "--copy"), "--copy goes with files: name them"),
    ],
)
def test_options_that_go_with_the_other_kind_of_apply(command: tuple[str, ...], message: str, shell: Shell) -> None:
    status, output, errors = shell.run("--user", *command)
    assert (status, output) == (2, "")
    assert message in errors


def test_a_copy_never_replaces_another_file(shell: Shell) -> None:
    (shell.folder / ".config/podunit").mkdir(parents=True)
    shell.write(".config/podunit/sound.yaml", "another")
    before = shell.list_files()
    status, output, errors = shell.run("--user", "apply", "--copy", "sound.yaml")
    target = f"{shell.folder}/.config/podunit/sound.yaml"
    assert (status, output) == (3, "")
    assert errors.startswith(f"error: {target} is there already, and is not the same as sound.yaml\n")
    assert shell.list_files() == before


# --skip-unsupported

_INGRESS = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\n"


def test_what_podunit_does_not_run_is_refused_or_skipped(shell: Shell) -> None:
    shell.write("both.yaml", _SOUND + _INGRESS)
    assert shell.run("validate", "both.yaml")[0] == 1
    warning = (
        "both.yaml:11:7: warning: kind: 'Ingress' is not supported: skipped\n"
        "  hint: run a reverse proxy such as nginx or Caddy as a pod with a hostPort\n"
    )
    assert shell.run("validate", "--skip-unsupported", "both.yaml") == (0, "", warning)
    status, output, errors = shell.run("--system", "compile", "--skip-unsupported", "both.yaml")
    assert (status, errors) == (0, warning)
    assert output == shell.run("--system", "compile", "sound.yaml")[1]
    for command in ("apply", "up"):
        status, _, errors = shell.run("--system", command, "--skip-unsupported", "both.yaml")
        assert status == 3
        assert errors.startswith(f"{warning}error: no connection to systemd")


def test_a_mistyped_kind_is_not_skipped(shell: Shell) -> None:
    shell.write("pdo.yaml", _SOUND.replace("kind: Pod", "kind: Pdo"))
    status, _, errors = shell.run("validate", "--skip-unsupported", "pdo.yaml")
    assert status == 1
    assert errors.startswith("pdo.yaml:2:7: error: kind: 'Pdo' is not supported\n")
    shell.write("crd.yaml", "apiVersion: example.org/v1\nkind: Pods\nmetadata: {name: web}\n")
    assert shell.run("validate", "--skip-unsupported", "crd.yaml")[0] == 0


# scale


@pytest.mark.parametrize(
    ("owner", "error"),
    [
        ("web", "error: 'web' has no number of replicas\n  hint: name a deployment, as deployment/web\n"),
        ("ds/web", "error: 'ds/web' has no number of replicas\n  hint: name a deployment, as deployment/web\n"),
        ("deployment/web", "error: there is no deployment 'web'\n  hint: deployments here: none\n"),
    ],
)
def test_what_has_no_replicas_cannot_be_scaled(owner: str, error: str, shell: Shell) -> None:
    assert shell.run("--user", "scale", owner, "--replicas=2") == (3, "", error)


def test_a_number_of_replicas_is_needed(shell: Shell) -> None:
    assert shell.run("--user", "scale", "deployment/web")[0] == 2
    assert shell.run("--user", "scale", "deployment/web", "--replicas=-1")[0] == 2
