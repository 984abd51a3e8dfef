"""When containers start again: the kubelet's back-off, policies of their own, and rules by exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.pods import BY_PROCESS, Pods, container, over_engines, pod, quick, wait_for

MOUNT = "volumeMounts: [{name: log, mountPath: /log}]"
LOG = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
NEVER = "restartPolicy: Never"
KEEPER = container("keeper", "sleep 1000 & wait")


def rule(operator: str, *codes: int) -> str:
    return f"restartPolicyRules: [{{action: Restart, exitCodes: {{operator: {operator}, values: {list(codes)}}}}}]"


def ran(name: str, then: str) -> str:
    """A script that tells when it started, on the clock of the machine's uptime."""
    return f"read up rest < /proc/uptime; echo $up >> /log/{name}; {then}"


def read_times(pods: Pods, name: str) -> list[float]:
    return [float(line) for line in pods.lab.sh(f"cat /run/test/{name} 2> /dev/null || :").stdout.split()]


def test_pauses_double_from_ten_seconds(pods: Pods) -> None:
    # "the kubelet restarts them with an exponential backoff delay (10s, 20s, 40s, …), that is capped at 300 seconds"
    crash = container("crash", ran("crash", "exit 3"), MOUNT)
    rules = (
        container("some", ran("some", "exit 42"), MOUNT, NEVER, rule("In", 42, 3))
        + container("others", ran("others", "[ $(wc -l < /log/others) -lt 3 ] || exit 42; exit 1"), MOUNT, NEVER)
        + "    "
        + rule("NotIn", 42)
        + "\n"
        + container("once", ran("once", "exit 3"), MOUNT, NEVER)
        + container("done", ran("done", "[ $(wc -l < /log/done) = 3 ] || exit 1"), MOUNT, "restartPolicy: OnFailure")
    )
    # Units for this machine's systemd, which may have words for it.
    pods.apply(pod(KEEPER + crash + rules, more=LOG, notes=quick("some", "others", "done")))
    has_steps = int(pods.lab.sh("systemctl --version | sed -n '1s/systemd \\([0-9]*\\).*/\\1/p'").stdout) >= 254
    if has_steps:
        shown = [pods.show("container@web.crash", f"Restart{name}") for name in ("USec", "Steps", "MaxDelayUSec")]
        assert shown == ["10s", "5", "5min"]
    # Rules by exit code, and policies of containers, beside the pod's.
    pods.wait("active failed failed inactive", *units("keeper", "others", "once", "done"))
    assert [len(read_times(pods, name)) for name in ("others", "once", "done")] == [3, 1, 3]
    assert len(read_times(pods, "some")) >= 3
    assert pods.state("pod@web") == "active"
    wait_for(lambda: str(len(read_times(pods, "crash"))), "3", timeout_sec=45)
    first, second, third = read_times(pods, "crash")
    assert 10 <= second - first < 12
    assert 19 < third - second < 23
    # A start cuts the third pause short, from systemd 254 on, and counts on; a stop makes the pauses short again.
    if has_steps:
        wait_for(lambda: pods.show("container@web.crash", "SubState"), "auto-restart")
        pods.systemctl("start", "container@web.crash", check=False)
        wait_for(lambda: str(len(read_times(pods, "crash"))), "4", timeout_sec=10)
        assert int(pods.show("container@web.crash", "NRestarts")) >= 2
    pods.systemctl("stop", "container@web.crash")
    pods.systemctl("start", "container@web.crash", check=False)
    assert pods.show("container@web.crash", "NRestarts") == "0"
    pods.systemctl("stop", "container@web.crash")
    assert pods.state("container@web.crash") in ("inactive", "failed")
    pods.systemctl("stop", "pod@web")
    assert pods.state("pod@web") == "inactive"
    assert pods.remains() == ""


def units(*names: str) -> tuple[str, ...]:
    return tuple(f"container@web.{name}" for name in names)


