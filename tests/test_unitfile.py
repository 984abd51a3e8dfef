"""What `podunit.unitfile` promises: systemd reads back exactly the words, names and texts that were put in.

systemd's side is played by `systemd_syntax`.
"""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podunit.unitfile import (
    Specifier,
    Value,
    Word,
    command_line,
    escape_text,
    escape_unit_name,
    join_units,
    join_words,
    quote_unit_in_script,
    quote_word,
    strip_remarks,
)
from tests.systemd_syntax import DIRECTORIES, expand_specifiers, join_lines, read_command, read_list


def resolve(word: Word) -> str:
    """What a word stands for."""
    pieces = (word,) if isinstance(word, str) else word
    return "".join(DIRECTORIES[piece.value[1:]] if isinstance(piece, Specifier) else piece for piece in pieces)


_AWKWARD = "%$\\\"'; \n\t\r\x01\x1b\x7f#-=,{}()[]*?~!&|<>@+:/.aé€🐋\u2028\x85\ufeff"
_TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.text(st.sampled_from(_AWKWARD), max_size=12),
    st.sampled_from(
        ["", ";", "#", "#x", "\\;", "--", "--option", "--a=%t", "$$", "${A}", "%%", "\\", "a\\", '"', "'", "-", "%"]
    ),
)
_WORDS: st.SearchStrategy[Word] = st.one_of(
    _TEXTS, st.lists(st.one_of(_TEXTS, st.sampled_from(Specifier)), min_size=1, max_size=4).map(tuple)
)


# An option that is too long for one line: every option after it begins a line.
_LONG = "--long=" + "x" * 120


@given(st.lists(_WORDS, max_size=8), st.sampled_from(["--short", _LONG]), st.booleans())
@example(["--comment", "#1", "x"], _LONG, False)
@example(["; x", "--", "; y", "'"], _LONG, True)
def test_systemd_reads_back_the_words_of_a_command(words: list[Word], option: str, ignore_failure: bool) -> None:
    value = command_line(["/usr/bin/podman", option, *words], ignore_failure=ignore_failure)
    program, *arguments = read_command(value)
    assert program == ("-" if ignore_failure else "") + "/usr/bin/podman"
    assert arguments == [option, *map(resolve, words)]


@given(st.lists(_WORDS, max_size=8))
def test_systemd_reads_back_the_words_of_a_list(words: list[Word]) -> None:
    value = join_words(words)
    assert "\n" not in value.text
    assert read_list(value) == [resolve(word) for word in words]


@given(st.lists(_WORDS, min_size=1, max_size=8))
def test_no_byte_ends_a_line_early(words: list[Word]) -> None:
    text = command_line(["/usr/bin/podman", _LONG, *words]).text
    assert not set(text) & {"\0", "\r"}
    assert all(line.endswith(" \\") for line in text.split("\n")[:-1])


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("", '""'),
        ("a", "a"),
        ("--name=a.b_c", "--name=a.b_c"),
        ("a b", '"a b"'),
        (";", '";"'),
        ("a;b", '"a;b"'),
        ("50%", "50%%"),
        ("$A", '"$$A"'),
        ("it's", '"it\'s"'),
        ('"', "'\"'"),
        ('say "hi" $A\n', "'say \"hi\" $$A\\n'"),
        ('it\'s "q"', '"it\'s \\"q\\""'),
        ("\\", r'"\\"'),
        ("a\nb\tc\rd", r'"a\nb\tc\rd"'),
        ("\x01\x7f", r'"\x01\x7f"'),
        ("ü", '"ü"'),
        ((Specifier.STATE_DIR, "/a b"), '"%S/a b"'),
        (("%", Specifier.RUNTIME_DIR), "%%%t"),
    ],
)
def test_a_word_is_quoted_only_where_it_must_be(word: Word, quoted: str) -> None:
    assert quote_word(word, expands_variables=True).text == quoted


def test_a_dollar_is_doubled_only_where_variables_are_expanded() -> None:
    assert quote_word("$", expands_variables=True).text == '"$$"'
    assert quote_word("$", expands_variables=False).text == '"$"'


def test_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        command_line(["/bin/true", "a\0b"])


