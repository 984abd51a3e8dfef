"""The table of fields is that of Kubernetes 1.37, and what podunit accepts is valid there.

The schemas are those of the package kubernetes-validate, which are made from the OpenAPI description of each release.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from podunit.documents import dump_document
from podunit.kubernetes.fields import Object, Verdict
from podunit.kubernetes.idle import IDLE
from podunit.kubernetes.lookup import list_objects
from podunit.load import read_documents
from podunit.report import Report

_VERSION = "1.37.0"

# What a file can say of pods; the table has all of these.
_KINDS = {
    *("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob"),
    *("ConfigMap", "Secret", "PersistentVolumeClaim", "PersistentVolume", "Service", "Namespace"),
    *("PodDisruptionBudget", "ServiceAccount", "PriorityClass", "StorageClass"),
}
# Types with no fields.
_SCALARS = {"string", "integer", "boolean", "Quantity", "IntOrString", "Time"}
# Types that are refused or ignored as a whole, whatever is in them: a cluster's business, or none of Linux.
_WHOLE = {
    *("Affinity", "Toleration", "TopologySpreadConstraint", "PodSchedulingGroup", "PodSchedulingGate"),
    *("PodReadinessGate", "EvictionResponder", "JobSchedulingConfiguration", "VolumeNodeAffinity"),
    *("PodResourceClaim", "ResourceClaim", "EphemeralContainer", "WindowsSecurityContextOptions"),
    *("ClusterTrustBundleProjection", "PodCertificateProjection", "ServiceAccountTokenProjection"),
    *("ManagedFieldsEntry", "OwnerReference"),
}

_TESTS = Path(__file__).parent
_INPUTS = [
    *(file for file in sorted((_TESTS / "golden/kubernetes").glob("*/pod.yaml")) if "error-" not in file.parent.name),
    *sorted((_TESTS.parent / "examples").glob("*.yaml")),
]

# Of versions that Kubernetes serves no longer: what podunit reads them as is valid there.
_MODERNISED = ("warning-old-versions",)

over_all_objects = pytest.mark.parametrize("found", list_objects().values(), ids=lambda found: found.name)


@cache
def read_definitions() -> dict[str, Any]:
    """All types of the API by their long names, such as io.k8s.api.core.v1.Pod."""
    folder = files(kubernetes_validate) / "kubernetes-json-schema" / f"v{_VERSION}-local"
    text = (folder / "_definitions.json").read_text(encoding="utf-8")
    definitions: dict[str, Any] = json.loads(text)["$defs"]
    return definitions


def get_definition(found: Object) -> Any:
    group = {"v1": "api.core.v1", "meta/v1": "apimachinery.pkg.apis.meta.v1"}.get(
        found.group, f"api.{found.group.replace('.k8s.io', '').replace('/', '.')}"
    )
    return read_definitions()[f"io.k8s.{group}.{found.name}"]


def write_type(schema: dict[str, Any]) -> str:
    """A type as the table has it."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition(".")[2])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    (kind,) = (kind for kind in kinds if kind != "null")
    if kind == "array":
        return f"[]{write_type(schema['items'])}"
    return f"map[string]{write_type(schema['additionalProperties'])}" if kind == "object" else str(kind)


@over_all_objects
def test_an_object_has_the_fields_of_the_api_and_no_others(found: Object) -> None:
    if found.name == "ResourceList":
        # To the API it is a map; what may be in it is in k8s.io/api/core/v1/types.go.
        return
    properties = get_definition(found).get("properties", {})
    expected = {name: write_type(schema) for name, schema in properties.items()}
    types = {field.name: field.type for field in found.fields}
    assert {name: "map[string]Quantity" if kind == "ResourceList" else kind for name, kind in types.items()} == expected


def test_all_kinds_are_there() -> None:
    assert {found.name for found in list_objects().values() if found.is_kind} == _KINDS


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_a_kind_has_its_api_version(kind: str) -> None:
    found = list_objects()[kind]
    assert get_definition(found)["properties"]["apiVersion"]["enum"] == [found.group]


def test_kinds_without_effect_are_those_of_which_nothing_is_read() -> None:
    kinds = [found for found in list_objects().values() if found.is_kind and not found.is_honoured]
    assert {(found.group, found.name) for found in kinds} == set(IDLE)


def test_every_type_is_described_or_taken_as_a_whole() -> None:
    fields = [field for found in list_objects().values() for field in found.fields]
    missing = {field.object for field in fields if field.object not in list_objects()} - _SCALARS
    statuses = {f"{kind}Status" for kind in _KINDS}
    assert missing - statuses == _WHOLE
    honoured = {field.object for field in fields if field.verdict is Verdict.HONOURED}
    assert honoured & missing == set()


def list_items(document: Any) -> list[Any]:
    """The objects of a list, which has no schema of its own, or the document itself."""
    if not document["kind"].endswith("List"):
        return [document]
    return [found for item in document["items"] or () for found in list_items(item)]


@pytest.mark.parametrize("file", _INPUTS, ids=[file.parent.name for file in _INPUTS])
def test_what_podunit_accepts_is_valid_on_kubernetes(file: Path) -> None:
    read = [found for found in yaml.safe_load_all(file.read_text(encoding="utf-8")) if found is not None]
    documents = [found for whole in read for found in list_items(whole)]
    assert documents
    if file.parent.name in _MODERNISED:
        served = {found.group for found in list_objects().values()}
        assert [found["apiVersion"] for found in documents if found["apiVersion"] in served] == []
        documents = [json.loads(dump_document(found.node)) for found in read_documents([str(file)], Report())]
    for document in documents:
        kubernetes_validate.validate(document, _VERSION, strict=True)


def test_kubernetes_would_say_what_is_wrong() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}}
    kubernetes_validate.validate(pod, _VERSION, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError, match="'hostPid' was unexpected"):
        kubernetes_validate.validate({**pod, "spec": {"containers": [], "hostPid": True}}, _VERSION, strict=True)
