"""What `podunit.source` promises: every value and its place, read as PyYAML does; no input breaks it."""

from __future__ import annotations

import datetime
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from podunit import source
from podunit.report import Position, Problem, Report
from podunit.source import (
    STDIN,
    Mapping,
    Node,
    Scalar,
    Sequence,
    list_files,
    parse_documents,
    read_source,
    split_lines,
)

LOADERS = sorted({yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)}, key=lambda it: it.__name__)


@pytest.fixture(params=LOADERS, ids=lambda it: str(it.__name__))
def both_loaders(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test with libyaml and without it."""
    monkeypatch.setattr(source, "_LOADER", request.param)


def parse(text: str | bytes) -> Node:
    """The only document of a sound text."""
    report = Report()
    data = text if isinstance(text, bytes) else text.encode()
    documents = parse_documents(data, "f.yaml", report)
    assert report.problems == ()
    (node,) = documents
    return node


def list_problems(text: str | bytes) -> tuple[Problem, ...]:
    """The problems of a broken text, which gives no document."""
    report = Report()
    data = text if isinstance(text, bytes) else text.encode()
    assert parse_documents(data, "f.yaml", report) == ()
    assert report.failed
    return report.problems


def find_problem(text: str | bytes) -> tuple[str, str]:
    """Where and what is the only problem of a broken text."""
    (problem,) = list_problems(text)
    return f"{problem.at.line}:{problem.at.column}", problem.message


def list_scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from list_scalars(item)
    else:
        for entry in node.entries:
            yield entry.key
            yield from list_scalars(entry.value)


def construct(node: Node) -> Any:
    """The Python value of a node, by its tags alone."""
    if isinstance(node, Sequence):
        return [construct(item) for item in node.items]
    if isinstance(node, Mapping):
        return {entry.key.text: construct(entry.value) for entry in node.entries}
    tagged = yaml.ScalarNode(f"tag:yaml.org,2002:{node.tag}", node.text)
    return yaml.constructor.SafeConstructor().construct_object(tagged)


# Values and positions


def test_nodes_keep_text_type_and_place() -> None:
    node = parse("mode: 0644\nnames: [web, 'yes', no]\n")
    assert isinstance(node, Mapping)
    mode, names = node.entries
    assert mode.key == Scalar("mode", "str", Position("f.yaml", 1, 1, 4), True)
    assert mode.value == Scalar("0644", "int", Position("f.yaml", 1, 7, 4), True)
    assert isinstance(names.value, Sequence)
    assert names.value.at == Position("f.yaml", 2, 8, 1)
    assert names.value.items == (
        Scalar("web", "str", Position("f.yaml", 2, 9, 3), True),
        Scalar("yes", "str", Position("f.yaml", 2, 14, 5), False),
        Scalar("no", "bool", Position("f.yaml", 2, 21, 2), True),
    )


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("web", "str"),
        ("'80'", "str"),
        ("80", "int"),
        ("0x1f", "int"),
        ("1_000", "int"),
        ("1.5", "float"),
        (".inf", "float"),
        ("1e3", "str"),
        ("On", "bool"),
        ("~", "null"),
        ("", "null"),
        ("2024-02-01", "timestamp"),
        ("=", "str"),
        ("<<", "str"),
        ("!!str 80", "str"),
        ("!!int 80", "int"),
        ("!!binary aGk=", "other"),
    ],
)
def test_types_are_those_of_yaml_1_1(text: str, tag: str) -> None:
    (value,) = list(list_scalars(parse(f"- {text}")))
    assert value.tag == tag


@pytest.mark.usefixtures("both_loaders")
def test_columns_count_characters() -> None:
    key, value = list_scalars(parse("  größe🐚: 'ü'"))
    assert (key.at.column, key.at.width) == (3, 6)
    assert (value.at.column, value.at.width) == (11, 3)


@pytest.mark.usefixtures("both_loaders")
def test_an_anchor_or_tag_is_not_part_of_the_value() -> None:
    node = parse("a: &x 80\nb: !!str 81\nc: &y !!str '82'\n")
    places = [(value.at.column, value.at.width) for value in list(list_scalars(node))[1::2]]
    assert places == [(7, 2), (10, 2), (13, 4)]


def test_a_value_of_several_lines_is_one_wide() -> None:
    values = list(list_scalars(parse("a: |\n  x\n  y\nb: 'x\n  y'\nc: x\n  y\n")))[1::2]
    assert [value.text for value in values] == ["x\ny\n", "x y", "x y"]
    assert [value.at.width for value in values] == [1, 1, 1]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028"])
@pytest.mark.usefixtures("both_loaders")
def test_lines_are_counted_as_they_are_shown(line_break: str) -> None:
    text = f"a: 1{line_break}b: 2{line_break}"
    second = list(list_scalars(parse(text)))[2]
    assert second.at == Position("f.yaml", 2, 1, 1)
    assert split_lines(text.encode())[1] == "b: 2"
    assert find_problem(text + "c: @")[0] == "3:4"
    assert find_problem(text + "c: \x01")[0] == "3:4"


def test_a_byte_order_mark_takes_no_column() -> None:
    node = parse(b"\xef\xbb\xbfkind: Pod")
    assert node.at == Position("f.yaml", 1, 1, 1)
    assert split_lines(b"\xef\xbb\xbfkind: Pod") == ("kind: Pod",)
    assert find_problem(b"\xef\xbb\xbfa: \xff")[0] == "1:4"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.dates(datetime.date(1000, 1, 1))
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    | st.sampled_from(["yes", "0644", "1:30", "=", "<<", "~", "a: b", "- a", " x ", "é" * 200, "x y " * 60])
)
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)
SHARED = ["same"]


def dump(tree: object, flow: bool | None, width: int) -> str:
    return yaml.safe_dump(tree, default_flow_style=flow, width=width, allow_unicode=True)


@given(TREES, st.sampled_from([None, True, False]), st.sampled_from([20, 80, 1000]))
@example({"a": SHARED, "b": SHARED}, False, 80)
@example({"k" * 200: {"x": 1}}, False, 80)
def test_every_position_points_at_the_text(tree: object, flow: bool | None, width: int) -> None:
    text = dump(tree, flow, width)
    lines = split_lines(text.encode())
    for value in list_scalars(parse(text)):
        line = lines[value.at.line - 1]
        shown = line[value.at.column - 1 :][: value.at.width]
        if value.plain:
            assert value.text.startswith(shown)
            assert value.at.width in (1, len(value.text))
        else:
            assert shown[0] in "'\"|>"
        if value.at.width > 1 and not value.plain:
            assert yaml.safe_load(f"- {shown}") == [value.text]


@given(TREES, st.sampled_from([None, True, False]), st.sampled_from([20, 80, 1000]))
@example({"a": SHARED, "b": SHARED}, False, 80)
def test_values_are_what_pyyaml_makes_of_them(tree: object, flow: bool | None, width: int) -> None:
    text = dump(tree, flow, width)
    assert construct(parse(text)) == yaml.load(text, Loader=LOADERS[0])


def test_documents_are_told_apart_and_empty_ones_left_out() -> None:
    report = Report()
    documents = parse_documents(b"---\na\n---\n# nothing\n---\nb\n...\n---\n", "f.yaml", report)
    assert [construct(node) for node in documents] == ["a", "b"]
    assert report.problems == ()


def test_a_null_that_is_written_is_a_document() -> None:
    assert construct(parse("null")) is None


# Anchors, aliases, merges


def test_an_alias_is_the_node_of_its_anchor() -> None:
    node = parse("a: &x [1]\nb: *x\n")
    assert isinstance(node, Mapping)
    assert node.entries[0].value is node.entries[1].value


def test_an_anchor_may_be_set_again() -> None:
    assert construct(parse("[&x 1, *x, &x 2, *x]")) == [1, 1, 2, 2]


def test_anchors_end_with_their_document() -> None:
    assert find_problem("a: &x 1\n---\nb: *x\n") == ("3:4", "no anchor '&x' before this alias")


def test_merged_keys_yield_to_explicit_ones_and_to_earlier_mappings() -> None:
    text = """
- &a {name: a, x: 1}
- &b {name: b, x: 2, y: 2}
- {<<: [*a, *b], name: c}
- {name: d, <<: *b}
"""
    items = construct(parse(text))
    assert items[2:] == [{"name": "c", "x": 1, "y": 2}, {"name": "d", "x": 2, "y": 2}]
    assert items == yaml.safe_load(text)


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert construct(parse("'<<': 1")) == {"<<": 1}


def test_a_merge_takes_mappings_and_stands_once() -> None:
    assert find_problem("<<: 5") == ("1:5", "'<<' takes a mapping or a list of mappings")
    assert find_problem("<<: {}\n<<: {}") == ("2:1", "duplicate key '<<', first at line 1")


def test_a_recursive_alias_is_an_error() -> None:
    assert find_problem("a: &x\n  b: [*x]\n") == ("2:7", "alias '*x' stands inside its own anchor")


def test_an_alias_bomb_is_an_error_at_an_alias() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 20):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    started = time.monotonic()
    (problem,) = list_problems("\n".join(lines))
    assert time.monotonic() - started < 5
    assert problem.message == "aliases stand for more than 100000 values up to here"
    assert problem.at.line == 5
    assert problem.at.width == len("*a3")


def test_aliases_of_a_long_text_are_a_bomb_too() -> None:
    text = "a: &a " + "x" * 1024 * 1024 + "\nb: [" + "*a, " * 200 + "]"
    assert find_problem(text)[1] == "aliases stand for more than 100000 values up to here"


def test_ordinary_sharing_is_allowed() -> None:
    text = "a: &a [1, 2, 3]\nb: [" + "*a, " * 1000 + "]"
    assert len(construct(parse(text))["b"]) == 1000


# Keys


def test_a_duplicate_key_is_an_error_at_the_second() -> None:
    text = "metadata:\n  name: a\n  labels: {}\n  name: b\n"
    (problem,) = list_problems(text)
    assert problem.at == Position("f.yaml", 4, 3, 4)
    assert problem.message == "duplicate key 'name', first at line 2"


def test_all_duplicate_keys_are_reported() -> None:
    places = [str(problem.at) for problem in list_problems("a: {x: 1, x: 2}\nb: 1\n'b': 2\n")]
    assert places == ["f.yaml:1:11", "f.yaml:3:1"]


def test_a_key_by_alias_is_reported_where_the_alias_is() -> None:
    assert find_problem("&k a: 1\n*k : 2\n") == ("2:1", "duplicate key 'a', first at line 1")


def test_keys_are_text_whatever_they_look_like() -> None:
    assert construct(parse("yes: 1\n80: 2\n2024-01-01: 3\n")) == {"yes": 1, "80": 2, "2024-01-01": 3}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("? [a]\n: b\n", "1:3", "a list cannot be a key"),
        ("? {a: b}\n: b\n", "1:3", "a mapping cannot be a key"),
        ("{? : b}", "1:4", "no key before the ':'"),
    ],
)
def test_what_cannot_be_a_key(text: str, place: str, message: str) -> None:
    assert find_problem(text) == (place, message)


# Broken text


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "1:1", "no document in this file"),
        ("# only a comment\n", "1:1", "no document in this file"),
        ("---\n---\n", "1:1", "no document in this file"),
        ("a:\n\tb: 1\n", "2:1", "a tab in the indentation"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1", "a tab in the indentation"),
        ("a: 1\n  \tb: 2\n", "2:3", "a tab in the indentation"),
        ("a: b: c\n", "1:5", "a ': ' cannot stand here"),
        ("a: @x\n", "1:4", "'@' cannot start a value"),
        ("a: *.txt\n", "1:4", "'*' without a name cannot start a value"),
        ("a: 'x\nb: 1\n", "1:4", "this quote is never closed"),
        ('a: "x\n', "1:4", "this quote is never closed"),
        ("a: {x: 1\n", "1:4", "this '{' is never closed"),
        ("a: [1, 2\n", "1:4", "this '[' is never closed"),
        ("a: [1, 2\nb: 3\n", "2:2", "expected ',' or ']'"),
        ("{a: b}}\n", "1:7", "unexpected text after the end of the document"),
        ("a:\n  b: 1\n c: 2\n", "3:2", "expected a key of the mapping"),
        ("- a\nb: 1\n", "2:1", "expected '- ' as the list goes on"),
        ("a: 'b' c\n", "1:8", "unexpected text after a value"),
        ("a: 1\nfoo\nb: 2\n", "2:1", "no ': ' after this key"),
        ("a: - b\n", "1:4", "a list cannot start here"),
        ("a: |x\n", "1:5", "unexpected text after '|' or '>'"),
        ("a: !foo b\n", "1:4", "tag '!foo' is not supported"),
        ("a: !!set {}\n", "1:4", "tag '!!set' is not supported"),
        ("a: !x!y z\n", "1:4", "this tag is not supported"),
        ("a: !!int x\n", "1:10", "this is not what its tag '!!int' says"),
        ("a: *b\n", "1:4", "no anchor '&b' before this alias"),
        ("%YAML 3.0\n---\na\n", "1:1", "this version of YAML is not known"),
        ('é: "\\0"\n', "1:4", "a NUL character"),
        ("é: \0\n", "1:4", "character U+0000 is not allowed in YAML"),
        ("é: \x1b\n", "1:4", "character U+001B is not allowed in YAML"),
        ("---\n\ufeffa: 1\n", "2:1", "a byte order mark inside the file"),
        (b"a: 1\n\xc3\xa9: \xe9\n", "2:4", "byte 0xe9 is not UTF-8"),
        ("a: 1\n".encode("utf-16"), "1:1", "this file is UTF-16"),
    ],
)
@pytest.mark.usefixtures("both_loaders")
def test_broken_text_is_one_sentence_at_its_place(text: str | bytes, place: str, message: str) -> None:
    assert find_problem(text) == (place, message)


@pytest.mark.parametrize("escape", [r"\q", r"\xzz", r"\ud800", r"\UFFFFFFFF", r"\U00110000"])
@pytest.mark.usefixtures("both_loaders")
def test_escapes_that_are_no_characters_are_refused(escape: str) -> None:
    (problem,) = list_problems(f'a: 1\nb: "{escape}"\n')
    assert problem.at.line == 2


def test_an_unclosed_mapping_hints_at_where_it_began() -> None:
    (problem,) = list_problems("a:\n  b: 1\n c: 2\n")
    assert problem.hint == "check the indentation: the mapping begins in line 1, column 1"


def test_an_empty_file_is_an_error_after_an_error_in_another_file() -> None:
    report = Report()
    parse_documents(b"[", "a.yaml", report)
    parse_documents(b"", "b.yaml", report)
    assert [problem.at.file for problem in report.problems] == ["a.yaml", "b.yaml"]


def test_a_sound_file_is_read_after_an_error_in_another_file() -> None:
    report = Report()
    parse_documents(b"[", "a.yaml", report)
    assert len(parse_documents(b"a: 1", "b.yaml", report)) == 1


MARKS = "ab1é:-?,[]{}&*!'\"|>%#\\ \t\n\r\0\x85\ufeff"
WHOLE = ["b: ", "- ", "\n  ", "&x ", "*x", "*x ", "!!int ", "!t ", "|\n ", "---\n", "...\n", "? ", "<<: "]
YAML_LIKE = st.lists(st.sampled_from([*MARKS, *WHOLE]), max_size=30).map(lambda parts: "".join(parts).encode())


@given(st.binary(max_size=200) | YAML_LIKE, st.sampled_from(LOADERS))
@example(b'"\\ud800"', yaml.SafeLoader)
@example(b'"\\UFFFFFFFF"', yaml.SafeLoader)
@example(b"%YAML 1." + b"9" * 5000 + b"\n--- a", yaml.SafeLoader)
@example(b"&x [*x]", LOADERS[0])
def test_any_bytes_are_documents_or_errors(data: bytes, loader: type) -> None:
    report = Report()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "_LOADER", loader)
        documents = parse_documents(data, "f.yaml", report)
    assert bool(documents) != report.failed
    lines = split_lines(data)
    for problem in report.problems:
        assert problem.at.line <= len(lines)
        assert problem.at.column <= len(lines[problem.at.line - 1]) + 1
        assert problem.message.isprintable()
        assert "\n" not in str(problem)


# Size


@pytest.mark.parametrize("unit", ["[", "{", "- ", "? ", "[{", "{a: ", "- ? "])
def test_ten_megabytes_of_brackets_end_soon(unit: str) -> None:
    data = (unit * (10 * 1024 * 1024 // len(unit))).encode()
    report = Report()
    started = time.monotonic()
    assert parse_documents(data, "f.yaml", report) == ()
    assert time.monotonic() - started < 5
    (problem,) = report.problems
    assert problem.message == "nested deeper than 64 levels"


@pytest.mark.usefixtures("both_loaders")
def test_brackets_end_soon_without_libyaml_too() -> None:
    assert find_problem("[" * 1024 * 1024)[1] == "nested deeper than 64 levels"


def test_the_depth_that_is_allowed() -> None:
    assert construct(parse("[" * 64 + "]" * 64)) is not None
    assert find_problem("[" * 65 + "]" * 65) == ("1:65", "nested deeper than 64 levels")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"- a\n" * 600_000, "more than 500000 values in one file"),
        (b"---\n" * 600_000, "more than 500000 values in one file"),
        (b"".join(b"%%TAG !a%d! b\n" % i for i in range(500_000)), "more than 100 %TAG lines"),
    ],
    ids=["items", "documents", "directives"],
)
def test_files_that_would_take_minutes_end_soon(data: bytes, message: str) -> None:
    started = time.monotonic()
    assert find_problem(data)[1] == message
    assert time.monotonic() - started < 30


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (16 * 1024 * 1024 + 1))
    report = Report()
    assert read_source(str(large), report) is None
    assert [problem.message for problem in report.problems] == ["larger than 16 MiB"]
    assert find_problem(large.read_bytes())[1] == "larger than 16 MiB"


# Files


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_bytes(b"\xffa: 1\r\n")
    report = Report()
    assert read_source(str(path), report) == b"\xffa: 1\r\n"
    assert report.problems == ()


def test_files_that_cannot_be_read_are_problems_of_the_input(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    report = Report()
    for name in ("missing.yaml", ".", "missing/pod.yaml", "loop", "nul\0"):
        assert read_source(f"{tmp_path}/{name}", report) is None
    shown = [re.sub(r"^.*/([^/]*):1:1: ", r"\1: ", str(problem)) for problem in report.problems]
    assert shown == [
        "missing.yaml: error: no such file",
        ".: error: this is a directory, not a file",
        "pod.yaml: error: no such file",
        "loop: error: cannot be read: too many levels of symbolic links",
        "nul\0: error: this cannot be the name of a file",
    ]


def test_an_endless_file_is_refused() -> None:
    report = Report()
    assert read_source("/dev/zero", report) is None
    assert report.failed


class Stdin:
    """Standard input that holds some bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / STDIN).write_text("a file of that name")
    monkeypatch.setattr("sys.stdin", Stdin(b"\xffa: 1\r\n"))
    report = Report()
    assert list_files(STDIN, report) == (STDIN,)
    assert read_source(STDIN, report) == b"\xffa: 1\r\n"
    assert read_source(f"./{STDIN}", report) == b"a file of that name"
    assert report.problems == ()


