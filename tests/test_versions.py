"""What an old version of the API had by default holds for documents that are written for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podunit.documents import dump_document
from podunit.load import read_documents
from podunit.report import Level, Report

_TEMPLATE = "template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: 'quay.io/a/b:1'}]}}"


def read(version: str, kind: str, spec: str, tmp_path: Path) -> dict[str, Any]:
    """The document as the version of today has it."""
    file = tmp_path / "old.yaml"
    file.write_text(f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: web}}, spec: {{{spec}{_TEMPLATE}}}}}")
    report = Report()
    (document,) = read_documents([str(file)], report)
    (problem,) = report.problems
    assert (problem.level, problem.path, problem.at.column) == (Level.WARNING, "apiVersion", 14)
    assert document.is_workload
    found: dict[str, Any] = json.loads(dump_document(document.node))
    return found


@pytest.mark.parametrize(
    ("version", "kind", "today"),
    [
        ("apps/v1beta1", "Deployment", "apps/v1"),
        ("apps/v1beta2", "DaemonSet", "apps/v1"),
        ("extensions/v1beta1", "ReplicaSet", "apps/v1"),
        ("batch/v2alpha1", "CronJob", "batch/v1"),
    ],
)
def test_a_document_is_read_as_the_version_of_today(version: str, kind: str, today: str, tmp_path: Path) -> None:
    assert read(version, kind, "", tmp_path)["apiVersion"] == today


@pytest.mark.parametrize("version", ["apps/v1beta1", "extensions/v1beta1"])
def test_a_selector_that_is_missing_is_the_labels_of_the_template(version: str, tmp_path: Path) -> None:
    assert read(version, "Deployment", "", tmp_path)["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    given = read(version, "Deployment", "selector: {matchLabels: {app: other}}, ", tmp_path)
    assert given["spec"]["selector"] == {"matchLabels": {"app": "other"}}
    empty = read(version, "Deployment", "selector: null, ", tmp_path)
    assert empty["spec"]["selector"] == {"matchLabels": {"app": "web"}}


def test_the_selector_was_needed_from_the_last_of_these_versions_on(tmp_path: Path) -> None:
    assert "selector" not in read("apps/v1beta2", "Deployment", "", tmp_path)["spec"]


@pytest.mark.parametrize(("version", "kind"), [("apps/v1beta1", "StatefulSet"), ("extensions/v1beta1", "DaemonSet")])
def test_pods_were_replaced_by_hand(version: str, kind: str, tmp_path: Path) -> None:
    assert read(version, kind, "", tmp_path)["spec"]["updateStrategy"] == {"type": "OnDelete"}
    given = read(version, kind, "updateStrategy: {type: RollingUpdate}, ", tmp_path)
    assert given["spec"]["updateStrategy"] == {"type": "RollingUpdate"}
    assert "updateStrategy" not in read("apps/v1beta2", kind, "", tmp_path)["spec"]


def test_a_rollout_had_no_deadline(tmp_path: Path) -> None:
    assert read("extensions/v1beta1", "Deployment", "", tmp_path)["spec"]["progressDeadlineSeconds"] == 2**31 - 1
    given = read("extensions/v1beta1", "Deployment", "progressDeadlineSeconds: 60, ", tmp_path)
    assert given["spec"]["progressDeadlineSeconds"] == 60
    assert "progressDeadlineSeconds" not in read("apps/v1beta1", "Deployment", "", tmp_path)["spec"]
