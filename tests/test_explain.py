"""`podunit explain`: what it prints of a field, of an object, and of a path that leads nowhere."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from podunit.cli.main import app
from podunit.kubernetes.lookup import list_objects


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments])


def read(*arguments: str) -> Any:
    done = explain(*arguments, "-o", "json")
    assert done.exit_code == 0
    return json.loads(done.stdout)


def test_a_field_that_is_honoured() -> None:
    done = explain("pod.spec.hostname")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "pod.spec.hostname: string",
        "  the pod's host name",
        "  honoured: podman run --hostname; without it the pod's name",
        "  since: systemd 252, podman 4.3.1",
    ]


def test_a_field_that_is_ignored() -> None:
    assert explain("pod.spec.nodeSelector").stdout.splitlines() == [
        "pod.spec.nodeSelector: map[string]string",
        "  labels of the nodes that may run the pod",
        "  ignored: there is one machine, and nothing to choose",
    ]


def test_an_object_lists_its_fields() -> None:
    lines = explain("pod").stdout.splitlines()
    assert lines[0] == "pod: Pod (v1)"
    assert lines[2].startswith("  honoured: ")
    assert [line.split()[0] for line in lines[5:]] == ["FIELD", "apiVersion", "kind", "metadata", "spec", "status"]
    assert explain("pod.spec").stdout.count("\n") > len(list_objects()["PodSpec"].fields)


def test_what_is_below_a_field_that_is_not_read_says_so() -> None:
    assert "  not read here: pod.spec.overhead is not honoured" in explain("pod.spec.overhead.memory").stdout
    assert read("pod.spec.overhead.memory")["unread"] == "pod.spec.overhead"
    assert read("pod.spec.overhead.memory")["since"] == ""


def test_without_a_field_all_kinds_are_listed() -> None:
    lines = explain().stdout.splitlines()
    assert lines[0].split() == ["KIND", "APIVERSION", "MEANING"]
    names = [line.split()[0] for line in lines[1:]]
    assert names == [found.name for found in list_objects().values() if found.is_kind]
    assert {"Pod", "CronJob", "PersistentVolume"} < set(names)
    kinds = read()["kinds"]
    assert [kind["name"] for kind in kinds] == names
    assert kinds[0]["apiVersion"] == "v1"
    assert kinds[0]["meaning"]


def test_json_has_stable_keys() -> None:
    found = read("pod.spec.containers[0].image")
    assert list(found) == [
        *(
            "schemaVersion",
            "path",
            "type",
            "meaning",
            "verdict",
            "text",
            "since",
            "unread",
            "podmanOnly",
            "crunLimits",
            "fields",
        ),
    ]
    assert (found["schemaVersion"], found["path"], found["type"]) == (1, "pod.spec.containers.image", "string")
    assert (found["verdict"], found["fields"]) == ("honoured", [])
    (field,) = (field for field in read("pod.spec")["fields"] if field["name"] == "affinity")
    assert list(field) == ["name", "type", "meaning", "verdict", "text", "since"]
    assert (field["type"], field["verdict"], field["since"]) == ("Affinity", "ignored", "")
    # Whether an object is read depends on where it is.
    assert read("probe")["verdict"] is None


@pytest.mark.parametrize("name", list_objects())
def test_every_object_can_be_explained(name: str) -> None:
    done = explain(name)
    assert done.exit_code == 0
    for field in list_objects()[name].fields:
        assert read(f"{name}.{field.name}")["meaning"] == field.meaning


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("pod.spec.hostnam", "there is no field 'hostnam' in pod.spec; did you mean 'hostname'?"),
        ("pod.spec.os.x", "there is no field 'x' in pod.spec.os; fields there: name"),
        ("pods", "there is no kind 'pods'; did you mean 'pod'?"),
        ("zzz", "there is no kind 'zzz'; a field begins with its kind: pod.spec"),
        ("pod.status.phase", "there is no 'phase': podunit knows no fields below pod.status"),
        ("pod.metadata.name.x", "there is no 'x': podunit knows no fields below pod.metadata.name"),
    ],
)
def test_a_path_that_leads_nowhere_is_wrong_usage(path: str, message: str) -> None:
    done = explain(path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_shell_completes_the_path() -> None:
    words = {"_PODUNIT_COMPLETE": "complete_bash", "COMP_WORDS": "podunit explain pod.spec.hostN", "COMP_CWORD": "2"}
    done = CliRunner().invoke(app, [], prog_name="podunit", env=words)
    assert done.stdout.split() == ["pod.spec.hostNetwork"]


def test_nothing_else_is_loaded_for_it() -> None:
    script = "import sys; from podunit.kubernetes.lookup import find; find('pod.spec'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"yaml", "jinja2", "dbus_next", "asyncio", "podunit.decode"} & set(done.stdout.split())
