"""What the YAML says is true inside the containers, and on the host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, UNITS, Pods, pod, wait_for

_NO_PODMAN = "error: there is no /usr/bin/podman\n  hint: install podman; on Debian: apt install podman\n"
TYPES = ["Directory", "File", "Socket", "CharDevice", "BlockDevice"]


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    lab.sh("rm -rf /srv/in; mkdir -p /srv/in")
    pods = Pods(lab, engine)
    yield pods
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=5)


def sleeper(*more: str, name: str = "a") -> str:
    """A container that does nothing, with further fields."""
    lines = [f"- name: {name}", f"  image: {IMAGE}", "  command: [sleep, '1000']", *(f"  {line}" for line in more)]
    return "".join(f"  {line}\n" for line in lines)


def run(pods: Pods, script: str, container: str = "a") -> str:
    """What a shell script prints inside a container of pod web."""
    return pods.lab.run("podunit", "exec", "web", "-c", container, "--", "sh", "-c", script, check=False).stdout


def grace(text: str) -> str:
    return text.replace("terminationGracePeriodSeconds: 2", "terminationGracePeriodSeconds: 0")


def test_identity_and_rights(pods: Pods) -> None:
    rights = (
        "securityContext: {runAsUser: 1000, runAsGroup: 2000, readOnlyRootFilesystem: true,"
        " allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}"
    )
    inherited = "  securityContext: {runAsUser: 1234}\n"
    pods.apply(grace(pod(sleeper(rights) + sleeper(name="b"), more=inherited + "  hostname: box\n")))
    assert run(pods, "id -u; id -g; hostname") == "1000\n2000\nbox\n"
    assert run(pods, "touch /x /tmp/x 2> /dev/null; ls /x /tmp/x 2> /dev/null") == ""
    assert run(pods, "grep -E '^(CapEff|NoNewPrivs)' /proc/1/status").split() == [
        "CapEff:",
        "0000000000000400",
        "NoNewPrivs:",
        "1",
    ]
    assert run(pods, "id -u; touch /tmp/x && ls /tmp", "b") == "1234\nx\n"


def test_the_network_of_the_host(pods: Pods) -> None:
    pods.apply(grace(pod(sleeper(), more="  hostNetwork: true\n")))
    assert run(pods, "hostname") == pods.lab.run("hostname").stdout
    namespace = pods.lab.run("readlink", "/proc/1/ns/net").stdout
    assert pods.lab.run("readlink", f"/proc/{pods.payload_pid('web.a')}/ns/net").stdout == namespace


def test_one_network_and_host_name_for_all_containers(pods: Pods) -> None:
    pods.apply(grace(pod(sleeper() + sleeper(name="b"))))
    for kind in ("net", "ipc", "uts"):
        seen = {
            pods.lab.run("readlink", f"/proc/{pods.payload_pid(name)}/ns/{kind}").stdout for name in ("web.a", "web.b")
        }
        assert len(seen) == 1
        assert pods.lab.run("readlink", f"/proc/1/ns/{kind}").stdout not in seen
    assert run(pods, "hostname") == "web\n"


def test_volumes_in_memory_and_on_disk(pods: Pods) -> None:
    mounts = "volumeMounts: [{name: m, mountPath: /m}, {name: d, mountPath: /d, subPath: x/y}]"
    every = "volumeMounts: [{name: m, mountPath: /m, readOnly: true}, {name: d, mountPath: /d}]"
    volumes = "  volumes: [{name: m, emptyDir: {medium: Memory, sizeLimit: 1Mi}}, {name: d, emptyDir: {}}]\n"
    text = grace(pod(sleeper(mounts, "securityContext: {runAsUser: 1000}") + sleeper(every, name="b"), more=volumes))
    pods.apply(text)
    assert run(pods, "echo one > /m/f; echo two > /d/f; cat /m/f /d/f") == "one\ntwo\n"
    assert run(pods, "cat /m/f /d/x/y/f; echo x > /m/g || echo read-only", "b") == "one\ntwo\nread-only\n"
    assert run(pods, "dd if=/dev/zero of=/m/big bs=64k count=100 2> /dev/null; ls -s /m/big | cut -d' ' -f1") < "1025"
    # A crash of the only container that may write loses nothing; a restart of the pod makes it empty.
    pods.systemctl("restart", "container@web.a")
    assert run(pods, "cat /m/f /d/f") == "one\ntwo\n"
    assert pods.lab.run("ls", "/var/lib/podunit/volumes/web", user="alice", check=False).returncode != 0
    pods.systemctl("restart", "pod@web")
    assert run(pods, "ls /m /d") == "/d:\n\n/m:\n"
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""


@pytest.mark.parametrize("kind", ["DirectoryOrCreate", "FileOrCreate", *TYPES])
def test_host_paths_that_are_there(pods: Pods, kind: str) -> None:
    make = {
        "Directory": "mkdir /srv/in/p",
        "File": "touch /srv/in/p",
        "Socket": "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/srv/in/p\")'",
        "CharDevice": "mknod /srv/in/p c 1 3",
        "BlockDevice": "mknod /srv/in/p b 7 0 || ln -s /dev/loop0 /srv/in/p",
    }
    if kind == "BlockDevice" and pods.lab.sh("mknod /srv/in/t b 7 0", check=False).returncode != 0:
        pytest.skip("no block device can be made here")
    pods.lab.sh(make.get(kind, ":"))
    mount = "volumeMounts: [{name: h, mountPath: /p}]"
    volumes = f"  volumes: [{{name: h, hostPath: {{path: /srv/in/p, type: {kind}}}}}]\n"
    pods.apply(grace(pod(sleeper(mount), more=volumes)))
    assert run(pods, "ls -d /p") == "/p\n"


@pytest.mark.parametrize("kind", TYPES)
def test_host_paths_that_are_not(pods: Pods, kind: str) -> None:
    mount = "volumeMounts: [{name: h, mountPath: /p}]"
    text = pod(sleeper(mount), more=f"  volumes: [{{name: h, hostPath: {{path: /srv/in/p, type: {kind}}}}}]\n")
    done = pods.apply(grace(text), check=False)
    assert done.returncode == 1
    assert "hostPath /srv/in/p is not a" in done.stderr


def test_a_part_of_a_volume_leads_nowhere_else(pods: Pods) -> None:
    pods.lab.sh("mkdir -p /srv/in/v /srv/in/out; ln -s /srv/in/out /srv/in/v/link")
    mount = "volumeMounts: [{name: h, mountPath: /p, subPath: link/new}]"
    volumes = "  volumes: [{name: h, hostPath: {path: /srv/in/v}}]\n"
    done = pods.apply(grace(pod(sleeper(mount), more=volumes)), check=False)
    assert done.returncode == 1
    assert "subPath link/new leads out of its volume" in done.stderr
    assert pods.lab.run("ls", "/srv/in/out").stdout == ""


def test_resources_are_in_the_units_that_run(pods: Pods) -> None:
    own = "resources: {limits: {memory: 64Mi, cpu: 500m}, requests: {memory: 32Mi, cpu: 250m}}"
    pods.apply(grace(pod(sleeper(own) + sleeper(name="b"), more="  resources: {limits: {memory: 1Gi}}\n")))
    unit = "container@web.a"
    assert pods.show(unit, "MemoryMax") == str(64 * 1024**2)
    assert pods.show(unit, "CPUQuotaPerSecUSec") == "500ms"
    assert pods.show(unit, "CPUWeight") == "10"
    assert pods.show("container@web.b", "CPUWeight") == "1"
    for name in (unit, "pod-web.slice", "pod.slice"):
        assert pods.show(name, "MemoryLow") == str(32 * 1024**2)
    assert pods.show("pod-web.slice", "MemoryMax") == str(1024**3)
    pods.lab.run("podunit", "delete", "web")
    assert pods.show("pod.slice", "MemoryLow") == "0"


def test_an_image_that_cannot_be_pulled_is_said_and_retried(pods: Pods) -> None:
    image = sleeper("imagePullPolicy: Always")
    # Tried again before anybody can ask systemd how the pull failed; without any pause no job would come to its turn.
    pods.install(grace(pod(image, notes="    podunit/a.Service.RestartSec: 20ms\n")))
    done = pods.lab.run("podunit", "start", "web", check=False)
    assert done.returncode == 1
    assert "image-pull@localhost-podunit\\x2dtest:1.service: exit-code" in done.stderr
    # The registry is back.
    pods.lab.write(
        "/run/systemd/system/image-pull@.service.d/good.conf", "[Service]\nExecStart=\nExecStart=/bin/true\n"
    )
    try:
        pods.systemctl("daemon-reload")
        pods.wait("active active", "pod@web", "container@web.a")
        # Away again, while the container crashes: it comes back when the registry does.
        pods.lab.sh("sed -i s,/bin/true,/bin/false, /run/systemd/system/image-pull@.service.d/good.conf")
        pods.systemctl("daemon-reload")
        pods.systemctl("kill", "--signal=KILL", "container@web.a")
        pods.lab.wait_until("[ $(systemctl show --value --property=NRestarts container@web.a) -ge 3 ]")
        assert pods.state("container@web.a") != "active"
        pods.lab.sh("sed -i s,/bin/false,/bin/true, /run/systemd/system/image-pull@.service.d/good.conf")
        pods.systemctl("daemon-reload")
        pods.wait("active", "container@web.a")
    finally:
        pods.lab.sh("rm -r /run/systemd/system/image-pull@.service.d; systemctl daemon-reload")


def test_without_podman_the_error_says_what_to_install(pods: Pods) -> None:
    pods.lab.run("mv", "/usr/bin/podman", "/usr/bin/podman.away")
    try:
        done = pods.apply(pod(sleeper()), check=False)
    finally:
        pods.lab.run("mv", "/usr/bin/podman.away", "/usr/bin/podman")
    assert (done.returncode, done.stderr) == (3, _NO_PODMAN)


def test_without_podman_a_pod_with_containers_keeps_its_units(pods: Pods) -> None:
    pods.apply(pod(sleeper()))
    pods.lab.run("mv", "/usr/bin/podman", "/usr/bin/podman.away")
    try:
        # Nothing is stopped that could not be started again.
        for words, status in ((("restart", "web"), 3), (("exec", "web", "--", "true"), 125)):
            done = pods.lab.run("podunit", *words, check=False)
            assert (done.returncode, done.stderr) == (status, _NO_PODMAN)
            assert pods.state("pod@web", "container@web.a") == "active active"
        done = pods.lab.run("podunit", "delete", "web", check=False)
        assert done.returncode == 3
        assert "error: there is no /usr/bin/podman to remove what is left: web.a" in done.stderr
        assert pods.state("pod@web") == "inactive"
        pods.lab.sh(f"test -e {UNITS}/pod@web.service")
    finally:
        pods.lab.run("mv", "/usr/bin/podman.away", "/usr/bin/podman")
    # The next command that changes anything goes on with it.
    pods.lab.run("podunit", "delete", "web", check=False)
    assert not pods.lab.sh(f"ls {UNITS} | grep web || :").stdout


def test_without_a_bus_the_error_says_what_to_do(pods: Pods) -> None:
    env = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
    done = pods.lab.run("podunit", "--user", "start", "web", user="alice", env=env, check=False)
    assert done.returncode == 3
    pods.lab.run(
        "podunit",
        "compile",
        "-",
        "-o",
        "/home/alice/.local/share/systemd/user",
        user="alice",
        input=pod(sleeper()),
    )
    done = pods.lab.run("podunit", "--user", "start", "web", user="alice", env=env, check=False)
    pods.lab.run("rm", "-r", "/home/alice/.local/share/systemd")
    assert done.returncode == 3
    assert "error: no connection to systemd over D-Bus: " in done.stderr
    assert "loginctl enable-linger alice" in done.stderr


def test_a_user_may_not_touch_the_systems_pods(pods: Pods) -> None:
    pods.apply(pod(sleeper()))
    done = pods.lab.run("podunit", "--system", "stop", "web", user="alice", check=False)
    assert done.returncode == 3
    assert "hint: run this as root, or use --user" in done.stderr
    pods.lab.write("/tmp/alice.yaml", pod(sleeper(name="b")))
    done = pods.lab.run("podunit", "--system", "apply", "/tmp/alice.yaml", user="alice", check=False)
    assert done.returncode == 3
    assert pods.state("pod@web") == "active"
