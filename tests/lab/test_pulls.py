"""Images from a registry that asks for a password, which only the pod's Secrets have."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, UNITS, Pods, container, pod

PRIVATE = "127.0.0.1:5000/private:1"
PASSWORD = "open-sesame"
ENCODED = base64.b64encode(f"bot:{PASSWORD}".encode()).decode()


@pytest.fixture
def pods(lab: Laboratory) -> Iterator[Pods]:
    pods = Pods(lab)
    lab.write(
        "/etc/containers/registries.conf.d/test.conf", '[[registry]]\nlocation = "127.0.0.1:5000"\ninsecure = true\n'
    )
    lab.sh(
        f"podman save --quiet --format oci-dir --output /root/oci {IMAGE};"
        f" systemd-run --quiet --unit=registry python3 /src/tests/lab/registry.py 5000 /root/oci"
        f" bot:{PASSWORD} /root/seen"
    )
    lab.wait_until("grep -q :1388 /proc/net/tcp")
    yield pods
    pods.clear()
    lab.sh(
        "systemctl stop registry; rm -r /root/oci /root/seen /etc/containers/registries.conf.d/test.conf;"
        f" rm -rf /var/lib/podunit/objects; podman rmi --force {PRIVATE} > /dev/null 2>&1 || :;"
        " podman network rm --force podunit 2> /dev/null || :"
    )


def secret(name: str, key: str, value: object) -> str:
    return (
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{{key}: '{json.dumps(value)}'}}\n---\n"
    )


def test_images_that_need_a_password(pods: Pods) -> None:
    secrets = secret("stale", ".dockerconfigjson", {"auths": {"127.0.0.1:5000": {"auth": "Ym90OnN0YWxl"}}})
    secrets += secret("right", ".dockercfg", {"127.0.0.1:5000": {"username": "bot", "password": PASSWORD}})
    script = "while :; do sleep 1000 & wait; done"
    mount = "volumeMounts: [{name: files, mountPath: /files}]"
    text = secrets + pod(
        container("a", script, mount).replace(IMAGE, PRIVATE) + container("b", script),
        inits=container("first", "exit 0", "imagePullPolicy: Always").replace(IMAGE, PRIVATE),
        more=f"  volumes: [{{name: files, image: {{reference: '{PRIVATE}'}}}}]\n",
    )
    # A Secret that is of no use is as none.
    done = pods.apply(text + "  imagePullSecrets: [{name: stale}]\n", check=False)
    assert done.returncode == 1
    assert "unauthorized" in done.stderr or "authentication required" in done.stderr
    pods.clear()
    pods.apply(text + "  imagePullSecrets: [{name: stale}, {name: right}]\n")
    assert pods.lab.sh("podman exec web.a cat /www/index.html /files/www/index.html").stdout == (
        "podunit test page\n" * 2
    )
    assert pods.state("pod@web", "container@web.a", "container@web.b") == "active active active"
    pods.lab.run("podunit", "down", "web")
    pods.lab.run("podman", "rmi", "--force", PRIVATE)
    pods.lab.run("podunit", "up", "web")
    assert pods.lab.sh("podman exec web.a cat /www/index.html").stdout == "podunit test page\n"

    # What knows the password: two files, and nothing else that is written, listed or logged.
    words = f"-E '{PASSWORD}|{ENCODED}'"
    # Of the sandbox there are files that only the kernel reads.
    find = f"grep --devices=skip -rsl {words} {UNITS} /etc/systemd /var/lib/podunit /run/podunit || :"
    files = pods.lab.sh(find).stdout.split()
    kept = "/var/lib/podunit/files/web/registries/01.json"
    assert {kept, "/var/lib/podunit/objects/Secret.right.json"} == set(files)
    assert pods.lab.sh(f"stat -c %a {' '.join(files)}").stdout == "600\n600\n"
    assert pods.lab.sh("grep -ac 'podman.pull' /root/seen").stdout != "0\n"
    assert pods.lab.sh(f"grep -a {words} /root/seen || echo none").stdout == "none\n"
    assert pods.lab.sh(f"journalctl -q -o cat | grep -v registry.py | grep {words} || echo none").stdout == "none\n"
    pods.clear()
    assert pods.lab.sh(f"ls {UNITS} | grep ^pull || ls {kept} 2> /dev/null || echo none").stdout == "none\n"


def test_an_apply_pulls_with_a_password_what_goes_into_a_bundle(pods: Pods, suite: str) -> None:
    if suite == "bookworm":
        pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
    pods.lab.sh("mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit")
    right = secret("right", ".dockerconfigjson", {"auths": {"127.0.0.1:5000": {"auth": ENCODED}}})
    text = right + pod(
        container("a", "while :; do sleep 1000 & wait; done").replace(IMAGE, PRIVATE),
        notes="    podunit/engine: crun\n",
    )
    refused = pods.apply(text, check=False)
    assert (refused.returncode, "/root/pod.yaml:" in refused.stderr) == (1, True)
    pods.apply(f"{text}  imagePullSecrets: [{{name: right}}]\n")
    assert pods.lab.run("podunit", "exec", "web", "--", "cat", "/www/index.html").stdout == "podunit test page\n"
    # Of the sandbox there are files that only the kernel reads.
    find = f"grep --devices=skip -rslE '{PASSWORD}|{ENCODED}' {UNITS} /var/lib/podunit /run/podunit || :"
    files = pods.lab.sh(find).stdout.split()
    assert files == ["/var/lib/podunit/objects/Secret.right.json"]
    pods.clear()
    pods.lab.sh("umount /var/lib/podunit")
