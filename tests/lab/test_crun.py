"""Containers that crun runs without podman: as with podman, seen from inside and outside, and nothing else runs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from difflib import unified_diff

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, Pods, container, pod, quick, wait_for

CRUN = "    podunit/engine: crun\n"
FOREVER = "sleep 1000 & wait"
WEB = container("a", "httpd -f -p 8080 -h /www & wait", "ports: [{containerPort: 8080, hostPort: 8080}]") + container(
    "b", FOREVER
)
ALL = ("pod@web", "sandbox@web", "container@web.a", "container@web.b")
UP = "active active active active"
DOWN = "inactive inactive inactive inactive"

# What is left of bundles, root file systems and containers of crun's.
_REMAINS = """
ls /run/crun; find /var/lib/podunit/roots -mindepth 2 2> /dev/null || :
grep -l /var/lib/podunit/ /proc/[0-9]*/mountinfo 2> /dev/null | xargs -r grep -h overlay || :
"""

# An image that says all that an image can say.
_CONTAINERFILE = """
FROM localhost/podunit-test:1
RUN mkdir -p /srv/data && echo "app:x:1234:1235:App:/srv:/bin/sh" >> /etc/passwd && \
  echo "app:x:1235:" >> /etc/group && echo "more:x:1300:app" >> /etc/group && echo kept > /srv/data/file
USER app
ENV FROM_IMAGE="a b"
WORKDIR /srv/made
VOLUME /srv/data
STOPSIGNAL SIGUSR1
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["trap 'echo usr1; exit 3' USR1; sleep 1000 & wait"]
"""


@pytest.fixture(scope="module", autouse=True)
def storage(lab: Laboratory, suite: str) -> Iterator[None]:
    """A file system on which an overlay can write: the lab's root is an overlay itself."""
    if suite == "bookworm":
        pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
    lab.sh("mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit")
    lab.write("/root/image/Containerfile", _CONTAINERFILE)
    lab.sh(
        "mkdir -p /root/image; podman build --quiet --network=none --tag=localhost/full:1 /root/image", timeout_sec=120
    )
    yield
    lab.sh("podman rmi --force localhost/full:1; umount /var/lib/podunit")


@pytest.fixture(autouse=True)
def nothing_left(pods: Pods) -> Iterator[None]:
    """Whatever a test does, when its pods are deleted nothing is left of them."""
    yield
    pods.clear()
    wait_for(lambda: pods.lab.sh(_REMAINS).stdout, "", timeout_sec=5)
    left = "find /var/lib/podunit/images /var/lib/podunit/roots /var/lib/podunit/files -mindepth 1 2> /dev/null || :"
    assert pods.lab.sh(left).stdout == ""


def remains(pods: Pods) -> str:
    return pods.remains() + pods.lab.sh(_REMAINS).stdout


def test_a_pod_serves_and_its_stop_leaves_nothing(pods: Pods) -> None:
    pods.apply(pod(WEB, notes=CRUN))
    for _ in range(3):
        assert pods.lab.run("curl", "--silent", "--fail", "localhost:8080").stdout == "podunit test page\n"
        assert pods.state(*ALL) == UP
        pods.systemctl("stop", "pod@web")
        assert pods.state(*ALL) == DOWN
        assert remains(pods) == ""
        pods.systemctl("start", "pod@web")


def test_the_main_process_is_the_payload_and_nothing_else_is_in_its_cgroup(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER) + container("b", "exec sleep 1000"), notes=CRUN))
    assert pods.show("container@web.a", "ControlGroup") == "/pod.slice/pod-web.slice/container@web.a.service"
    main = pods.main_pid("container@web.b")
    cgroup = "/sys/fs/cgroup/pod.slice/pod-web.slice/container@web.b.service"
    assert pods.lab.sh(f"cat {cgroup}/cgroup.procs").stdout.split() == [str(main)]
    assert pods.lab.sh(f"find {cgroup} -mindepth 1 -type d").stdout == ""
    assert pods.lab.sh(f"tr '\\0' ' ' < /proc/{main}/cmdline").stdout == "sleep 1000 "
    # Beside the payload there is the sandbox alone.
    names = pods.lab.sh(
        "cat $(find /sys/fs/cgroup/pod.slice -name cgroup.procs) | xargs -n1 -I% cat /proc/%/comm"
    ).stdout
    assert sorted(names.split()) == ["catatonit", "conmon", "sh", "sleep", "sleep"]


