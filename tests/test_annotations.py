"""What `podunit.kubernetes.annotations` promises: podunit's own keys are understood or refused, others left alone."""

from __future__ import annotations

import subprocess

import pytest

from podunit.chosen import Engine
from podunit.decode import Located
from podunit.directives import is_malformed_span, list_directives, list_newer_directives, list_owned_directives
from podunit.kubernetes.annotations import Annotations, read_annotations
from podunit.model import Output, Relabel, Setting
from podunit.report import Position, Report
from tests.test_golden import needs_analyze

_KEY = Position("f", 1, 1)
_VALUE = Position("f", 1, 9)


def run(key: str, value: str, report: Report) -> Annotations:
    return read_annotations(((Located(key, _KEY), Located(value, _VALUE)),), ("web", "my-app"), report)


def read(key: str, value: str) -> Annotations:
    report = Report()
    found = run(key, value, report)
    assert report.problems == ()
    return found


def refuse(key: str, value: str = "1") -> tuple[str, str, Position]:
    """Message, hint and place of the one problem."""
    report = Report()
    run(key, value, report)
    (problem,) = report.problems
    assert problem.path == f"metadata.annotations['{key}']"
    return problem.message, problem.hint, problem.at


def test_without_annotations_the_pod_boots_and_has_no_settings() -> None:
    assert read_annotations((), (), Report()) == Annotations(boot=True, pod=[], containers={})


@pytest.mark.parametrize("key", ["example.com/podunit", "podunit", "podunit.io/boot", "Podunit/boot", "x/podunit/boot"])
def test_keys_of_others_are_theirs(key: str) -> None:
    assert read(key, "\x00nonsense") == Annotations()


@pytest.mark.parametrize(("value", "boots"), [("true", True), ("false", False)])
def test_boot(value: str, boots: bool) -> None:
    assert read("podunit/boot", value).boot is boots


@pytest.mark.parametrize("value", ["", "no", "False", "yes", "0"])
def test_boot_is_true_or_false(value: str) -> None:
    assert refuse("podunit/boot", value) == (
        f"'{value}' is not one of true, false",
        'write "false", and the pod is not started at boot',
        _VALUE,
    )


def test_the_engine_is_podman_or_crun() -> None:
    assert read("podunit/engine", "podman") == Annotations(engine_at=_VALUE)
    assert refuse("podunit/engine", "docker") == ("'docker' is not one of podman, crun", "", _VALUE)
    assert read("podunit/engine", "crun") == Annotations(engine=Engine.CRUN, engine_at=_VALUE)


@pytest.mark.parametrize("relabel", list(Relabel))
def test_relabel(relabel: Relabel) -> None:
    assert read("podunit/relabel", relabel) == Annotations(relabel=relabel)


@pytest.mark.parametrize("value", ["", "Shared", "z", "true"])
def test_relabel_is_one_of_three_words(value: str) -> None:
    assert refuse("podunit/relabel", value) == (f"'{value}' is not one of none, shared, private", "", _VALUE)


@pytest.mark.parametrize("section", ["Unit", "Install"])
def test_a_directive_of_the_pod(section: str) -> None:
    name = {"Unit": "After", "Install": "Alias"}[section]
    assert read(f"podunit/{section}.{name}", " a.service ").pod == [Setting(section, name, "a.service", _VALUE)]


def test_a_directive_of_the_slice() -> None:
    assert read("podunit/Slice.MemoryHigh", "1G").pod == [Setting("Slice", "MemoryHigh", "1G", _VALUE)]


@pytest.mark.parametrize("container", ["web", "my-app"])
def test_a_directive_of_one_container(container: str) -> None:
    setting = Setting("Service", "IOWeight", "50", _VALUE)
    found = read(f"podunit/{container}.Service.IOWeight", "50")
    assert found == Annotations(containers={container: [setting]})


def test_every_line_is_a_directive() -> None:
    found = read("podunit/Unit.After", "a.service\n\n  b.service  \n")
    assert [setting.value for setting in found.pod] == ["a.service", "b.service"]


@pytest.mark.parametrize("value", ["", " ", "\n\n"])
def test_an_empty_value_resets_the_directive(value: str) -> None:
    assert [setting.value for setting in read("podunit/Unit.After", value).pod] == [""]


@pytest.mark.parametrize("value", ["%n", '"quoted \\x41"', "a\\\\b", "a\tb", "ü", "$A"])
def test_a_value_is_systemds_own_syntax(value: str) -> None:
    assert read("podunit/Unit.Documentation", value).pod[0].value == value


@pytest.mark.parametrize("value", ["a\\", "a\\  ", "\\", "a\\\nb"])
def test_a_line_cannot_go_on(value: str) -> None:
    assert refuse("podunit/Unit.After", value)[::2] == (
        "a line ends with a backslash: it would join the next line",
        _VALUE,
    )


@pytest.mark.parametrize("char", ["\r", "\x00", "\x01", "\x1b", "\x0b", "\x7f"])
def test_a_control_character_is_refused(char: str) -> None:
    message = "a control character has no place in a unit file"
    assert refuse("podunit/Unit.After", f"a{char}b")[::2] == (message, _VALUE)


