"""Pods whose YAML appears without an apply: systemd runs `podunit-generator`, and they are units as any others.

Looked at from outside: systemctl, pages, the journal.
"""

from __future__ import annotations

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import container, pod

ENABLE = "mkdir -p /etc/systemd/{0}-generators; ln -s /opt/podunit/bin/podunit-generator /etc/systemd/{0}-generators/"
PAGE = """\
apiVersion: v1
kind: Secret
metadata: {name: page}
stringData: {index.html: sesame, word: open}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: www, secret: {secretName: page}}]
  containers:
  - name: a
    image: localhost/podunit-test:1
    command: [sh, -c, "trap exit TERM; httpd -f -p 8080 -h /srv & wait"]
    env: [{name: WORD, valueFrom: {secretKeyRef: {name: page, key: word}}}]
    volumeMounts: [{name: www, mountPath: /srv}]
    ports: [{containerPort: 8080, hostPort: 8080}]
"""
RESTING = pod(container("a", "sleep 1000 & wait"), "resting")
BROKEN = RESTING.replace("name: resting", "name: broken").replace("image:", "imag:")


def test_specs_that_appear_without_an_apply(suite: str) -> None:
    with Laboratory(suite) as lab:
        for name, text in {"web": PAGE, "resting": RESTING, "broken": BROKEN, "torn": "kind: [Pod\n"}.items():
            lab.write(f"/etc/podunit/{name}.yaml", text)
        # Off by default.
        lab.run("systemctl", "daemon-reload")
        assert lab.run("systemctl", "cat", "pod@web", check=False).returncode != 0
        lab.sh(ENABLE.format("system"))
        lab.run("systemctl", "daemon-reload")
        # As at a boot, in which all of them come after the reload.
        lab.run("systemctl", "start", "multi-user.target")
        lab.wait_until("systemctl is-active pod@web")
        assert lab.run("curl", "--silent", "--fail", "127.0.0.1:8080").stdout.strip() == "sesame"
        assert lab.run("podman", "exec", "web.a", "sh", "-c", "echo $WORD").stdout == "open\n"
        assert lab.run("systemctl", "is-active", "pod@resting", check=False).stdout == "inactive\n"
        lab.run("systemctl", "start", "pod@resting")
        # What is wrong with a file is told by a unit that has failed, and in the journal at its place.
        failed = lab.run("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout
        assert [line.split()[0] for line in failed.splitlines()] == ["pod@broken.service", "pod@torn.service"]
        status = lab.run("systemctl", "status", "--full", "pod@broken", check=False).stdout
        assert "/etc/podunit/broken.yaml:13:5: error: spec.containers[0].imag: unknown field" in status
        said = lab.run("journalctl", "--quiet", "--identifier=podunit-generator", "--output=cat").stdout
        assert "/etc/podunit/broken.yaml:13:5: error: " in said
        assert "/etc/podunit/torn.yaml:1:7: error: " in said
        # Secrets are for root alone.
        assert lab.sh("cat /run/systemd/generator.late/* | grep -c sesame", check=False).stdout == "0\n"
        assert lab.run("ls", "/run/podunit-generator", user="alice", check=False).returncode != 0
        assert "web.a" in lab.run("podunit", "ps", "--output=name").stdout
        assert "it is not applied" in lab.run("podunit", "delete", "web", check=False).stderr
        # Who applies another pod is told to stop this one.
        lab.write("/root/web.yaml", PAGE.replace("hostPort: 8080", "hostPort: 8081"))
        assert "stop it before: systemctl stop pod@web" in lab.run("podunit", "apply", "web.yaml", check=False).stderr
        # The units are those of an apply, but for what hands files over: what is applied goes on, and belongs to it.
        pid = lab.sh("podman inspect --format '{{.State.Pid}}' web.a").stdout
        assert (
            lab.run("podunit", "apply", "/etc/podunit/web.yaml").stdout
            == "Secret page: created\npod web: created, started\n"
        )
        assert lab.sh("podman inspect --format '{{.State.Pid}}' web.a").stdout == pid
        where = lab.run("systemctl", "show", "--value", "--property=FragmentPath,DropInPaths", "pod@web", "sandbox@web")
        assert where.stdout.split() == [f"/usr/local/lib/systemd/system/{it}@web.service" for it in ("pod", "sandbox")]
        said = lab.run("journalctl", "--quiet", "--identifier=podunit-generator", "--output=cat").stdout
        assert said.splitlines()[-1] == "/etc/podunit: left to what podunit apply has installed: web"
        lab.run("podunit", "delete", "web")
        lab.sh("rm /etc/podunit/*; systemctl daemon-reload")
        assert lab.sh("ls /run/systemd/generator.late | grep -c pod", check=False).stdout == "0\n"


def test_specs_of_a_user(suite: str) -> None:
    if suite == "bookworm":
        pytest.skip("a lab cannot run rootless containers of podman 4.3 in the cgroup of their unit")
    with Laboratory(suite) as lab:
        lab.sh(ENABLE.format("user"))
        lab.write("/home/alice/.config/podunit/web.yaml", PAGE)
        lab.sh("systemctl --user daemon-reload; systemctl --user start default.target", user="alice")
        lab.sh("until systemctl --user is-active pod@web; do sleep 0.1; done", user="alice", timeout_sec=30)
        assert lab.run("curl", "--silent", "--fail", "127.0.0.1:8080").stdout.strip() == "sesame"
