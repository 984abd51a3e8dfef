"""Probes: what `systemctl` shows of them, and what a server and a container see of them, a promise of Kubernetes each.

The sentences are those of kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle and
tasks/configure-pod-container/configure-liveness-readiness-startup-probes.
"""

from __future__ import annotations

import json

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, over_engines, pod, quick, wait_for

# A file of the host is what a container serves, and what a command in it looks for.
MOUNT = "volumeMounts: [{name: host, mountPath: /host}]"
HOST = "  volumes: [{name: host, hostPath: {path: /run/test}}]\n"
SERVE = "httpd -f -vv -p 8080 -h /host & wait"
WEB, OTHER = "container@web.web", "container@web.other"


def touch(pods: Pods, *names: str) -> None:
    for name in names:
        pods.lab.write(f"/run/test/{name}", "yes\n")


def http(path: str, kind: str = "readinessProbe", more: str = "") -> str:
    return f"{kind}: {{httpGet: {{path: /{path}, port: 8080}}, periodSeconds: 1{more}}}"


def command(path: str, kind: str, more: str = "") -> str:
    return f"{kind}: {{exec: {{command: [test, -e, /host/{path}]}}, periodSeconds: 1{more}}}"


@over_engines
def test_a_pod_is_up_when_it_is_ready(pods: Pods) -> None:
    """A Pod is considered ready when all of its containers are ready (and After= of systemd means it)."""
    pods.install(
        pod(container("web", SERVE, MOUNT, http("ready")) + container("other", "sleep 1000 & wait"), more=HOST)
    )
    # Left by an earlier run.
    pods.lab.sh("mkdir -p /run/podunit-probes/web.web; mkfifo /run/podunit-probes/web.web/ready")
    pods.lab.write(
        "/run/systemd/system/after.service", "[Unit]\nAfter=pod@web.service\n[Service]\nExecStart=sleep 1000\n"
    )
    pods.systemctl("daemon-reload")
    # The other engine's run is in the journal, too.
    since = pods.lab.sh("date +@%s.%N").stdout.strip()
    pods.systemctl("start", "--no-block", "pod@web", "after.service")
    pods.wait("active active", WEB, OTHER)
    # Long enough for some checks that fail.
    pods.lab.sh("sleep 2.5")
    assert pods.state("pod@web", "after.service") == "activating inactive"
    touch(pods, "ready")
    pods.wait("active active", "pod@web", "after.service", timeout_sec=5)
    # Not ready any more, it is neither stopped nor restarted.
    main = pods.main_pid(WEB)
    pods.lab.sh("rm /run/test/ready")
    state = "/run/podunit-probes/web.web/state.json"
    wait_for(lambda: str('"ready": false' in pods.lab.read(state)), "True", timeout_sec=8)
    assert (pods.state("pod@web", WEB), pods.main_pid(WEB)) == ("active active", main)
    said = pods.lab.sh(f"journalctl --since={since} --output=cat --unit {WEB}").stdout
    assert said.count("web.web: ready") == 1
    assert said.rfind("web.web: not ready: HTTP 404") > said.find("web.web: ready")
    pods.systemctl("stop", "pod@web", "after.service")
    assert pods.remains() == ""
    # Nothing is left of what probes, once there is nothing to probe.
    pods.wait("inactive inactive", "podunit-prober.service", "podunit-prober.socket", timeout_sec=20)
    assert pods.lab.sh("ls -A /run/podunit-probes; ls /run/podunit-prober || :").stdout == ""
    pods.lab.sh("rm /run/systemd/system/after.service; systemctl daemon-reload")