@pytest.mark.parametrize(("policy", "code", "active"), [("Never", 0, "inactive"), ("Never", 3, "failed")])
def test_an_exit_status_is_the_services_own(pods: Pods, policy: str, code: int, active: str) -> None:
    pods.apply(pod(container("a", f"exit {code}"), policy=policy, notes=CRUN), check=False)
    pods.wait(active, "container@web.a")
    assert pods.show("container@web.a", "ExecMainStatus") == str(code)
    pods.wait("inactive" if code == 0 else "failed", "pod@web")
    assert pods.lab.sh(_REMAINS).stdout == ""


def test_a_container_that_ends_at_once_is_restarted_as_it_says(pods: Pods) -> None:
    script = "echo run >> /log/runs; [ $(wc -l < /log/runs) -ge 3 ] || exit 7; " + FOREVER
    mount = "volumeMounts: [{name: log, mountPath: /log}]"
    log = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
    text = pod(container("a", script, mount), policy="OnFailure", more=log, notes=CRUN + quick("a"))
    pods.apply(text, check=False)
    wait_for(lambda: pods.show("container@web.a", "NRestarts"), "2")
    pods.wait("active", "container@web.a")
    assert pods.lab.read("/run/test/runs") == "run\n" * 3


@pytest.mark.parametrize("whom", ["main", "all"])
def test_a_kill_heals_and_leaves_the_sibling_alone(pods: Pods, whom: str) -> None:
    pods.apply(pod(WEB, notes=CRUN + quick("a", "b")))
    crashed, sibling = pods.main_pid("container@web.a"), pods.main_pid("container@web.b")
    pods.systemctl("kill", f"--kill-whom={whom}", "--signal=KILL", "container@web.a")
    wait_for(lambda: str(pods.main_pid("container@web.a") not in (0, crashed)), "True")
    pods.wait(UP, *ALL)
    assert pods.show("container@web.a", "NRestarts") == "1"
    assert pods.main_pid("container@web.b") == sibling
    pods.lab.wait_until("curl --silent --fail localhost:8080")


def test_a_kill_at_any_moment_of_a_start_heals_at_the_next(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER) + container("b", FOREVER), notes=CRUN))
    for delay_ms in range(0, 160, 10):
        pods.lab.sh(
            "systemctl stop container@web.a; systemctl start --no-block container@web.a;"
            f" sleep 0.{delay_ms:03}; systemctl kill --signal=KILL container@web.a || :;"
            " systemctl stop container@web.a",
            check=False,
        )
        pods.systemctl("start", "container@web.a")
        assert pods.state("container@web.a") == "active"


def test_a_program_that_is_not_there_fails_the_start(pods: Pods) -> None:
    wrong = f"  - {{name: a, image: {IMAGE}, command: [/no/such]}}\n"
    assert pods.apply(pod(wrong, notes=CRUN), check=False).returncode == 1
    assert "/no/such" in pods.lab.run("journalctl", "--unit=container@web.a", "--output=cat").stdout


def test_a_stop_kills_what_does_not_heed_the_signal(pods: Pods) -> None:
    deaf = f"  - {{name: a, image: {IMAGE}, command: [sleep, '1000']}}\n"
    pods.apply(pod(deaf, notes=CRUN))
    pods.systemctl("stop", "pod@web")
    assert pods.state("container@web.a", "pod@web") == "inactive inactive"
    assert remains(pods) == ""


def test_the_images_own_signal_stops_the_container(pods: Pods) -> None:
    own = "  - {name: a, image: localhost/full:1}\n"
    pods.apply(pod(own, notes=CRUN))
    pods.systemctl("stop", "container@web.a")
    assert "usr1" in pods.lab.run("podunit", "logs", "web").stdout


def test_the_image_may_go_while_its_container_runs(pods: Pods) -> None:
    pods.lab.sh("podman tag localhost/full:1 localhost/going:1")
    pods.lab.sh("echo 'FROM localhost/podunit-test:1' > /root/going; echo 'RUN echo here > /own' >> /root/going")
    pods.lab.sh("podman build --quiet --network=none --tag=localhost/going:1 -f /root/going", timeout_sec=120)
    going = "  - {name: a, image: 'localhost/going:1', command: [sh, -c, 'trap exit TERM; sleep 1000 & wait']}\n"
    pods.apply(pod(going, notes=CRUN))
    pods.lab.sh("podman rmi --force localhost/going:1")
    assert pods.lab.run("podunit", "exec", "web", "--", "cat", "/own").stdout == "here\n"
    pods.systemctl("restart", "pod@web")
    assert pods.lab.run("podunit", "exec", "web", "--", "cat", "/own").stdout == "here\n"


