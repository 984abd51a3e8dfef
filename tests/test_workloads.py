"""What `podunit.kubernetes.workloads` promises: so many pods of one template, and how they are replaced.

What it refuses, and in which words, is in the golden cases.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from podunit.load import load_files, read_documents, scale, translate_with_kept
from podunit.model import Owner
from podunit.report import Report
from podunit.workload import Controller, Replacement, Workload

_TEMPLATE = "{metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'quay.io/a/b:1'}]}}"
_SELECTOR = "selector: {matchLabels: {a: b}}"


def load(folder: Path, text: str) -> tuple[Workload, list[str]]:
    """A sound file, and its warnings."""
    (folder / "pod.yaml").write_text(text, encoding="utf-8")
    report = Report()
    workload = load_files([str(folder / "pod.yaml")], report)
    assert workload is not None, [str(problem) for problem in report.problems]
    return workload, [problem.message for problem in report.problems]


def read(folder: Path, kind: str, fields: str = "") -> Controller:
    """The controller of this kind, named web, with more fields in its spec."""
    version = "v1" if kind == "ReplicationController" else "apps/v1"
    selector = "selector: {a: b}" if version == "v1" else _SELECTOR
    text = (
        f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}\nspec:\n  {selector}\n  template: {_TEMPLATE}\n"
    )
    workload, _ = load(folder, text + "".join(f"  {line}\n" for line in fields.splitlines()))
    (controller,) = workload.controllers
    assert controller.owner == Owner(kind, "web")
    assert tuple(pod.name for pod in workload.pods) == controller.pods
    assert {pod.owner for pod in workload.pods} <= {controller.owner}
    assert all(pod.hostname == pod.name and pod.labels == (("a", "b"),) for pod in workload.pods)
    return controller


def test_a_deployment_has_every_default(tmp_path: Path) -> None:
    found = read(tmp_path, "Deployment")
    assert found.pods == ("web-0",)
    assert (found.replacement, found.max_unavailable, found.held) == (Replacement.ROLLING_UPDATE, 1, 0)
    assert (found.paused, found.ordered, found.descending) == (False, False, False)
    assert (found.min_ready_sec, found.deadline_sec) == (0, 600)


@pytest.mark.parametrize(
    ("kind", "replacement"),
    [
        ("StatefulSet", Replacement.ROLLING_UPDATE),
        ("DaemonSet", Replacement.ROLLING_UPDATE),
        ("ReplicaSet", Replacement.ON_DELETE),
        ("ReplicationController", Replacement.ON_DELETE),
    ],
)
def test_each_kind_replaces_as_its_api_says(kind: str, replacement: Replacement, tmp_path: Path) -> None:
    found = read(tmp_path, kind)
    assert found.replacement is replacement
    assert found.pods == ("web-0",)
    assert found.ordered is found.descending is (kind == "StatefulSet")


@pytest.mark.parametrize(
    ("share", "expected"), [("1", 1), ("3", 3), ("25%", 2), ("20%", 2), ("5%", 1), ("100%", 10), ("'50%'", 5), ("0", 1)]
)
def test_max_unavailable_is_rounded_down_to_one_at_least(share: str, expected: int, tmp_path: Path) -> None:
    for kind, field in (("Deployment", "strategy"), ("StatefulSet", "updateStrategy")):
        if share != "0" or kind == "Deployment":
            fields = f"replicas: 10\n{field}: {{rollingUpdate: {{maxUnavailable: {share}}}}}"
            assert read(tmp_path, kind, fields).max_unavailable == expected


def test_a_partition_holds_the_pods_below_it(tmp_path: Path) -> None:
    fields = "replicas: 3\nupdateStrategy: {rollingUpdate: {partition: 4}}"
    assert read(tmp_path, "StatefulSet", fields).held == 4
    found = read(tmp_path, "StatefulSet", f"{fields}\nordinals: {{start: 3}}\npodManagementPolicy: Parallel")
    assert (found.held, found.pods, found.ordered) == (1, ("web-3", "web-4", "web-5"), False)


def test_the_fields_of_a_deployment_arrive(tmp_path: Path) -> None:
    fields = (
        "replicas: 2\nstrategy: {type: Recreate}\npaused: true\nminReadySeconds: 5\nprogressDeadlineSeconds: 30\n"
        "revisionHistoryLimit: 2"
    )
    found = read(tmp_path, "Deployment", fields)
    assert (found.replacement, found.paused, found.min_ready_sec, found.deadline_sec) == (
        Replacement.RECREATE,
        True,
        5,
        30,
    )


def test_a_controller_without_replicas_is_there(tmp_path: Path) -> None:
    assert read(tmp_path, "Deployment", "replicas: 0").pods == ()


def test_a_host_name_of_the_template_holds_but_in_a_stateful_set(tmp_path: Path) -> None:
    template = _TEMPLATE.replace("spec: {", "spec: {hostname: own, ")
    for kind, expected in (("Deployment", "own"), ("StatefulSet", "web-0")):
        text = f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web, namespace: shop}}\n"
        workload, _ = load(tmp_path, f"{text}spec: {{{_SELECTOR}, template: {template}}}\n")
        assert [pod.hostname for pod in workload.pods] == [expected]
        assert [pod.namespace for pod in workload.pods] == ["shop"]


@pytest.mark.parametrize("fields", ["", "  replicas: 2\n"])
def test_an_object_can_be_scaled(fields: str, tmp_path: Path) -> None:
    head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"
    (tmp_path / "a.yaml").write_text(f"{head}{fields}  {_SELECTOR}\n  template: {_TEMPLATE}\n", encoding="utf-8")
    report = Report()
    documents = [scale(found, 3) for found in read_documents([str(tmp_path / "a.yaml")], report)]
    workload = translate_with_kept(documents, (), report)
    assert workload is not None
    assert [pod.name for pod in workload.pods] == ["web-0", "web-1", "web-2"]
