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


OWNED = """\
apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {podunit/boot: "false"}}
spec:
  terminationGracePeriodSeconds: 2
  securityContext: {fsGroup: 3000}
  volumes:
  - {name: disk, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory}}
  - {name: home, hostPath: {path: /home/alice/data, type: Directory}}
  - {name: c, persistentVolumeClaim: {claimName: c}}
  containers:
  - name: root
    image: localhost/podunit-test:1
    command: [sh, -c, "trap exit TERM; httpd -f -p 8080 -h /www & wait"]
    ports: [{containerPort: 8080, hostPort: 8080}]
    volumeMounts: &all
    - {name: disk, mountPath: /v/disk}
    - {name: memory, mountPath: /v/memory}
    - {name: home, mountPath: /v/home}
    - {name: c, mountPath: /v/c}
  - name: other
    image: localhost/podunit-test:1
    command: [sleep, "1000"]
    securityContext: {runAsUser: 1234}
    volumeMounts: *all
"""
# Every process but the kernel's: its ID, its real and effective users, its cgroup, its command line.
_PROCESSES = r"""
for process in /proc/[0-9]*; do
    words=$(tr '\0\n' '  ' < $process/cmdline) && [ "$words" ] || continue
    users=$(sed -n 's/^Uid://p' $process/status)
    printf '%s|%s|%s|%s\n' ${process#/proc/} "$(echo $users | cut -d' ' -f1,2)" "$(grep ^0:: $process/cgroup)" "$words"
done 2> /dev/null
"""
# What podman has outside of the cgroup of a pod: the process that keeps its namespaces, the network of all containers
# and the server of their names.
_SHARED = ("catatonit", "podman", "/usr/bin/pasta", "/usr/bin/pasta.avx2", "/usr/lib/podman/aardvark-dns")
# Whatever is left of a pod, as alice and as podman sees it.
_LEFT = r"""
find /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/pod.slice -mindepth 1 -type d 2> /dev/null || :
find /run/user/1000/podunit /run/user/1000/podunit-probes /run/user/1000/netns -mindepth 1 2> /dev/null || :
find ~/.local/state/podunit/volumes -mindepth 1 2> /dev/null || :
podman ps --all --format '{{.Names}}'
podman unshare cat /proc/mounts | grep -E '/overlay/.|podunit|/netns/netns-' || :
ss --no-header --listening --tcp 'sport = :8080'
systemctl --user list-units --all --plain --no-legend --state=active,activating,failed 'pod*@*' 'sandbox@*' 'cont*@*'
"""


def list_processes(lab: Laboratory) -> dict[str, tuple[str, str, str]]:
    rows = (line.split("|", 3) for line in lab.sh(_PROCESSES).stdout.splitlines())
    # But for those of this very command.
    own = ("0 0", "0::/entered")
    return {pid: (users, cgroup, words) for pid, users, cgroup, words in rows if (users, cgroup) != own}


def test_no_process_of_a_users_pod_is_roots_or_outside_of_its_slice(alice: Laboratory) -> None:
    alice.run("systemctl", "--user", "start", "dbus", user="alice")
    before = list_processes(alice)
    alice.run("podunit", "up", "/tmp/web.yaml", user="alice")
    found = {pid: seen for pid, seen in list_processes(alice).items() if pid not in before}
    own = "/user@1000.service/pod.slice/pod-web.slice/"
    for users, cgroup, words in found.values():
        # Hers, and those of her subordinate IDs, which are 100000 and up.
        assert all(user == "1000" or 100000 <= int(user) < 165536 for user in users.split()), (users, words)
        assert own in cgroup or ("/user@1000.service/" in cgroup and words.split()[0] in _SHARED), (cgroup, words)
    programs = " ".join(words for _, cgroup, words in found.values() if own in cgroup)
    assert programs.count("/usr/bin/conmon ") == 3
    assert all(word in programs for word in ("/catatonit -P", "httpd -f", "sleep 1000"))
    alice.run("systemctl", "--user", "stop", "pod@web", user="alice")
    assert alice.sh(_LEFT, user="alice").stdout == ""
    # The one that keeps podman's namespaces stays, for other containers to come.
    stayed = [words for pid, (_, _, words) in list_processes(alice).items() if pid in found]
    assert all(words.startswith("catatonit -P") for words in stayed), stayed


def test_a_users_pod_starts_where_the_machine_has_no_interface_but_the_bridge_of_roots_pods(alice: Laboratory) -> None:
    """As at a boot without a network, or before there is one: pasta takes that bridge for the way to the world."""
    # podman takes no name for a bridge that the machine has: hers has to be there first.
    alice.run("podunit", "up", "/tmp/web.yaml", user="alice")
    alice.run("podunit", "down", "web", user="alice")
    alice.write("/tmp/roots.yaml", pod(container("a", "sleep 1000 & wait"), "roots"))
    try:
        alice.run("podunit", "up", "/tmp/roots.yaml")
        assert alice.sh("ip -o link show type bridge | wc -l").stdout == "1\n"
        alice.run("podunit", "up", "/tmp/web.yaml", user="alice")
        assert alice.run("curl", "--silent", "--fail", "127.0.0.1:8080").stdout == "podunit test page\n"
    finally:
        alice.run("podunit", "delete", "roots", check=False)
        alice.sh("podman network rm podunit")


def test_volumes_of_a_users_pod_belong_to_those_who_use_them(alice: Laboratory) -> None:
    alice.write("/tmp/web.yaml", OWNED)
    alice.sh("mkdir data; chmod 777 data", user="alice")
    alice.run("podunit", "up", "/tmp/web.yaml", user="alice")
    seen = {}
    for name, writable in (("root", "/v/*"), ("other", "/v/[!c]*")):
        touch = f"touch $(printf '%s/{name} ' {writable}); cd /v; stat -c '%n %u %g' */{name}"
        seen[name] = alice.run("podman", "exec", f"web.{name}", "sh", "-c", touch, user="alice").stdout.splitlines()
    assert seen["root"] == ["c/root 0 0", "disk/root 0 3000", "home/root 0 0", "memory/root 0 3000"]
    # An fsGroup is not a claim's, as a warning says.
    assert seen["other"] == ["disk/other 1234 3000", "home/other 1234 0", "memory/other 1234 3000"]
    # The same by the host's IDs: the container's root is alice, the others are her subordinate IDs.
    stat = "cd ~; stat -c '%n %u %g' data/*; cd .local/state/podunit/volumes/web/disk; stat -c '%n %u %g' *"
    assert alice.sh(stat, user="alice").stdout.splitlines() == [
        *("data/other 101233 1000", "data/root 1000 1000"),
        *("other 101233 102999", "root 1000 102999"),
    ]
    alice.run("podunit", "delete", "--volumes", "web", user="alice")
    assert alice.sh(_LEFT, user="alice").stdout == ""
    alice.sh("podman unshare rm -r ~/data", user="alice")


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
