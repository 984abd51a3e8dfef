"""Parts of volumes: what subPath shows, and that no container leads podman out of its volume. Block devices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, over_engines, pod, wait_for

FOREVER = "sleep 1000 & wait"
WHOLE = f"volumeMounts: [{', '.join(f'{{name: {name}, mountPath: /{name}}}' for name in 'ehcm')}]"
PARTS = (
    "volumeMounts: [{name: e, mountPath: /e, subPath: x/part}, {name: h, mountPath: /h, subPath: x/part},"
    " {name: c, mountPath: /c, subPath: x/part}, {name: m, mountPath: /m, subPath: x/part},"
    " {name: h, mountPath: /f, subPath: x/file}]"
)
VOLUMES = """\
  volumes:
  - {name: e, emptyDir: {}}
  - {name: h, hostPath: {path: /srv/in/v}}
  - {name: c, persistentVolumeClaim: {claimName: parts}}
  - {name: m, emptyDir: {medium: Memory}}
"""
FILL = "for v in e h c m; do mkdir -p /$v/x/part; echo $v > /$v/x/part/file; done; echo f > /h/x/file; "
# Run after all that the unit itself does before podman.
SWAP = """\
[Service]
ExecStartPre=/bin/sh -c 'for volume in /var/lib/podunit/volumes/web/e /srv/in/v \
  /run/podunit/web_memory/m $$(podman volume inspect --format {{.Mountpoint}} parts); do \
  mv $$volume/x $$volume/old; ln -s /srv/in/host $$volume/x; done'
