"""The unit graph holds, with real containers: each scenario is what somebody or something does to a pod.

Looked at from outside: exit status of systemctl, states, process IDs, and what is left on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.pods import BY_PROCESS, IMAGE, Pods, container, over_engines, pod, quick, wait_for

FOREVER = "sleep 1000 & wait"
WEB = container("a", "httpd -f -p 8080 -h /www & wait", "ports: [{containerPort: 8080, hostPort: 8080}]") + container(
    "b", FOREVER
)
TWO = pod(WEB, notes=quick("a", "b"))
INIT = container("i", "echo init ran >> /log/init", "volumeMounts: [{name: log, mountPath: /log}]")
LOG = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
# podman refuses to start a container whose host path is missing.
NEEDY = container("a", FOREVER, "volumeMounts: [{name: need, mountPath: /need}]") + container("b", FOREVER)
NEED = "  volumes: [{name: need, hostPath: {path: /run/test/need}}]\n"
ALL = ("pod@web", "sandbox@web", "container@web.a", "container@web.b")
UP = "active active active active"
DOWN = "inactive inactive inactive inactive"


@pytest.fixture
def pods(pods: Pods) -> Iterator[Pods]:
    """Afterwards no unit is left either that pods share."""
    yield pods
    pods.clear()
    pods.wait("", "image@*", "image-pull@*", "network@*")


def runs_of_init(pods: Pods) -> int:
    return pods.lab.sh("cat /run/test/init 2> /dev/null || :").stdout.count("init ran")


def stop_and_expect_nothing(pods: Pods) -> None:
    """Nothing may be left at the moment when the stop returns."""
    pods.systemctl("stop", "pod@web")
    assert pods.state(*ALL, "pod-mend@web", "containers@web.target") == DOWN + " inactive inactive"
    assert pods.remains() == ""


def test_a_start_returns_when_the_page_is_served_and_a_stop_when_nothing_is_left(pods: Pods) -> None:
    pods.install(TWO)
    for _ in range(3):
        pods.systemctl("start", "pod@web")
        assert pods.lab.run("curl", "--silent", "--fail", "localhost:8080").stdout == "podunit test page\n"
        assert pods.state(*ALL) == UP
        stop_and_expect_nothing(pods)


@over_engines
@pytest.mark.parametrize("victim", ["payload", "monitor", "everything"])
def test_a_crash_of_one_container_leaves_its_sibling_and_the_pod_alone(pods: Pods, victim: str) -> None:
    pods.install(TWO)
    pods.systemctl("start", "pod@web")
    crashed, sibling = pods.main_pid("container@web.a"), pods.main_pid("container@web.b")
    since = pods.show("pod@web", "ActiveEnterTimestampMonotonic")
    if victim == "payload":
        pods.lab.run("kill", "-KILL", str(pods.payload_pid("web.a")))
    elif victim == "monitor":
        pods.systemctl("kill", "--kill-whom=main", "--signal=KILL", "container@web.a")
    else:
        pods.systemctl("kill", "--signal=KILL", "container@web.a")
    wait_for(lambda: str(pods.main_pid("container@web.a") not in (0, crashed)), "True")
    pods.wait(UP, *ALL)
    assert pods.show("container@web.a", "NRestarts") == "1"
    assert pods.main_pid("container@web.b") == sibling
    assert pods.show("pod@web", "ActiveEnterTimestampMonotonic") == since
    pods.lab.wait_until("curl --silent --fail localhost:8080")


@over_engines
def test_one_container_is_restarted_stopped_and_started_by_itself(pods: Pods) -> None:
    pods.install(TWO)
    pods.systemctl("start", "pod@web")
    sibling = pods.main_pid("container@web.b")
    pods.systemctl("restart", "container@web.a")
    assert pods.state(*ALL) == UP
    pods.systemctl("stop", "container@web.a")
    assert pods.state(*ALL) == "active active inactive active"
    pods.systemctl("start", "container@web.a")
    assert pods.state(*ALL) == UP
    assert pods.main_pid("container@web.b") == sibling


def test_ten_restarts_in_a_row(pods: Pods) -> None:
    pods.install(TWO)
    pods.systemctl("start", "pod@web")
    seen = set()
    for _ in range(10):
        pods.systemctl("restart", "pod@web")
        assert pods.state(*ALL) == UP
        assert pods.lab.run("curl", "--silent", "--fail", "localhost:8080").stdout == "podunit test page\n"
        seen.add(pods.main_pid("container@web.b"))
    assert len(seen) == 10


def test_init_containers_run_once_for_each_start_of_the_pod(pods: Pods) -> None:
    pods.install(pod(WEB, inits=INIT, more=LOG + BY_PROCESS, notes=quick("a")))
    pods.systemctl("start", "pod@web")
    assert runs_of_init(pods) == 1
    pods.systemctl("restart", "container@web.a")
    assert runs_of_init(pods) == 1
    pods.systemctl("restart", "pod@web")
    assert runs_of_init(pods) == 2
    pods.systemctl("kill", "--signal=KILL", "sandbox@web")
    wait_for(lambda: str(runs_of_init(pods)), "3")
    pods.wait(UP, *ALL)


@pytest.mark.parametrize("victim", ["main", "all", "payload"])
def test_a_lost_sandbox_is_made_again_with_all_containers(pods: Pods, victim: str) -> None:
    pods.install(pod(WEB, more=BY_PROCESS, notes=quick("a", "b")))
    pods.systemctl("start", "pod@web")
    before = {unit: pods.main_pid(unit) for unit in ALL[1:]}
    if victim == "payload":
        pods.lab.run("kill", "-KILL", str(pods.payload_pid("web_sandbox")))
    else:
        pods.systemctl("kill", f"--kill-whom={victim}", "--signal=KILL", "sandbox@web")
    wait_for(lambda: str(all(pods.main_pid(unit) not in (0, before[unit]) for unit in ALL[1:])), "True")
    pods.wait(UP, *ALL)
    pods.lab.wait_until("curl --silent --fail localhost:8080")
    stop_and_expect_nothing(pods)


@over_engines
def test_a_start_that_fails_once_heals_by_itself(pods: Pods) -> None:
    pods.install(pod(NEEDY, more=NEED, notes=quick("a")))
    failed = pods.systemctl("start", "pod@web", check=False)
    assert failed.returncode == 1
    assert pods.state("pod@web", "container@web.b") == "failed active"
    sibling = pods.main_pid("container@web.b")
    pods.lab.run("mkdir", "/run/test/need")
    pods.wait(UP, *ALL)
    assert pods.main_pid("container@web.b") == sibling


@pytest.mark.parametrize("moment", [0.0, 0.4, 1.3, 2.1, 5.2])
def test_a_start_that_fails_for_ever_is_stopped_at_any_moment(pods: Pods, moment: float) -> None:
    pods.install(pod(NEEDY, more=NEED, notes=quick("a")))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    assert pods.state("container@web.b") == "active"
    time.sleep(moment)
    pods.systemctl("stop", "pod@web")
    # The pod may fail at this very moment, and is told a moment later that this does not count.
    pods.wait(DOWN + " inactive", *ALL, "pod-mend@web", timeout_sec=1)
    wait_for(pods.remains, "", timeout_sec=1)


def test_two_containers_that_fail_for_ever_are_stopped(pods: Pods) -> None:
    both = NEEDY.replace("name: b", "name: c") + container(
        "b", FOREVER, "volumeMounts: [{name: need, mountPath: /need}]"
    )
    pods.install(pod(both, more=NEED, notes=quick("a", "b")))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    pods.lab.wait_until("[ $(systemctl show --value --property=NRestarts container@web.a) -ge 3 ]")
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""


def test_containers_that_crash_after_their_start_are_stopped(pods: Pods) -> None:
    crash = container("a", "sleep 0.2; exit 3") + container("b", "exit 4")
    pods.install(pod(crash, notes=quick("a", "b")))
    pods.systemctl("start", "pod@web", check=False)
    pods.lab.wait_until("[ $(systemctl show --value --property=NRestarts container@web.b) -ge 8 ]", timeout_sec=40)
    stop_and_expect_nothing(pods)


@over_engines
def test_an_init_container_may_open_its_output_and_each_line_is_logged_once(pods: Pods) -> None:
    says = "echo one; echo two > /dev/stdout; echo three >&2; echo four > /dev/stderr"
    # Of another name with each engine: the journal keeps what was said.
    talker = f"talks-{pods.engine}"
    pods.apply(pod(container("a", "sleep 1000 & wait"), inits=container(talker, f"{says}; sleep 0.1; printf five")))
    logged = pods.lab.run("podunit", "logs", "web", talker).stdout.splitlines()
    assert sorted(logged) == ["five", "four", "one", "three", "two"]


def test_an_init_container_that_fails_once_is_tried_again(pods: Pods) -> None:
    script = "echo init ran >> /log/init; [ -e /log/good ]"
    init = container("i", script, "volumeMounts: [{name: log, mountPath: /log}]")
    pods.install(pod(WEB, inits=init, more=LOG, notes=quick("i")))
    # One failure more than a start waits for: it is brought back.
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    assert pods.state("pod@web", "container@web.a") == "failed inactive"
    assert runs_of_init(pods) == 2
    pods.lab.run("touch", "/run/test/good")
    pods.wait(UP, *ALL, timeout_sec=40)
    pods.systemctl("stop", "pod@web")
    # A first failure that a retry heals does not fail what waits for it.
    pods.lab.sh("rm /run/test/good /run/test/init")
    pods.systemctl("start", "--no-block", "pod@web")
    wait_for(lambda: str(runs_of_init(pods)), "1")
    pods.lab.run("touch", "/run/test/good")
    pods.systemctl("start", "pod@web")
    assert (pods.state(*ALL), runs_of_init(pods)) == (UP, 2)


def test_an_init_container_that_fails_for_ever_is_stopped(pods: Pods) -> None:
    init = container("i", "exit 7")
    pods.install(pod(WEB, inits=init))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    time.sleep(1)
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""


@pytest.mark.parametrize("verb", ["start", "restart"])
@pytest.mark.parametrize("moment", [0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5])
def test_a_stop_during_a_start_leaves_nothing(pods: Pods, verb: str, moment: float) -> None:
    pods.install(TWO)
    if verb == "restart":
        pods.systemctl("start", "pod@web")
    pods.lab.sh(f"systemctl {verb} pod@web > /dev/null 2>&1 & sleep {moment}; systemctl stop pod@web || :; wait || :")
    # Whether the stop came first is up to systemd: a start that came later counts.
    if pods.state("pod@web") == "inactive":
        assert pods.remains() == ""
    stop_and_expect_nothing(pods)


def test_the_slice_of_a_name_with_a_dash_goes_too(pods: Pods) -> None:
    pods.install(pod(WEB, "my-web"))
    pods.lab.sh("systemctl start pod@my-web & sleep 0.06; systemctl stop pod@my-web || :; wait || :")
    pods.systemctl("stop", "pod@my-web")
    assert pods.remains() == ""


def test_never_with_success_ends_inactive(pods: Pods) -> None:
    pods.install(pod(container("a", "sleep 0.3") + container("b", "sleep 0.8"), policy="Never"))
    pods.systemctl("start", "pod@web")
    pods.wait(DOWN, *ALL)
    wait_for(pods.remains, "", timeout_sec=5)


def test_never_with_a_failure_ends_failed(pods: Pods) -> None:
    pods.install(pod(container("a", "sleep 0.3; exit 3") + container("b", "sleep 0.8"), policy="Never"))
    pods.systemctl("start", "pod@web")
    pods.wait("failed inactive failed inactive", *ALL)
    assert pods.show("container@web.a", "ExecMainStatus") == "3"
    assert pods.systemctl("is-failed", "pod@web").returncode == 0
    assert "sandbox" not in pods.remains()
    pods.systemctl("start", "pod@web")
    pods.wait("failed inactive failed inactive", *ALL)


def test_never_with_a_lost_sandbox_ends_failed(pods: Pods) -> None:
    pods.install(pod(WEB, policy="Never", more=BY_PROCESS))
    pods.systemctl("start", "pod@web")
    pods.systemctl("kill", "--signal=KILL", "sandbox@web")
    pods.wait("failed inactive", "pod@web", "sandbox@web")
    assert "container@" not in pods.remains()
    pods.systemctl("start", "pod@web")
    assert pods.state(*ALL) == UP


def test_never_whose_start_failed_is_not_started_again_but_stopped(pods: Pods) -> None:
    pods.install(pod(NEEDY, more=NEED, policy="Never"))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    assert pods.state("pod@web", "container@web.a", "container@web.b") == "failed failed active"
    stop_and_expect_nothing(pods)


def test_on_failure_with_a_crash_in_between_ends_inactive(pods: Pods) -> None:
    script = "[ -e /log/crashed ] || { touch /log/crashed; exit 1; }; echo init ran >> /log/init"
    crash = container("a", script, "volumeMounts: [{name: log, mountPath: /log}]")
    pods.install(pod(crash + container("b", "sleep 1"), policy="OnFailure", more=LOG, notes=quick("a")))
    pods.systemctl("start", "pod@web")
    pods.wait(DOWN, *ALL)
    assert runs_of_init(pods) == 1


@over_engines
@pytest.mark.parametrize("status", [137, 143])
def test_on_failure_a_container_that_ends_like_a_stopped_one_has_failed(pods: Pods, status: int) -> None:
    script = f"echo init ran >> /log/init; [ $(wc -l < /log/init) -ge 3 ] || exit {status}"
    crash = container("a", script, "volumeMounts: [{name: log, mountPath: /log}]")
    pods.install(pod(crash + container("b", "sleep 3"), policy="OnFailure", more=LOG, notes=quick("a")))
    pods.systemctl("start", "pod@web")
    wait_for(lambda: str(runs_of_init(pods)), "3")


@over_engines
@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_a_container_that_ignores_the_stop_signal_is_killed_after_its_grace_period(pods: Pods, policy: str) -> None:
    deaf = container("a", FOREVER).replace("trap exit TERM", "trap : TERM") + container("b", FOREVER)
    pods.install(pod(deaf.replace("& wait", "; sleep 1000"), policy=policy))
    pods.systemctl("start", "pod@web")
    begun = time.monotonic()
    stop_and_expect_nothing(pods)
    assert 1.9 < time.monotonic() - begun < 10


@over_engines
def test_the_network_is_there_until_the_last_container_has_stopped(pods: Pods) -> None:
    script = 'trap "sleep 1; ip -o address show eth0 > /log/address; exit" TERM; sleep 1000 & wait'
    slow = container("a", FOREVER, "volumeMounts: [{name: log, mountPath: /log}]")
    slow = slow.replace("trap exit TERM; " + FOREVER, script)
    pods.install(pod(slow + container("b", FOREVER), more=LOG))
    for verb in ("restart", "stop"):
        pods.systemctl("start", "pod@web")
        pods.systemctl(verb, "pod@web")
        assert " inet " in pods.lab.read("/run/test/address")
        pods.lab.run("rm", "/run/test/address")


@over_engines
def test_what_is_ordered_after_the_pod_is_stopped_before_its_containers(pods: Pods) -> None:
    pods.install(TWO)
    pods.lab.write(
        "/run/systemd/system/client.service",
        "[Unit]\nRequires=pod@web.service\nAfter=pod@web.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "ExecStart=/usr/bin/curl --silent --fail localhost:8080\n"
        "ExecStop=/bin/sh -c 'sleep 1; curl --silent --fail localhost:8080 > /run/test/at-stop'\n",
    )
    pods.systemctl("daemon-reload")
    pods.systemctl("start", "client")
    stop_and_expect_nothing(pods)
    assert pods.lab.read("/run/test/at-stop") == "podunit test page\n"
    # As at shutdown: each unit has a stop job of its own.
    pods.lab.run("rm", "/run/test/at-stop")
    pods.systemctl("start", "client")
    pods.systemctl("stop", "client", *(f"{unit}" for unit in ALL))
    assert pods.lab.read("/run/test/at-stop") == "podunit test page\n"


@over_engines
@pytest.mark.parametrize("name", ["web", "my-web", "a.b"])
def test_every_process_of_a_pod_is_below_its_slice(pods: Pods, suite: str, name: str) -> None:
    pods.install(pod(WEB, name, inits=INIT, more=LOG))
    pods.systemctl("start", f"pod@{name}")
    # 'systemd-escape' is the reference for the slice's name.
    escaped = pods.lab.run("systemd-escape", name).stdout.strip()
    slice_group = f"/pod.slice/pod-{escaped}.slice/"
    listed = pods.lab.sh(
        "for process in /proc/[0-9]*; do"
        ' printf "%s %s\\n" "$(grep ^0:: $process/cgroup)" "$(tr "\\0" " " < $process/cmdline)"; done 2> /dev/null || :'
    ).stdout.splitlines()
    # Another test's user may have processes of podman too.
    listed = [line for line in listed if "/user.slice/" not in line]
    members = [line for line in listed if slice_group in line]
    strangers = [
        line
        for line in listed
        if slice_group not in line and any(word in line for word in ("conmon", "catatonit", "httpd -f", "sleep 1000"))
    ]
    assert strangers == []
    programs = " ".join(members)
    # Before podman 5 a process of podman's holds the sandbox.
    sandboxes = 1 if suite == "bookworm" else 0
    beside = {"conmon": 2 + sandboxes if pods.engine == "podman" else 0, "catatonit": sandboxes}
    assert {"conmon": programs.count("/usr/bin/conmon "), "catatonit": programs.count("/catatonit -P")} == beside
    assert all(word in programs for word in ("httpd -f", "sleep 1000"))
    for part in ("a", "b"):
        assert pods.show(f"container@{name}.{part}", "ControlGroup").startswith(slice_group)


def test_a_pod_is_not_above_another_whose_name_begins_like_its_own(pods: Pods) -> None:
    pods.install(pod(container("a", FOREVER), "my") + "---\n" + pod(container("a", FOREVER), "my-web"))
    pods.systemctl("start", "pod@my", "pod@my-web")
    inner = pods.show("container@my-web.a", "ControlGroup")
    assert not inner.startswith(pods.show("pod-my.slice", "ControlGroup") + "/")
    pods.systemctl("stop", "pod@my")
    assert pods.state("container@my-web.a", "pod@my-web") == "active active"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((IMAGE, "localhost/missing:1"), "localhost/missing:1"),
        (("[sh,", "[no-such-command,"), "no-such-command"),
    ],
)
def test_a_start_that_fails_is_explained(pods: Pods, change: tuple[str, str], message: str) -> None:
    # An apply would look for the image first.
    pods.install(pod(container("good", FOREVER) + container("bad", FOREVER, "imagePullPolicy: Never").replace(*change)))
    done = pods.lab.run("podunit", "start", "web", check=False)
    assert done.returncode == 1
    assert "error: pod 'web' is not up: container 'bad' failed" in done.stderr
    assert "container@web.bad.service: exit-code, exit status 12" in done.stderr
    assert message in done.stderr
    assert pods.systemctl("restart", "pod@web", check=False).returncode == 1


def test_a_failing_init_container_is_explained_with_its_own_output(pods: Pods) -> None:
    done = pods.apply(pod(WEB, inits=container("i", "echo the database is away >&2; exit 7")), check=False)
    assert done.returncode == 1
    assert "error: pod 'web' is not up: container 'i' failed" in done.stderr
    assert "container@web.i.service: exit-code, exit status 7" in done.stderr
    assert "    the database is away\n" in done.stderr


@over_engines
def test_a_port_that_is_taken_fails_the_start_and_is_explained(pods: Pods) -> None:
    pods.lab.sh("systemd-run --quiet --unit=taker busybox nc -l -p 8080")
    try:
        done = pods.apply(TWO, check=False)
        assert done.returncode == 1
        assert "sandbox@web.service: exit-code" in done.stderr
        assert "8080" in done.stderr
        pods.systemctl("stop", "pod@web")
        # The stop of a pod that has failed is done with the last command of pod-stop@.
        wait_for(pods.remains, "")
    finally:
        pods.systemctl("stop", "taker")
