"""What the commands that watch pods tell, beside what systemd and podman say themselves."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.lab.pods import Pods, container, pod, quick, wait_for

FOREVER = "sleep 1000 & wait"
# Ready as long as there is a file.
READY = f"touch /ready; {FOREVER}"
PROBED = "readinessProbe: {exec: {command: [sh, -c, test -e /ready]}, periodSeconds: 1, failureThreshold: 1}"
# Fails at its first run only.
ONCE = "[ -e /kept/ran ] && {then}; touch /kept/ran; exit 3"
KEPT = "volumeMounts: [{name: kept, mountPath: /kept}]"
VOLUME = "  volumes: [{name: kept, emptyDir: {}}]\n"


def ps(pods: Pods, *names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pods and containers, by name."""
    document = json.loads(pods.lab.run("podunit", "ps", "-o", "json", *names).stdout)
    return (
        {row["pod"]: row for row in document["pods"]},
        {f"{row['pod']}.{row['container']}": row for row in document["containers"]},
    )


def wait_for_second_run(pods: Pods, unit: str) -> None:
    """Wait for what comes after the end of `ONCE`, whose first run is active for a moment, too."""
    wait_for(lambda: f"{pods.show(unit, 'NRestarts') != '0'} {pods.state(unit)}", "True active")


def phase(pods: Pods, name: str) -> str:
    found: str = ps(pods, name)[0][name]["phase"]
    return found


def test_the_phase_agrees_with_systemd_and_ends_are_kept(pods: Pods) -> None:
    once = ONCE.format(then="exit 0")
    good = container("a", f"sleep 0.3; {once}", KEPT) + container("b", "sleep 0.3; exit 0")
    bad = container("a", "sleep 0.3; exit 3") + container("b", "sleep 0.3; exit 0")
    loop = container("a", ONCE.format(then=FOREVER), KEPT) + container("b", FOREVER)
    stopped = container("a", FOREVER)
    pods.apply(
        "---\n".join(
            (
                pod(good, "good", policy="OnFailure", more=VOLUME, notes=quick("a")),
                pod(bad, "bad", policy="Never"),
                pod(loop, "loop", more=VOLUME, notes=quick("a")),
                pod(stopped, "stopped", policy="Never"),
            )
        ),
        check=False,
    )
    pods.lab.run("podunit", "stop", "stopped")
    wait_for(lambda: phase(pods, "good"), "succeeded")
    wait_for(lambda: phase(pods, "bad"), "failed")
    wait_for_second_run(pods, "container@loop.a")
    pods.wait("active", "container@loop.b")
    found, containers = ps(pods)
    assert {name: row["phase"] for name, row in found.items()} == {
        "good": "succeeded",
        "bad": "failed",
        "loop": "running",
        "stopped": "stopped",
    }
    failed = {name for name in found if pods.systemctl("is-failed", f"pod@{name}", check=False).returncode == 0}
    assert failed == {"bad"}
    assert (found["loop"]["ready"], found["good"]["ready"]) == ("2/2", "0/2")
    # systemd has forgotten the containers that have ended well.
    assert pods.show("container@good.a", "ExecMainExitTimestamp") == ""
    ends = {name: (row["restarts"], (row["last_exit"] or {}).get("status")) for name, row in containers.items()}
    # Of ends that a stop may have, systemd tells nothing of crun's containers.
    told = pods.engine == "podman"
    assert ends == {
        "good.a": (1, 0),
        "good.b": (0, 0),
        "bad.a": (0, 3),
        "bad.b": (0, 0),
        "loop.a": (1, 3),
        "loop.b": (0, None),
        "stopped.a": (0, 143 if told else 0),
    }
    assert containers["bad.a"]["last_exit"]["reason"] == "Error"
    if told:
        # A kill from outside, of the payload and not of its monitor.
        pods.lab.run("kill", "-9", str(pods.payload_pid("loop.b")))
        wait_for(lambda: str(ps(pods, "loop")[1]["loop.b"]["last_exit"] is not None), "True")
        end = ps(pods, "loop")[1]["loop.b"]["last_exit"]
        assert (end["status"], end["signal"], end["oom_killed"]) == (137, "SIGKILL", False)
    said = pods.lab.run("podunit", "status", "good").stdout
    assert said.startswith("pod good: inactive (dead), succeeded")
    assert pods.lab.run("podunit", "status", "bad", check=False).returncode == 1