@over_engines
def test_a_pod_of_which_a_container_has_failed_for_good_ends_failed(pods: Pods) -> None:
    once = container("once", ran("once", "exit 3"), MOUNT, NEVER)
    done = container("done", ran("done", "sleep 0.5; [ $(wc -l < /log/done) = 2 ] || exit 1"), MOUNT)
    sidecar = container("sidecar", "sleep 1000 & wait", MOUNT, "restartPolicy: Always")
    text = pod(once + done, inits=sidecar, more=LOG + BY_PROCESS, policy="OnFailure", notes=quick("done"))
    pods.install(text)
    pods.systemctl("start", "pod@web")
    pods.wait("failed failed inactive inactive", "pod@web", *units("once", "done"), "sandbox@web")
    # Nothing mends it, though it would mend a start that fails.
    pods.wait("inactive", "pod-mend@web", timeout_sec=10)
    assert [len(read_times(pods, name)) for name in ("once", "done")] == [1, 2]
    assert pods.state("pod@web") == "failed"
    pods.systemctl("reset-failed", "pod@web", *units("once"))
    # A lost sandbox is replaced, as on Kubernetes by the pod's policy, and a stop by hand is no failure.
    pods.lab.sh("rm /run/test/done")
    pods.systemctl("start", "pod@web")
    if pods.engine == "podman":
        pods.systemctl("kill", "--signal=KILL", "sandbox@web")
        wait_for(lambda: str(len(read_times(pods, "once"))), "3")
    pods.systemctl("stop", "pod@web")
    assert pods.state("pod@web", *units("once", "done"), "sandbox@web") == "inactive inactive inactive inactive"
    assert pods.remains() == ""


@pytest.mark.parametrize(("policy", "own"), [("Always", NEVER), ("Never", "")])
def test_an_init_container_that_is_not_tried_again_fails_the_pod(pods: Pods, policy: str, own: str) -> None:
    inits = container("first", "exit 0") + container("sidecar", "sleep 1000 & wait", "restartPolicy: Always")
    inits += container("init", ran("init", "exit 3"), MOUNT, *([own] if own else []))
    pods.install(pod(KEEPER, inits=inits, more=LOG, policy=policy))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    pods.wait("inactive inactive inactive", "sandbox@web", *units("sidecar", "first"))
    pods.wait("inactive", "pod-mend@web", timeout_sec=10)
    assert pods.state("pod@web", *units("init", "keeper")) == "failed failed inactive"
    assert len(read_times(pods, "init")) == 1
    pods.systemctl("reset-failed", "pod@web", *units("init"))


def test_pauses_hold_for_what_a_start_of_the_pod_waits_for(pods: Pods) -> None:
    broken = container("broken", "true").replace("[sh,", "[no-such-command,")
    assert pods.apply(pod(KEEPER + broken), check=False).returncode == 1
    # What mends the pod would start it every five seconds, and its containers at once, from systemd 254 on.
    pods.lab.sh("sleep 24")
    assert pods.show("container@web.broken", "NRestarts") in ("1", "2")
    assert pods.state("container@web.keeper") == "active"


def test_a_pod_that_is_stopped_while_its_start_is_failing_stays_stopped(pods: Pods) -> None:
    needy = container("a", "sleep 1000 & wait", "volumeMounts: [{name: need, mountPath: /need}]")
    need = "  volumes: [{name: need, hostPath: {path: /run/nowhere}}]\n"
    pods.install("---\n".join(pod(needy, name, more=need) for name in ("first", "again")))
    # So that there is time for it: systemd has asked what is to be stopped by then.
    failing = ("pod@first", "pod@again")
    for unit in failing:
        pods.lab.write(f"/run/systemd/system/{unit}.service.d/slow.conf", "[Service]\nExecStopPost=/bin/sleep 5.23\n")
    pods.systemctl("daemon-reload")
    try:
        pods.systemctl("start", "--no-block", "pod@again")
        pods.wait("active", "pod-stop@again")
        for unit in failing:
            pods.systemctl("start", "--no-block", unit)
            pods.lab.wait_until(f"systemctl status {unit} | grep -q 'sleep 5[.]23$'")
            pods.systemctl("stop", unit)
        # What mends a pod waits for five seconds.
        pods.wait("inactive inactive", "pod-mend@first", "pod-mend@again")
        assert not {"active", "activating"} & set(pods.state(*failing, "sandbox@first", "sandbox@again").split())
    finally:
        pods.lab.sh("rm -r /run/systemd/system/pod@*.service.d; systemctl daemon-reload")


