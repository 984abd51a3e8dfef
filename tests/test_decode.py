"""What `podunit.decode` promises: an object, or everything that is wrong with the node, each at its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podunit.decode import Located, Parsed, Table, decode, join_path, suggest
from podunit.report import Level, Position, Report
from podunit.source import parse_documents

T = TypeVar("T")


class Restart(StrEnum):
    ALWAYS = "Always"
    NEVER = "Never"
    OFF = "off"


def parse_size(text: str) -> int:
    if not text.endswith("Mi"):
        raise ValueError(f"'{text}' is not a size", "write it as 64Mi")
    return int(text.removesuffix("Mi"))


Size = Annotated[int, Parsed(parse_size)]


@dataclass(frozen=True, slots=True)
class Port:
    container_port: int
    host_ip: str = field(default="", metadata={"key": "hostIP"})


@dataclass(frozen=True, slots=True)
class Container:
    unsupported: ClassVar[Mapping[str, str]] = {"livenessProbe": "systemd's watchdog does this"}
    ignored: ClassVar[Mapping[str, str]] = {"resizePolicy": "what changed is restarted"}

    name: Located[str]
    image: str
    at: Position
    args: tuple[str, ...] | None = None
    ports: tuple[Port, ...] = ()
    tty: bool = False
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    containers: tuple[Container, ...]
    restart_policy: Restart = Restart.ALWAYS


@dataclass(frozen=True, slots=True)
class Pod:
    spec: Spec
    labels: Table[str] = field(default_factory=Table)
    from_: str | None = None


@dataclass(frozen=True, slots=True)
class Amounts:
    cpu: int = 0
    others: Table[Located[Size]] = field(
        default_factory=Table, metadata={"key": "vendor/class", "others": lambda key: "/" in key}
    )


@dataclass(frozen=True, slots=True)
class Tree:
    name: str
    children: tuple[Tree, ...] = ()


def read(text: str, kind: type[T], path: str = "") -> T:
    """The object of a sound text."""
    report = Report()
    (node,) = parse_documents(text.encode(), "f", report)
    value = decode(node, kind, path, report)
    assert report.problems == ()
    assert value is not None
    return value


def refuse(text: str, kind: type[Any], path: str = "") -> list[str]:
    """The problems of a text that makes no object: `line:column: path: message (hint)`."""
    report = Report()
    (node,) = parse_documents(text.encode(), "f", report)
    assert decode(node, kind, path, report) is None
    assert report.failed
    return [
        str(problem).replace("f:", "", 1).replace("error: ", "", 1) + (problem.hint and f" ({problem.hint})")
        for problem in report.problems
    ]


POD = """\
labels: {app: web, a/b: 'yes'}
from: here
spec:
  restartPolicy: Never
  containers:
    - name: nginx
      image: nginx:1
      args: [a, '']
      tty: on
      size: 64Mi
      ports:
        - {containerPort: 0x50, hostIP: '::1'}
        - containerPort: 1_000