"""


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    pods = Pods(lab, engine)
    lab.sh("mkdir -p /srv/in/v /srv/in/host/part; echo secret | tee /srv/in/host/file /srv/in/host/part/file")
    yield pods
    pods.clear()
    lab.sh("rm -rf /etc/systemd/system/container@web.b.service.d; systemctl daemon-reload")
    lab.sh("podman volume rm --force parts; for m in $(findmnt -rno TARGET | grep /srv/in/); do umount $m; done")
    lab.sh("rm -rf --one-file-system /srv/in")
    wait_for(pods.remains, "", timeout_sec=5)


def inside(pods: Pods, script: str, name: str = "b") -> str:
    return pods.inside(f"web.{name}", "sh", "-c", script).stdout


def test_what_a_container_changes_meanwhile_leads_nowhere(pods: Pods) -> None:
    filler = container("i", FILL, WHOLE)
    pods.lab.write("/etc/systemd/system/container@web.b.service.d/swap.conf", SWAP)
    pods.apply(pod(container("b", FOREVER, PARTS), inits=filler, more=VOLUMES))
    assert inside(pods, "cat /e/file /h/file /c/file /m/file /f") == "e\nh\nc\nm\nf\n"
    # The links are there now.
    done = pods.systemctl("restart", "container@web.b", check=False)
    assert done.returncode != 0
    assert "subPath x/part leads out of its volume" in pods.lab.run("journalctl", "-u", "container@web.b").stdout
    assert pods.lab.run("find", "/srv/in/host", "-newer", "/srv/in/v/x/file").stdout == ""


def test_parts_pass_mounts_on_as_asked_and_leave_those_of_the_host(pods: Pods) -> None:
    mounts = ", ".join(
        [
            "{name: h, mountPath: /none, subPath: p, readOnly: true}",
            "{name: h, mountPath: /slave, subPath: p, mountPropagation: HostToContainer}",
            "{name: h, mountPath: /shared, subPath: p, mountPropagation: Bidirectional}",
        ]
    )
    privileged = "securityContext: {privileged: true}"
    pods.lab.sh("mkdir -p /srv/in/v/p/early /srv/in/v/p/late; mount -t tmpfs early /srv/in/v/p/early")
    pods.lab.sh("touch /srv/in/v/p/early/it")
    pods.apply(pod(container("b", FOREVER, f"volumeMounts: [{mounts}]", privileged), more=VOLUMES))
    pods.lab.sh("mount -t tmpfs late /srv/in/v/p/late; touch /srv/in/v/p/late/it")
    assert (
        inside(pods, "ls /none/early /none/late /slave/late") == "/none/early:\nit\n\n/none/late:\n\n/slave/late:\nit\n"
    )
    assert inside(pods, "touch /none/x 2>&1 || :").endswith("Read-only file system\n")
    inside(pods, "mkdir /shared/own && mount -t tmpfs own /shared/own && touch /shared/own/it")
    assert pods.lab.run("ls", "/srv/in/v/p/own").stdout == "it\n"
    pods.systemctl("kill", "--signal=KILL", "container@web.b")
    pods.systemctl("stop", "pod@web")
    assert pods.lab.run("ls", "/srv/in/v/p/early", "/srv/in/v/p/late", "/srv/in/v/p/own").stdout.count("it\n") == 3
    assert pods.remains() == ""


def test_what_is_mounted_below_is_read_only_too_where_that_is_asked_for(pods: Pods) -> None:
    modes = {"enabled": "Enabled", "possible": "IfPossible", "open": "Disabled"}
    mounts = [
        f"{{name: h, mountPath: /{name}, readOnly: true, recursiveReadOnly: {mode}}}" for name, mode in modes.items()
    ]
    mounts += [
        "{name: h, mountPath: /part, subPath: p, readOnly: true, recursiveReadOnly: Enabled}",
        "{name: c, mountPath: /claim, readOnly: true, recursiveReadOnly: Enabled}",
        "{name: e, mountPath: /own, readOnly: true, recursiveReadOnly: Enabled}",
        "{name: f, mountPath: /file, readOnly: true, recursiveReadOnly: Enabled}",
    ]
    volumes = VOLUMES + "  - {name: f, hostPath: {path: /srv/in/link}}\n"
    pods.lab.sh("mkdir -p '/srv/in/v/p/a b/c'; ln -s /srv/in/host/file /srv/in/link")
    for folder in ("/srv/in/v/p/a b", "/srv/in/v/p/a b/c"):
        pods.lab.sh(f"mkdir -p '{folder}'; mount -t tmpfs -o nosuid,mode=777 below '{folder}'; mkdir '{folder}/c'")
    try:
        pods.apply(pod(container("b", FOREVER, f"volumeMounts: [{', '.join(mounts)}]"), more=volumes))
        try_all = "for f in /enabled/p /possible/p /open/p /part; do for g in '' '/a b' '/a b/c'; do"
        try_all += (
            ' touch "$f$g/x" 2> /dev/null && echo "$f$g"; done; done; touch /claim/x /own/x /file 2>&1; cat /file'
        )
        assert inside(pods, try_all).splitlines() == [
            "/open/p/a b",
            "/open/p/a b/c",
            *(f"touch: {path}: Read-only file system" for path in ("/claim/x", "/own/x", "/file")),
            "secret",
        ]
        assert inside(pods, "grep -c 'enabled/p/a.*ro,nosuid' /proc/mounts") == "2\n"
        # The host's own are as they were, and what comes later is nobody's.
        pods.lab.sh("touch '/srv/in/v/p/a b/c/y'; mkdir /srv/in/v/p/late; mount -t tmpfs late /srv/in/v/p/late")
        assert inside(pods, "touch /enabled/p/late/x 2>&1; grep -c late /proc/mounts || :").endswith(
            "only file system\n0\n"
        )
        pods.systemctl("restart", "container@web.b")
        assert inside(pods, "touch /enabled/p/late/x 2>&1; grep -c late /proc/mounts").endswith("only file system\n4\n")
        pods.systemctl("stop", "pod@web")
        assert pods.remains() == ""
        assert pods.lab.sh("findmnt -rno OPTIONS '/srv/in/v/p/a b' | cut -d, -f1").stdout == "rw\n"
    finally:
        pods.clear()
        pods.lab.sh("umount '/srv/in/v/p/a b/c' '/srv/in/v/p/a b'")


def test_what_a_loss_of_power_leaves_goes_with_the_pod(suite: str) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: hidden}\n---\n"
    env = "env: [{name: K, valueFrom: {secretKeyRef: {name: s, key: k}}}]"
    mounts = "volumeMounts: [{name: e, mountPath: /e}, {name: m, mountPath: /m}, {name: c, mountPath: /c}]"
    text = secret + pod(container("a", "echo x > /e/x; " + FOREVER, env, mounts), more=VOLUMES)
    look = (
        "podman ps --all --format '{{.Names}}' | sort | xargs; podman secret ls --format '{{.Name}}';"
        " podman volume ls --quiet; ls -A /var/lib/podunit/volumes /var/lib/podunit/files"
    )
    # Not in the lab of the others: podman believes that the machine has booted anew.
    with Laboratory(suite) as own:
        pods = Pods(own)
        pods.apply(text)
        own.wait_until("test -s /var/lib/podunit/volumes/web/e/x")
        own.sh("cd /var/lib; mkdir /saved; cp -ax --parents containers podunit /saved")
        pods.systemctl("stop", "pod@web")
        own.sh("cd /var/lib; rm -rf containers/* podunit /run/libpod /run/containers; cp -a /saved/. .")
        before = own.sh(look).stdout
        assert "web.a_0\n" in before
        assert "web" in before.split("/var/lib/podunit/volumes:\n")[1].split("\n")
        assert own.run("podunit", "delete", "web").stdout.endswith("pod web: stopped, deleted\n")
        assert own.sh(look).stdout == "\nparts\n/var/lib/podunit/files:\n\n/var/lib/podunit/volumes:\n"


@over_engines
def test_podman_takes_no_claim_for_unused_while_its_pod_runs(pods: Pods) -> None:
    mount = "volumeMounts: [{name: c, mountPath: /c}]"
    pods.apply(pod(container("b", "echo kept > /c/it; " + FOREVER, mount), more=VOLUMES))
    pods.lab.wait_until("grep -q kept $(podman volume inspect --format {{.Mountpoint}} parts)/it")
    pods.lab.run("podman", "volume", "prune", "--force")
    assert inside(pods, "cat /c/it") == "kept\n"
    pods.systemctl("stop", "pod@web")
    # As the documentation says.
    assert pods.lab.run("podman", "volume", "prune", "--force").stdout == "parts\n"


@over_engines
def test_block_devices(pods: Pods) -> None:
    volume = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: raw}\nspec:\n  volumeMode: Block\n"
    volume += "  claimRef: {name: raw}\n  local: {path: /dev/raw}\n---\n"
    claims = ["{name: raw, persistentVolumeClaim: {claimName: raw}}"]
    claims += ["{name: read, persistentVolumeClaim: {claimName: raw, readOnly: true}}"]
    text = pod(
        container("a", FOREVER, "volumeDevices: [{name: raw, devicePath: /dev/xvda}]")
        + container("b", FOREVER, "volumeDevices: [{name: read, devicePath: /dev/data}]"),
        more=f"  volumes: [{', '.join(claims)}]\n",
    )
    # As on a machine with many disks, the path is a link.
    pods.lab.sh("truncate -s 1M /root/disk; ln -s loop-of-test /dev/raw; mkdir /dev/loop-of-test")
    assert "volumeDevices /dev/raw is not a block device" in pods.apply(volume + text, check=False).stderr
    pods.clear()
    pods.lab.sh(
        "rmdir /dev/loop-of-test; [ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237;"
        " loop=$(losetup --find | cut -d' ' -f1); [ -e $loop ] || mknod $loop b 7 ${loop#/dev/loop};"
        " losetup $loop /root/disk; ln -s $loop /dev/loop-of-test"
    )
    try:
        pods.apply(volume + text)
        assert inside(pods, "echo hello > /dev/xvda; sync; [ -b /dev/xvda ] && echo block", "a") == "block\n"
        assert inside(pods, "head -c 5 /dev/data; (echo x > /dev/data) 2> /dev/null || echo refused") == (
            "hellorefused\n"
        )
        assert pods.lab.sh("head -c 5 /root/disk").stdout == "hello"
        assert inside(pods, "ls /dev/data 2> /dev/null || echo none", "a") == "none\n"
    finally:
        pods.clear()
        pods.lab.sh("losetup -d $(readlink /dev/loop-of-test); rm /dev/loop-of-test /dev/raw /root/disk")


@pytest.mark.parametrize("engine", ["crun"], indirect=True)
def test_an_image_that_is_a_volume_is_that_of_the_last_apply(pods: Pods) -> None:
    image = "localhost/podunit-files:1"
    text = pod(
        container("b", FOREVER, "volumeMounts: [{name: i, mountPath: /i}]"),
        more=f"  volumes: [{{name: i, image: {{reference: {image}, pullPolicy: Never}}}}]\n",
    )
    try:
        for said in ("one", "two"):
            pods.lab.write("/root/files/Containerfile", "FROM scratch\nCOPY said /\n")
            pods.lab.write("/root/files/said", f"{said}\n")
            pods.lab.sh(f"podman build --quiet --tag {image} /root/files")
            pods.apply(text)
            assert inside(pods, "cat /i/said; touch /i/x 2> /dev/null || echo refused") == f"{said}\nrefused\n"
            # The container's own, and this one.
            assert len(pods.lab.sh("ls /var/lib/podunit/images").stdout.split()) == 2
        pods.lab.sh(f"podman rmi --force {image}")
        pods.systemctl("restart", "pod@web")
        assert inside(pods, "cat /i/said") == "two\n"
        failed = pods.apply(text, check=False)
        assert (failed.returncode, f"image '{image}'" in failed.stderr) == (1, True)
    finally:
        pods.clear()
        pods.lab.sh(f"podman rmi --force --ignore {image}; rm -r /root/files")
