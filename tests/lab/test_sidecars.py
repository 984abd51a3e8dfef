"""Native sidecars: init containers that go on, from before the others start until after they are done."""

from __future__ import annotations

import pytest

from tests.lab.pods import Pods, container, over_engines, pod, quick, wait_for

MOUNT = "volumeMounts: [{name: log, mountPath: /log}]"
LOG = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
ALWAYS = "restartPolicy: Always"


def say(name: str) -> str:
    """A script that tells of its start and its stop."""
    return f'echo {name}+ >> /log/all; trap "echo {name}- >> /log/all; exit" TERM; sleep 1000 & wait'


INITS = (
    container("first", "echo first >> /log/all", MOUNT)
    + container("proxy", say("proxy"), MOUNT, ALWAYS)
    + container("second", "sleep 0.3; echo second >> /log/all", MOUNT)
    + container("agent", say("agent"), MOUNT, ALWAYS)
)
ALL = ("pod@web", "sandbox@web", "container@web.proxy", "container@web.agent", "container@web.main")


def read_log(pods: Pods) -> list[str]:
    return pods.lab.read("/run/test/all").split()


@over_engines
def test_sidecars_start_before_and_stop_after_the_others(pods: Pods) -> None:
    pods.install(pod(container("main", say("main"), MOUNT), inits=INITS, more=LOG, notes=quick("proxy")))
    pods.systemctl("start", "pod@web")
    assert pods.state(*ALL) == "active active active active active"
    assert read_log(pods) == ["first", "proxy+", "second", "agent+", "main+"]
    main = pods.main_pid("container@web.main")
    pods.systemctl("kill", "--signal=KILL", "container@web.proxy")
    wait_for(lambda: str(read_log(pods).count("proxy+")), "2")
    pods.wait("active active active active active", *ALL)
    assert pods.main_pid("container@web.main") == main
    pods.systemctl("stop", "pod@web")
    assert read_log(pods)[-3:] == ["main-", "agent-", "proxy-"]
    assert pods.remains() == ""


@over_engines
@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
def test_a_pod_whose_work_is_done_ends_with_its_sidecars(pods: Pods, policy: str) -> None:
    main = container("main", "echo main+ >> /log/all; sleep 0.5", MOUNT)
    pods.install(pod(main, inits=INITS, more=LOG, policy=policy))
    pods.systemctl("start", "pod@web")
    pods.wait("inactive inactive inactive inactive inactive", *ALL)
    assert read_log(pods) == ["first", "proxy+", "second", "agent+", "main+", "agent-", "proxy-"]
    wait_for(pods.remains, "", timeout_sec=5)


def test_a_sidecar_that_does_not_start_holds_up_the_others(pods: Pods) -> None:
    broken = container("proxy", say("proxy"), MOUNT, ALWAYS).replace("[sh,", "[no-such-command,")
    pods.install(pod(container("main", say("main"), MOUNT), inits=broken, more=LOG, notes=quick("main")))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    assert pods.lab.sh("cat /run/test/all 2> /dev/null || :").stdout == ""
    assert pods.state("container@web.main") != "active"
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""
    pods.systemctl("reset-failed")
