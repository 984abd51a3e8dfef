"""What the kinds that own pods promise, on a running systemd."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, UNITS, Pods, over_engines, wait_for

# Each replica tells where it serves, so that it can be asked from outside.
_SERVE = (
    "echo first > /www/index.html; hostname -i > /shared/$(hostname); trap exit TERM; httpd -f -p 8080 -h /www & wait"
)
# How many of three replicas answer, again and again.
_WATCH = """
while [ ! -e /run/watched ]; do
  count=0
  for pod in web-0 web-1 web-2; do
    curl --silent --fail --max-time 0.5 http://$(cat /run/web/$pod):8080/ > /dev/null && count=$((count + 1))
  done
  echo $count
  sleep 0.05
done > /run/served
"""


def deployment(replicas: int, script: str = _SERVE, *fields: str, kind: str = "Deployment", name: str = "web") -> str:
    """An owner of pods in YAML, with more lines in its spec."""
    lines = "".join(f"  {line}\n" for line in fields)
    number = "" if kind == "DaemonSet" else f"  replicas: {replicas}\n"
    return f"""\
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
{number}{lines}  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      terminationGracePeriodSeconds: 2
      volumes: [{{name: shared, hostPath: {{path: /run/web, type: DirectoryOrCreate}}}}]
      containers:
      - name: main
        image: {IMAGE}
        command: [sh, -c, '{script}']
        volumeMounts: [{{name: shared, mountPath: /shared}}]