def test_what_follows_a_sidecar_waits_until_it_has_started(pods: Pods) -> None:
    """After a sidecar init container is running (.. with any startup probe succeeded), the kubelet starts the next."""
    proxy = container("proxy", "sleep 1000 & wait", MOUNT, "restartPolicy: Always", command("up", "startupProbe"))
    pods.install(
        pod(container("web", "sleep 1000 & wait"), inits=proxy.replace("1}", "1, failureThreshold: 100}"), more=HOST)
    )
    pods.systemctl("start", "--no-block", "pod@web")
    pods.wait("activating", "container@web.proxy")
    wait_for(lambda: pods.show("container@web.proxy", "SubState"), "start-post")
    pods.lab.sh("sleep 2")
    assert pods.state("container@web.proxy", WEB) == "activating inactive"
    touch(pods, "up")
    pods.wait("active active active", "container@web.proxy", WEB, "pod@web", timeout_sec=5)


@over_engines
def test_a_container_that_is_not_alive_is_restarted_and_its_neighbour_is_not(pods: Pods) -> None:
    """If the liveness probe fails, the kubelet kills the container, and it is subjected to its restart policy."""
    touch(pods, "alive")
    web = container("web", "sleep 1000 & wait", MOUNT, command("alive", "livenessProbe", ", failureThreshold: 2"))
    soon = quick("web").replace("300ms", "2s")
    pods.install(pod(web + container("other", "sleep 1000 & wait"), more=HOST, notes=soon))
    begun = pods.lab.sh("date +@%s").stdout.strip()
    pods.systemctl("start", "pod@web")
    before, other = pods.payload_pid("web.web"), pods.payload_pid("web.other")
    pods.lab.sh("sleep 1.5")
    assert pods.show(WEB, "NRestarts") == "0"
    assert pods.show(WEB, "StatusText") == ""
    pods.lab.sh("rm /run/test/alive")
    wait_for(lambda: pods.show(WEB, "SubState"), "auto-restart", timeout_sec=10)
    why = "liveness probe failed 2 times: exit status 1"
    assert pods.show(WEB, "StatusText") == why
    touch(pods, "alive")
    wait_for(lambda: pods.show(WEB, "NRestarts"), "1", timeout_sec=10)
    pods.wait("active active", WEB, "pod@web")
    assert pods.payload_pid("web.web") not in (0, before)
    assert pods.payload_pid("web.other") == other
    said = pods.lab.sh(f"journalctl --output=cat --since={begun} --unit {WEB}").stdout
    assert said.count("web.web: liveness probe failed") == 1
    assert f'Status: "restarted: {why}"' in pods.systemctl("status", WEB).stdout
    # What somebody asks for has no such reason.
    pods.systemctl("restart", WEB)
    assert pods.show(WEB, "StatusText") == ""


def test_a_container_that_does_not_start_in_time_is_tried_again(pods: Pods) -> None:
    """If the startup probe fails, the kubelet kills the container, and it is subjected to its restart policy."""
    probes = (command("up", "startupProbe", ", failureThreshold: 2"), command("up", "livenessProbe"))
    pods.install(pod(container("web", "sleep 1000 & wait", MOUNT, *probes), more=HOST, notes=quick("web")))
    pods.systemctl("start", "--no-block", "pod@web")
    wait_for(lambda: str(int(pods.show(WEB, "NRestarts")) >= 2), "True", timeout_sec=30)
    touch(pods, "up")
    pods.wait("active active", WEB, "pod@web")


@over_engines
def test_a_container_that_ends_while_it_starts_is_not_waited_for(pods: Pods) -> None:
    """A restart comes as soon as the container ends, and not when its startup probe has failed."""
    probe = command("up", "startupProbe", ", failureThreshold: 1000")
    web = container("web", "echo once >> /host/starts; sleep 0.5; exit 3", MOUNT, probe)
    pods.install(pod(web, more=HOST, notes=quick("web")))
    pods.systemctl("start", "--no-block", "pod@web")
    wait_for(lambda: str(pods.lab.sh("cat /run/test/starts || :").stdout.count("once") >= 2), "True", timeout_sec=15)
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""


def test_the_death_of_the_prober_touches_no_container(suite: str, lab: Laboratory) -> None:
    """Nothing is restarted by it, nor by one of D-Bus or systemd itself, and probing goes on: of 100 probes."""
    # Not in the lab of the others: a user's manager does not recover from the loss of the system's bus.
    with Laboratory(suite) as own:
        _strike(Pods(own))


