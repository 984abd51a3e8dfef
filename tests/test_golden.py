"""What podunit makes of each case of `golden/`: the exact bytes of the units, and the exact text of the report.

A case named `error-…` has a report and no units, one named `warning-…` has both. A file `target` in a case names the
versions of systemd and podman that its units are for.

`pytest --update-golden` rewrites the expectations. All expected units are sound for systemd: `systemd-analyze verify`
has nothing to say about any of them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from podunit.cli.main import app
from podunit.files import read_static_units
from podunit.names import PARENT_SLICE
from podunit.target import OLDEST, parse_target

_CASES = sorted(file.parent for file in (Path(__file__).parent / "golden/kubernetes").glob("*/pod.yaml"))
_PROBLEM = re.compile(r"pod\.yaml:(\d+):(\d+): (?:error|warning): (?P<sentence>.+)")
_HINT = re.compile(r"  hint: (?P<sentence>.+)")

over_all_cases = pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")


def read_units(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}


def read_target(case: Path) -> list[str]:
    """The options of `compile` that the case asks for."""
    if not (case / "target").exists():
        return []
    systemd, podman = (case / "target").read_text(encoding="utf-8").split()
    return ["--systemd", systemd, "--podman", podman]


def update(case: Path, report: str, units: dict[str, bytes]) -> None:
    """Make `case` expect this."""
    shutil.rmtree(case / "units", ignore_errors=True)
    (case / "report").unlink(missing_ok=True)
    if report:
        (case / "report").write_text(report, encoding="utf-8")
    for name, data in units.items():
        (case / "units").mkdir(exist_ok=True)
        (case / "units" / name).write_bytes(data)


@over_all_cases
def test_case(case: Path, update_golden: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(case)
    made = tmp_path / "units"
    validated = CliRunner().invoke(app, ["validate", "pod.yaml"])
    compiled = CliRunner().invoke(app, ["--system", "compile", "pod.yaml", "--output", str(made), *read_target(case)])
    if update_golden:
        update(case, validated.stderr, read_units(made))
    report = (case / "report").read_text(encoding="utf-8") if (case / "report").exists() else ""
    assert validated.stderr == compiled.stderr == report
    assert validated.stdout == compiled.stdout == ""
    assert validated.exit_code == compiled.exit_code == (1 if ": error: " in report else 0)
    assert read_units(made) == read_units(case / "units")


@over_all_cases
def test_a_case_expects_units_or_a_report_and_is_named_for_it(case: Path) -> None:
    expected = {"error": {"report"}, "warning": {"report", "units"}}.get(case.name.partition("-")[0], {"units"})
    assert {file.name for file in case.iterdir()} - {"target"} == {"pod.yaml", *expected}


@pytest.mark.parametrize("case", [case for case in _CASES if (case / "report").exists()], ids=lambda case: case.name)
def test_a_report_has_one_form_and_points_into_the_file(case: Path) -> None:
    lines = (case / "pod.yaml").read_text(encoding="utf-8").split("\n")
    for printed in (case / "report").read_text(encoding="utf-8").splitlines():
        problem, hint = _PROBLEM.fullmatch(printed), _HINT.fullmatch(printed)
        found = problem or hint
        assert found, printed
        assert not found["sentence"].endswith("."), printed
        assert not found["sentence"][0].isupper(), printed
        if problem:
            line, column = int(problem[1]), int(problem[2])
            assert lines[line - 1][column - 1 : column] or (line, column) == (1, 1), printed


def verify(folder: Path) -> str:
    """What `systemd-analyze verify` says about all units of a folder, in which podman need not be installed."""
    for file in folder.iterdir():
        text = re.sub(r"^(Exec\w+=-?)/usr/bin/podman\b", r"\1/bin/true", file.read_text(encoding="utf-8"), flags=re.M)
        file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, folder.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr + (f"exit status {done.returncode}" if done.returncode else "")


def find_systemd(case: Path) -> int:
    """The systemd that the case's units are for."""
    options = read_target(case)
    return parse_target(options[1], options[3]).systemd if options else OLDEST.systemd


def find_analyze() -> int:
    """The systemd that is installed here: it does not know what newer ones know."""
    done = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[1])


@needs_analyze
def test_systemd_has_nothing_to_say_about_any_expected_unit(tmp_path: Path) -> None:
    cases = [case for case in _CASES if find_systemd(case) <= find_analyze()]
    files = [file for case in cases for file in sorted((case / "units").glob("*"))]
    names = [file.name for file in files if file.name != PARENT_SLICE]
    assert len(names) > 200
    assert len(set(names)) == len(names), "two cases have a pod of one name"
    for file in files:
        shutil.copy(file, tmp_path)
    for name, text in read_static_units().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert verify(tmp_path) == ""


@needs_analyze
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[Service]\nExecStart=/bin/true\nFoo=bar\n", "'Foo'"),
        ("[Service]\nExecStart=/no/such/program\n", "/no/such/program"),
        ("[Unit]\nAfter=nonsense\n[Service]\nExecStart=/bin/true\n", "nonsense"),
    ],
)
def test_systemd_would_say_what_is_wrong(text: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "a.service").write_text(text, encoding="utf-8")
    assert word in verify(tmp_path)
