"""A user's pods need no root: the same units below the user's own manager."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import container, pod, quick

WEB = container("a", "httpd -f -p 8080 -h /www & wait", "ports: [{containerPort: 8080, hostPort: 8080}]")
TWO = pod(WEB + container("b", "sleep 1000 & wait"), notes=quick("a"))
CONFIGURED = """\
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {key: "abc"}
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 8081, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}, annotations: {podunit/boot: "false"}}
spec:
  terminationGracePeriodSeconds: 2
  volumes:
  - {name: key, secret: {secretName: key}}
  - {name: e, emptyDir: {}}
  - {name: c, persistentVolumeClaim: {claimName: c}}
  containers:
  - name: a
    image: localhost/podunit-test:1
    command: [sh, -c, "trap exit TERM; httpd -f -p 8080 -h /www & wait"]
    volumeMounts:
    - {name: key, mountPath: /key}
    - {name: e, mountPath: /e}
    - {name: e, mountPath: /e/part, subPath: a/b}
    - {name: c, mountPath: /c}
    - {name: c, mountPath: /c/part, subPath: a/b}
    env:
    - {name: KEY, valueFrom: {secretKeyRef: {name: key, key: key}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
---
apiVersion: v1
kind: Pod
metadata: {name: client, annotations: {podunit/boot: "false"}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - {name: a, image: "localhost/podunit-test:1", command: [sleep, "1000"]}
"""
STATES = "systemctl --user is-active pod@web sandbox@web container@web.a container@web.b | xargs"


@pytest.fixture
def alice(lab: Laboratory, suite: str) -> Iterator[Laboratory]:
    if suite == "bookworm":
        # podman 4.3 reads the cgroups of version 1 in /proc/self/cgroup, which are the machine's that the lab runs on,
        # and moves itself out of its unit.
        pytest.skip("a lab cannot run rootless containers of podman 4.3 in the cgroup of their unit")
    lab.write("/tmp/web.yaml", TWO)
    yield lab
    lab.run("podunit", "--user", "delete", "web", user="alice", check=False)


def test_a_pod_of_a_user(alice: Laboratory) -> None:
    assert alice.run("podunit", "up", "/tmp/web.yaml", user="alice").stdout == "pod web: created, started\n"
    assert alice.run("curl", "--silent", "--fail", "127.0.0.1:8080").stdout == "podunit test page\n"
    assert alice.sh(STATES, user="alice").stdout == "active active active active\n"
    pid = alice.sh("podman inspect --format '{{.State.Pid}}' web.a", user="alice").stdout.strip()
    assert "/user@1000.service/pod.slice/pod-web.slice/container@web.a.service/" in alice.read(f"/proc/{pid}/cgroup")
    alice.run("kill", "-KILL", pid)
    alice.wait_until("curl --silent --fail 127.0.0.1:8080")
    alice.run("systemctl", "--user", "kill", "--signal=KILL", "sandbox@web", user="alice")
    alice.wait_until("sleep 1; curl --silent --fail 127.0.0.1:8080")
    alice.run("systemctl", "--user", "restart", "pod@web", user="alice")
    alice.run("systemctl", "--user", "stop", "pod@web", user="alice")
    assert alice.sh(STATES, user="alice").stdout == "inactive inactive inactive inactive\n"
    assert alice.run("podman", "ps", "--all", "--quiet", user="alice").stdout == ""
    assert alice.run("podunit", "delete", "web", user="alice").stdout == "pod web: stopped, deleted\n"


def test_configuration_and_names_of_a_users_pods(alice: Laboratory) -> None:
    alice.write("/tmp/web.yaml", CONFIGURED)
    done = alice.run("podunit", "up", "/tmp/web.yaml", user="alice")
    assert done.stdout.endswith("pod web: created, started\npod client: created, started\n")
    look = 'echo $KEY $(cat /key/key); [ "$IP" = $(hostname -i | cut -d" " -f1) ] && echo same'
    assert alice.run("podman", "exec", "web.a", "sh", "-c", look, user="alice").stdout == "abc abc\nsame\n"
    # Parts of volumes are mounted where podman works, and nowhere else.
    look = "for v in e c; do echo $v > /$v/part/file; cat /$v/a/b/file; done"
    assert alice.run("podman", "exec", "web.a", "sh", "-c", look, user="alice").stdout == "e\nc\n"
    assert "web.a_parts" in alice.sh("podman unshare cat /proc/mounts", user="alice").stdout
    assert "web.a_parts" not in alice.read("/proc/mounts")
    fetch = ("podman", "exec", "client.a", "timeout", "5", "wget", "-qO-", "http://front:8081/")
    assert alice.run(*fetch, user="alice").stdout == "podunit test page\n"
    assert alice.run("curl", "--silent", "--fail", "127.0.0.1:8081").stdout == "podunit test page\n"
    alice.sh("rm ~/.local/share/containers/storage/networks/podunit.json", user="alice")
    done = alice.run("podunit", "diff", "/tmp/web.yaml", user="alice")
    assert done.stdout.count("  drift: network podunit was removed outside podunit; an apply or a start") == 2
    done = alice.run("podunit", "delete", "--volumes", "/tmp/web.yaml", user="alice")
    assert done.stdout.endswith("pod web: stopped, deleted\npod client: stopped, deleted\n")
    assert alice.sh("podman secret ls --quiet; ls -A ~/.local/state/podunit/files", user="alice").stdout == ""
    assert "web.a_parts" not in alice.sh("podman unshare cat /proc/mounts", user="alice").stdout


PROBED = """\
apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {podunit/boot: "false"}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: a
    image: localhost/podunit-test:1
    command: [sh, -c, "trap exit TERM; httpd -f -p 8080 -h /www & wait"]
    startupProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1, failureThreshold: 30}
    readinessProbe: {exec: {command: [test, "!", -e, /tmp/bad]}, periodSeconds: 1}
"""


def test_probes_of_a_users_pods(alice: Laboratory) -> None:
    alice.write("/tmp/web.yaml", PROBED)
    assert alice.run("podunit", "up", "/tmp/web.yaml", user="alice").stdout == "pod web: created, started\n"
    alice.sh("podman exec web.a touch /tmp/bad", user="alice")
    said = "journalctl --user --output=cat --unit container@web.a"
    alice.wait_until(
        f"runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/1000 {said} | grep 'web.a: not ready: exit status 1'"
    )
    lines = alice.sh(said, user="alice").stdout
    assert (lines.count("web.a: started"), lines.count("web.a: ready")) == (1, 1)


def test_root_manages_the_pods_of_a_user(alice: Laboratory) -> None:
    def podunit(*words: str, given: str | None = None, check: bool = True) -> str:
        done = alice.run("podunit", "--user", "-M", "alice@", *words, input=given, check=check)
        return done.stdout if check else f"{done.returncode} {done.stderr}"

    assert podunit("apply", "-", given=TWO) == "pod web: created, started\n"
    assert alice.sh(STATES, user="alice").stdout == "active active active active\n"
    files = ".local/share/systemd/user/pod@web.service .local/state/podunit/objects/Pod.web.json"
    assert alice.sh(f"cd /home/alice; stat --format %U {files}").stdout == "alice\nalice\n"
    assert (
        podunit("ps", "-o", "name") == alice.run("podunit", "ps", "-o", "name", user="alice").stdout == "web.a\nweb.b\n"
    )
    assert "pod web: active" in podunit("status", "web")
    assert podunit("exec", "web", "-c", "b", "--", "sh", "-c", "echo in") == "in\n"
    assert "alice" in podunit("rollout", "history", "web")
    assert podunit("stop", "web") == "pod web: stopped\n"
    assert alice.sh(STATES, user="alice").stdout == "inactive inactive inactive inactive\n"
    assert podunit("start", "web") == "pod web: started\n"
    assert podunit("delete", "web") == "pod web: stopped, deleted\n"
    alice.run("useradd", "--create-home", "bob")
    refused = alice.run("podunit", "--user", "-M", "bob@", "ps", check=False)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "the systemd of user 'bob' does not run" in refused.stderr
    assert "loginctl enable-linger bob" in refused.stderr
    assert "there is no user 'carol'" in alice.run("podunit", "--user", "-M", "carol@", "ps", check=False).stderr
    other = alice.run("podunit", "--user", "-M", "root@", "ps", user="alice", check=False)
    assert (other.returncode, "only root may manage" in other.stderr) == (3, True)
