"""The table of promises is true: its tests exist, and what it quotes of this project stands there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.lab.test_lifecycle import ROWS
from tests.promises import PROMISES, Promise

TESTS = Path(__file__).parent


@cache
def list_tests(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(it.name for it in tree.body if isinstance(it, ast.FunctionDef) and it.name.startswith("test_"))


@pytest.mark.parametrize("promise", PROMISES, ids=[f"{number}" for number in range(len(PROMISES))])
def test_each_promise_has_tests(promise: Promise) -> None:
    assert promise.shown
    for test in promise.shown:
        file, _, name = test.partition("::")
        assert name.partition("[")[0] in list_tests(file), test


@pytest.mark.parametrize("promise", [it for it in PROMISES if it.page.endswith(".md")], ids=lambda it: it.page)
def test_what_is_quoted_stands_there(promise: Promise) -> None:
    assert promise.sentence in " ".join((TESTS.parent / promise.page).read_text(encoding="utf-8").split())


def test_each_row_of_the_lab_is_a_promise() -> None:
    named = {test.partition("[")[2].rstrip("]") for promise in PROMISES for test in promise.shown} - {""}
    assert named == {row.name for row in ROWS}


def test_no_promise_is_there_twice() -> None:
    assert len({it.sentence for it in PROMISES}) == len(PROMISES)
