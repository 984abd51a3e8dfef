"""Only what changed restarts, and limits change without a restart: main processes before and after an apply."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, UNITS, Pods, container, over_engines, pod, wait_for
from tests.lab.test_workloads import deployment

MEBI = 1 << 20
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
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    pods = Pods(lab, engine)
    yield pods
    pods.clear()
    lab.write("/root/pod.yaml", CONFIG)
    lab.run("podunit", "delete", "/root/pod.yaml")
    lab.sh("rm -rf /etc/systemd/system.control/*web*; systemctl daemon-reload")
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


@over_engines
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


@over_engines
def test_for_a_remark_or_another_order_nothing_happens(pods: Pods) -> None:
    pods.apply(ALL)
    look = (
        f"find {UNITS} /var/lib/podunit/objects /var/lib/podunit/files -type f -printf '%p %i %T@\\n';"
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


@over_engines
def test_limits_change_without_a_restart(pods: Pods) -> None:
    def show(name: str, unit: str = "container@web.a.service") -> str:
        return pods.show(unit, name)

    pods.apply(ALL)
    before = list_pids(pods)
    limits = "    resources: {limits: {memory: %s, cpu: 500m}, requests: {cpu: 100m, memory: 16Mi}}\n  - name: b"
    text = ALL.replace("  - name: b", limits % "64Mi", 1).replace(
        "spec:\n", '    podunit/a.Service.TasksMax: "300"\n    podunit/Slice.MemoryHigh: 200M\nspec:\n', 1
    )
    pods.lab.write("/root/pod.yaml", text)
    diff = pods.lab.run("podunit", "diff", "/root/pod.yaml", check=False)
    assert diff.returncode == 1
    lines = diff.stdout.splitlines()
    assert "pod web: changed, limits applied live" in lines
    names = "CPUQuota, CPUWeight, MemoryLow, MemoryMax, MemorySwapMax, TasksMax"
    assert f"  limits of container@web.a.service change, applied live: {names}" in lines
    assert not any("because" in line for line in lines)
    document = json.loads(pods.lab.run("podunit", "diff", "/root/pod.yaml", "-o", "json", check=False).stdout)
    (limits_of_web,) = [one["limits"] for one in document["pods"] if one["pod"] == "web"]
    assert limits_of_web["container@web.b.service"] == ["CPUWeight"]
    assert find_restarted(pods, text) == ("changed, limits applied live", [])
    seen = [show(name) for name in ("MemoryMax", "CPUQuotaPerSecUSec", "CPUWeight", "TasksMax", "NeedDaemonReload")]
    assert seen == [str(64 * MEBI), "500ms", "4", "300", "no"]
    assert show("MemoryHigh", "pod-web.slice") == str(200 * MEBI)
    assert show("MemoryLow", "pod-web.slice") == str(16 * MEBI)

    # An administrator's own limit is stronger, and stays.
    pods.systemctl("set-property", "container@web.a.service", "MemoryMax=80M")
    assert find_restarted(pods, text.replace("64Mi", "72Mi")) == ("changed, limits applied live", [])
    assert (show("MemoryMax"), show("NeedDaemonReload")) == (str(80 * MEBI), "no")
    pods.lab.sh("rm -r /etc/systemd/system.control/container@web.a.service.d; systemctl daemon-reload")
    assert show("MemoryMax") == str(72 * MEBI)

    # What a container has been told of its limits it does not learn otherwise.
    knows = text.replace("value: red", "valueFrom: {resourceFieldRef: {resource: limits.memory}}")
    assert find_restarted(pods, knows) == ("changed, container a restarted", ["web.a"])
    again = "changed, container a restarted, limits applied live"
    said, restarted = find_restarted(pods, knows.replace("64Mi", "96Mi").replace("200M", "300M"))
    assert (said, restarted) == (again, ["web.a"])

    # All limits go as they came; the container told of them is started anew.
    assert find_restarted(pods, ALL)[1] == ["web.a"]
    assert show("MemoryMax") == show("MemoryHigh", "pod-web.slice") == "infinity"
    after = list_pids(pods)
    assert [name for name in CONTAINERS if after[name] != before[name]] == ["web.a"]


def test_limits_roll_no_replica(pods: Pods) -> None:
    def look(name: str) -> list[str]:
        return [pods.show(f"container@web-{number}.main", name) for number in range(3)]

    text = deployment(3, "trap exit TERM; sleep 1000 & wait")
    pods.apply(text)
    before = look("MainPID")
    changed = text.replace("      - name: main\n", "      - name: main\n        resources: {limits: {memory: 64Mi}}\n")
    said = pods.apply(changed).stdout
    assert said == "".join(f"pod web-{number}: changed, limits applied live\n" for number in range(3))
    assert (look("MainPID"), look("MemoryMax")) == (before, [str(64 * MEBI)] * 3)