@contextmanager
def stopping(pods: Pods, words: str) -> Iterator[None]:
    """In a stop of pod@web, whose pod-stop@web is held at `systemctl` with these words until there is /run/test/go."""
    slow = "/usr/local/bin/systemctl"
    pods.lab.write(
        slow,
        f"""#!/bin/sh
case "$*" in *{words}*)
  grep -q pod-stop@ /proc/self/cgroup && until [ -e /run/test/go ]; do touch /run/test/held; sleep 0.05; done;; esac
exec /usr/bin/systemctl "$@"
""",
    )
    pods.lab.sh(f"chmod +x {slow}; mkdir -p /run/test; rm -f /run/test/go /run/test/held")
    try:
        pods.systemctl("stop", "--no-block", "pod@web")
        pods.lab.wait_until("test -e /run/test/held")
        yield
    finally:
        pods.lab.sh(f"rm -f {slow}; touch /run/test/go")


def test_a_stop_that_a_restart_has_replaced_does_not_stop_what_starts(pods: Pods) -> None:
    wait = container("wait", "until [ -e /log/on ]; do sleep 0.1; done", MOUNT)
    pods.lab.sh("mkdir -p /run/test; touch /run/test/on")
    pods.install(pod(container("a", "sleep 1000 & wait"), inits=wait, more=LOG))
    pods.systemctl("start", "pod@web")
    pods.wait("active", "pod-stop@web")
    with stopping(pods, "show"):
        pods.lab.sh("rm /run/test/on; /usr/bin/systemctl restart --no-block pod@web")
        pods.wait("activating activating", "pod@web", "container@web.wait")
        pods.lab.sh("touch /run/test/go")
        pods.wait("inactive", "pod-stop@web")
        pods.lab.sh("touch /run/test/on")
        pods.wait("active active active", "pod-stop@web", "pod@web", "container@web.a")


@over_engines
def test_a_start_that_comes_before_a_stop_has_begun_starts_the_pod_again(pods: Pods) -> None:
    pods.install(pod(container("a", "sleep 1000 & wait")))
    pods.systemctl("start", "pod@web")
    pods.wait("active", "pod-stop@web")
    before = pods.show("container@web.a", "InvocationID")
    with stopping(pods, "show"):
        pods.lab.sh("/usr/bin/systemctl start pod@web; touch /run/test/go")
        wait_for(lambda: str(pods.show("container@web.a", "InvocationID") in ("", before)), "False")
        pods.wait("active active active", "pod-stop@web", "pod@web", "container@web.a")
    pods.systemctl("stop", "pod@web")
    assert pods.state("pod@web", "container@web.a") == "inactive inactive"
    assert pods.remains() == ""


def test_what_is_stopped_in_spite_of_a_restart_starts_again(pods: Pods) -> None:
    needy = container("a", "sleep 1000 & wait", "volumeMounts: [{name: need, mountPath: /need}]")
    pods.install(pod(needy, more="  volumes: [{name: need, hostPath: {path: /run/test/need}}]\n"))
    pods.systemctl("start", "pod@web", check=False)
    pods.wait("active", "pod-stop@web")
    with stopping(pods, "ignore-requirements"):
        pods.lab.sh("mkdir -p /run/test/need; /usr/bin/systemctl restart --no-block pod@web")
        pods.wait("active active", "pod@web", "container@web.a")
        pods.lab.sh("touch /run/test/go")
        pods.wait("active active active", "pod-stop@web", "pod@web", "container@web.a")