def test_commands_that_look_into_a_pod(pods: Pods) -> None:
    env = "env: [{name: WORD, value: hello}]"
    pods.apply(pod(container("a", "echo started; " + FOREVER, env), notes=CRUN))
    inside = pods.lab.run(
        "podunit", "exec", "web", "--", "sh", "-c", "echo $WORD; cat /proc/self/cgroup; exit 5", check=False
    )
    assert inside.returncode == 5
    assert inside.stdout.startswith("hello\n")
    assert "\n0::/\n" in inside.stdout
    assert pods.lab.run("podunit", "exec", "web", "-i", "--", "cat", input="given").stdout == "given"
    assert pods.lab.run("podunit", "logs", "web", "a").stdout.endswith("started\n")
    assert "running" in pods.lab.run("podunit", "ps").stdout
    assert "container@web.a" in pods.lab.run("podunit", "describe", "web").stdout
    pods.lab.run("podunit", "top", "--once", check=False)


def test_commands_of_hooks_and_probes_have_what_the_container_has(pods: Pods) -> None:
    look = "cd /proc/self; grep -hE '^(0::|Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp)' cgroup status; echo $WORD $OLDPWD"
    quoted = look.replace("'", "''")
    asks = f"{{exec: {{command: [sh, -c, '{{ {quoted}; }} > /log/NAME']}}}}"
    hooks = f"lifecycle: {{postStart: {asks.replace('NAME', 'post')}, preStop: {asks.replace('NAME', 'pre')}}}"
    fields = (
        "volumeMounts: [{name: log, mountPath: /log}]",
        "env: [{name: WORD, value: hello}]",
        "workingDir: /www",
        "securityContext: {runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: {drop: [CHOWN]}}",
        hooks,
        f"livenessProbe: {asks.replace('NAME', 'probe')}",
    )
    log = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
    pods.lab.sh("chmod 1777 /run/test")
    pods.apply(pod(container("a", f"{{ {look}; }} > /log/main; {FOREVER}", *fields), more=log, notes=CRUN))
    pods.lab.wait_until("[ -s /run/test/probe ]")
    pods.systemctl("stop", "pod@web")
    seen = [pods.lab.read(f"/run/test/{name}") for name in ("main", "post", "probe", "pre")]
    assert seen[0].startswith("0::/\n")
    assert seen == [seen[0]] * 4


def test_fifty_starts_and_stops_leave_nothing(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER), notes=CRUN))
    before = pods.lab.sh("wc -l < /proc/1/mountinfo").stdout
    for _ in range(50):
        pods.systemctl("restart", "container@web.a")
    assert pods.lab.sh("wc -l < /proc/1/mountinfo").stdout == before
    assert pods.lab.sh("find /run/crun -mindepth 1 -maxdepth 1 -name 'web.*'").stdout == "/run/crun/web.a\n"
    pods.systemctl("stop", "pod@web")
    assert remains(pods) == ""


def test_another_image_is_another_bundle_and_the_same_is_none(pods: Pods) -> None:
    text = pod(container("a", FOREVER), notes=CRUN)
    pods.apply(text)
    main = pods.main_pid("container@web.a")
    assert "unchanged" in pods.apply(text).stdout
    assert pods.lab.run("podunit", "diff", "/root/pod.yaml").returncode == 0
    assert pods.main_pid("container@web.a") == main
    pods.lab.write("/root/pod.yaml", text.replace(IMAGE, "localhost/full:1"))
    assert pods.lab.run("podunit", "diff", "/root/pod.yaml", check=False).returncode == 1
    assert pods.main_pid("container@web.a") == main
    pods.lab.run("podunit", "apply", "/root/pod.yaml")
    assert pods.main_pid("container@web.a") != main


_LOOK = r"""
id; grep -E "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Umask)" /proc/self/status
tr "\0" "\n" < /proc/self/environ | sort; hostname; cat /etc/hosts /etc/resolv.conf /etc/hostname; pwd; ulimit -a
stat -c "%A %u:%g %t:%T %n" /dev/* / /tmp /etc /run /srv/made /data /config 2> /dev/null | sort
cut -d " " -f 2-4 /proc/self/mounts | sed "s/,lowerdir=.*//" | sort
for name in / /etc /tmp /run /dev /dev/shm /data /config /proc/sys/kernel /sys; do
[ -w $name ] && echo writes $name
done
cat /proc/sys/net/ipv4/ip_unprivileged_port_start /etc/passwd /etc/group /srv/data/file /config/key 2> /dev/null; echo
mknod /tmp/null c 1 5 2> /dev/null && echo makes nodes; unshare -U true 2> /dev/null && echo unshares
chroot / true 2> /dev/null && echo chroots
"""

