"""The house rules: imports go one way, one module alone knows each library, only the command line prints and ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import podunit
from podunit.files import find_folder

_PACKAGE = Path(podunit.__file__).parent

# A module imports modules of a lower room, and earlier ones of its own package, a package's packages included.
_ROOMS: tuple[tuple[str, ...], ...] = (
    ("podunit.record",),
    (
        "podunit",
        "podunit.report",
        "podunit.errors",
        "podunit.scope",
        "podunit.sentences",
        "podunit.probes",
        "podunit.security",
        "podunit.condition",
        "podunit.rules",
        "podunit.signals",
        "podunit.inside",
    ),
    ("podunit.runs", "podunit.line", "podunit.chosen", "podunit.calls"),
    (
        "podunit.source",
        "podunit.model",
        "podunit.unitfile",
        "podunit.files",
        "podunit.manager",
        "podunit.journal",
        "podunit.target",
    ),
    (
        "podunit.prober",
        "podunit.prober.series",
        "podunit.prober.gates",
        "podunit.prober.replies",
        "podunit.prober.notify",
        "podunit.prober.journal",
        "podunit.prober.states",
        "podunit.prober.networks",
        "podunit.prober.doorkeeper",
        "podunit.prober.commands",
        "podunit.prober.streams",
        "podunit.prober.dialer",
        "podunit.prober.http",
        "podunit.prober.tcp",
        "podunit.prober.grpc",
        "podunit.prober.payload",
        "podunit.prober.bundled",
        "podunit.prober.checks",
        "podunit.prober.container",
        "podunit.prober.registry",
        "podunit.prober.main",
    ),
    (
        "podunit.decode",
        "podunit.workload",
        "podunit.documents",
        "podunit.names",
        "podunit.written",
        "podunit.limits",
        "podunit.directives",
        "podunit.engines",
        "podunit.engines.programs",
        "podunit.engines.nfs",
        "podunit.engines.users",
        "podunit.engines.memory",
        "podunit.engines.volumes",
        "podunit.engines.parts",
        "podunit.engines.terminations",
        "podunit.engines.secrets",
        "podunit.engines.pulls",
        "podunit.engines.rights",
        "podunit.engines.resolution",
        "podunit.engines.joining",
        "podunit.engines.probes",
        "podunit.engines.hooks",
        "podunit.engines.stops",
        "podunit.engines.podman",
        "podunit.engines.netavark",
        "podunit.engines.crun",
        "podunit.engines.outputs",
        "podunit.render",
    ),
    (
        "podunit.kubernetes",
        "podunit.kubernetes.fields",
        "podunit.kubernetes.engine_fields",
        "podunit.kubernetes.table",
        "podunit.kubernetes.table.claims",
        "podunit.kubernetes.table.container",
        "podunit.kubernetes.table.idle",
        "podunit.kubernetes.table.jobs",
        "podunit.kubernetes.table.objects",
        "podunit.kubernetes.table.pod",
        "podunit.kubernetes.table.probes",
        "podunit.kubernetes.table.security",
        "podunit.kubernetes.table.storage",
        "podunit.kubernetes.table.volumes",
        "podunit.kubernetes.table.workloads",
        "podunit.kubernetes.lookup",
        "podunit.kubernetes.verdicts",
        "podunit.kubernetes.quantity",
        "podunit.kubernetes.cron",
        "podunit.kubernetes.naming",
        "podunit.kubernetes.engines",
        "podunit.kubernetes.annotations",
        "podunit.kubernetes.contexts",
        "podunit.kubernetes.dns",
        "podunit.kubernetes.schema_probes",
        "podunit.kubernetes.schema_lifecycle",
        "podunit.kubernetes.schema_restarts",
        "podunit.kubernetes.schema_environment",
        "podunit.kubernetes.schema",
        "podunit.kubernetes.selectors",
        "podunit.kubernetes.objects",
        "podunit.kubernetes.claims",
        "podunit.kubernetes.schema_workloads",
        "podunit.kubernetes.schema_jobs",
        "podunit.kubernetes.registries",
        "podunit.kubernetes.downward",
        "podunit.kubernetes.projection",
        "podunit.kubernetes.devices",
        "podunit.kubernetes.environment",
        "podunit.kubernetes.terminals",
        "podunit.kubernetes.terminations",
        "podunit.kubernetes.probes",
        "podunit.kubernetes.hooks",
        "podunit.kubernetes.network",
        "podunit.kubernetes.node",
        "podunit.kubernetes.ports",
        "podunit.kubernetes.huge_pages",
        "podunit.kubernetes.volumes",
        "podunit.kubernetes.resources",
        "podunit.kubernetes.security",
        "podunit.kubernetes.users",
        "podunit.kubernetes.restarts",
        "podunit.kubernetes.translate",
        "podunit.kubernetes.failures",
        "podunit.kubernetes.turns",
        "podunit.kubernetes.jobs",
        "podunit.kubernetes.services",
        "podunit.kubernetes.workloads",
        "podunit.kubernetes.elsewhere",
        "podunit.kubernetes.versions",
        "podunit.kubernetes.idle",
        "podunit.conflicts",
        "podunit.installed",
        "podunit.host",
        "podunit.cgroups",
        "podunit.controllers",
        "podunit.restarts",
        "podunit.turns",
        "podunit.hostpaths",
        "podunit.messages",
        "podunit.values",
    ),
    ("podunit.checks", "podunit.starting"),
    (
        "podunit.containers",
        "podunit.bundled",
        "podunit.bundles",
        "podunit.payload",
        "podunit.dependencies",
        "podunit.history",
    ),
    (
        "podunit.load",
        "podunit.defaults",
        "podunit.generate",
        "podunit.failures",
        "podunit.rollout",
        "podunit.readiness",
    ),
    ("podunit.exchange", "podunit.private", "podunit.holder"),
    ("podunit.unfinished",),
    (
        "podunit.install",
        "podunit.specs",
        "podunit.state",
        "podunit.generations",
        "podunit.states",
        "podunit.events",
        "podunit.plan",
        "podunit.drift",
        "podunit.settled",
        "podunit.live",
    ),
    (
        "podunit.generator",
        "podunit.generator.output",
        "podunit.generator.cache",
        "podunit.generator.log",
        "podunit.generator.units",
        "podunit.generator.making",
        "podunit.generator.main",
    ),
    (
        "podunit.bringup",
        "podunit.waiting",
        "podunit.progress",
        "podunit.images",
        "podunit.usage",
        "podunit.surroundings",
        "podunit.residence",
    ),
    ("podunit.planning",),
    ("podunit.forecast", "podunit.operating"),
    ("podunit.deletion",),
    ("podunit.snapshots", "podunit.deploy", "podunit.description", "podunit.offline"),
    ("podunit.rollback", "podunit.garbage", "podunit.completion"),
    (
        "podunit.cli",
        "podunit.cli.version",
        "podunit.cli.loop",
        "podunit.cli.become",
        "podunit.cli.settings",
        "podunit.cli.output",
        "podunit.cli.files",
        "podunit.cli.intake",
        "podunit.cli.images",
        "podunit.cli.settled",
        "podunit.cli.pods",
        "podunit.cli.applying",
        "podunit.cli.trees",
        "podunit.cli.explain",
        "podunit.cli.lifecycle",
        "podunit.cli.diff",
        "podunit.cli.listing",
        "podunit.cli.describing",
        "podunit.cli.times",
        "podunit.cli.watching",
        "podunit.cli.rollouts",
        "podunit.cli.collecting",
        "podunit.cli.attach",
        "podunit.cli.main",
        "podunit.cli.entry",
    ),
)
_PLACES = {module: (room, place) for room, modules in enumerate(_ROOMS) for place, module in enumerate(modules)}

# Library → the modules that may import it, as a prefix of their names.
_LIBRARIES = {
    "dbus_next": "podunit.manager",
    "jinja2": "podunit.render",
    "markupsafe": "podunit.render",
    "yaml": "podunit.source",
    "typer": "podunit.cli",
    "h11": "podunit.prober.http",
    "h2": "podunit.prober.grpc",
}


def name_module(file: Path) -> str:
    parts = file.relative_to(_PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


_FILES = {name_module(file): file for file in sorted(_PACKAGE.rglob("*.py"))}

over_all_modules = pytest.mark.parametrize("module", _FILES)


def parse(module: str) -> ast.Module:
    return ast.parse(_FILES[module].read_text(encoding="utf-8"))


def list_imports(module: str) -> Iterator[str]:
    """Every module that is imported anywhere in a file, inside functions and for type checkers too."""
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            origin = node.module or ""
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                yield whole if whole in _FILES else origin


def list_calls(module: str) -> Iterator[str]:
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def is_lower(imported: str, module: str) -> bool:
    """Whether `imported` is in a lower room, or earlier in the package of `module`."""
    (room, place), (own_room, own_place) = _PLACES[imported], _PLACES[module]
    in_package = imported.split(".")[:2] == module.split(".")[:2]
    return room < own_room or (room == own_room and in_package and place < own_place)


def test_every_module_has_a_room() -> None:
    assert set(_FILES) == set(_PLACES)


@over_all_modules
def test_imports_go_one_way(module: str) -> None:
    imported = {name for name in list_imports(module) if name.partition(".")[0] == "podunit"}
    assert {name for name in imported if not is_lower(name, module)} == set()


@over_all_modules
def test_a_library_has_one_importer(module: str) -> None:
    imported = {name.partition(".")[0] for name in list_imports(module)}
    wrong = {name for name in imported & set(_LIBRARIES) if not f"{module}.".startswith(f"{_LIBRARIES[name]}.")}
    assert wrong == set()


@over_all_modules
def test_libraries_are_those_that_are_declared(module: str) -> None:
    from sys import stdlib_module_names

    imported = {name.partition(".")[0] for name in list_imports(module)}
    assert imported - stdlib_module_names <= {"podunit", *_LIBRARIES}
    assert not {"importlib.import_module", "import_module", "__import__"} & set(list_calls(module))


@pytest.mark.parametrize("module", [name for name in _FILES if not name.startswith("podunit.cli")])
def test_only_the_command_line_prints_and_ends(module: str) -> None:
    wrong = {"print", "sys.exit", "exit", "quit", "os._exit", "sys.stdout.write", "sys.stderr.write"}
    assert wrong & set(list_calls(module)) == set()
    raised = {
        ast.unparse(node.exc)
        for node in ast.walk(parse(module))
        if isinstance(node, ast.Raise) and node.exc is not None
    }
    assert not {name for name in raised if name.startswith("SystemExit")}


@over_all_modules
def test_no_error_is_caught_by_accident(module: str) -> None:
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: a bare except"
            caught = ast.unparse(node.type)
            assert "Exception" not in caught.replace("BaseException", ""), f"line {node.lineno}: except {caught}"
            # To clean up is allowed; to go on is not.
            ends_with_raise = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            assert "BaseException" not in caught or ends_with_raise, f"line {node.lineno}"


@over_all_modules
def test_positions_are_made_where_the_text_is_read(module: str) -> None:
    assert ("Position" in set(list_calls(module))) == (module in ("podunit.source", "podunit.defaults"))


@pytest.mark.parametrize("module", [name for name in _FILES if name != "podunit.record"])
def test_frozen_dataclasses_are_records(module: str) -> None:
    made = {ast.unparse(node) for node in ast.walk(parse(module)) if isinstance(node, ast.Call)}
    assert [call for call in made if call.startswith("dataclass") and "frozen" in call] == []


@over_all_modules
def test_every_file_says_what_it_is(module: str) -> None:
    tree = parse(module)
    if _FILES[module].name == "__init__.py":
        # No logic: a sentence and constants at most.
        assert all(isinstance(node, ast.Expr | ast.Assign) for node in tree.body)
        assert not set(list_calls(module))
    else:
        assert ast.get_docstring(tree)


def test_no_file_has_to_be_scrolled_for_a_minute() -> None:
    files = [*_FILES.values(), *find_folder("templates").iterdir(), *find_folder("units").iterdir()]
    assert [file.name for file in files if len(file.read_text(encoding="utf-8").splitlines()) > 450] == []


def test_no_file_is_for_what_has_no_place() -> None:
    assert not {"utils", "util", "common", "helpers", "misc"} & {name.rpartition(".")[2] for name in _FILES}