def test_a_short_command_is_one_line() -> None:
    assert command_line(["/bin/a", "--b", "c"]) == Value("/bin/a --b c")
    assert command_line(["/bin/a", "--b", "c"], ignore_failure=True) == Value("-/bin/a --b c")


def test_a_long_command_has_an_option_per_line() -> None:
    long = "x" * 100
    text = command_line(["/bin/a", "b", "--long", long, "--option=a b", "--last", "image", "word", "-x"]).text
    assert text.split("\n") == [
        "/bin/a b \\",
        f"  --long {long} \\",
        '  "--option=a b" \\',
        "  --last \\",
        "  image word -x",
    ]


# Texts and names


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
@example("a\\")
@example("a\\\\\\")
@example("50% %i")
def test_systemd_reads_back_a_text(text: str) -> None:
    value = escape_text(text)
    assert expand_specifiers(join_lines(value.text + "\nNext=line")) == text.rstrip("\\").strip()


@pytest.mark.parametrize("char", ["\n", "\r", "\t", "\0", "\x1b", "\x7f"])
def test_a_text_has_no_control_characters(char: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        escape_text(f"a{char}b")


def test_names_of_units_keep_their_backslashes() -> None:
    assert join_units([r"pod-my\x2dweb.slice", "a%b.service"]) == Value(r"pod-my\x2dweb.slice a%%b.service")


_NAMES = [
    ("web", "web"),
    ("my-web", r"my\x2dweb"),
    ("a.b", "a.b"),
    (".a", r"\x2ea"),
    ("a/b", "a-b"),
    ("/", "-"),
    ("quay.io/a/b:1.2", "quay.io-a-b:1.2"),
    ("a@sha256:0", r"a\x40sha256:0"),
    ("a_b", "a_b"),
    ("a\\b %", r"a\x5cb\x20\x25"),
    ("ü", r"\xc3\xbc"),
    ("٣", r"\xd9\xa3"),
]


@pytest.mark.parametrize(("text", "escaped"), _NAMES)
def test_a_part_of_a_units_name(text: str, escaped: str) -> None:
    assert escape_unit_name(text) == escaped


def test_an_empty_part_of_a_units_name() -> None:
    assert escape_unit_name("") == ""


@pytest.mark.skipif(shutil.which("systemd-escape") is None, reason="systemd-escape is missing")
def test_systemd_escapes_alike() -> None:
    texts = [text for text, _ in _NAMES]
    done = subprocess.run(["systemd-escape", "--", *texts], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [escape_unit_name(text) for text in texts]


# Remarks


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", ""),
        ("# a\n; b\n\n", ""),
        ("#a\n[Unit]\nAfter=b\n", "[Unit]\nAfter=b"),
        ("[Unit]\n# a\nAfter=b\n\n[Service]\nType=exec\n", "[Unit]\nAfter=b\n[Service]\nType=exec"),
        ("[X-Podunit]\nBoot=yes\n", ""),
        ("[Unit]\nAfter=b\n[X-Podunit]\nBoot=yes\n\n[Install]\nWantedBy=c\n", "[Unit]\nAfter=b\n[Install]\nWantedBy=c"),
        ("[Unit]\nAfter=b # no remark\n", "[Unit]\nAfter=b # no remark"),
        ("[Unit]\nX-Own=1\n", "[Unit]\nX-Own=1"),
    ],
)
def test_what_systemd_skips_is_a_remark(text: str, rest: str) -> None:
    assert strip_remarks(text) == rest


def test_what_a_command_says_is_no_remark() -> None:
    for word in ("# a", "; a", "[X-a", "\n#", ""):
        texts = [
            f"[Service]\nExecStart={command_line(['/bin/a', _LONG, word, last]).text}\nType=exec\n" for last in "xy"
        ]
        assert strip_remarks(texts[0]) != strip_remarks(texts[1])
        assert strip_remarks(texts[0]).endswith("\nType=exec")


@pytest.mark.parametrize(
    ("name", "text"), [("pod-web.slice", "pod-web.slice"), (r"pod-my\x2dweb.slice", r'"pod-my\\x2dweb.slice"')]
)
def test_a_unit_in_a_script(name: str, text: str) -> None:
    assert quote_unit_in_script(name).text == text
    # As systemd takes the word, and then the shell.
    script = read_command(Value(f"/bin/sh -c 'echo {text}'"))[2]
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == f"{name}\n"
