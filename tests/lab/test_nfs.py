"""Volumes of NFS servers. No lab can serve NFS: what mount(8) would call for it mounts a directory of the lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import UNITS, Pods, container, pod

HELPER = '#!/bin/sh\necho "$@" >> /root/mounted\nexec mount --bind "/srv/nfs${1#*:}" "$2"\n'


@pytest.fixture
def pods(lab: Laboratory) -> Iterator[Pods]:
    pods = Pods(lab)
    lab.sh("mkdir -p /srv/nfs/one/part /srv/nfs/two; for d in one two; do echo $d > /srv/nfs/$d/name; done")
    yield pods
    pods.clear()
    lab.sh(
        "rm -rf /srv/nfs /sbin/mount.nfs /root/mounted /run/podunit-nfs /var/lib/podunit/objects;"
        " podman network rm --force podunit 2> /dev/null || :"
    )


def test_a_volume_of_a_server(pods: Pods) -> None:
    volume = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: two}\nspec:\n  claimRef: {name: two}\n"
    volume += "  mountOptions: [vers=4.2]\n  nfs: {server: 192.0.2.7, path: /two, readOnly: true}\n---\n"
    mounts = "{name: one, mountPath: /one}, {name: one, mountPath: /part, subPath: part}, {name: two, mountPath: /two}"
    script = "while :; do sleep 1000 & wait; done"
    volumes = "{name: one, nfs: {server: files.test, path: /one}}, {name: two, persistentVolumeClaim: {claimName: two}}"
    text = volume + pod(
        container("a", script, f"volumeMounts: [{mounts}]") + container("b", script), more=f"  volumes: [{volumes}]\n"
    )
    done = pods.apply(text, check=False)
    assert (done.returncode, "mount.nfs is missing" in done.stderr, "nfs-common" in done.stderr) == (3, True, True)
    pods.lab.write("/sbin/mount.nfs", HELPER)
    pods.lab.sh("chmod 0755 /sbin/mount.nfs")
    pods.apply(text)
    look = "cat /one/name /two/name; echo x > /part/f; echo y > /two/f 2> /dev/null || echo read-only"
    assert pods.lab.run("podman", "exec", "web.a", "sh", "-c", look).stdout == "one\ntwo\nread-only\n"
    assert pods.lab.read("/srv/nfs/one/part/f") == "x\n"
    mounted = sorted(pods.lab.read("/root/mounted").splitlines())
    assert [line.split()[0] for line in mounted] == ["192.0.2.7:/two", "files.test:/one"]
    assert "ro,vers=4.2" in mounted[0]

    # Another directory: the container that has it is started anew, and no other.
    before = pods.main_pid("container@web.b")
    pods.apply(text.replace("path: /one", "path: /two"))
    assert pods.lab.run("podman", "exec", "web.a", "cat", "/one/name").stdout == "two\n"
    assert pods.main_pid("container@web.b") == before
    points = "findmnt --list --noheadings --output TARGET | grep podunit-nfs | sed 's/-[^-]*$//'"
    pods.lab.wait_until(f"[ $({points} | wc -l) = 2 ]")
    pods.systemctl("restart", "pod@web")
    assert sorted(pods.lab.sh(points).stdout.split()) == ["/run/podunit-nfs/web/one", "/run/podunit-nfs/web/two"]
    pods.systemctl("stop", "pod@web")
    pods.lab.wait_until("! findmnt --list | grep podunit-nfs")

    # A server that does not answer: the pod is not up, and comes by itself when it does.
    pods.lab.sh("mv /srv/nfs/two /srv/nfs/away")
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    pods.lab.sh("mv /srv/nfs/away /srv/nfs/two")
    pods.wait("active active", "pod@web", "container@web.a")
    pods.clear()
    assert pods.lab.sh(f"ls {UNITS} | grep nfs || echo none").stdout == "none\n"


def test_a_volume_of_a_server_without_podman(pods: Pods, suite: str) -> None:
    if suite == "bookworm":
        pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
    pods.lab.write("/sbin/mount.nfs", HELPER)
    pods.lab.sh(
        "chmod 0755 /sbin/mount.nfs; mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit"
    )
    mounts = "{name: one, mountPath: /one}, {name: two, mountPath: /two, readOnly: true}"
    script = "while :; do sleep 1000 & wait; done"
    volumes = "{name: one, nfs: {server: files.test, path: /one}}, {name: two, nfs: {server: files.test, path: /two}}"
    text = pod(container("a", script, f"volumeMounts: [{mounts}]"), notes="    podunit/engine: crun\n")
    pods.apply(f"{text}  volumes: [{volumes}]\n")
    look = "cat /one/name /two/name; echo x > /one/f; echo y 2> /dev/null > /two/f || echo read-only"
    for _ in range(2):
        assert pods.lab.run("podunit", "exec", "web", "--", "sh", "-c", look).stdout == "one\ntwo\nread-only\n"
        pods.systemctl("restart", "pod@web")
    assert pods.lab.read("/srv/nfs/one/f") == "x\n"
    pods.systemctl("stop", "pod@web")
    pods.lab.wait_until("! findmnt --list | grep podunit-nfs")
    pods.clear()
    pods.lab.sh("umount /var/lib/podunit")