@pytest.mark.parametrize(
    ("key", "message", "hint"),
    [
        ("podunit/Unit.Afther", "'Afther' is no directive of section Unit", "did you mean 'After'?"),
        ("podunit/web.Unit.after", "'after' is no directive of section Unit", "did you mean 'After'?"),
        ("podunit/my-ap.Service.Nice", "there is no container 'my-ap' in this pod", "did you mean 'my-app'?"),
        ("podunit/unit.After", "a pod has no section 'unit'", "did you mean 'Unit'?"),
        ("podunit/web.Install.Alias", "a container has no section 'Install'", "a container has Unit, Service"),
        (
            "podunit/Service.Nice",
            "a pod has no section 'Service'",
            "name the container: podunit/CONTAINER.Service.DIRECTIVE",
        ),
        (
            "podunit/web.b.Service.Nice",
            "not of the form [CONTAINER.]SECTION.DIRECTIVE",
            "a container's name has no dot",
        ),
        (
            "podunit/zzz",
            "unknown annotation 'podunit/zzz'",
            "known are podunit/boot, podunit/depends-on, podunit/engine, podunit/network, podunit/relabel,"
            " and directives such as podunit/Unit.After",
        ),
    ],
)
def test_a_mistyped_key_is_refused_at_the_key(key: str, message: str, hint: str) -> None:
    assert refuse(key) == (message, hint, _KEY)


@pytest.mark.parametrize(
    "key", ["web.Service.ExecStart", "web.Service.Restart", "web.Service.Type", "web.Unit.PartOf", "Unit.SourcePath"]
)
def test_what_holds_the_pod_together_is_not_for_an_annotation(key: str) -> None:
    assert refuse(f"podunit/{key}")[::2] == (f"'{key.rpartition('.')[2]}' is podunit's own to set", _KEY)


def test_a_directive_that_old_systemds_skip_is_refused() -> None:
    assert refuse("podunit/web.Service.RestartSteps")[0] == "systemd 252 does not know 'RestartSteps'"


@pytest.mark.parametrize("section", ["Unit", "Service", "Slice", "Install"])
def test_the_lists_of_directives_do_not_overlap(section: str) -> None:
    allowed, newer, owned = list_directives(section), list_newer_directives(section), list_owned_directives(section)
    assert allowed
    assert not allowed & newer
    assert not allowed & owned
    assert not newer & owned


def test_one_problem_does_not_hide_another() -> None:
    report = Report()
    keys = ("podunit/a", "podunit/Unit.b", "podunit/c.Service.Nice")
    entries = tuple((Located(key, Position("f", i, 1)), Located("1", _VALUE)) for i, key in enumerate(keys, 1))
    read_annotations(entries, ("web",), report)
    assert [problem.at.line for problem in report.problems] == [1, 2, 3]


@needs_analyze
@pytest.mark.parametrize(
    "text",
    [
        *(
            "10",
            "0",
            "1min 30s",
            "1h30",
            "1h30m",
            ".5s",
            "2.s",
            "5 10",
            "infinity",
            "55s500ms",
            "3 µs",
            "1M 1m",
            "2y3weeks",
        ),
        *("10x", "-1", "one", "1 minuts", "infinity 1", "", "1..5s", "5,3", "s", "1e3", "0x10", "+5"),
    ],
)
def test_a_time_span_is_what_systemd_takes_for_one(text: str) -> None:
    taken = (
        subprocess.run(["systemd-analyze", "timespan", "--", text], capture_output=True, check=False).returncode == 0
    )
    assert is_malformed_span("RestartSec", text) != taken


def test_what_the_standard_output_of_a_container_is() -> None:
    assert read("podunit/web.output", "pipe").outputs == {"web": Output.PIPE}
    assert refuse("podunit/web.output", "socket") == ("'socket' is not one of journal, pipe", "", _VALUE)
    message, hint, _ = refuse("podunit/my-ap.output", "pipe")
    assert (message, hint) == ("there is no container 'my-ap' in this pod", "did you mean 'my-app'?")


def test_only_a_container_of_cruns_writes_into_the_journal_itself() -> None:
    message, hint, at = refuse("podunit/web.output", "journal")
    assert message == "podman gives each container pipes, whose other ends it reads"
    assert (hint, at) == ("leave it out, or add podunit/engine: crun", _VALUE)
    report = Report()
    keys = (("podunit/engine", "crun"), ("podunit/web.output", "journal"))
    entries = tuple((Located(key, _KEY), Located(value, _VALUE)) for key, value in keys)
    assert read_annotations(entries, ("web",), report).outputs == {"web": Output.JOURNAL}
    assert report.problems == ()


def test_a_mistyped_word_of_a_container_is_told_by_its_name() -> None:
    message, hint, at = refuse("podunit/web.outputs", "pipe")
    assert (message, hint, at) == (
        "unknown annotation 'podunit/web.outputs'",
        "did you mean 'podunit/web.output'?",
        _KEY,
    )
    known = "known are podunit/web.devices, podunit/web.output, and directives such as podunit/web.Service.Nice"
    assert refuse("podunit/web.Nice")[:2] == ("unknown annotation 'podunit/web.Nice'", known)