_SPECS = {
    "plain": ("", ""),
    "user": ("securityContext: {runAsUser: 1000}", ""),
    "ids": (
        "securityContext: {runAsUser: 1000, runAsGroup: 1001}",
        "  securityContext: {supplementalGroups: [2000]}\n",
    ),
    "no capabilities": ("securityContext: {capabilities: {drop: [ALL]}, allowPrivilegeEscalation: false}", ""),
    "more capabilities": ("securityContext: {capabilities: {add: [NET_ADMIN, MKNOD]}}", ""),
    "without a filter": ("securityContext: {seccompProfile: {type: Unconfined}}", ""),
    "read only": ("securityContext: {readOnlyRootFilesystem: true}", ""),
    "variables": ("env: [{name: A, value: '1 $x'}, {name: P, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]", ""),
    "secret": ("env: [{name: S, valueFrom: {secretKeyRef: {name: s, key: key}}}]", ""),
    "working directory": ("workingDir: /www", ""),
    "emptyDir": ("volumeMounts: [{name: v, mountPath: /data}]", "  volumes: [{name: v, emptyDir: {}}]\n"),
    "hostPath": (
        "volumeMounts: [{name: v, mountPath: /data, readOnly: true}]",
        "  volumes: [{name: v, hostPath: {path: /run/test}}]\n",
    ),
    "hostPath with mounts below": (
        "volumeMounts: [{name: v, mountPath: /data, readOnly: true, recursiveReadOnly: Enabled}]",
        "  volumes: [{name: v, hostPath: {path: /dev}}]\n",
    ),
    "config": ("volumeMounts: [{name: v, mountPath: /config}]", "  volumes: [{name: v, configMap: {name: c}}]\n"),
    "group of volumes": (
        "volumeMounts: [{name: v, mountPath: /data}]",
        "  securityContext: {fsGroup: 3000}\n  volumes: [{name: v, emptyDir: {}}]\n",
    ),
    "memory": (
        "volumeMounts: [{name: v, mountPath: /data}]",
        "  volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]\n",
    ),
    "claim": (
        "volumeMounts: [{name: v, mountPath: /data}, {name: v, mountPath: /config, readOnly: true}]",
        "  volumes: [{name: v, persistentVolumeClaim: {claimName: kept}}]\n",
    ),
    "message": ("terminationMessagePath: /data/why", ""),
    "names": ("", "  hostname: other\n  hostAliases: [{ip: 192.0.2.7, hostnames: [seven]}]\n"),
    "resolver": ("", "  dnsConfig: {searches: [example.com], options: [{name: ndots, value: '2'}]}\n"),
    "sysctl": ("", "  securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: '77'}]}\n"),
}
_OBJECTS = """\
---
{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {key: "geheim \\u00fc"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {key: value}}
"""


def look(pods: Pods, field: str, more: str, notes: str, image: str) -> list[str]:
    """What a container sees of itself, without addresses."""
    token = secrets.token_hex(4)
    script = f"echo begin {token}; {_LOOK} echo end {token}; trap exit TERM; {FOREVER}".replace("'", "''").replace(
        "\n", "\n\n"
    )
    lines = ["- name: a", f"  image: {image}", f"  command: [sh, -c, '{script}']", *([f"  {field}"] if field else [])]
    text = pod("".join(f"  {line}\n" for line in lines), more=more, notes=notes) + _OBJECTS
    pods.apply(text)
    pods.lab.wait_until(f"podunit logs web a | grep -qx 'end {token}'")
    seen = pods.lab.run("podunit", "logs", "web", "a").stdout
    seen = seen.partition(f"begin {token}\n")[2].partition(f"end {token}")[0]
    pods.lab.run("podunit", "delete", "web")
    seen = re.sub(r"\b10\.89\.\d+\.\d+\b", "ADDRESS", seen)
    seen = re.sub(r"\bfd[0-9a-f]{2}:[0-9a-f:]+", "ADDRESS6", seen)
    # Two differences that the documentation tells: podman's name of the container, and the volumes of an image. The
    # journal cuts what is empty off lines that it reads itself.
    lines = [line.rstrip() for line in seen.splitlines()]
    return [line for line in lines if line and line != "127.0.0.1\tweb.a" and not line.startswith("/srv/data ")]


def compare(pods: Pods, field: str, more: str, image: str) -> str:
    """The lines that differ between podman and crun."""
    podman = look(pods, field, more, "", image)
    assert len(podman) > 50
    crun = look(pods, field, more, CRUN, image)
    return "\n".join(unified_diff(podman, crun, "podman", "crun", n=0, lineterm=""))