def test_ready_is_what_the_prober_has_written(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER) + container("b", READY, PROBED)))
    assert ps(pods)[0]["web"]["ready"] == "2/2"
    pods.inside("web.b", "rm", "/ready")
    wait_for(lambda: str(ps(pods)[0]["web"]["ready"]), "1/2")
    assert "active (running, not ready)" in pods.lab.run("podunit", "ps").stdout
    pods.inside("web.b", "touch", "/ready")
    wait_for(lambda: str(ps(pods)[0]["web"]["ready"]), "2/2")


def test_wait_ends_as_soon_as_pods_are_so_or_never_will_be(pods: Pods) -> None:
    slow = pod(container("a", "sleep 1; exit 0"), "slow", policy="Never")
    bad = pod(container("a", "sleep 1; exit 3"), "bad", policy="Never")
    web = pod(container("a", READY, PROBED), "web")
    pods.apply("---\n".join((slow, bad, web)))

    def wait(condition: str, *names: str, timeout: str = "20s") -> tuple[int, str, str]:
        done = pods.lab.run("podunit", "wait", f"--for={condition}", f"--timeout={timeout}", *names, check=False)
        return done.returncode, done.stdout, done.stderr

    assert wait("ready", "web", timeout="0") == (0, "pod web: ready\n", "")
    assert wait("succeeded", "slow") == (0, "pod slow: succeeded\n", "")
    assert wait("failed", "bad") == (0, "pod bad: failed\n", "")
    never = "error: pod 'bad' is not succeeded: it can no longer become so\n  it is failed\n"
    assert wait("succeeded", "bad", "slow") == (1, "pod slow: succeeded\n", never)
    late = "error: pod 'web' is not stopped: not within 0.3 s\n  it is running\n"
    assert wait("stopped", "web", "slow", timeout="300ms") == (1, "pod slow: stopped\n", late)
    pods.inside("web.a", "rm", "/ready")
    wait_for(lambda: wait("ready", "web", timeout="0")[2].rpartition("\n  ")[2], "it is running, not ready: a\n")
    script = "(sleep 1; podunit exec web -- touch /ready) & podunit wait web --for=ready"
    assert pods.lab.sh(script).stdout == "pod web: ready\n"
    # A signal tells of the stop: there is no file to look at.
    assert pods.lab.sh("(sleep 1; podunit -q stop web) & podunit wait web --for=stopped").stdout == "pod web: stopped\n"
    assert pods.state("container@web.a", "sandbox@web") == "inactive inactive"


def test_top_tells_what_the_kernel_counts(pods: Pods) -> None:
    pods.apply(pod(container("busy", "while :; do :; done & wait") + container("idle", FOREVER)))
    document = json.loads(pods.lab.run("podunit", "top", "-o", "json", "web").stdout)
    (all_of_it,) = document["pods"]
    busy, idle = all_of_it["containers"]
    assert (busy["container"], idle["container"]) == ("busy", "idle")
    assert busy["cpu_percent"] > 20 > idle["cpu_percent"]
    assert all_of_it["cpu_percent"] >= busy["cpu_percent"] * 0.9
    counted = int(pods.lab.sh("awk '/^usage_usec/ {print $2}' /sys/fs/cgroup/pod.slice/pod-web.slice/cpu.stat").stdout)
    assert all_of_it["cpu_usec"] <= counted <= all_of_it["cpu_usec"] + 60_000_000
    # What has no controller here is not known.
    lacks = pods.lab.sh("cat /sys/fs/cgroup/pod.slice/pod-web.slice/memory.current", check=False).returncode != 0
    assert (busy["memory_bytes"] is None) is lacks
    table = pods.lab.run("podunit", "top", "--once").stdout.splitlines()
    assert table[0].split() == ["POD", "CONTAINER", "CPU%", "MEMORY", "TASKS", "READ/s", "WRITE/s"]
    assert [line.split()[:2] for line in table[1:]] == [["web", "(all)"], ["web", "busy"], ["web", "idle"]]
    # On a terminal until Ctrl-C, which is no failure.
    # A machine that is busy may need longer for two tables.
    for seconds in (3, 20):
        live = f"timeout --preserve-status --foreground --signal=INT {seconds} podunit top; echo ended $?"
        shown = pods.lab.sh(f"script --quiet --command '{live}' /dev/null < /dev/null").stdout
        if shown.count("CPU%") >= 2:
            break
    assert shown.count("CPU%") >= 2
    assert "ended 0" in shown


