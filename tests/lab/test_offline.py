"""Pods that were applied to a tree are there when it boots: here the tree is that of the lab itself."""

from __future__ import annotations

from tests.lab.pods import IMAGE, Pods

WEB = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: key}}
stringData: {{index.html: a page from a secret}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{{name: key, secret: {{secretName: key}}}}]
  containers:
  - name: httpd
    image: {IMAGE}
    command: [httpd, -f, -p, "80", -h, /key]
    ports: [{{containerPort: 80, hostPort: 8080}}]
    volumeMounts: [{{name: key, mountPath: /key}}]
"""


def test_a_pod_of_a_tree_starts_with_what_wants_it_and_is_known_to_a_later_apply(pods: Pods) -> None:
    pods.lab.write("/root/pod.yaml", WEB)
    versions = pods.lab.sh("systemctl --version | sed -n '1s/systemd //p'; podman --version").stdout.split("\n")
    systemd, podman = versions[0].split()[0], versions[1].split()[2]
    done = pods.lab.run("podunit", "apply", "--root=/", f"--systemd={systemd}", f"--podman={podman}", "/root/pod.yaml")
    assert done.stdout == "Secret key: created\npod web: created, starts at boot\n"
    assert pods.state("pod@web") == "inactive"
    pods.systemctl("daemon-reload")
    pods.systemctl("start", "multi-user.target")
    pods.lab.wait_until("curl --silent --fail localhost:8080 | grep -q 'a page from a secret'")
    assert pods.apply(WEB).stdout == "Secret key: unchanged\npod web: unchanged\n"