def test_standard_input_has_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(b"#" * (16 * 1024 * 1024 + 1)))
    report = Report()
    assert read_source(STDIN, report) is None
    assert [str(problem) for problem in report.problems] == ["-:1:1: error: larger than 16 MiB"]


# Folders


def list_names(path: Path) -> list[str]:
    """The files of a folder that has some, below it."""
    report = Report()
    files = list_files(str(path), report)
    assert report.problems == ()
    return [str(Path(file).relative_to(path)) for file in files]


def test_a_folder_is_its_yaml_files_in_their_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "10.yaml", "9.yaml", "c.json", "B.yaml", "ü.yaml", "d.yaml.bak", "e.txt", "yaml"):
        (tmp_path / name).touch()
    assert list_names(tmp_path) == ["10.yaml", "9.yaml", "B.yaml", "a.yml", "b.yaml", "c.json", "ü.yaml"]


def test_a_folder_in_a_folder_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/a.yaml").touch()
    (tmp_path / "b.yaml").touch()
    assert list_names(tmp_path) == ["b.yaml"]


@pytest.mark.parametrize("name", ["a.yaml", "missing.yaml", "a.txt", ""])
def test_a_file_is_itself_whatever_its_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").touch()
    (tmp_path / "a.txt").touch()
    report = Report()
    assert list_files(name, report) == (name,)
    assert report.problems == ()


def test_a_link_to_a_folder_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a.yaml").touch()
    (tmp_path / "link").symlink_to("folder")
    assert list_names(tmp_path / "link") == ["a.yaml"]


def test_a_folder_without_files_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "README").touch()
    report = Report()
    assert list_files(str(tmp_path), report) == ()
    (problem,) = report.problems
    assert str(problem) == f"{tmp_path}:1:1: error: no YAML file in this folder"
    assert problem.hint == "their names end in .yaml, .yml or .json"


def test_a_folder_that_cannot_be_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.listdir", refuse)
    report = Report()
    assert list_files(str(tmp_path), report) == ()
    assert [str(problem) for problem in report.problems] == [
        f"{tmp_path}:1:1: error: cannot be read: permission denied"
    ]
