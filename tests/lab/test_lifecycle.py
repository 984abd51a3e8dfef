"""A pod's life, a row for each of the promises in tests/promises.py that no other test shows, seen from outside.

The rows start together, each a pod of its own, and each is then looked at: by systemd's timestamps, the journal,
processes, and a server that tells of the requests it got.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, default_engine, pod, quick, wait_for

MOUNT = "volumeMounts: [{name: host, mountPath: /host}]"
HOST = "  volumes: [{name: host, hostPath: {path: /run/test}}]\n"
SERVE = "httpd -f -vv -p 8080 & wait"
FOREVER = "sleep 1000 & wait"


@dataclass(frozen=True)
class Row:
    """A promise, by its name there, the pod of that name, and what has to be seen of it."""

    name: str
    text: str
    look: Callable[[Pods, str], None]


def unit(name: str, part: str = "a") -> str:
    return f"container@{name}.{part}.service"


def when(pods: Pods, of: str, name: str) -> int:
    """A timestamp of a unit, in microseconds."""
    return int(pods.show(of, f"{name}TimestampMonotonic"))


def said(pods: Pods, of: str) -> list[tuple[float, str]]:
    """What the journal shows of a unit, with seconds on the clock of those timestamps."""
    lines = pods.lab.sh(f"journalctl --output=json --unit={of}").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    return [(int(one["__MONOTONIC_TIMESTAMP"]) / 1e6, str(one["MESSAGE"])) for one in found]


def times(pods: Pods, of: str, words: str) -> list[float]:
    return [at for at, message in said(pods, of) if words in message]


def wait_until_said(pods: Pods, of: str, words: str, count: int = 1) -> list[float]:
    wait_for(lambda: str(len(times(pods, of, words)) >= count), "True", timeout_sec=30)
    return times(pods, of, words)


def told(pods: Pods, *argv: str) -> str:
    return pods.lab.run(*argv, check=False).stdout


def together(pods: Pods, name: str) -> None:
    pods.wait("active", f"pod@{name}")
    units = (unit(name, "a"), unit(name, "b"))
    begun, up = zip(*((when(pods, it, "InactiveExit"), when(pods, it, "ActiveEnter")) for it in units), strict=True)
    assert max(begun) < min(up)


def paused(pods: Pods, name: str) -> None:
    def find_gaps() -> list[float]:
        tried = times(pods, unit(name, "i"), "tried")
        return [later - earlier for earlier, later in itertools.pairwise(tried)]

    wait_for(lambda: str(any(gap >= 10 for gap in find_gaps())), "True", timeout_sec=40)
    # The start of the pod waits for the first retry and, from systemd 254 on, hurries it: as the kubelet's first is.
    *hurried, gap = find_gaps()
    assert len(hurried) <= 1
    assert gap < 23
    assert pods.state(unit(name)) == "inactive"


def delayed(pods: Pods, name: str) -> None:
    first, second, *_ = wait_until_said(pods, unit(name), "url:/there", 2)
    begun = times(pods, unit(name), "Starting container")[0]
    assert first - begun >= 2
    assert 0.8 < second - first < 2
    # One success is not enough. The server's own lines take a little longer to the journal.
    assert wait_until_said(pods, unit(name), f"{name}.a: ready")[0] > second - 0.5
    third = wait_until_said(pods, unit(name), "url:/there", 3)[2]
    assert 0.8 < third - second < 2


def gated(pods: Pods, name: str) -> None:
    pods.wait("activating", unit(name))
    pods.lab.sh("sleep 2")
    assert times(pods, unit(name), "url:/alive") == []
    pods.lab.write(f"/run/test/{name}", "")
    started = wait_until_said(pods, unit(name), f"{name}.a: started")[0]
    assert wait_until_said(pods, unit(name), "url:/alive")[0] >= started
    pods.wait("active", f"pod@{name}")


def silent(pods: Pods, name: str) -> None:
    wait_until_said(pods, unit(name), "liveness probe failed: no answer within 1 s; stopping the container")
    wait_for(lambda: str(int(pods.show(unit(name), "NRestarts")) > 0), "True")


def hanging(pods: Pods, name: str) -> None:
    wait_for(lambda: str("no answer within 1 s" in told(pods, "podunit", "describe", name)), "True")
    # There have been others before, and of those nothing is left.
    pods.lab.sh("sleep 2.5")
    assert told(pods, "pgrep", "--count", "--full", "^sleep 7777").strip() in ("0", "1")
    assert pods.show(unit(name), "NRestarts") == "0"


def killed(pods: Pods, name: str) -> None:
    reason = "liveness probe failed: exit status 1; stopping the container"
    told_at = wait_until_said(pods, unit(name), reason)[0]
    # Its own grace period is shorter than the pod's.
    assert wait_until_said(pods, unit(name), "Failed with result")[0] - told_at < 10
    pods.wait("failed failed", f"pod@{name}", unit(name))
    assert reason in told(pods, "systemctl", "status", "--lines=1000", unit(name))
    assert reason in told(pods, "podunit", "describe", name)
    last = json.loads(told(pods, "podunit", "ps", "-o", "json", name))["containers"][0]["last_exit"]
    assert (last["status"], last["signal"], last["reason"]) == (137, "SIGKILL", "Error")
    events = [event["reason"] for event in json.loads(told(pods, "podunit", "events", name, "-o", "json"))["events"]]
    assert events.index("Killing") < events.index("Failed")


def half_ready(pods: Pods, name: str) -> None:
    def ready() -> str:
        row = json.loads(told(pods, "podunit", "ps", "-o", "json", name))["pods"][0]
        return f"{row['ready']} {row['phase']}"

    wait_for(ready, "1/2 starting")
    pods.lab.write(f"/run/test/{name}", "")
    wait_for(ready, "2/2 running")
    pods.lab.run("rm", f"/run/test/{name}")
    wait_for(ready, "1/2 running")
    assert re.search(r" b +active \(running, not ready\)", told(pods, "podunit", "ps", name))


def bare(pods: Pods, name: str) -> None:
    pods.wait("active", f"pod@{name}")
    done = pods.inside(f"{name}.a", "sh", "-c", "true", check=False)
    assert done.returncode == 127, done


ALIVE = "livenessProbe: {exec: {command: %s}, periodSeconds: 1, failureThreshold: %d%s}"
ROWS = (
    Row(
        "together",
        pod(
            container("a", FOREVER, "lifecycle: {postStart: {sleep: {seconds: 1}}}")
            + container("b", FOREVER, "lifecycle: {postStart: {sleep: {seconds: 1}}}"),
            "together",
        ),
        together,
    ),
    Row(
        "delayed",
        pod(
            container(
                "a",
                SERVE,
                "readinessProbe: {httpGet: {path: /there, port: 8080}, initialDelaySeconds: 2, periodSeconds: 1,"
                " successThreshold: 2}",
            )
            .replace("-p 8080", "-p 8080 -h /host")
            .replace("readinessProbe", MOUNT + "\n    readinessProbe"),
            "delayed",
            more=HOST,
        ),
        delayed,
    ),
    Row(
        "gated",
        pod(
            container(
                "a",
                SERVE,
                MOUNT,
                "startupProbe: {exec: {command: [test, -e, /host/gated]}, periodSeconds: 1, failureThreshold: 100}",
                "livenessProbe: {httpGet: {path: /alive, port: 8080}, periodSeconds: 1, failureThreshold: 100}",
            ),
            "gated",
            more=HOST,
        ),
        gated,
    ),
    Row(
        "silent",
        pod(
            container(
                "a",
                "while :; do sleep 1000 | nc -l -p 8080; done & wait",
                "livenessProbe: {httpGet: {port: 8080}, initialDelaySeconds: 1, failureThreshold: 1}",
            ),
            "silent",
            notes=quick("a"),
        ),
        silent,
    ),
    Row(
        "hanging",
        pod(container("a", FOREVER, ALIVE % ('[sh, -c, "sleep 7777; true"]', 100, "")), "hanging"),
        hanging,
    ),
    Row(
        "killed",
        pod(
            container("a", "trap '' TERM; sleep 1000", ALIVE % ('["false"]', 1, ", terminationGracePeriodSeconds: 1")),
            "killed",
            policy="Never",
        ).replace("PeriodSeconds: 2", "PeriodSeconds: 15", 1),
        killed,
    ),
    Row(
        "half",
        pod(
            container("a", FOREVER)
            + container(
                "b",
                FOREVER,
                MOUNT,
                "readinessProbe: {exec: {command: [test, -e, /host/half]}, periodSeconds: 1, failureThreshold: 1}",
            ),
            "half",
            more=HOST,
        ),
        half_ready,
    ),
    Row(
        "bare",
        pod(
            "  - name: a\n    image: localhost/bare:1\n    command: [/httpd, -f, -p, '8080']\n"
            "    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 30}\n"
            "    readinessProbe: {httpGet: {path: /httpd, port: 8080}, periodSeconds: 1}\n",
            "bare",
        ),
        bare,
    ),
    Row(
        "paused",
        pod(container("a", FOREVER), "paused", inits=container("i", "echo tried; exit 3")),
        paused,
    ),
)


# Those in which the engine has a part.
BY_ENGINE = ("together", "silent", "hanging")
CASES = {"podman": ROWS, "crun": tuple(row for row in ROWS if row.name in BY_ENGINE)}


@pytest.fixture(scope="module")
def life(request: pytest.FixtureRequest, lab: Laboratory, suite: str) -> Iterator[Pods]:
    """A lab in which the pods of all rows of an engine have been started."""
    if request.param == "crun" and suite == "bookworm":
        pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
    with default_engine(lab, request.param):
        yield from start(Pods(lab, request.param))


def start(pods: Pods) -> Iterator[Pods]:
    rows, lab = CASES[pods.engine], pods.lab
    lab.sh("rm -rf /run/test; mkdir -p /run/test; echo yes > /run/test/there")
    lab.write("/root/bare/Containerfile", "FROM scratch\nCOPY busybox /httpd\n")
    lab.sh("cd /root/bare; cp /bin/busybox .; podman build --quiet --tag localhost/bare:1 .")
    units = [f"pod@{row.name}" for row in rows]
    pods.install("---\n".join(row.text for row in rows))
    pods.systemctl("start", "--no-block", *units)
    yield pods
    lab.run("podunit", "delete", *(row.name for row in rows))
    lab.sh("podman rmi localhost/bare:1; rm -r /root/bare")
    wait_for(pods.remains, "", timeout_sec=10)


@pytest.mark.parametrize("life", ["podman"], indirect=True)
@pytest.mark.parametrize("row", CASES["podman"], ids=lambda row: row.name)
def test_a_promise_is_kept(life: Pods, row: Row) -> None:
    row.look(life, row.name)


# Apart: with both in one test pytest would start all pods anew for each row.
@pytest.mark.parametrize("life", ["crun"], indirect=True)
@pytest.mark.parametrize("row", CASES["crun"], ids=lambda row: row.name)
def test_a_promise_is_kept_by_crun(life: Pods, row: Row) -> None:
    row.look(life, row.name)