@pytest.mark.parametrize("spec", _SPECS)
def test_inside_all_is_as_with_podman(pods: Pods, spec: str) -> None:
    field, more = _SPECS[spec]
    assert compare(pods, field, more, IMAGE) == ""


def test_what_an_image_says_holds_as_with_podman(pods: Pods) -> None:
    assert compare(pods, "", "", "localhost/full:1") == ""


def test_an_init_container_and_volumes_that_podman_keeps(pods: Pods) -> None:
    mounts = "volumeMounts: [{name: kept, mountPath: /kept}, {name: memory, mountPath: /memory}]"
    claim = "{name: kept, persistentVolumeClaim: {claimName: kept}}"
    volumes = f"  volumes: [{claim}, {{name: memory, emptyDir: {{medium: Memory}}}}]\n"
    inits = container("fill", "echo one >> /kept/file; echo two > /memory/file; echo filled", mounts)
    main = container("a", "cat /kept/file /memory/file; " + FOREVER, mounts)
    pods.apply(pod(main, inits=inits, more=volumes, notes=CRUN))
    for runs in (1, 2):
        assert pods.lab.run("podunit", "exec", "web", "--", "cat", "/kept/file", "/memory/file").stdout == (
            "one\n" * runs + "two\n"
        )
        # Of the init container no process and no file is left, while its unit is active.
        assert pods.state("container@web.fill") == "active"
        assert pods.lab.sh("ls /run/crun | grep web; ls /var/lib/podunit/roots/web.fill").stdout == "web.a\n"
        assert "filled" in pods.lab.run("podunit", "logs", "web", "fill").stdout
        if runs == 1:
            pods.systemctl("restart", "pod@web")
    pods.lab.run("podunit", "delete", "web", "--volumes")


def test_an_init_container_that_fails_is_tried_again_and_stops_when_asked(pods: Pods) -> None:
    mount = "volumeMounts: [{name: log, mountPath: /log}]"
    log = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
    inits = container("first", "echo run >> /log/runs; [ $(wc -l < /log/runs) -ge 3 ] || exit 7", mount)
    inits += container("second", "[ -e /log/go ] || sleep 1000 & wait", mount)
    text = pod(container("a", FOREVER), inits=inits, more=log, notes=CRUN + quick("first"))
    pods.lab.write("/run/test/go", "")
    pods.apply(text, check=False)
    pods.wait("active active", "container@web.a", "pod@web")
    # Twice for the start that fails, once by itself, and perhaps once more for the start that succeeds.
    assert pods.lab.read("/run/test/runs").count("run") in (3, 4)
    pods.systemctl("stop", "pod@web")
    pods.lab.sh("rm /run/test/go")
    pods.systemctl("start", "--no-block", "pod@web")
    pods.wait("activating", "container@web.second")
    pods.lab.wait_until("pgrep -f 'sleep 1000'")
    pods.systemctl("stop", "pod@web")
    assert remains(pods) == ""


def test_containers_that_share_their_processes(pods: Pods) -> None:
    more = "  shareProcessNamespace: true\n"
    both = container("a", "sleep 1111 & wait") + container("b", "sleep 2222 & wait")
    pods.apply(pod(both, more=more, notes=CRUN + quick("a")))
    seen = pods.lab.run("podunit", "exec", "web", "-c", "a", "--", "ps").stdout
    assert "sleep 1111" in seen
    assert "sleep 2222" in seen
    main = pods.main_pid("container@web.a")
    pods.systemctl("kill", "--kill-whom=main", "--signal=KILL", "container@web.a")
    wait_for(lambda: str(pods.main_pid("container@web.a") not in (0, main)), "True")
    pods.wait("active active", "container@web.a", "container@web.b")
    # Those of the container that has ended have ended with it.
    assert pods.lab.sh("pgrep -fc '^sleep 1111'").stdout == "1\n"


def test_why_a_container_has_ended(pods: Pods) -> None:
    bad = container(
        "a",
        "echo because > /dev/termination-log; exit 3",
        "restartPolicy: Never",
        "terminationMessagePath: /dev/termination-log",
    )
    bad += container(
        "b", "echo last words; exit 3", "restartPolicy: Never", "terminationMessagePolicy: FallbackToLogsOnError"
    )
    pods.apply(pod(bad, notes=CRUN), check=False)
    pods.wait("failed failed", "container@web.a", "container@web.b")
    said = pods.lab.run("podunit", "describe", "web").stdout
    assert "because" in said
    assert "last words" in said
