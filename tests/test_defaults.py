"""Which engine pods have that name none: by the option, by podunit.toml, or podman; and what is wrong with the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from podunit import source
from podunit.chosen import Engine
from podunit.cli.main import app
from podunit.cli.settings import Settings
from podunit.cli.settled import look_at
from podunit.defaults import choose_by_option, read_default
from podunit.documents import dump_document
from podunit.kubernetes.engines import choose_engine
from podunit.report import Report
from podunit.scope import Scope

_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: a, image: b}]\n"
_ANNOTATED = _POD.replace("{name: web}", "{name: web, annotations: {podunit/engine: ENGINE}}")
_CRUN = choose_by_option(Engine.CRUN)


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ('\nengin = "crun"\n', 2, 1, "unknown key 'engin'", "did you mean 'engine'?"),
        ('[other]\nengine = "crun"\n', 1, 2, "unknown key 'other'", "all that the file may say is"),
        ('a."b c" = 1', 1, 1, "unknown key 'a'", "all that the file may say is"),
        ('# engine = 1\n  engine = "cron" # not\n', 2, 12, "'cron' is not one of podman, crun", "did you mean 'crun'?"),
        ("'engine' = 'docker'", 1, 12, "'docker' is not one of podman, crun", ""),
        ("engine = 5", 1, 10, "expected a string", "all that the file may say is"),
        ("[engine]\n", 1, 2, "expected a string", "all that the file may say is"),
        ("engine = crun\n", 1, 10, "invalid value", "all that the file may say is"),
        ('engine = "crun"\nengine = "crun"\n', 2, 16, "cannot overwrite a value", "all that the file may say is"),
        ('engine = """crun', 1, 17, "unterminated string", "all that the file may say is"),
        ("x = " + "[" * 5000, 1, 1, "too deep", "all that the file may say is"),
        (b"x = 1\nab\xff", 2, 3, "this is not UTF-8", "save the file as UTF-8"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_at_its_place(
    tmp_path: Path, text: str | bytes, line: int, column: int, message: str, hint: str
) -> None:
    file, report = tmp_path / "podunit.toml", Report()
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert read_default(str(file), report) is None
    (problem,) = report.problems
    assert (problem.at.file, problem.at.line, problem.at.column) == (str(file), line, column)
    assert problem.message.startswith(message)
    assert problem.hint.startswith(hint)
    assert bool(problem.hint) == bool(hint)


def test_the_file_says_an_engine_or_nothing(tmp_path: Path) -> None:
    file, report = tmp_path / "podunit.toml", Report()
    assert read_default(str(file), report) is None
    file.write_text("# nothing\n")
    assert read_default(str(file), report) is None
    for text, engine in {'engine="crun"': Engine.CRUN, '"engine" = "podman"': Engine.PODMAN}.items():
        file.write_text(f"\n{text}\n")
        found = read_default(str(file), report)
        assert found
        assert (found.engine, found.at.file, found.at.line) == (engine, str(file), 2)
    assert report.problems == ()
    file.unlink()
    file.mkdir()
    assert read_default(str(file), report) is None
    assert report.failed


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("Pod", "metadata: {name: a}", 'metadata: {name: a, annotations: {NOTE}}'),
        ("Pod", "metadata: {annotations: null}", "metadata: {annotations: {NOTE}}"),
        ("Pod", "metadata: {annotations: {a: b}}", "metadata: {annotations: {a: b, NOTE}}"),
        ("Pod", "metadata: {annotations: {podunit/engine: x}}", "metadata: {annotations: {podunit/engine: x}}"),
        ("Pod", "metadata: {annotations: [1]}", "metadata: {annotations: [1]}"),
        ("Pod", "spec: {}", "spec: {}"),
        ("Pod", "metadata: null", "metadata: null"),
        ("Job", "spec: {template: {}}", "spec: {template: {metadata: {annotations: {NOTE}}}}"),
        ("Deployment", "spec: {template: {metadata: {}}}", "spec: {template: {metadata: {annotations: {NOTE}}}}"),
        ("Deployment", "spec: null", "spec: null"),
        ("CronJob", "spec: {jobTemplate: {spec: {template: {}}}}",
         "spec: {jobTemplate: {spec: {template: {metadata: {annotations: {NOTE}}}}}}"),
    ],
)  # fmt: skip
def test_the_choice_is_an_annotation_of_pods_that_have_none(kind: str, text: str, expected: str) -> None:
    def parse(given: str) -> source.Mapping:
        (node,) = source.parse_documents(given.encode(), "pod.yaml", Report())
        assert isinstance(node, source.Mapping)
        return node

    wanted = parse(expected.replace("NOTE", "podunit/engine: crun"))
    assert dump_document(choose_engine(parse(text), kind, _CRUN)) == dump_document(wanted)