def test_events_tell_what_has_happened_and_why(pods: Pods) -> None:
    image = "localhost/podunit-test:1"
    once = container("a", ONCE.format(then=FOREVER), KEPT)
    pods.apply(pod(once, "told", inits=container("i", "exit 0"), more=VOLUME, notes=quick("a")), check=False)
    wait_for_second_run(pods, "container@told.a")

    def read() -> list[dict[str, Any]]:
        document = json.loads(pods.lab.run("podunit", "events", "told", "-o", "json").stdout)
        assert document["schemaVersion"] == 1
        events: list[dict[str, Any]] = document["events"]
        return events

    pods.lab.run("podunit", "stop", "told")
    wait_for(lambda: read()[-1]["reason"], "Stopped")
    events = [event for event in read() if event["container"] or event["object"] == "pod/told"]
    # How often podman needs is not what this is about.
    told = [re.sub(r"^restart \d+, ", "restart, ", event["message"]) for event in events]
    found = [
        (event["object"], event["type"], event["reason"], message) for event, message in zip(events, told, strict=True)
    ]
    expected = [
        ("pod/told", "Normal", "Scheduled", "the pod is being started"),
        ("container/told.i", "Normal", "Completed", "the init container is done"),
        ("container/told.a", "Warning", "Failed", "exit status 3"),
        ("container/told.a", "Warning", "Restarted", "restart, after exit status 3"),
        ("container/told.a", "Normal", "Started", "the container runs"),
        ("container/told.a", "Normal", "Stopped", "somebody stopped it"),
        ("pod/told", "Normal", "Stopped", "nothing of the pod runs"),
    ]
    assert [event for event in expected if event not in found] == [], found
    places = [len(found) - 1 - found[::-1].index(event) for event in expected]
    assert places == sorted(places)
    every = pods.lab.run("podunit", "events").stdout
    assert every.splitlines()[0].split() == ["TIME", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    # crun's containers do without the image.
    assert (f"image/{image}" in every) == (pods.engine == "podman")
    assert "container/told.a" in every
    # What nobody may say is not told: any user can write to the journal.
    fields = ("MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c", "UNIT=pod@told.service", "UNIT_RESULT=forged", "MESSAGE=x")
    pods.lab.write("/run/entry", "".join(f"{field}\n" for field in fields))
    pods.lab.sh("logger --journald < /run/entry; rm /run/entry; journalctl --sync")
    assert "forged" not in pods.lab.run("podunit", "events").stdout
    # What comes is told as it comes.
    script = (
        "podunit events told -w -o json --since now > /run/watched & watcher=$!;"
        " podunit -q start told; podunit -q stop told; journalctl --sync;"
        " for _ in $(seq 100); do ! grep -q Stopped /run/watched || break; sleep 0.1; done;"
        " kill $watcher; cat /run/watched; rm /run/watched"
    )
    reasons = [json.loads(line)["reason"] for line in pods.lab.sh(script).stdout.splitlines()]
    assert reasons[-1] == "Stopped"


def test_describe_tells_all_of_a_pod(pods: Pods) -> None:
    limited = container("a", FOREVER, "resources: {limits: {cpu: 500m, memory: 64Mi}}")
    done = pods.apply(
        "---\n".join((pod(container("a", FOREVER), "other"), pod(limited, inits=container("i", "exit 0"))))
    )
    lines = pods.lab.read("/root/pod.yaml").splitlines()
    # In a lab most controllers are missing.
    has = pods.lab.read("/sys/fs/cgroup/cgroup.controllers").split()
    lost = [name for name, controller in (("CPUQuota", "cpu"), ("MemoryMax", "memory")) if controller not in has]
    limit = lines.index("    resources: {limits: {cpu: 500m, memory: 64Mi}}") + 1
    warned = [text for text in done.stderr.splitlines() if " enforced: " in text]
    assert len(warned) == bool(lost)
    assert all(text.startswith(f"/root/pod.yaml:{limit}:") for text in warned)
    line = lines.index("---") + 2
    known = pods.lab.run("podunit", "describe", "web", "-o", "json").stdout
    found = json.loads(known)
    assert (found["spec"], found["phase"], found["ready"]) == (f"/root/pod.yaml:{line}:1", "running", "1/1")
    assert found["cgroup"] == "/pod.slice/pod-web.slice"
    assert found["unenforced"] == lost
    init, main = found["containers"]
    assert (init["container"], main["container"]) == ("i", "a")
    assert main["limits"]["MemoryMax"] == int(pods.show("container@web.a", "MemoryMax")) == 64 * 1024**2
    assert main["limits"]["CPUQuotaPerSecUSec"] == 500_000
    assert main["usage"]["cpu_usec"] > 0
    assert main["probes"] is None
    units = {unit["unit"]: unit["active"] for unit in found["units"]}
    assert {units[name] for name in ("pod@web.service", "sandbox@web.service", "container@web.a.service")} == {"active"}
    assert [event["message"] for event in found["events"]][-1] == "the pod is up"
    text = pods.lab.run("podunit", "describe", "web").stdout
    assert text.startswith("pod web: active (exited) since ")
    assert f"  spec: /root/pod.yaml:{line}:1\n" in text
    assert "MemoryMax 64.0M" in text
    assert text.count("  not enforced: ") == pods.lab.run("podunit", "status", "web").stdout.count("  not enforced: ")
    assert text.count("  not enforced: ") == bool(lost)
    assert "CPUQuota 50%" in text
    assert "  restarts: 0, last exit: -\n" in text
    pods.lab.run("podunit", "delete", "web", "other")
    assert pods.lab.sh("ls /var/lib/podunit").stdout.find("places") < 0


def test_what_containers_leave_at_their_end_is_told(pods: Pods) -> None:
    def messages(name: str) -> dict[str, str | None]:
        found = json.loads(pods.lab.run("podunit", "describe", name, "-o", "json").stdout)
        return {one["container"]: one["terminationMessage"] for one in found["containers"]}

    anybody = "securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true}"
    falls_back = "terminationMessagePolicy: FallbackToLogsOnError"
    ends = (
        container("a", "yes no room | head -n 1000 > /end; exit 3", "terminationMessagePath: /end", anybody),
        container("b", "echo why > /dev/termination-log; exit 3", falls_back, anybody),
        container("c", "seq 100; exit 4", falls_back),
        container("d", "echo quiet", falls_back),
        container("e", "[ ! -e /dev/termination-log ] || echo there"),
    )
    once = ONCE.format(then=FOREVER).replace("; exit", "; echo first > /dev/termination-log; exit")
    again = pod(container("a", once, KEPT, falls_back), "again", more=VOLUME, notes=quick("a"))
    init = container("i", "echo ready > /dev/termination-log", "terminationMessagePolicy: File")
    fails = container("i", "echo lost; exit 3", falls_back)
    web = pod("".join(ends), inits=init, policy="Never")
    pods.apply("---\n".join((web, pod(ends[0], "stuck", inits=fails, policy="Never"), again)), check=False)
    lines = "".join(f"{number}\n" for number in range(21, 101))
    left = {"i": "ready\n", "a": "no room\n" * 512, "b": "why\n", "c": lines, "d": "", "e": None}
    wait_for(lambda: str(messages("web")), str(left))
    wait_for(lambda: str(messages("stuck")), str({"i": "lost\n", "a": None}))
    wait_for_second_run(pods, "container@again.a")
    pods.wait("active", "pod@again")
    assert messages("again") == {"a": "first\n"}
    text = pods.lab.run("podunit", "describe", "web").stdout
    assert "\n  message of the last end: no room\n    no room\n" in text
    assert "\n  message of the last end: (empty)\n" in text
    other = pods.lab.run("podunit", "--system", "describe", "again", user="alice").stdout
    assert "\n  message of the last end: cannot be read by this user\n" in other
    pods.lab.run("podunit", "stop", "web", "again")
    assert messages("web") == left
    # It was stopped, without a word.
    assert messages("again") == {"a": ""}
    folder = "/var/lib/podunit/ends"
    assert pods.lab.sh(f"cd {folder}; stat -c '%a %n' web/a again/a web/a/*").stdout.split("\n") == [
        "700 web/a",
        "700 again/a",
        "600 web/a/last",
        "",
    ]
    pods.lab.run("podunit", "delete", "web", "again", "stuck")
    assert pods.lab.sh(f"ls {folder}").stdout == ""
