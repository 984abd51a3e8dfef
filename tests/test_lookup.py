"""The way to a field by its path."""

from __future__ import annotations

import pytest

from podunit.kubernetes.lookup import UnknownFieldError, complete, find, list_objects


@pytest.mark.parametrize(
    "path",
    [
        "pod.spec.containers.image",
        "POD.spec.containers[].image",
        "pod.spec.containers[0].image",
        "pod.spec.containers[*].image",
        "Pod.spec.containers[nginx].image",
        "spec.containers[0].image",
    ],
)
def test_a_path_may_be_written_in_several_ways(path: str) -> None:
    found = find(path)
    assert found.path == "pod.spec.containers.image"
    assert found.field
    assert (found.field.name, found.field.type, found.object, found.unread) == ("image", "string", None, "")


def test_a_path_may_begin_with_any_object() -> None:
    assert find("probe.httpGet").field == find("pod.spec.containers.livenessProbe.httpGet").field
    assert find("deployment").object == list_objects()["Deployment"]
    assert find("deployment").field is None
    assert find("resourcelist.ephemeral-storage").field


def test_what_is_below_a_field_that_is_not_read_is_not_read_either() -> None:
    assert find("pod.spec.volumes.rbd").unread == ""
    assert find("pod.spec.volumes.rbd.secretRef").unread == "pod.spec.volumes.rbd"
    assert find("pod.spec.volumes.rbd.secretRef.name").unread == "pod.spec.volumes.rbd"


@pytest.mark.parametrize(
    ("path", "word", "below"),
    [
        ("", "", ""),
        ("pdo", "pdo", ""),
        ("pod.", "", "pod"),
        ("pod..spec", "", "pod"),
        ("pod.spec.containers.imag.x", "imag", "pod.spec.containers"),
        ("pod.spec.Containers", "Containers", "pod.spec"),
        ("pod.spec.affinity.nodeAffinity", "nodeAffinity", "pod.spec.affinity"),
        ("pod.metadata.name.first", "first", "pod.metadata.name"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str, word: str, below: str) -> None:
    with pytest.raises(UnknownFieldError) as raised:
        find(path)
    assert (raised.value.word, raised.value.path) == (word, below)


def test_who_is_lost_hears_what_there_is() -> None:
    with pytest.raises(UnknownFieldError) as raised:
        find("pod.spec.hostaliases")
    assert "hostAliases" in raised.value.allowed
    with pytest.raises(UnknownFieldError) as raised:
        find("pods")
    assert "pod" in raised.value.allowed
    assert "podspec" not in raised.value.allowed


@pytest.mark.parametrize(
    ("incomplete", "expected"),
    [
        ("po", ["pod", "poddisruptionbudget"]),
        ("De", ["deployment"]),
        ("Pod.sp", ["Pod.spec"]),
        ("pod.spec.hostN", ["pod.spec.hostNetwork"]),
        ("pod.spec.containers[0].work", ["pod.spec.containers[0].workingDir"]),
        ("probe.ex", ["probe.exec"]),
        ("pod.spec.x", []),
        ("pod.x.y", []),
        ("pod.spec.hostNetwork.", []),
    ],
)
def test_a_shell_can_complete_a_path(incomplete: str, expected: list[str]) -> None:
    assert complete(incomplete) == expected


def test_all_kinds_and_fields_are_offered() -> None:
    assert "cronjob" in complete("")
    assert "probe" not in complete("")
    assert complete("pod.") == ["pod.apiVersion", "pod.kind", "pod.metadata", "pod.spec", "pod.status"]