def test_an_option_is_as_the_annotation_which_is_stronger(tmp_path: Path) -> None:
    plain, crun, podman = (tmp_path / name for name in ("plain.yaml", "crun.yaml", "podman.yaml"))
    plain.write_text(_POD)
    crun.write_text(_ANNOTATED.replace("ENGINE", "crun"))
    podman.write_text(_ANNOTATED.replace("ENGINE", "podman"))
    by_option, by_annotation = (
        run("--system", "compile", *words) for words in (("--engine", "crun", str(plain)), (str(crun),))
    )
    assert "\nEngine=crun\n" in by_option[1]
    assert by_option == by_annotation
    assert run("--system", "compile", "--engine", "crun", str(podman)) == run("--system", "compile", str(plain))
    assert run("--system", "compile", "--engine", "podman", str(crun)) == by_annotation


def test_a_refusal_names_the_option(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(f"{_POD}  hostPID: true\n")
    status, _, said = run("validate", "--engine", "crun", str(file))
    assert status == 1
    assert f"{file}:6:12: error: spec.hostPID: 'true' is not supported with --engine crun: its containers join " in said
    assert "  hint: leave it out, or --engine crun, or give the pod the annotation podunit/engine: podman\n" in said
    assert run("validate", str(file))[0] == 0


def test_what_only_reads_files_does_not_look_at_the_hosts_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "podunit").mkdir()
    (tmp_path / "podunit/podunit.toml").write_text("wrong")
    file = tmp_path / "web.yaml"
    file.write_text(_POD)
    assert run("--user", "validate", str(file)) == (0, "", "")
    assert run("--user", "compile", str(file))[0] == 0
    assert run("--user", "diff", str(file))[0] == 2
    for command in ("apply", "up"):
        status, said, problems = run("--user", command, "--engine", "podman", str(file))
        assert (status, said) == (1, "")
        assert problems.startswith(f"{tmp_path}/podunit/podunit.toml:1:6: error: ")


def test_a_tree_has_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    (tmp_path / "etc/podunit").mkdir(parents=True)
    default = tmp_path / "etc/podunit/podunit.toml"
    default.write_text('engine = "crun"\n')
    file = tmp_path / "web.yaml"
    file.write_text(f"{_POD}  hostPID: true\n")
    status, _, said = run("--system", "apply", "--root", str(tmp_path), "--dry-run", str(file))
    assert status == 1
    assert (
        f"{file}:6:12: error: spec.hostPID: 'true' is not supported with engine = \"crun\" in {default}:1: its " in said
    )
    status, said, _ = run("--system", "apply", "--root", str(tmp_path), "--dry-run", "--engine", "podman", str(file))
    assert (status, said) == (0, "pod web: created, starts at boot\n")


def test_an_apply_with_another_engine_is_not_the_one_that_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = Settings(Scope.USER, tmp_path / "units", False, False)
    settings.spec_folder.mkdir()
    spec = tmp_path / "web.yaml"
    spec.write_text(_POD)

    def look(engine: Engine | None) -> str:
        sight = look_at(settings, [str(spec)], False, False, engine, None, False)
        assert sight
        return sight.digest

    plain, option = look(None), look(Engine.CRUN)
    settings.defaults_file.write_text('engine = "crun"\n')
    assert len({plain, option, look(None), look(Engine.CRUN)}) == 4


@pytest.mark.parametrize("command", [("compile",), ("apply",), ("diff",)])
def test_a_user_is_told_where_the_engine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "web.yaml"
    words = ("--user", "--unit-dir", str(tmp_path / "units"), *command)
    status = 2 if command == ("diff",) else 1
    file.write_text(_ANNOTATED.replace("ENGINE", "crun"))
    found = run(*words, str(file))
    assert (found[0], found[1]) == (status, "")
    place = f"{file}:3:53: error: metadata.annotations['podunit/engine']: podunit/engine: crun is for the system's pods"
    assert found[2].startswith(place)
    file.write_text(_POD)
    found = run(*words, "--engine", "crun", str(file))
    assert (found[0], found[1]) == (status, "")
    assert found[2].startswith(f"{file}:3:18: error: --engine crun is for the system's pods: units of a user's manager")