"""


_SLEEP = "trap exit TERM; sleep 1000 & wait"


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    pods = Pods(lab, engine)
    yield pods
    # All at once: one after the other takes longer than most tests.
    lab.sh(f"cd {UNITS} && podunit delete $(ls | sed -n 's/^pod@\\(.*-.*\\)\\.service$/\\1/p')", check=False)
    pods.clear()
    lab.sh("rm -rf /run/web /run/served /run/watched")
    wait_for(pods.remains, "", timeout_sec=5)


def handles(pods: Pods, *numbers: int) -> str:
    """The states of the pods web-N."""
    return pods.state(*(f"pod@web-{number}" for number in numbers))


def pids(pods: Pods, *numbers: int) -> list[int]:
    return [pods.main_pid(f"container@web-{number}.main") for number in numbers]


@over_engines
def test_a_deployment_rolls_scales_stops_and_goes(pods: Pods) -> None:
    done = pods.apply(deployment(3))
    assert done.stdout == "".join(f"pod web-{number}: created, started\n" for number in range(3))
    assert handles(pods, 0, 1, 2) == "active active active"
    pods.lab.wait_until("[ $(ls /run/web | wc -l) = 3 ]")

    # One after the other: never fewer than two serve.
    pods.lab.sh(f"nohup sh -c '{_WATCH}' > /dev/null 2>&1 &")
    before = pids(pods, 0, 1, 2)
    done = pods.apply(deployment(3, _SERVE.replace("first", "second"), "minReadySeconds: 1"))
    pods.lab.sh("touch /run/watched; sleep 0.5")
    assert done.stdout == "".join(f"pod web-{number}: changed, container main restarted\n" for number in range(3))
    served = pods.lab.read("/run/served").split()
    assert set(served) == {"2", "3"}, served
    assert set(before).isdisjoint(pids(pods, 0, 1, 2))
    assert pods.lab.sh("curl --silent http://$(cat /run/web/web-2):8080/").stdout == "second\n"

    status = json.loads(pods.lab.run("podunit", "status", "-o", "json", "deployment/web").stdout)
    assert (status["owner"], [pod["active"] for pod in status["pods"]]) == ("Deployment/web", ["active"] * 3)
    assert pods.lab.run("podunit", "exec", "deploy/web", "--", "hostname").stdout == "web-0\n"

    done = pods.lab.run("podunit", "scale", "deployment/web", "--replicas=2")
    assert done.stdout == "pod web-0: unchanged\npod web-1: unchanged\npod web-2: stopped, deleted\n"
    done = pods.lab.run("podunit", "scale", "deploy/web", "--replicas=3")
    assert done.stdout == "pod web-0: unchanged\npod web-1: unchanged\npod web-2: created, started\n"

    last = deployment(1, _SERVE.replace("first", "second"), "minReadySeconds: 1")
    kept = pids(pods, 0)
    done = pods.apply(last)
    assert done.stdout == "pod web-0: unchanged\npod web-2: stopped, deleted\npod web-1: stopped, deleted\n"
    assert pids(pods, 0) == kept
    assert (
        pods.lab.sh(f"ls {UNITS} /etc/systemd/system/*.wants | grep -E 'web-[12]|web.x2d[12]'", check=False).stdout
        == ""
    )

    assert pods.lab.run("podunit", "stop", "deployment/web").stdout == "pod web-0: stopped\n"
    assert handles(pods, 0) == "inactive"
    assert pods.lab.run("podunit", "start", "deploy/web").stdout == "pod web-0: started\n"
    row = json.loads(pods.lab.run("podunit", "ps", "-o", "json", "deployment/web").stdout)["containers"][0]
    assert (row["pod"], row["owner"]) == ("web-0", "Deployment/web")
    assert pods.lab.run("podunit", "disable", "deployment/web").stdout == "pod web-0: disabled\n"
    assert pods.lab.run("podunit", "delete", "/root/pod.yaml").stdout == "pod web-0: stopped, deleted\n"
    assert pods.lab.sh(f"find {UNITS} /etc/systemd/system -name '*web*'").stdout == ""
    assert pods.remains() == ""


def test_a_replica_that_does_not_come_up_ends_the_rollout(pods: Pods) -> None:
    pods.apply(deployment(3, _SLEEP))
    before = pids(pods, 1, 2)
    bad = deployment(3, "sleep 0.2; exit 1", "minReadySeconds: 1", "progressDeadlineSeconds: 2")
    done = pods.apply(bad, check=False)
    assert done.returncode == 1
    assert done.stdout == "pod web-1: left as it is\npod web-2: left as it is\n"
    assert "error: pod 'web-0' is not up: not within its deadline" in done.stderr
    assert pids(pods, 1, 2) == before
    # Again: what is there is not taken for up, and the rest still is as it was.
    assert pods.apply(bad, check=False).returncode == 1
    assert pids(pods, 1, 2) == before
    done = pods.apply(deployment(3, _SLEEP))
    assert "pod web-0: changed, container main restarted\n" in done.stdout
    assert "pod web-1: unchanged\n" in done.stdout


@over_engines
def test_recreate_stops_all_first(pods: Pods) -> None:
    script = 'echo up $(hostname) >> /shared/log; trap "echo down >> /shared/log; exit" TERM; sleep 1000 & wait'
    fields = "strategy: {type: Recreate}"
    pods.apply(deployment(2, script, fields))
    pods.lab.wait_until("[ $(wc -l < /run/web/log) = 2 ]")
    done = pods.apply(deployment(2, script.replace("1000", "1001"), fields))
    assert done.stdout == "pod web-0: changed, started\npod web-1: changed, started\n"
    pods.lab.wait_until("[ $(wc -l < /run/web/log) = 6 ]")
    lines = pods.lab.read("/run/web/log").splitlines()
    assert " ".join(line.split()[0] for line in lines) == "up up down down up up"


@over_engines
def test_what_is_not_replaced_waits_for_a_restart(pods: Pods) -> None:
    fields = "updateStrategy: {type: OnDelete}"
    pods.apply(deployment(1, _SLEEP, fields, kind="DaemonSet"))
    before = pids(pods, 0)
    changed = deployment(1, _SLEEP.replace("1000", "1001"), fields, kind="DaemonSet")
    assert pods.apply(changed).stdout == "pod web-0: changed, not restarted\n"
    renamed = changed.replace("- name: main", "- name: other")
    assert pods.apply(renamed).stdout == "pod web-0: changed, not restarted\n"
    assert pids(pods, 0) == before
    pods.lab.run("podunit", "restart", "ds/web")
    assert "sleep 1001" in pods.lab.sh(f"tr '\\0' ' ' < /proc/{pods.payload_pid('web-0.other')}/cmdline").stdout
    assert pods.state("pod@web-0", "container@web-0.main", "container@web-0.other") == "active inactive active"
    pods.apply(renamed)
    assert pods.lab.sh(f"ls {UNITS}").stdout.count("container@web-0") == 1
    assert pods.state("container@web-0.other") == "active"


def test_a_stateful_set_goes_in_order_and_holds_its_partition(pods: Pods) -> None:
    script = "echo $(hostname) >> /shared/log; " + _SLEEP
    pods.apply(deployment(3, script, "minReadySeconds: 1", kind="StatefulSet"))
    assert pods.lab.read("/run/web/log").split() == ["web-0", "web-1", "web-2"]
    held = "updateStrategy: {rollingUpdate: {partition: 1}}"
    done = pods.apply(deployment(3, script.replace("1000", "1001"), held, kind="StatefulSet"))
    assert done.stdout == (
        "pod web-0: kept as it is by its owner\n"
        "pod web-1: changed, container main restarted\npod web-2: changed, container main restarted\n"
    )
    assert pods.lab.read("/run/web/log").split()[3:] == ["web-2", "web-1"]
    other = pods.apply(deployment(1, _SLEEP), check=False)
    assert other.returncode == 3
    assert "pod 'web-0' is installed already, as one of StatefulSet/web" in other.stderr
    done = pods.apply(deployment(1, script.replace("1000", "1001"), kind="StatefulSet"))
    assert done.stdout.endswith("pod web-2: stopped, deleted\npod web-1: stopped, deleted\n")


def test_a_paused_deployment_changes_nothing_but_its_size(pods: Pods) -> None:
    pods.apply(deployment(2, "hostname; " + _SLEEP))
    log = pods.lab.run("podunit", "logs", "--lines=2", "deployment/web").stdout.splitlines()
    assert sorted(log) == ["web-0.main | web-0", "web-1.main | web-1"]
    before = pids(pods, 0)
    paused = deployment(1, _SLEEP.replace("1000", "1001"), "paused: true")
    assert pods.apply(paused).stdout == "pod web-0: kept as it is by its owner\npod web-1: stopped, deleted\n"
    assert pids(pods, 0) == before
    grown = pods.apply(paused.replace("replicas: 1", "replicas: 2"))
    assert "pod web-1: not created: its owner is paused\n" in grown.stdout
