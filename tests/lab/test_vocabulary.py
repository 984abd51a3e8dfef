"""systemctl's and journalctl's whole vocabulary does on a pod what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import UNITS, Pods, container, pod, quick, wait_for

FOREVER = "sleep 1000 & wait"
WEB = container("a", "httpd -f -p 8080 -h /www & wait", "ports: [{containerPort: 8080, hostPort: 8080}]")
TWO = pod(WEB + container("b", "echo hello from b; " + FOREVER), notes=quick("a", "b"))
WANTS = "/etc/systemd/system/multi-user.target.wants/pod@web.service"


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    pods = Pods(lab, engine)
    pods.apply(TWO)
    yield pods
    pods.lab.sh("systemctl unmask pod@web; rm -rf /etc/systemd/system/*@web*; systemctl daemon-reload", check=False)
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=5)


def test_enable_and_disable(pods: Pods) -> None:
    pods.systemctl("enable", "pod@web")
    assert pods.lab.run("readlink", WANTS).stdout == f"{UNITS}/pod@web.service\n"
    assert pods.systemctl("is-enabled", "pod@web").stdout == "enabled\n"
    pods.systemctl("disable", "pod@web")
    assert pods.systemctl("is-enabled", "pod@web", check=False).stdout == "disabled\n"
    assert pods.lab.run("podunit", "enable", "web").stdout == "pod web: enabled\n"
    assert pods.lab.run("podunit", "status", "web", "-o", "json").stdout.find('"enabled": "enabled"') > 0
    assert pods.lab.run("podunit", "disable", "web").stdout == "pod web: disabled\n"


def test_mask_and_unmask(pods: Pods) -> None:
    pods.systemctl("stop", "pod@web")
    pods.systemctl("mask", "pod@web")
    assert pods.systemctl("start", "pod@web", check=False).returncode != 0
    done = pods.lab.run("podunit", "start", "web", check=False)
    assert done.returncode == 3
    assert "masked" in done.stderr
    assert "systemctl unmask pod@web.service" in done.stderr
    pods.systemctl("unmask", "pod@web")
    pods.systemctl("start", "pod@web")
    assert pods.state("container@web.a") == "active"


def test_edit_revert_and_cat(pods: Pods) -> None:
    editor = {"SYSTEMD_EDITOR": "/usr/local/bin/editor"}
    pods.lab.write(
        "/usr/local/bin/editor", '#!/bin/sh\nfor file; do :; done\nprintf "[Service]\\nMemoryHigh=77M\\n" > "$file"\n'
    )
    pods.lab.run("chmod", "755", "/usr/local/bin/editor")
    # It asks for a terminal.
    pods.lab.run("script", "-qec", "systemctl edit container@web.b", "/dev/null", env=editor)
    assert pods.show("container@web.b", "MemoryHigh") == str(77 * 1024**2)
    assert "MemoryHigh=77M" in pods.systemctl("cat", "container@web.b").stdout
    # A drop-in is the user's, and survives.
    pods.apply(TWO.replace("hello", "good-bye"))
    assert pods.show("container@web.b", "MemoryHigh") == str(77 * 1024**2)
    pods.systemctl("revert", "container@web.b")
    assert "MemoryHigh" not in pods.systemctl("cat", "container@web.b").stdout

    pods.lab.write(
        "/usr/local/bin/editor", '#!/bin/sh\nfor file; do :; done\nsed -i s/^Description=.*/Description=Mine/ "$file"\n'
    )
    pods.lab.run("script", "-qec", "systemctl edit --full pod@web", "/dev/null", env=editor)
    assert pods.show("pod@web", "Description") == "Mine"
    assert pods.show("pod@web", "FragmentPath") == "/etc/systemd/system/pod@web.service"
    pods.systemctl("revert", "pod@web")
    assert pods.show("pod@web", "Description") == "Pod web"
    pods.systemctl("restart", "pod@web")
    assert pods.state("container@web.a") == "active"


def test_states_and_dependencies(pods: Pods) -> None:
    assert "active (exited)" in pods.systemctl("status", "pod@web").stdout
    assert pods.systemctl("is-active", "pod@web").stdout == "active\n"
    assert pods.systemctl("is-failed", "pod@web", check=False).stdout == "active\n"
    listed = pods.systemctl("list-dependencies", "--all", "--plain", "pod@web").stdout
    for unit in ("container@web.a.service", "container@web.b.service", "sandbox@web.service"):
        assert unit in listed
    assert "pod@web.service" in pods.systemctl("list-dependencies", "--reverse", "--plain", "sandbox@web").stdout


def test_kill_reaches_the_payload_and_nothing_else(pods: Pods) -> None:
    sibling = pods.main_pid("container@web.a")
    before = pods.payload_pid("web.b")
    pods.systemctl("kill", "--signal=KILL", "container@web.b")
    wait_for(
        lambda: str(pods.main_pid("container@web.b") != 0 and pods.payload_pid("web.b") not in (0, before)), "True"
    )
    assert pods.main_pid("container@web.a") == sibling


def test_set_property_is_the_limit_of_the_cgroup(pods: Pods) -> None:
    pods.systemctl("set-property", "container@web.b.service", "MemoryMax=123M")
    assert pods.show("container@web.b", "MemoryMax") == str(123 * 1024**2)
    pods.systemctl("restart", "pod@web")
    assert pods.show("container@web.b", "MemoryMax") == str(123 * 1024**2)
    pods.systemctl("revert", "container@web.b.service")


def test_the_journal_of_a_container(pods: Pods) -> None:
    # The journal is older than the pod.
    pods.lab.sh("podunit delete web; journalctl --rotate --vacuum-time=1ms; podunit up /root/pod.yaml")
    pods.lab.wait_until("journalctl --unit=container@web.b --output=cat | grep -x 'hello from b'")
    printed = pods.lab.run("journalctl", "--unit=container@web.b", "--output=cat").stdout.splitlines()
    assert printed.count("hello from b") == 1
    if pods.engine == "podman":
        assert pods.lab.run("podman", "logs", "web.b").stdout == "hello from b\n"
    assert pods.lab.run("podunit", "logs", "web").stdout == "b | hello from b\n"
    assert pods.lab.run("podunit", "logs", "web", "b").stdout == "hello from b\n"
    assert pods.lab.run("podunit", "logs", "web", "b", "--since", "1h", "-n", "0").stdout == ""
    done = pods.lab.run("podunit", "logs", "web", "c", check=False)
    assert (done.returncode, done.stderr) == (
        3,
        "error: there is no container 'c' in pod 'web'\n  hint: containers here: a, b\n",
    )


def test_the_log_is_followed(pods: Pods) -> None:
    script = (
        "podunit logs -f -n 0 web > /run/followed & sleep 1; podunit exec web -c b -- sh -c 'echo more > /proc/1/fd/1';"
        " for i in $(seq 100); do [ -s /run/followed ] && break; sleep 0.1; done; kill -TERM $!; wait $! || echo $?"
    )
    assert pods.lab.sh(script).stdout == "143\n"
    assert pods.lab.read("/run/followed") == "b | more\n"


def test_exec_passes_everything_through(pods: Pods) -> None:
    assert pods.lab.run("podunit", "exec", "web", "-c", "b", "--", "sh", "-c", "exit 7", check=False).returncode == 7
    assert pods.lab.run("podunit", "exec", "-i", "web", "--", "cat", input="in\n").stdout == "in\n"
    for program, status in (("no-such-command", 127), ("/no/such", 127), ("/www/index.html", 126), ("/www", 126)):
        done = pods.lab.run("podunit", "exec", "web", "--", program, check=False)
        assert (done.returncode, program in done.stderr) == (status, True)
    # By a link, from where the container works.
    own = "mkdir /own; printf '#!/bin/sh\\nexit $1\\n' > /own/ends; chmod +x /own/ends; ln -s /own/ends /own/link"
    pods.inside("web.a", "sh", "-c", own)
    for status in (9, 255):
        done = pods.lab.run("podunit", "exec", "web", "--", "own/link", str(status), check=False)
        assert (done.returncode, done.stderr) == (status, "")
    pods.systemctl("stop", "pod@web")
    assert pods.lab.run("podunit", "exec", "web", "--", "true", check=False).returncode == 125


def test_status_says_why_a_pod_is_not_up(pods: Pods) -> None:
    assert pods.lab.run("podunit", "status", "web").stdout.startswith("pod web: active (exited) since 20")
    pods.apply(TWO.replace("[sh,", "[no-such-command,", 1), check=False)
    # It is tried again meanwhile, and is then not failed for a moment.
    status = 127 if pods.engine == "podman" else 1
    said = f"container@web.a.service: exit-code, exit status {status}"
    wait_for(lambda: str(said in pods.lab.run("podunit", "status", "web", check=False).stdout), "True")

    def look() -> str:
        document = json.loads(pods.lab.run("podunit", "status", "web", "-o", "json", check=False).stdout)
        return document["failures"][0]["ending"] if document["failures"] else "being started again"

    wait_for(look, f"exit status {status}")
    pods.systemctl("stop", "pod@web")
    assert pods.lab.run("podunit", "status", "web").stdout.startswith("pod web: inactive (dead)")


def test_a_lost_rule_for_a_port_is_made_again(pods: Pods) -> None:
    pods.lab.sh("nft flush ruleset")
    assert pods.lab.run("curl", "--silent", "--max-time", "1", "localhost:8080", check=False).returncode != 0
    pods.lab.write(
        "/run/systemd/system/firewalld.service",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\nExecReload=true\n",
    )
    pods.lab.sh("systemctl daemon-reload; systemctl start firewalld; systemctl reload firewalld")
    try:
        pods.lab.wait_until("curl --silent --fail --max-time 1 localhost:8080")
    finally:
        pods.lab.sh("systemctl stop firewalld; rm /run/systemd/system/firewalld.service; systemctl daemon-reload")


def test_a_stop_ends_whichever_call_systemd_has_not_heard(pods: Pods) -> None:
    """While systemd executes itself anew, nobody can connect to it."""
    pods.apply(pod(container("web", "sleep 1000 & wait")))
    deaf = "/usr/local/bin/systemctl"
    once = 'heard=/run/heard/$*; [ -e "$heard" ] || { mkdir -p /run/heard; touch "$heard"; exit 1; }'
    pods.lab.write(deaf, f'#!/bin/sh\ncase $* in *stop*) {once};; esac; exec /usr/bin/systemctl "$@"\n')
    pods.lab.sh(f"chmod +x {deaf}")
    try:
        pods.lab.run("/usr/bin/systemctl", "stop", "pod@web", timeout_sec=20)
        assert pods.state("pod@web", "sandbox@web", "container@web.web") == "inactive inactive inactive"
        assert len(pods.lab.sh("ls /run/heard").stdout.splitlines()) >= 2
    finally:
        pods.lab.sh(f"rm -rf {deaf} /run/heard")


def test_a_sandbox_that_fails_in_a_stop_disturbs_neither_stop_nor_restart(pods: Pods) -> None:
    """Its stop is not one of the pod, and what mends the pod, which its failure starts, has nothing to do."""
    pods.lab.write("/etc/systemd/system/sandbox@web.service.d/fail.conf", "[Service]\nExecStopPost=/bin/false\n")
    pods.systemctl("daemon-reload")
    pods.systemctl("restart", "pod@web")
    assert pods.state("pod@web", "sandbox@web", "container@web.a") == "active active active"
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""


def test_reloads_and_reexecution_of_systemd_leave_a_pod_alone(pods: Pods) -> None:
    units = ("sandbox@web", "container@web.a", "container@web.b")
    before = [(pods.show(unit, "InvocationID"), pods.main_pid(unit)) for unit in units]
    pods.systemctl("daemon-reload")
    pods.systemctl("daemon-reexec")
    assert [(pods.show(unit, "InvocationID"), pods.main_pid(unit)) for unit in units] == before
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""