# What ends a prober that hangs, sooner than after the half minute of its unit.
WATCHED = "/run/systemd/system/podunit-prober.service.d/watched.conf"


def _strike(pods: Pods) -> None:
    touch(pods, "ready", "alive")
    # 50 containers of two probes each, a third of them commands.
    names = [f"p{number}" for number in range(5)]
    parts = [f"c{number}" for number in range(8080, 8090)]
    units = [f"container@{name}.{part}" for name in names for part in parts]
    pods.install("---\n".join(pod("".join(map(_probed, parts)), name, more=HOST) for name in names))
    pods.lab.write(WATCHED, "[Service]\nWatchdogSec=2\n")
    pods.systemctl("daemon-reload")
    pods.systemctl("start", *(f"pod@{name}" for name in names), timeout_sec=120)
    wait_for(lambda: pods.show("podunit-prober", "StatusText"), "100 probes of 50 containers")

    def find_life() -> list[str]:
        shown = pods.lab.sh(
            f"systemctl show --property=MainPID,NRestarts,ActiveEnterTimestamp {' '.join(units)}"
        ).stdout
        return shown.split("\n\n")

    def expect_probing() -> None:
        """From now on, all servers get requests."""
        now = pods.lab.sh("date +@%s").stdout.strip()

        def find_silent() -> str:
            # Of no line yet journalctl makes a failure.
            lines = pods.lab.sh(f"journalctl --output=json --since={now} --grep=url: || :").stdout.splitlines()
            asked = {json.loads(line)["_SYSTEMD_UNIT"] for line in lines}
            return " ".join(unit for unit in units if f"{unit}.service" not in asked)

        wait_for(find_silent, "", timeout_sec=15)

    expect_probing()
    life, prober = find_life(), pods.main_pid("podunit-prober")
    for blow, ends_prober in (
        ("systemctl kill --signal=KILL podunit-prober.service", True),
        ("systemctl kill --signal=STOP podunit-prober.service", True),
        ("systemctl restart dbus", False),
        ("systemctl daemon-reexec", False),
        ("systemctl daemon-reload", False),
    ):
        pods.lab.sh(blow)
        wait_for(lambda prober=prober: str(pods.main_pid("podunit-prober") not in (0, prober)), str(ends_prober))  # type: ignore[misc]
        prober = pods.main_pid("podunit-prober")
        # Of the second in which it came there may be requests from before.
        pods.lab.sh("sleep 1")
        expect_probing()
    assert pods.show("podunit-prober", "NRestarts") == "2"
    # A pod starts while systemd reads its units anew, again and again.
    pods.systemctl("stop", "pod@p0")
    reload = "while [ ! -e /run/test/up ]; do systemctl daemon-reload; done"
    pods.lab.sh(f"{reload} & systemctl start pod@p0; touch /run/test/up; wait", timeout_sec=120)
    assert pods.state(*units) == " ".join(["active"] * len(units))
    after = find_life()
    assert all("NRestarts=0" in of_unit for of_unit in after)
    assert after[len(parts) :] == life[len(parts) :]
    expect_probing()
    # What it has found before counts: containers that are not alive are found out at once.
    pods.lab.sh("systemctl kill --signal=KILL podunit-prober.service; rm /run/test/alive")
    pods.wait("activating", units[0], timeout_sec=15)


def _probed(part: str) -> str:
    port = part.removeprefix("c")
    serve = f"httpd -f -vv -p {port} -h /host & wait"
    alive = command("alive", "livenessProbe", ", timeoutSeconds: 10")
    if int(port) % 3:
        alive = http("alive", "livenessProbe", ", timeoutSeconds: 10").replace("8080", port)
    return container(part, serve, MOUNT, http("ready", more=", timeoutSeconds: 10").replace("8080", port), alive)
