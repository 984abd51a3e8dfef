"""Only what changed restarts: main processes before and after an apply."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, UNITS, Pods, container, pod, wait_for

FOREVER = "sleep 1000 & wait"
OTHER_IMAGE = "localhost/podunit-test:other"
CONFIG = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {level: one, file: first}
"""
WEB = pod(
    container("a", FOREVER, "env: [{name: COLOR, value: red}]")
    + container("b", FOREVER, "env: [{name: LEVEL, valueFrom: {configMapKeyRef: {name: conf, key: level}}}]")
    + container("c", FOREVER)
)
DB = pod(container("a", FOREVER, "volumeMounts: [{name: conf, mountPath: /conf}]"), "db").rstrip() + (
    "\n  volumes: [{name: conf, configMap: {name: conf, items: [{key: file, path: file}]}}]\n"
)
ALL = f"{WEB}---\n{DB}{CONFIG}"
CONTAINERS = ("web.a", "web.b", "web.c", "db.a")


@pytest.fixture
def pods(lab: Laboratory) -> Iterator[Pods]:
    pods = Pods(lab)
    yield pods
    pods.clear()
    lab.write("/root/pod.yaml", CONFIG)
    lab.run("podunit", "delete", "/root/pod.yaml")
    wait_for(pods.remains, "", timeout_sec=5)


def list_pids(pods: Pods) -> dict[str, int]:
    return {name: pods.main_pid(f"container@{name}") for name in CONTAINERS}


def find_restarted(pods: Pods, text: str) -> tuple[str, list[str]]:
    """What an apply says of pod web, and the containers that have other processes then."""
    before = list_pids(pods)
    said = pods.apply(text).stdout
    after = list_pids(pods)
    assert 0 not in after.values()
    lines = [line for line in said.splitlines() if line.startswith("pod web: ")]
    return "".join(lines).removeprefix("pod web: "), [name for name in CONTAINERS if after[name] != before[name]]


def test_only_what_changed_restarts(pods: Pods) -> None:
    pods.lab.run("podman", "tag", IMAGE, OTHER_IMAGE)
    pods.apply(ALL)
    text = ALL.replace("value: red", "value: blue")
    assert find_restarted(pods, text) == ("changed, container a restarted", ["web.a"])
    text = text.replace("level: one", "level: two")
    assert find_restarted(pods, text) == ("changed, container b restarted", ["web.b"])
    text = text.replace(f"- name: c\n    image: {IMAGE}", f"- name: c\n    image: {OTHER_IMAGE}")
    assert find_restarted(pods, text) == ("changed, container c restarted", ["web.c"])
    # The files of a volume are a pod's, as the sandbox has copied them.
    text = text.replace("file: first", "file: second")
    assert find_restarted(pods, text) == ("unchanged", ["db.a"])
    pods.lab.run("podman", "untag", IMAGE, OTHER_IMAGE)


def test_for_a_remark_or_another_order_nothing_happens(pods: Pods) -> None:
    pods.apply(ALL)
    look = (
        f"find {UNITS} /var/lib/podunit/objects /var/lib/podunit/files -printf '%p %i %T@\\n';"
        " systemctl show --property=UnitsLoadFinishTimestampMonotonic"
    )
    before = pods.lab.sh(look).stdout
    text = "# a remark\n" + "---\n".join(
        (
            "kind: ConfigMap\ndata: {file: first, level: one}  # as before\nmetadata: {name: conf}\napiVersion: v1\n",
            DB,
            WEB.replace("apiVersion: v1\n", "") + "apiVersion: v1\n",
        )
    )
    assert find_restarted(pods, text) == ("unchanged", [])
    assert pods.lab.sh(look).stdout == before
    assert pods.lab.run("podunit", "diff", "/root/pod.yaml").stdout == ""