"""


def test_a_sound_document_becomes_an_object() -> None:
    assert read(POD, Pod) == Pod(
        spec=Spec(
            containers=(
                Container(
                    name=Located("nginx", Position("f", 6, 13, 5)),
                    image="nginx:1",
                    at=Position("f", 6, 7),
                    args=("a", ""),
                    ports=(Port(80, "::1"), Port(1000)),
                    tty=True,
                    size=64,
                ),
            ),
            restart_policy=Restart.NEVER,
        ),
        labels=Table(
            (
                (Located("app", Position("f", 1, 10, 3)), "web"),
                (Located("a/b", Position("f", 1, 20, 3)), "yes"),
            )
        ),
        from_="here",
    )


def test_null_is_absence() -> None:
    pod = read("spec: {containers: [], restartPolicy: }\nlabels: ~\nfrom: null\n", Pod)
    assert pod == Pod(Spec(()))


def test_a_schema_may_contain_itself() -> None:
    assert read("name: a\nchildren: [{name: b}]", Tree) == Tree("a", (Tree("b"),))


def test_keys_beside_the_fields_may_be_the_users() -> None:
    amounts = read("a.b/c: 1Mi\ncpu: 2\nd/e: null\n", Amounts)
    assert amounts.cpu == 2
    assert [(key.value, value.value) for key, value in amounts.others.entries] == [("a.b/c", 1)]
    assert read("cpu: 1", Amounts).others == Table()
    assert refuse("gpu: 1Mi", Amounts) == ["1:1: gpu: unknown field 'gpu' (fields allowed here: cpu)"]
    assert refuse("a/b: 1Gi", Amounts) == ["1:6: ['a/b']: '1Gi' is not a size (write it as 64Mi)"]


def test_an_empty_list_is_not_the_absence_of_one() -> None:
    container = read("{name: a, image: b, args: []}", Container)
    assert container.args == ()


# Fields


def test_an_unknown_field_is_reported_at_its_key() -> None:
    text = "spec:\n  conatiners: []\n  containers: []\n"
    assert refuse(text, Pod) == ["2:3: spec.conatiners: unknown field 'conatiners' (did you mean 'containers'?)"]


def test_an_unknown_field_that_is_like_no_other_hints_at_all() -> None:
    assert refuse("{containerPort: 1, zzz: 2}", Port, "ports[0]") == [
        "1:20: ports[0].zzz: unknown field 'zzz' (fields allowed here: containerPort, hostIP)"
    ]


def test_the_python_name_of_a_field_is_not_a_key() -> None:
    assert refuse("container_port: 1", Port)[0].endswith("(did you mean 'containerPort'?)")


def test_the_position_is_not_a_key() -> None:
    assert "unknown field 'at'" in refuse("{name: a, image: b, at: c}", Container)[0]


def test_a_missing_field_is_reported_at_the_key_that_opens_the_mapping() -> None:
    assert refuse("labels: {}\nspec:\n  restartPolicy: Never\n", Pod) == ["2:1: spec: 'containers' is missing"]


def test_a_missing_field_of_a_list_item_is_reported_at_the_item() -> None:
    text = "spec:\n  containers:\n    - name: a\n    - image: b\n"
    assert refuse(text, Pod) == [
        "3:7: spec.containers[0]: 'image' is missing",
        "4:7: spec.containers[1]: 'name' is missing",
    ]


def test_a_missing_field_of_a_document_is_reported_where_the_caller_says() -> None:
    assert refuse("labels: {}", Pod) == ["1:1: 'spec' is missing"]
    report = Report()
    (node,) = parse_documents(b"restartPolicy: Never", "f", report)
    assert decode(node, Spec, "a", report, named_at=Position("f", 7, 7)) is None
    assert [str(problem) for problem in report.problems] == ["f:7:7: error: a: 'containers' is missing"]


def test_a_field_that_is_refused_says_why() -> None:
    assert refuse("{name: a, image: b, livenessProbe: {x: 1}}", Container, "c") == [
        "1:21: c.livenessProbe: 'livenessProbe' is not supported (systemd's watchdog does this)"
    ]


def test_a_refused_field_without_a_value_is_absent() -> None:
    assert read("{name: a, image: b, livenessProbe: }", Container).image == "b"


@pytest.mark.parametrize("value", ["1", "[]", "{a: {b: c}}", "[{resourceName: cpu}]", "''"])
def test_an_ignored_field_is_a_warning_and_nothing_is_lost(value: str) -> None:
    report = Report()
    (node,) = parse_documents(f"{{name: a, resizePolicy: {value}, image: b, tty: true}}".encode(), "f", report)
    container = decode(node, Container, "c", report)
    assert container is not None
    assert (container.name.value, container.image, container.tty) == ("a", "b", True)
    assert [(str(problem), problem.hint) for problem in report.problems] == [
        ("f:1:11: warning: c.resizePolicy: 'resizePolicy' has no effect here", "what changed is restarted")
    ]


def test_an_ignored_field_without_a_value_is_absent() -> None:
    assert read("{name: a, image: b, resizePolicy: null}", Container).image == "b"


def test_an_ignored_field_hides_no_error() -> None:
    report = Report()
    (node,) = parse_documents(b"{resizePolicy: [], nmae: a, resizePolic: b, image: c}", "f", report)
    assert decode(node, Container, "", report) is None
    assert [problem.path for problem in report.problems if problem.level is Level.ERROR] == ["nmae", "resizePolic"]
    assert [problem.path for problem in report.problems if problem.level is Level.WARNING] == ["resizePolicy"]


def test_a_field_that_is_mistyped_is_not_missing_as_well() -> None:
    assert refuse("{nam: a}", Container) == [
        "1:1: 'image' is missing",
        "1:2: nam: unknown field 'nam' (did you mean 'name'?)",
    ]


def test_all_problems_of_a_document_are_reported() -> None:
    text = """\
