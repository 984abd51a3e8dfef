"""Nothing is left and nothing grows, however often pods start and stop; PODUNIT_ENDURANCE says how often (20)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, pod, wait_for

TIMES = int(os.environ.get("PODUNIT_ENDURANCE", "20"))
FOREVER = "sleep 1000 & wait"


@pytest.fixture
def pods(lab: Laboratory) -> Iterator[Pods]:
    pods = Pods(lab)
    yield pods
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=10)


def memory_kib(pods: Pods) -> dict[str, int]:
    """What systemd and the journal hold for themselves; the journal's own files are mapped, and do not count."""
    found = {}
    for name, pid in (("systemd", "1"), ("journald", pods.show("systemd-journald", "MainPID"))):
        status = pods.lab.read(f"/proc/{pid}/status")
        found[name] = int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")))
    return found


def test_many_starts_and_stops(pods: Pods) -> None:
    pods.install(pod(container("a", FOREVER) + container("b", FOREVER)))
    cycle = "for i in $(seq $1); do systemctl start pod@web; systemctl stop pod@web; done"
    pods.lab.run("sh", "-ec", cycle, "cycle", "10", timeout_sec=60)
    before = memory_kib(pods)
    pods.lab.run("sh", "-ec", cycle, "cycle", str(TIMES), timeout_sec=30 + 3 * TIMES)
    after = memory_kib(pods)
    assert pods.remains() == ""
    assert pods.systemctl("--failed", "--no-legend").stdout == ""
    print(f"{TIMES} starts and stops: {before} -> {after} KiB")
    for name, held in before.items():
        assert after[name] < held * 1.5 + 1024, name


def test_twenty_pods_at_once(pods: Pods) -> None:
    names = [f"p{index}" for index in range(20)]
    pods.install("---\n".join(pod(container("a", FOREVER), name) for name in names))
    units = [f"pod@{name}" for name in names]
    pods.systemctl("start", *units, timeout_sec=120)
    assert pods.state(*units) == " ".join(["active"] * 20)
    pods.systemctl("stop", *units, timeout_sec=120)
    assert pods.remains() == ""
    assert pods.systemctl("--failed", "--no-legend").stdout == ""
