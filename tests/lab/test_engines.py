"""Pods whose engine becomes another: what runs is stopped by the units that started it, and nothing is left of it."""

from __future__ import annotations

import pytest

from tests.lab.pods import Pods, wait_for
from tests.lab.test_jobs import cron_job, job
from tests.lab.test_workloads import deployment

FOREVER = "trap exit TERM; sleep 1000 & wait"
KEPT = deployment(1, FOREVER, "updateStrategy: {type: OnDelete}", kind="StatefulSet")
TURNS = job(FOREVER, "Never", "completions: 3", "parallelism: 2").replace("name: work", "name: turns")
ALL = "---\n".join((KEPT, cron_job(FOREVER, "concurrencyPolicy: Forbid"), TURNS))
RUNNING = ("container@web-0.main", "container@work.a")
LASTS = "kept as it is while it runs: other units could not stop it\n"


@pytest.mark.parametrize("engine", ["crun"], indirect=True)
def test_what_other_units_could_not_stop_is_stopped_before_or_goes_on(pods: Pods) -> None:
    def apply(engine: str, verb: str = "apply") -> str:
        return pods.lab.run("podunit", verb, "--engine", engine, "/root/pod.yaml").stdout

    pods.lab.write("/root/pod.yaml", ALL)
    apply("podman")
    for first, second in (("podman", "crun"), ("crun", "podman")):
        pods.systemctl("start", "--no-block", "pod@work")
        pods.wait("active active active active", *RUNNING, "container@turns-0.a", "container@turns-1.a")
        before = [pods.main_pid(unit) for unit in RUNNING]
        changed = f"changed, engine {second} instead of {first}, "
        turns = (f"pod turns-0: {changed}started\n", *(f"pod turns-{n}: {changed}run in its turn\n" for n in (1, 2)))
        assert apply(second) == f"pod web-0: {LASTS}pod work: {LASTS}" + "".join(turns)
        assert [pods.main_pid(unit) for unit in RUNNING] == before
        pods.lab.run("podunit", "stop", "web-0", "work")
        again = apply(second, "up").splitlines(keepends=True)
        assert again[:2] == [f"pod web-0: {changed}started\n", f"pod work: {changed}scheduled\n"]
    pods.lab.run("podunit", "delete", "/root/pod.yaml")
    # Not even of the engine that they had in between.
    wait_for(pods.remains, "", timeout_sec=5)
    assert pods.lab.sh("find /var/lib/podunit/roots -mindepth 1").stdout == ""
