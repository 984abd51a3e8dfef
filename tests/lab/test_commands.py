"""What podunit's commands promise, on a running systemd."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import UNITS, Pods, container, pod

FOREVER = "sleep 1000 & wait"
TWO = pod(container("a", FOREVER) + container("b", FOREVER))
# Shell that waits until the pod is on its way down.
STOPS = 'until [ "$(systemctl is-active pod@web)" = deactivating ]; do sleep 0.05; done'
LINK = "/etc/systemd/system/multi-user.target.wants/pod@web.service"
BOOTS = TWO.replace('podunit/boot: "false"', 'podunit/boot: "true"')


def ps(pods: Pods) -> list[dict[str, Any]]:
    document = json.loads(pods.lab.run("podunit", "ps", "-o", "json").stdout)
    assert document["schemaVersion"] == 1
    containers: list[dict[str, Any]] = document["containers"]
    return containers


def list_files(pods: Pods) -> str:
    """All files by which podunit could change a machine, with their inodes and times."""
    script = (
        f"find {UNITS} /etc/systemd/system /var/lib/podunit /run/podunit /run/systemd/system -printf '%p %i %T@ %l\\n'"
    )
    return pods.lab.sh(f"{script} 2> /dev/null | sort").stdout


def test_apply_installs_enables_and_starts(pods: Pods) -> None:
    assert pods.apply(BOOTS).stdout == "pod web: created, started\n"
    assert pods.state("pod@web", "container@web.a", "container@web.b") == "active active active"
    assert pods.lab.run("readlink", LINK).stdout == f"{UNITS}/pod@web.service\n"
    assert pods.systemctl("is-enabled", "pod@web").stdout == "enabled\n"


def test_apply_twice_changes_nothing(pods: Pods) -> None:
    pods.apply(TWO)
    before, pids = list_files(pods), [row["main_pid"] for row in ps(pods)]
    assert pods.apply(TWO).stdout == "pod web: unchanged\n"
    assert list_files(pods) == before
    assert [row["main_pid"] for row in ps(pods)] == pids


def test_only_the_container_that_changed_restarts(pods: Pods) -> None:
    pods.apply(TWO)
    before = {row["container"]: row["main_pid"] for row in ps(pods)}
    changed = pod(container("a", FOREVER, "env: [{name: A, value: b}]") + container("b", FOREVER))
    assert pods.apply(changed).stdout == "pod web: changed, container a restarted\n"
    after = {row["container"]: row["main_pid"] for row in ps(pods)}
    assert after["b"] == before["b"]
    assert after["a"] not in (0, before["a"])


def test_a_container_that_is_added_starts_and_one_that_is_gone_stops(pods: Pods) -> None:
    pods.apply(TWO)
    before = {row["container"]: row["main_pid"] for row in ps(pods)}
    pods.apply(pod(container("a", FOREVER) + container("c", FOREVER)))
    after = {row["container"]: row for row in ps(pods)}
    assert {name: row["active"] for name, row in after.items()} == {"a": "active", "c": "active"}
    assert after["a"]["main_pid"] == before["a"]
    assert pods.list_running() == ["web.a", "web.c"]
    assert "container@web.b" not in pods.systemctl("list-units", "--all").stdout


def test_a_change_of_the_ports_restarts_the_pod(pods: Pods) -> None:
    pods.apply(TWO)
    sandbox = pods.show("sandbox@web", "InvocationID")
    web = container("a", FOREVER) + container(
        "b", "httpd -f -p 8080 -h /www & wait", "ports: [{containerPort: 8080, hostPort: 8081}]"
    )
    assert pods.apply(pod(web)).stdout == "pod web: changed, restarted\n"
    assert pods.show("sandbox@web", "InvocationID") != sandbox
    pods.lab.wait_until("curl --silent --fail localhost:8081")


def test_a_limit_of_the_slice_is_changed_without_a_restart(pods: Pods) -> None:
    pods.apply(TWO)
    pids = [row["main_pid"] for row in ps(pods)]
    pods.apply(TWO.replace('"false"\n', '"false"\n    podunit/Slice.MemoryMax: 1G\n'))
    assert pods.show("pod-web.slice", "MemoryMax") == str(1024**3)
    assert [row["main_pid"] for row in ps(pods)] == pids


def test_units_of_another_version_are_rewritten_without_a_restart(pods: Pods) -> None:
    pods.apply(TWO)
    pids = [row["main_pid"] for row in ps(pods)]
    pods.lab.sh(
        f"cd {UNITS}; sed -i 's/^Version=.*/Version=0.0.1/; s/^# With a main.*/# Another remark./' *@web*;"
        " systemctl daemon-reload"
    )
    assert pods.apply(TWO).stdout == "pod web: rewritten\n"
    assert "Version=0.0.1" not in pods.lab.read(f"{UNITS}/pod@web.service")
    assert [row["main_pid"] for row in ps(pods)] == pids
    # Nothing in the units leads to where podunit is installed, but for the one that starts a program of it.
    found = pods.lab.sh(f"cd {UNITS}; grep -l /opt/podunit *", check=False).stdout
    assert found == "podunit-prober.service\n"


def test_uninstall_removes_everything_or_leaves_it_to_the_administrator(pods: Pods) -> None:
    pods.apply(BOOTS)
    kept = pods.lab.run("podunit", "uninstall", "--keep-units").stdout
    assert "unit pod@web.service: kept, yours now\n" in kept
    assert pods.state("pod@web", "container@web.a") == "active active"
    pods.systemctl("restart", "pod@web")
    assert pods.lab.run("podunit", "ps", "-o", "name").stdout == ""
    done = pods.apply(BOOTS, check=False)
    assert done.returncode == 3
    assert "is there already, and podunit did not write it" in done.stderr
    pods.lab.sh(f"systemctl disable --now pod@web; rm {UNITS}/*; systemctl daemon-reload; podunit apply /root/pod.yaml")
    assert pods.lab.run("podunit", "uninstall").stdout == "pod web: stopped, deleted\nnetwork podunit: removed\n"
    assert pods.lab.sh(f"ls -A {UNITS}").stdout == ""
    assert pods.lab.sh("find /var/lib/podunit -mindepth 1", check=False).stdout == ""


def test_another_podunit_is_waited_for(pods: Pods) -> None:
    slow = pod(container("a", "trap 'sleep 3; exit' TERM; sleep 1000 & wait").replace("trap exit TERM; ", ""))
    pods.apply(slow.replace("terminationGracePeriodSeconds: 2", "terminationGracePeriodSeconds: 20"))
    again = "podunit apply --timeout=0.5 /root/pod.yaml || echo $?"
    script = f"podunit delete web > /run/first 2>&1 & sleep 0.7; {again}; wait"
    done = pods.lab.sh(script)
    assert done.stdout == "3\n"
    assert "note: waiting for podunit delete web (process " in done.stderr
    assert "error: not done within 0.5 s" in done.stderr
    assert pods.lab.read("/run/first") == "pod web: stopped, deleted\n"


def test_a_pod_whose_only_container_is_replaced_is_up(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER)))
    assert pods.apply(pod(container("z", FOREVER))).stdout == "pod web: changed, restarted\n"
    assert pods.state("pod@web", "container@web.z") == "active active"


def test_a_failed_pod_whose_sibling_stops_slowly_is_stopped(pods: Pods) -> None:
    needy = container("a", FOREVER, "volumeMounts: [{name: need, mountPath: /need}]")
    slow = container("b", "trap 'sleep 7; exit' TERM; sleep 1000 & wait").replace("trap exit TERM; ", "")
    text = pod(needy + slow, more="  volumes: [{name: need, hostPath: {path: /run/nowhere}}]\n")
    pods.apply(text.replace("terminationGracePeriodSeconds: 2", "terminationGracePeriodSeconds: 20"), check=False)
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""


def test_a_pod_stopped_by_hand_stays_stopped_until_up(pods: Pods) -> None:
    pods.apply(TWO)
    pods.systemctl("stop", "pod@web")
    changed = TWO.replace("sleep 1000", "sleep 1001")
    assert pods.apply(changed).stdout == "pod web: changed, stays stopped\n"
    assert pods.state("pod@web") == "inactive"
    assert pods.lab.run("podunit", "up", "/root/pod.yaml").stdout == "pod web: unchanged, started\n"
    assert pods.state("pod@web") == "active"
    assert pods.lab.run("podunit", "down", "web").stdout == "pod web: stopped\n"
    assert pods.lab.run("podunit", "up", "web").stdout == "pod web: started\n"


def test_boot_false_disables_and_the_administrators_choice_stays(pods: Pods) -> None:
    pods.apply(BOOTS)
    pods.systemctl("disable", "pod@web")
    pods.apply(BOOTS.replace("sleep 1000", "sleep 1001"))
    assert pods.systemctl("is-enabled", "pod@web", check=False).stdout == "disabled\n"
    pods.apply(TWO)
    pods.apply(BOOTS)
    assert pods.systemctl("is-enabled", "pod@web").stdout == "enabled\n"
    pods.apply(TWO)
    assert pods.systemctl("is-enabled", "pod@web", check=False).stdout == "disabled\n"


def test_an_enabled_pod_has_the_links_of_its_install_section_as_it_is_now(pods: Pods) -> None:
    def list_links() -> list[str]:
        links = pods.lab.sh("find /etc/systemd/system -name pod@web.service").stdout
        return sorted(path.split("/")[-2] for path in links.splitlines())

    pods.apply(BOOTS)
    pid = pods.main_pid("container@web.a")
    # As one that was enabled before there was a podunit.target.
    pods.lab.sh(f"sed -i '/^WantedBy=/ s/ podunit.target//' {UNITS}/pod@web.service; systemctl daemon-reload")
    pods.lab.sh(f"rm {LINK.replace('multi-user', 'podunit')}; systemctl --quiet add-wants graphical.target pod@web")
    assert pods.apply(BOOTS).stdout == "pod web: rewritten\n"
    every = ["graphical.target.wants", "multi-user.target.wants", "podunit.target.wants"]
    assert list_links() == every
    required = BOOTS.replace("annotations:\n", "annotations:\n    podunit/Install.RequiredBy: sockets.target\n")
    pods.apply(required)
    assert list_links() == [*every, "sockets.target.requires"]
    # As after `systemctl reenable`.
    pods.apply(BOOTS)
    assert list_links() == every[1:]
    assert pods.main_pid("container@web.a") == pid
    pods.systemctl("disable", "pod@web")
    pods.apply(required)
    assert list_links() == []
    assert pods.lab.run("podunit", "enable", "web").stdout == "pod web: enabled\n"
    assert list_links() == [*every[1:], "sockets.target.requires"]


def test_delete_leaves_no_unit_and_no_link(pods: Pods) -> None:
    pods.apply(BOOTS)
    assert pods.lab.run("podunit", "delete", "/root/pod.yaml").stdout == "pod web: stopped, deleted\n"
    left = pods.lab.sh(f"find {UNITS} /etc/systemd/system -name '*web*'").stdout
    assert left == ""
    assert pods.systemctl("list-units", "--all", "--plain", "--no-legend", "*@web*").stdout == ""
    assert pods.remains() == ""


def test_ps_tells_how_containers_are(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER), inits=container("i", "exit 0")))
    init, main = ps(pods)
    assert (init["container"], init["init"], init["active"], init["sub"]) == ("i", True, "active", "exited")
    assert main == {
        "pod": "web",
        "container": "a",
        "init": False,
        "unit": "container@web.a.service",
        "active": "active",
        "sub": "running",
        "result": "success",
        "ready": True,
        "restarts": 0,
        "main_pid": pods.main_pid("container@web.a"),
        "cgroup": "/pod.slice/pod-web.slice/container@web.a.service",
        "image": "localhost/podunit-test:1",
        "owner": "",
        "last_exit": None,
    }
    assert pods.lab.run("podunit", "ps", "-o", "name").stdout == "web.i\nweb.a\n"
    table = pods.lab.run("podunit", "ps").stdout.splitlines()
    assert table[0].split() == [
        "POD",
        "PHASE",
        "READY",
        "CONTAINER",
        "STATE",
        "RESTARTS",
        "LAST",
        "EXIT",
        "PID",
        "IMAGE",
    ]
    assert table[2].split()[:8] == ["web", "running", "1/1", "a", "active", "(running)", "0", "-"]


def test_a_broken_file_changes_nothing(pods: Pods) -> None:
    pods.apply(TWO)
    before, pids = list_files(pods), [row["main_pid"] for row in ps(pods)]
    done = pods.apply(
        TWO.replace("restartPolicy", "restartpolicy") + "---\n" + pod(container("z", "x"), "z"), check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("/root/pod.yaml:8:3: error: spec.restartpolicy: unknown field 'restartpolicy'\n")
    assert list_files(pods) == before
    assert [row["main_pid"] for row in ps(pods)] == pids


def test_somebody_elses_unit_is_not_overwritten(pods: Pods) -> None:
    pods.lab.write(f"{UNITS}/container@web.b.service", "[Service]\nExecStart=true\n")
    try:
        done = pods.apply(TWO, check=False)
        assert done.returncode == 3
        assert f"{UNITS}/container@web.b.service is there already" in done.stderr
        assert pods.lab.sh(f"ls {UNITS} | grep web").stdout == "container@web.b.service\n"
    finally:
        pods.lab.run("rm", f"{UNITS}/container@web.b.service")


def test_a_full_disk_changes_nothing(pods: Pods) -> None:
    pods.lab.sh(f"mkdir -p {UNITS}; mount -t tmpfs -o size=16k,nr_inodes=100 tmpfs {UNITS}")
    try:
        done = pods.apply(TWO, check=False)
        assert done.returncode == 3
        assert "no space left on device; nothing was changed" in done.stderr
        assert pods.lab.run("find", UNITS, "-mindepth", "1").stdout == ""
    finally:
        pods.lab.run("umount", UNITS)


def test_jobs_are_not_waited_for_when_nobody_asks(pods: Pods) -> None:
    slow = container("a", "trap : TERM; sleep 1000 & wait; sleep 1000")
    grace_sec = 6
    pods.apply(pod(slow).replace("PeriodSeconds: 2", f"PeriodSeconds: {grace_sec}"))
    begun = time.monotonic()
    assert pods.lab.run("podunit", "stop", "--no-wait", "web").stdout == "pod web: stop enqueued\n"
    assert time.monotonic() - begun < grace_sec
    done = pods.lab.run("podunit", "stop", "--timeout=0.2", "web", check=False)
    assert done.returncode == 3
    assert "not done within 0.2 s" in done.stderr
    pods.wait("inactive", "pod@web")


@pytest.mark.parametrize(("name", "status"), [("INT", 130), ("TERM", 143)])
def test_a_signal_ends_the_waiting_quietly(pods: Pods, name: str, status: int) -> None:
    pods.apply(pod(container("a", "trap : TERM; sleep 1000 & wait; sleep 1000")))
    # A shell lets what it does not wait for ignore SIGINT.
    script = (
        f"env --default-signal=INT podunit stop web & {STOPS}; kill -{name} $!;"
        " wait $! && status=0 || status=$?; echo $status"
    )
    done = pods.lab.sh(script)
    assert (done.stdout, done.stderr) == (f"{status}\n", "")
    pods.wait("inactive", "pod@web")


def test_no_such_pod(pods: Pods) -> None:
    pods.apply(TWO)
    done = pods.lab.run("podunit", "restart", "webb", check=False)
    assert (done.returncode, done.stderr) == (3, "error: there is no pod 'webb'\n  hint: did you mean 'web'?\n")
    message = pods.lab.sh("systemctl start pod@nosuch || journalctl --unit=pod@nosuch --output=cat").stdout
    assert "pod 'nosuch' has no unit here: write its YAML to /etc/podunit/nosuch.yaml" in message
    pods.systemctl("reset-failed", "pod@nosuch")


def test_a_hundred_containers_are_asked_for_at_once(pods: Pods) -> None:
    pods.install("---\n".join(pod(container("a", FOREVER) + container("b", FOREVER), f"p{i}") for i in range(50)))
    assert len(ps(pods)) == 100


def test_a_lost_bus_is_said_to_be_lost(suite: str, lab: Laboratory) -> None:
    # Not in the lab of the others: a user's manager does not recover from the loss of the system's bus.
    with Laboratory(suite) as own:
        pods = Pods(own)
        pods.apply(pod(container("a", "trap : TERM; sleep 1000 & wait; sleep 1000")))
        stop_bus = "systemctl stop dbus.socket dbus.service"
        own.sh(f"podunit stop web > /run/out 2>&1 & {STOPS}; {stop_bus}; wait $! || :")
        pods.systemctl("start", "dbus.socket", "dbus.service")
        assert "error: the connection to D-Bus was lost\n" in own.read("/run/out")
        pods.wait("inactive", "pod@web")
