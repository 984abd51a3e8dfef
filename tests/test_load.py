"""What `podunit.load` promises: an object takes the place of one of its own namespace that was not immutable."""

from __future__ import annotations

from pathlib import Path

import pytest

from podunit.cli.files import load_documents, translate
from podunit.documents import dump_document
from podunit.load import find_kept, read_texts
from podunit.report import Report


def apply_after(first: str, second: str, folder: Path) -> list[str]:
    """What is said of an object when another one was applied before."""
    report = Report()
    (old,) = read_texts({"first.yaml": first}, report)
    file = folder / f"{old.key}.json"
    file.write_text(dump_document(old.node), encoding="utf-8")
    find_kept(read_texts({"second.yaml": second}, report), {old.key: file}, (), report)
    return [f"{problem.at}: {problem.path}: {problem.message}" for problem in report.problems]


@pytest.mark.parametrize("kind", ["Pod", "Service", "ConfigMap"])
@pytest.mark.parametrize(("first", "second"), [("", "shop"), ("shop", ""), ("shop", "other"), ("default", "shop")])
def test_an_object_does_not_take_the_place_of_one_of_another_namespace(
    kind: str, first: str, second: str, tmp_path: Path
) -> None:
    text = "apiVersion: v1\nkind: {}\nmetadata: {{name: web{}}}\n"
    own = text.format(kind, f", namespace: {second}" if second else "")
    (said,) = apply_after(text.format(kind, f", namespace: {first}" if first else ""), own, tmp_path)
    place = "second.yaml:3:34: metadata.namespace" if second else "second.yaml:1:1: metadata"
    assert said == f"{place}: {kind} 'web' is there already, of namespace '{first or 'default'}'"


@pytest.mark.parametrize(("first", "second"), [("", ""), ("default", ""), ("", "default"), ("shop", "shop")])
def test_an_object_takes_the_place_of_its_own(first: str, second: str, tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Service\nmetadata: {{name: web{}}}\nspec: {{metadata: {{namespace: x}}}}\n"
    texts = [text.format(f", namespace: {name}" if name else "") for name in (first, second)]
    assert apply_after(texts[0], texts[1], tmp_path) == []


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("immutable: true\ndata: {a: other}\n", "is immutable, and was applied with other data"),
        ("immutable: true\ndata: {a: value, b: more}\n", "is immutable, and was applied with other data"),
        ("data: {a: value}\n", "was applied as immutable, and stays so"),
        ("immutable: true\ndata: {a: value}\n", ""),
    ],
)
def test_what_is_immutable_stays_as_it_is(second: str, message: str, tmp_path: Path) -> None:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"
    said = apply_after(f"{head}immutable: true\ndata: {{a: value}}\n", head + second, tmp_path)
    assert said == ([f"second.yaml:3:18: metadata.name: ConfigMap 'app' {message}"] if message else [])


def test_a_secret_that_says_the_same_in_other_words_is_the_same(tmp_path: Path) -> None:
    head = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nimmutable: true\n"
    assert apply_after(f"{head}stringData: {{a: value}}\n", f"{head}data: {{a: dmFsdWU=}}\n", tmp_path) == []


def test_what_is_kept_is_not_warned_of_again(tmp_path: Path) -> None:
    """Each apply would say so of all that others have left."""
    claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {storageClassName: fast}\n"
    kept = tmp_path / "PersistentVolumeClaim.data.json"
    kept.write_text(claim, encoding="utf-8")
    given = tmp_path / "pod.yaml"
    given.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {nodeName: b, containers: [{name: c, image: d}]}\n",
        encoding="utf-8",
    )
    found = {}
    for file in (given, kept):
        report = Report()
        documents = load_documents([str(file)], report)
        assert translate(documents, {"PersistentVolumeClaim.data": kept}, (), report)
        found[file] = {Path(problem.at.file) for problem in report.problems}
    assert found == {given: {given}, kept: {kept}}
