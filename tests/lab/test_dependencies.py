"""Pods that depend on each other: each starts when those before it are ready, stops before them, restarts with them.

Looked at from outside: systemd's timestamps of units, states, processes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, over_engines, pod, wait_for

FOREVER = "sleep 1000 & wait"
PROBE = "readinessProbe: {exec: {command: [sh, -c, echo >> /gate/probes; test -e /gate/open]}, periodSeconds: 1}"
MOUNT = "volumeMounts: [{name: gate, mountPath: /gate}]"
GATE = "  volumes: [{name: gate, hostPath: {path: /run/gate, type: DirectoryOrCreate}}]\n"
DB = pod(container("a", FOREVER, PROBE, MOUNT), "db", more=GATE)
WEB = pod(container("a", FOREVER), notes="    podunit/depends-on: db\n")
# By way of another pod.
TOP = pod(container("a", FOREVER), "top", notes="    podunit/depends-on: web\n")
ALL = f"{TOP}---\n{WEB}---\n{DB}"
EVERY = ("pod@db", "pod@web", "pod@top")


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    pods = Pods(lab, engine)
    lab.sh("mkdir -p /run/gate; touch /run/gate/open")
    yield pods
    lab.sh("podunit delete top; podunit delete web; rm -rf /run/gate /run/systemd/system/user.service", check=False)
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=5)


def usec(pods: Pods, unit: str, name: str) -> int:
    return int(pods.show(unit, f"{name}TimestampMonotonic"))


@over_engines
def test_each_starts_when_the_one_before_it_is_ready_and_stops_before_it(pods: Pods) -> None:
    pods.lab.sh("rm /run/gate/open")
    pods.install(ALL)
    pods.systemctl("start", "--no-block", "pod@top")
    pods.wait("active", "container@db.a")
    # Nothing of the others, while the first is not ready.
    pods.lab.wait_until("[ $(wc -l < /run/gate/probes) -ge 2 ]")
    assert pods.state("sandbox@web", "sandbox@top", *EVERY) == "inactive inactive activating inactive inactive"
    pods.lab.sh("touch /run/gate/open")
    pods.wait("active active active", *EVERY)
    for first, second in (("db", "web"), ("web", "top")):
        assert usec(pods, f"pod@{first}", "ActiveEnter") < usec(pods, f"sandbox@{second}", "InactiveExit")
    assert pods.lab.run("podunit", "stop", "db").stdout == "pod top: stopped\npod web: stopped\npod db: stopped\n"
    assert pods.remains() == ""
    # The last container of one is gone before the first of the other is told to stop.
    said = pods.lab.sh("journalctl --boot --quiet --output=cat _PID=1 | grep -o '^Stopp[a-z]* container@[^ ]*'").stdout
    order = [f"{verb} container@{name}.a.service" for name in ("top", "web", "db") for verb in ("Stopping", "Stopped")]
    assert said.splitlines()[-6:] == order


def test_a_service_of_the_host_and_a_pod_depend_on_each_other(pods: Pods) -> None:
    pods.lab.sh("rm /run/gate/open")
    unit = "[Unit]\nRequires=pod@db.service\nAfter=pod@db.service\n[Service]\nExecStart=/bin/sleep 1000\n"
    pods.lab.write("/run/systemd/system/user.service", unit)
    pods.install(
        f"{DB}---\n{WEB.replace('podunit/depends-on: db', 'podunit/Unit.Requires: user.service')}".replace(
            "user.service\n", "user.service\n    podunit/Unit.After: user.service\n"
        )
    )
    pods.systemctl("start", "--no-block", "pod@web")
    pods.wait("active", "container@db.a")
    assert pods.state("user.service", "sandbox@web") == "inactive inactive"
    pods.lab.sh("touch /run/gate/open")
    pods.wait("active active active", "pod@db", "user.service", "pod@web")
    assert usec(pods, "user.service", "ActiveEnter") < usec(pods, "sandbox@web", "InactiveExit")
    pods.systemctl("stop", "pod@db")
    assert pods.state("user.service", "pod@web") == "inactive inactive"
    assert pods.remains() == ""


def test_what_depends_on_a_restarted_pod_is_restarted_and_the_plan_says_so(pods: Pods) -> None:
    assert pods.apply(ALL).stdout.count("created, started") == 3
    before = {name: pods.main_pid(f"container@{name}.a") for name in ("db", "web", "top")}
    # Of the container alone: the pod stays, and what depends on it.
    done = pods.apply(DB.replace("sleep 1000", "sleep 1001"))
    assert done.stdout == "pod db: changed, container a restarted\n"
    assert before["web"] == pods.main_pid("container@web.a")
    # Of its network: the pod is another one.
    changed = DB.replace("spec:\n", "spec:\n  hostAliases: [{ip: 127.0.0.9, hostnames: [other]}]\n", 1)
    changed = changed.replace("sleep 1000", "sleep 1001").replace("spec:\n", "spec:\n  hostname: other\n", 1)
    pods.lab.write("/root/pod.yaml", changed)
    told = pods.lab.run("podunit", "diff", "/root/pod.yaml", check=False).stdout
    assert "pod web: restarted\n  because it depends on pod db, which is restarted\n" in told, told
    assert "pod top: restarted\n  because it depends on pod web, which is restarted\n" in told, told
    done = pods.apply(changed)
    assert done.stdout == "pod db: changed, restarted\npod web: restarted\npod top: restarted\n"
    assert pods.state(*EVERY) == "active active active"
    after = {name: pods.main_pid(f"container@{name}.a") for name in ("db", "web", "top")}
    assert not set(before.values()) & set(after.values())
    done = pods.lab.run("podunit", "restart", "web")
    assert done.stdout == "pod top: restarted\npod web: restarted\n"
    assert pods.main_pid("container@db.a") == after["db"]
    told = pods.lab.run("podunit", "delete", "--dry-run", "db").stdout
    assert told == "pod db: stopped, deleted\npod top: stopped\npod web: stopped\n"
    assert pods.lab.run("podunit", "delete", "db").stdout == told


@over_engines
def test_what_failed_to_start_for_lack_of_another_starts_when_that_is_ready(pods: Pods) -> None:
    pods.lab.write("/run/gate/script", "exit 1")
    bad = container("a", "sleep 0.2; . /gate/script; sleep 1000 & wait", MOUNT)
    init = container("init", ". /gate/script", MOUNT)
    quick = "    podunit/init.Service.RestartSec: 300ms\n"
    pods.install(f"{pod(bad, 'db', inits=init, more=GATE, notes=quick)}---\n{WEB}")
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    assert pods.state("pod@web", "sandbox@web") == "inactive inactive"
    pods.lab.write("/run/gate/script", "true")
    pods.wait("active active", "pod@db", "pod@web", timeout_sec=40)


@over_engines
def test_a_stop_ends_the_wait_for_another(pods: Pods) -> None:
    init = container("init", "exit 1")
    pods.install(f"{pod(container('a', FOREVER), 'db', inits=init)}---\n{WEB}")
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    pods.wait("active", "pod-mend@web")
    pods.systemctl("stop", "pod@web")
    assert pods.state("pod@web", "pod-mend@web", "pod-stop@web") == "inactive inactive inactive"
    pods.systemctl("stop", "pod@db")
    assert pods.remains() == ""


def test_a_pod_that_is_missing_is_refused_at_its_place(pods: Pods) -> None:
    done = pods.apply(WEB, check=False)
    assert (done.returncode, done.stderr) == (
        3,
        "error: /root/pod.yaml:7:25: metadata.annotations['podunit/depends-on']: there is no pod 'db'\n"
        "  hint: name its file as well, or apply it before\n",
    )
    assert pods.state("pod@web") == "inactive"
    pods.apply(DB)
    assert pods.apply(WEB).stdout == "pod web: created, started\n"
