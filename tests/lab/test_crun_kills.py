"""Pods of the crun engine that are killed while they start, and started often: the next start heals, nothing stays.

PODUNIT_ENDURANCE says how often a pod is started and stopped (20); from 200 on it is also killed at more moments.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, pod, wait_for
from tests.lab.test_endurance import TIMES, memory_kib

_POD = pod(
    container(
        "a",
        "httpd -f -p 8080 -h /www & wait",
        "ports: [{containerPort: 8080, hostPort: 8080}]",
        "readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}",
        "volumeMounts: [{name: work, mountPath: /work}]",
    ),
    more="  volumes: [{name: work, emptyDir: {}}]\n",
    notes="    podunit/engine: crun\n",
)

# How many milliseconds after the start of a unit, or of a program.
_UNIT_MS = range(0, 240, 20) if TIMES >= 200 else (0, 60, 120)
_PROGRAM_MS = (0, 2, 5, 10, 20, 40) if TIMES >= 200 else (0, 10)

# What there is of mounts, namespaces, links, rules and files.
_LOOK = """
cut -d' ' -f4- /proc/self/mountinfo | sort
lsns --noheadings --output NS,TYPE | sort -u | grep -E ' (net|ipc|uts)$' | wc -l
ip -oneline link | cut -d: -f2
nft list ruleset
cd /; find run/podunit* run/containers run/crun run/netns var/lib/podunit \\
  var/lib/containers etc/containers -type f | sort
"""

# Stands before a program: ends it, or its parent, so many milliseconds after its start, the next time it is started.
_KILLER = """#!/bin/sh
[ -e /run/kill ] && mv /run/kill /run/killed && read -r whom delay < /run/killed || exec %(program)s.real "$@"
[ "$whom" = self ] && victim=$$ || victim=$PPID
(sleep "0.$delay"; kill -KILL "$victim") > /dev/null 2>&1 &
exec %(program)s.real "$@"
"""


@pytest.fixture(scope="module", autouse=True)
def storage(lab: Laboratory, suite: str) -> Iterator[None]:
    """A file system on which an overlay can write."""
    if suite == "bookworm":
        pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
    lab.sh("mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit")
    yield
    lab.sh("umount /var/lib/podunit")


@pytest.fixture(autouse=True)
def nothing_left(pods: Pods) -> Iterator[None]:
    pods.apply(_POD)
    yield
    pods.systemctl("stop", "pod@web")
    wait_for(pods.remains, "", timeout_sec=10)
    pods.clear()
    # netavark starts aardvark-dns by systemd-run(1): one that was killed between may leave a scope that has failed.
    pods.systemctl("reset-failed", "run-*.scope", check=False)


def serve_again(pods: Pods) -> None:
    """Start the pod, whatever has become of it: it serves."""
    # A start that is under way, and fails, would be the same.
    pods.lab.wait_until("systemctl is-active pod@web | grep -qx -e active -e inactive -e failed")
    if pods.systemctl("start", "pod@web", check=False).returncode:
        units = "--unit=pod@web --unit=sandbox@web --unit=container@web.a --unit=pod-mend@web"
        print(pods.lab.sh(f"journalctl --no-pager --output=short-precise {units} | tail -50").stdout)
        raise AssertionError("the pod does not start")
    assert pods.state("pod@web", "sandbox@web", "container@web.a") == "active active active"
    assert pods.lab.run("curl", "--silent", "--fail", "--max-time", "5", "127.0.0.1:8080").stdout


@pytest.mark.parametrize("unit", ["sandbox@web", "container@web.a"])
def test_units_killed_at_any_moment_of_a_start(pods: Pods, unit: str) -> None:
    for delay_ms in _UNIT_MS:
        pods.lab.sh(
            f"systemctl stop pod@web; systemctl start --no-block pod@web; sleep 0.{delay_ms:03};"
            f" systemctl kill --signal=KILL {unit}",
            check=False,
        )
        serve_again(pods)


@pytest.mark.parametrize(
    ("program", "whoms"),
    [
        ("/usr/lib/podman/netavark", ("self", "parent")),
        ("/usr/bin/crun", ("self",)),
        ("/usr/bin/unshare", ("self", "parent")),
        ("/usr/bin/mount", ("self", "parent")),
    ],
)
def test_programs_of_a_start_killed_at_any_moment(pods: Pods, program: str, whoms: tuple[str, ...]) -> None:
    pods.lab.sh(f"cp --preserve {program} {program}.real")
    pods.lab.write("/root/killer", _KILLER % {"program": program})
    pods.lab.sh(f"chmod +x /root/killer; mv /root/killer {program}")
    try:
        for whom in whoms:
            for delay_ms in _PROGRAM_MS:
                pods.systemctl("stop", "pod@web")
                pods.lab.sh(f"rm -f /run/killed; echo {whom} {delay_ms:03} > /run/kill")
                pods.systemctl("start", "pod@web", check=False)
                assert pods.lab.sh("ls /run/kill* ").stdout == "/run/killed\n"
                serve_again(pods)
    finally:
        pods.lab.sh(f"mv {program}.real {program}")


def test_what_a_loss_of_power_leaves(pods: Pods) -> None:
    pods.systemctl("start", "pod@web")
    pods.lab.sh("cp -a /var/lib/podunit/roots /var/lib/podunit/volumes /root/")
    pods.systemctl("stop", "pod@web")
    # /run is empty after a boot.
    pods.lab.sh("cp -a /root/roots /root/volumes /var/lib/podunit/; rm -r /run/podunit /run/podunit-*s")
    serve_again(pods)


def test_many_starts_and_stops(pods: Pods) -> None:
    cycle = "for i in $(seq $1); do systemctl start pod@web; curl -sf -m 5 127.0.0.1:8080; systemctl stop pod@web; done"
    pods.lab.run("sh", "-ec", cycle, "cycle", "5", timeout_sec=60)
    wait_for(lambda: pods.state("podunit-prober"), "inactive")
    before, memory = pods.lab.sh(_LOOK).stdout, memory_kib(pods)
    pods.lab.run("sh", "-ec", cycle, "cycle", str(TIMES), timeout_sec=30 + 5 * TIMES)
    wait_for(lambda: pods.state("podunit-prober"), "inactive")
    assert pods.lab.sh(_LOOK).stdout == before
    assert pods.remains() == ""
    assert pods.systemctl("--failed", "--no-legend").stdout == ""
    after = memory_kib(pods)
    print(f"{TIMES} starts and stops: {memory} -> {after} KiB")
    for name, held in memory.items():
        assert after[name] < held * 1.5 + 1024, name
