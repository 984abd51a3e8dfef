"""What the crun engine does not take is refused, whatever field it is: of each there is a pod that has nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from podunit import source
from podunit.kubernetes.engine_fields import explain_refusal, is_judged, is_taken, list_taken
from podunit.kubernetes.engines import refuse_fields
from podunit.kubernetes.fields import Field, Verdict
from podunit.kubernetes.lookup import explain_limits, list_objects
from podunit.report import Problem, Report

_HEAD = "metadata: {name: web, annotations: {podunit/engine: crun}}\nspec: "


def list_fields(name: str, way: str, seen: tuple[str, ...]) -> Iterator[tuple[str, str, Field]]:
    """All honoured fields below an object that the engine reads: the object, a pod with the field, the field."""
    for field in list_objects()[name].fields:
        if field.verdict is not Verdict.HONOURED:
            continue
        # Not the API's name of it.
        key = "example.com/device" if field.name == "vendor/class" else field.name
        yield name, way.replace("HERE", f"{key}: VALUE"), field
        if is_taken(name, field) and field.object in list_objects() and field.object not in seen:
            below = "[{HERE}]" if field.type.startswith("[]") else "{HERE}"
            yield from list_fields(field.object, way.replace("HERE", f"{key}: {below}"), (*seen, field.object))


_FIELDS = list(list_fields("PodSpec", "{HERE}", ("PodSpec",)))


def find_problems(text: str) -> list[Problem]:
    """What is refused in a pod, or a template."""
    report = Report()
    (node,) = source.parse_documents(text.encode(), "pod.yaml", report)
    assert isinstance(node, source.Mapping)
    refuse_fields(node, report)
    return list(report.problems)


def find_refused(text: str) -> list[str]:
    """The paths of that."""
    return [problem.path for problem in find_problems(text)]


@pytest.mark.parametrize(("name", "spec", "field"), _FIELDS, ids=[f"{name}.{field.name}" for name, _, field in _FIELDS])
def test_a_field_is_taken_or_refused(name: str, spec: str, field: Field) -> None:
    problems = find_problems(_HEAD + spec.replace("VALUE", "some" if field.object == field.type else "[some]"))
    refused = [problem.path for problem in problems]
    if is_taken(name, field) and list_taken(name).get(field.name) is None:
        assert refused == []
    else:
        key = "example.com/device" if field.name == "vendor/class" else field.name
        assert len(refused) == 1
        assert refused[0].removesuffix("']").endswith(key)
        # It says why, and so does the documentation.
        assert problems[0].message.endswith(f"podunit/engine: crun: {explain_refusal(name, field.name)}")
        assert explain_limits(list_objects()[name], field).endswith(f": {explain_refusal(name, field.name)}")


def test_podman_takes_all_of_them() -> None:
    for _, spec, _ in _FIELDS:
        text = _HEAD.replace("crun", "podman") + spec.replace("VALUE", "some")
        assert find_refused(text) == []


def test_what_is_taken_is_honoured() -> None:
    judged = [name for name in list_objects() if is_judged(name)]
    assert len(judged) > 20
    for name in judged:
        honoured = {field.name for field in list_objects()[name].fields if field.verdict is Verdict.HONOURED}
        assert list_taken(name).keys() <= honoured, name


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Deployment", "spec: {selector: {}, template: {TEMPLATE}}"),
        ("CronJob", "spec: {jobTemplate: {spec: {template: {TEMPLATE}}}}"),
    ],
)
def test_templates_are_looked_into(kind: str, spec: str) -> None:
    template = "metadata: {annotations: {podunit/engine: crun}}, spec: {hostPID: true}"
    report = Report()
    (node,) = source.parse_documents(spec.replace("TEMPLATE", template).encode(), "pod.yaml", report)
    assert isinstance(node, source.Mapping)
    refuse_fields(node, report)
    assert "hostPID" in [problem.path.rpartition(".")[2] for problem in report.problems]
