"""The table of the Kubernetes API's fields says what podunit does: no more, and no less."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from typing import Any

import pytest

from podunit.kubernetes import (
    claims,
    contexts,
    dns,
    schema,
    schema_environment,
    schema_jobs,
    schema_lifecycle,
    schema_probes,
    schema_restarts,
    schema_workloads,
    selectors,
    services,
)
from podunit.kubernetes.fields import Field, Object, Verdict
from podunit.kubernetes.lookup import TOPICS, list_objects
from podunit.kubernetes.verdicts import ignored_fields, refused_fields

# Modules with dataclasses that documents are decoded to.
_SCHEMAS = (
    schema,
    schema_environment,
    schema_probes,
    contexts,
    dns,
    claims,
    services,
    schema_workloads,
    schema_jobs,
    schema_restarts,
    schema_lifecycle,
    selectors,
)
# A dataclass that stands for objects of other names than its own; for none, if it is no object of the API.
_STANDS_FOR: dict[str, tuple[str, ...]] = {
    "KeySelector": ("ConfigMapKeySelector", "SecretKeySelector"),
    "EnvSource": ("ConfigMapEnvSource", "SecretEnvSource"),
    "Profile": ("AppArmorProfile", "SeccompProfile"),
    "Projection": ("ConfigMapProjection", "SecretProjection"),
    "PersistentVolumeObject": ("PersistentVolume",),
    "StorageList": (),
    "ServiceObject": ("Service",),
    "Services": (),
    "Share": (),
    "TemplateMeta": ("ObjectMeta",),
    "ClaimTemplate": ("PersistentVolumeClaim",),
    "RollingUpdate": ("RollingUpdateDeployment", "RollingUpdateDaemonSet"),
}

_CLASSES = [
    kind
    for module in _SCHEMAS
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
]
_PAIRS = [(kind, name) for kind in _CLASSES for name in _STANDS_FOR.get(kind.__name__, (kind.__name__,))]
_FIELDS = [(found, field) for found in list_objects().values() for field in found.fields]

over_all_pairs = pytest.mark.parametrize(("kind", "name"), _PAIRS, ids=[name for _, name in _PAIRS])


def list_keys(kind: Any) -> set[str]:
    """The fields of a dataclass as a document has them."""
    found = set()
    for field in dataclasses.fields(kind):
        first, *others = field.name.split("_")
        found.add(field.metadata.get("key", first + "".join(word.capitalize() for word in others)))
    return found - {"at"}


@over_all_pairs
def test_what_is_read_is_what_is_honoured(kind: Any, name: str) -> None:
    fields = list_objects()[name].fields
    assert list_keys(kind) == {field.name for field in fields if field.verdict is Verdict.HONOURED}


@over_all_pairs
def test_every_other_field_is_refused_or_a_warning(kind: Any, name: str) -> None:
    assert dict(getattr(kind, "unsupported", {})) == dict(refused_fields(name))
    assert dict(getattr(kind, "ignored", {})) == dict(ignored_fields(name))


def test_what_is_honoured_is_read() -> None:
    assert {found.name for found in list_objects().values() if found.is_honoured} == {name for _, name in _PAIRS}


def test_an_object_has_one_place() -> None:
    assert sum(len(topic) for topic in TOPICS.values()) == len(list_objects())
    assert len({name.lower() for name in list_objects()}) == len(list_objects())


@pytest.mark.parametrize("found", list_objects().values(), ids=lambda found: found.name)
def test_fields_are_in_the_order_of_the_alphabet(found: Object) -> None:
    names = [field.name for field in found.fields]
    assert names == sorted(set(names))


def test_sentences_have_one_form() -> None:
    """One line without a full stop, and nothing that Markdown would take for its own."""
    for found, field in _FIELDS:
        for sentence in (found.meaning, field.meaning, field.text):
            assert re.fullmatch(r"[^\n|`<>*\\]*[^\n|`<>*\\.]", sentence), (found.name, field.name, sentence)


def test_only_what_is_honoured_needs_a_version() -> None:
    assert [field for _, field in _FIELDS if field.since and field.verdict is not Verdict.HONOURED] == []


def test_a_sound_input_does_not_pay_for_the_table() -> None:
    script = "import sys, podunit.load; print([name for name in sys.modules if 'table' in name or 'lookup' in name])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_types_of_a_field_name_an_object() -> None:
    field = Field("a", "map[string]Quantity", "", Verdict.REFUSED, "")
    assert field.object == "Quantity"
    assert dataclasses.replace(field, type="[]Container").object == "Container"
    assert dataclasses.replace(field, type="PodSpec").object == "PodSpec"
