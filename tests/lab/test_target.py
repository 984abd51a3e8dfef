"""All pods at once: podunit.target, and what becomes of pods when somebody isolates a target."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, pod, wait_for

FOREVER = "sleep 1000 & wait"
ENABLED = 'podunit/boot: "true"'
DISABLED = 'podunit/boot: "false"'
# Ends half a second after it is told to.
DB = (
    pod(container("a", FOREVER), "db")
    .replace("trap exit TERM", 'trap "sleep 0.5; exit" TERM')
    .replace(DISABLED, ENABLED)
)
WEB = pod(container("a", FOREVER), notes="    podunit/depends-on: db\n").replace(DISABLED, ENABLED)
# Ends by SIGKILL, after its grace period.
HAND = pod(container("a", FOREVER), "hand").replace("trap exit TERM", 'trap "" TERM')
EVERY = ("pod@db", "pod@web", "pod@hand")


@pytest.fixture(scope="module")
def every(lab: Laboratory) -> Iterator[Pods]:
    pods = Pods(lab)
    pods.apply(f"{WEB}---\n{DB}---\n{HAND}")
    yield pods
    # Isolated, multi-user.target starts what fails in a lab.
    lab.sh("systemctl stop podunit.target; podunit delete web; systemctl reset-failed")
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=5)


@pytest.fixture
def pods(every: Pods) -> Pods:
    every.systemctl("start", *EVERY)
    return every


def list_stops(pods: Pods) -> list[str]:
    """What the last stop of pods has done to containers, in order."""
    said = pods.lab.sh(
        "journalctl --boot --quiet --output=cat _PID=1 | grep -oE '^(Stopp|Start)[a-z]+ container@[^ ]*'"
    )
    lines = said.stdout.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Start")]
    return lines[starts[-1] + 1 :]


def is_in_order(pods: Pods) -> bool:
    """Whether web was gone before db was told to stop."""
    stops = [line for line in list_stops(pods) if "hand" not in line]
    return stops == [f"{verb} container@{name}.a.service" for name in ("web", "db") for verb in ("Stopping", "Stopped")]


def main_pids(pods: Pods, *names: str) -> list[int]:
    return [pods.main_pid(f"container@{name}.a") for name in names]


def test_all_pods_stop_and_the_enabled_ones_start_with_the_target(pods: Pods) -> None:
    shown = pods.systemctl("list-dependencies", "--plain", "podunit.target").stdout
    assert {"pod@db.service", "pod@web.service", "pod@hand.service"} <= set(shown.split())
    assert pods.state("podunit.target") == "inactive"
    # It was never started, and yet waits for all of them.
    pods.systemctl("stop", "podunit.target")
    assert pods.state(*EVERY, "podunit-stop.service") == "inactive inactive inactive inactive"
    assert pods.remains() == ""
    assert is_in_order(pods)
    pods.systemctl("start", "podunit.target")
    assert pods.state(*EVERY) == "active active inactive"
    # It is active: its start is still that of what was stopped meanwhile.
    pods.systemctl("stop", "pod@web")
    pods.systemctl("start", "podunit.target")
    assert pods.state(*EVERY) == "active active inactive"
    before = main_pids(pods, "db", "web")
    pods.systemctl("restart", "podunit.target")
    assert pods.state(*EVERY) == "active active inactive"
    assert not set(before) & set(main_pids(pods, "db", "web"))


def test_the_target_stops_what_has_failed_or_waits_or_starts(pods: Pods) -> None:
    # One that fails again and again, one that waits for it, a container without its pod, and one that starts.
    pods.systemctl("stop", *EVERY)
    bad = pod(container("a", "exit 1"), "bad").replace("command: [sh, -c,", "command: [/missing,")
    starting = pod(container("a", FOREVER), "slow", inits=container("i", FOREVER))
    waits = pod(container("a", FOREVER), "waits", notes="    podunit/depends-on: bad\n")
    pods.install(f"{bad}---\n{waits}---\n{starting}")
    pods.systemctl("start", "pod@waits", check=False)
    pods.systemctl("start", "--no-block", "pod@slow")
    pods.systemctl("start", "container@hand.a")
    pods.wait("activating", "container@slow.i")
    wait_for(lambda: str(pods.main_pid("pod-mend@waits") > 0), "True")
    pods.systemctl("stop", "podunit.target")
    members = ("pod-mend@waits", "pod-mend@bad", "container@hand.a", "container@slow.i", "sandbox@bad", "pod@slow")
    assert pods.state(*members) == " ".join(["inactive"] * len(members))
    assert pods.remains() == ""


def test_isolate_stops_what_the_target_does_not_want_and_leaves_the_rest_alone(pods: Pods) -> None:
    before = main_pids(pods, "db", "web")
    pods.systemctl("start", "podunit.target")
    pods.systemctl("isolate", "multi-user.target")
    pods.wait("active active inactive", *EVERY)
    assert main_pids(pods, "db", "web") == before
    assert [line for line in pods.remains().splitlines() if "hand" in line] == []
    # No terminal is there for its shell.
    shell = "[Service]\nStandardInput=null\nExecStart=\nExecStart=sleep 1000\n"
    pods.lab.write("/run/systemd/system/rescue.service.d/shell.conf", shell)
    pods.systemctl("daemon-reload")
    pods.systemctl("start", "pod@hand")
    try:
        pods.systemctl("isolate", "rescue.target")
        pods.wait("inactive inactive inactive active", *EVERY, "rescue.target")
        assert pods.remains() == ""
        assert is_in_order(pods)
        # By hand they start there as well.
        pods.systemctl("start", "pod@web")
        assert pods.state("pod@web", "rescue.service") == "active active"
    finally:
        pods.lab.sh("rm -rf /run/systemd/system/rescue.service.d; systemctl daemon-reload")
        pods.systemctl("isolate", "multi-user.target")
    pods.wait("active active", "pod@web", "pod@db")