labels: {app: 1}
spec:
  restartPolicy: Alway
  containers:
    - name: 5
      imag: b
      ports: [{containerPort: x}, {}]
  x: 1
kind: Pod
"""
    assert [problem.partition(": ")[0] for problem in refuse(text, Pod)] == [
        "1:15",
        "3:18",
        "5:13",
        "6:7",
        "7:31",
        "7:35",
        "8:3",
        "9:1",
    ]


def test_keys_that_are_not_words_stand_in_brackets() -> None:
    assert refuse("labels: {podunit/boot: false}\nspec: {containers: []}", Pod) == [
        "1:24: labels['podunit/boot']: false is a boolean, not a string (quote it: \"false\")"
    ]
    assert join_path("", "a.b") == "['a.b']"
    assert join_path("a", "b-c") == "a.b-c"


# Values


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("8080", '8080 is a number, not a string (quote it: "8080")'),
        ("1.5", '1.5 is a number, not a string (quote it: "1.5")'),
        ("yes", 'yes is a boolean, not a string (quote it: "yes")'),
        ("null", 'null is not a string (quote it: "null")'),
        ("2024-01-01", '2024-01-01 is a date, not a string (quote it: "2024-01-01")'),
        ("!!binary aGk=", 'aGk= is binary data, not a string (quote it: "aGk=")'),
        ("[]", "a list, expected a string"),
        ("{}", "a mapping, expected a string"),
    ],
)
def test_a_string_has_to_be_one(text: str, problem: str) -> None:
    (found,) = refuse(f"name: {text}", Tree)
    assert found.partition(": name: ")[2] == problem


def test_an_empty_value_is_reported_at_its_key() -> None:
    assert refuse("spec:\n  containers:\n", Pod) == ["2:3: spec.containers: empty, expected a list"]
    assert refuse("name:", Tree) == ["1:1: name: empty, expected a string"]
    assert refuse("spec: {containers: [a: b, ]}\nlabels: {x: }", Pod)[-1].startswith("2:10: labels.x: empty")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("80", 80),
        ("-5", -5),
        ("+5", 5),
        ("0644", 0o644),
        ("0x1f", 31),
        ("-0b101", -5),
        ("1_000", 1000),
    ],
)
def test_numbers_are_those_of_yaml_1_1(text: str, number: int) -> None:
    assert read(f"containerPort: {text}", Port).container_port == number


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http", "'http' is not a whole number"),
        ("'80'", "'80' is a string, not a number (remove the quotes)"),
        ("'http'", "'http' is not a whole number"),
        ("1.5", "'1.5' is not a whole number"),
        ("08", "'08' is not a whole number"),
        ("1:30", "'1:30' is not a whole number"),
        ("0x_", "'0x_' is not a whole number"),
        ("true", "'true' is not a whole number"),
        ("9223372036854775808", "'9223372036854775808' does not fit into 64 bits"),
        ("1" * 5000, f"'{'1' * 59}…' does not fit into 64 bits"),
        ("~", "null, expected a number"),
        ("[]", "a list, expected a number"),
    ],
)
def test_a_number_has_to_be_one(text: str, problem: str) -> None:
    (found,) = refuse(f"containerPort: {text}", Port)
    assert found == f"1:16: containerPort: {problem}"


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["d", "#x", "#b"]))
def test_every_number_of_64_bits_is_read(number: int, form: str) -> None:
    assert read(f"containerPort: {number:{form}}", Port).container_port == number


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("On", True), ("YES", True), ("false", False), ("no", False), ("off", False)],
)
def test_booleans_are_those_of_yaml_1_1(text: str, value: bool) -> None:
    assert read(f"{{name: a, image: b, tty: {text}}}", Container).tty is value


def test_a_boolean_has_to_be_one() -> None:
    assert refuse("{name: a, image: b, tty: maybe}", Container) == ["1:26: tty: 'maybe' is not true or false"]
    assert refuse("{name: a, image: b, tty: 'true'}", Container) == [
        "1:26: tty: 'true' is a string, not a boolean (remove the quotes)"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Alway", "'Alway' is not one of Always, Never, off (did you mean 'Always'?)"),
        ("never", "'never' is not one of Always, Never, off (did you mean 'Never'?)"),
        ("5", "'5' is not one of Always, Never, off"),
        ("off", 'off is a boolean, not a string (quote it: "off")'),
        ("{}", "a mapping, expected one of Always, Never, off"),
    ],
)
def test_an_enum_names_what_is_allowed(text: str, problem: str) -> None:
    (found,) = refuse(f"containers: []\nrestartPolicy: {text}", Spec)
    assert found == f"2:16: restartPolicy: {problem}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("containers: {}", "1:13: containers: a mapping, expected a list"),
        ("containers: web", "1:13: containers: a string, expected a list"),
        ("containers: [web]", "1:14: containers[0]: a string, expected a mapping"),
        ("[]", "1:1: a list, expected a mapping"),
    ],
)
def test_a_node_of_the_wrong_kind(text: str, problem: str) -> None:
    assert refuse(text, Spec) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("64", "'64' is not a size (write it as 64Mi)"),
        ("x", "'x' is not a size (write it as 64Mi)"),
        ("true", 'true is a boolean, not a string or a number (quote it: "true")'),
        ("[]", "a list, expected a string or a number"),
    ],
)
def test_a_value_with_a_syntax_of_its_own(text: str, problem: str) -> None:
    assert refuse(f"{{name: a, image: b, size: {text}}}", Container) == [f"1:27: size: {problem}"]


def test_a_problem_of_one_object_does_not_hide_the_next() -> None:
    report = Report()
    (node,) = parse_documents(b"[{containerPort: x}, {containerPort: 80}]", "f", report)
    assert decode(node, tuple[Port, ...], "", report) is None
    assert decode(parse_documents(b"containerPort: 1", "g", report)[0], Port, "", report) == Port(1)


def test_long_text_is_cut_in_messages() -> None:
    (found,) = refuse(f"containerPort: {'x' * 1000}", Port)
    assert len(found) < 120


def test_a_suggestion_is_close_or_absent() -> None:
    assert suggest("IMAGE", ["image", "name"]) == "did you mean 'image'?"
    assert suggest("imagePullPolicys", ["imagePullPolicy"]) == "did you mean 'imagePullPolicy'?"
    assert suggest("zzz", ["image", "name"]) == ""


def test_a_hint_that_no_node_can_have_is_a_bug() -> None:
    report = Report()
    (node,) = parse_documents(b"a: 1", "f", report)
    with pytest.raises(TypeError, match="no node can be decoded"):
        decode(node, bytes, "", report)
