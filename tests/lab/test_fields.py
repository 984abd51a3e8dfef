"""What fields of a pod beyond the everyday ones do, seen from inside its containers and in the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, Pods, pod, wait_for

NETLESS = "  hostAliases: [{ip: 10.1.2.3, hostnames: [db]}]\n  dnsConfig: {searches: [a.test]}\n"


@pytest.fixture
def pods(lab: Laboratory) -> Iterator[Pods]:
    pods = Pods(lab)
    yield pods
    pods.clear()
    lab.sh("rm -rf /var/lib/podunit/objects; podman network rm --force podunit 2> /dev/null || :")
    wait_for(pods.remains, "", timeout_sec=5)


def sleeper(name: str, *more: str) -> str:
    """A container that does nothing and ends at once, with further fields."""
    script = "trap exit TERM; while :; do sleep 1000 & wait; done"
    lines = [f"- name: {name}", f"  image: {IMAGE}", f"  command: [sh, -c, '{script}']", *(f"  {m}" for m in more)]
    return "".join(f"  {line}\n" for line in lines)


def run(pods: Pods, container: str, script: str, name: str = "web") -> str:
    """What a shell script prints inside a container."""
    return pods.lab.run("podman", "exec", f"{name}.{container}", "sh", "-c", script, check=False).stdout


def test_what_confines_a_container(pods: Pods) -> None:
    pods.lab.write(
        "/etc/podunit/seccomp/web/no-mkdir.json",
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls":'
        ' [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}',
    )
    local = "seccompProfile: {type: Localhost, localhostProfile: web/no-mkdir.json}"
    containers = (
        sleeper("plain")
        + sleeper("default", "securityContext: {seccompProfile: {type: RuntimeDefault}, procMount: Default}")
        + sleeper("unconfined", "securityContext: {seccompProfile: {type: Unconfined}, procMount: Unmasked}")
        + sleeper("local", f"securityContext: {{{local}, appArmorProfile: {{type: Unconfined}}}}")
        + sleeper("label", "securityContext: {seLinuxOptions: {type: spc_t, level: 's0:c1,c2'}}")
    )
    pods.apply(pod(containers))
    look = "grep Seccomp_filters /proc/1/status | cut -f2"
    plain = int(run(pods, "plain", look))
    assert int(run(pods, "default", look)) == plain
    assert int(run(pods, "unconfined", look)) == plain - 1
    assert (
        run(pods, "local", "mkdir /x 2>&1; echo done")
        == "mkdir: can't create directory '/x': Operation not permitted\ndone\n"
    )
    assert run(pods, "plain", "mkdir /x 2>&1; echo done") == "done\n"
    masks = "grep -c ' /proc/' /proc/self/mounts"
    assert int(run(pods, "default", masks)) > 0
    assert int(run(pods, "unconfined", masks)) == 0


def test_groups_and_the_volumes_that_are_theirs(pods: Pods) -> None:
    mounts = "volumeMounts: [{name: d, mountPath: /d}, {name: m, mountPath: /m}, {name: c, mountPath: /c}]"
    text = pod(
        sleeper("a", mounts, "securityContext: {runAsUser: 1000, runAsGroup: 3000}")
        + sleeper("b", mounts, "securityContext: {runAsUser: 2000, runAsGroup: 3001}"),
        more="  securityContext: {fsGroup: 4242, supplementalGroups: [777], fsGroupChangePolicy: Always}\n"
        "  volumes: [{name: d, emptyDir: {}}, {name: m, emptyDir: {medium: Memory, sizeLimit: 1Mi}},"
        " {name: c, configMap: {name: web, defaultMode: 0400}}]\n",
    )
    text += "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {key: value}\n"
    pods.apply(text)
    for _ in range(2):
        assert run(pods, "a", "ls /d /m; grep Groups: /proc/1/status; stat -c %a:%u:%g /d /m").split() == (
            ["/d:", "/m:", "Groups:", "777", "3000", "4242", "2777:0:4242", "2777:0:4242"]
        )
        assert run(pods, "a", "umask 027; for v in d m; do echo $v > /$v/f; stat -c %a:%u:%g /$v/f; done") == (
            "640:1000:4242\n" * 2
        )
        assert run(pods, "b", "cat /d/f /m/f /c/key; stat -L -c %a:%u:%g /c/key; df -k /m | tail -n 1").split()[:5] == (
            ["d", "m", "value440:0:4242", "tmpfs", "1024"]
        )
        pods.systemctl("restart", "pod@web")


def test_parameters_of_the_kernel_for_the_pod_alone(pods: Pods) -> None:
    sysctls = "[{name: net.core.somaxconn, value: '1234'}, {name: kernel/shm_rmid_forced, value: '1'}]"
    before = pods.lab.sh("cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shm_rmid_forced").stdout
    pods.apply(pod(sleeper("a") + sleeper("b"), more=f"  securityContext: {{sysctls: {sysctls}}}\n"))
    for name in ("a", "b"):
        assert run(pods, name, "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shm_rmid_forced") == "1234\n1\n"
    assert pods.lab.sh("cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shm_rmid_forced").stdout == before


def test_who_must_not_be_root(pods: Pods) -> None:
    users = {"none": "", "named": "web", "zero": "0:1000", "other": "1000:0"}
    image = "localhost/podunit-user"
    build = f"printf 'FROM {IMAGE}\\n%s\\n' \"$2\" | podman build --quiet --tag {image}:$1 -"
    for name, user in users.items():
        pods.lab.run("sh", "-c", build, "build", name, f"USER {user}" if user else "")
    try:
        more = "  securityContext: {runAsNonRoot: true}\n"
        texts = [pod(sleeper("a"), name, more=more).replace(IMAGE, f"{image}:{name}") for name in users]
        done = pods.apply("---\n".join(texts), check=False)
        assert done.returncode == 1
        assert f"runAsNonRoot: user (none) of image {image}:none may be root; set a runAsUser" in done.stderr
        assert f"runAsNonRoot: user web of image {image}:named may be root; set a runAsUser" in done.stderr
        assert f"runAsNonRoot: user 0:1000 of image {image}:zero is root; set a runAsUser" in done.stderr
        assert f"{image}:other" not in done.stderr
        wait_for(lambda: run(pods, "a", "id -u", "other"), "1000\n")
    finally:
        pods.clear()
        pods.lab.run("podman", "rmi", "--force", *(f"{image}:{name}" for name in users))


def names(pods: Pods, name: str, container: str = "a") -> tuple[list[str], str]:
    """The lines of /etc/hosts that a pod gave, and /etc/resolv.conf."""
    hosts, _, resolver = run(
        pods, container, "grep -wE 'db|six' /etc/hosts | tr '\\t' ' '; echo ---; cat /etc/resolv.conf", name
    ).partition("---\n")
    return hosts.splitlines(), resolver


def test_names_that_a_pod_knows(pods: Pods) -> None:
    aliases = "  hostAliases: [{ip: 10.1.2.3, hostnames: [db.local, db]}, {ip: 'fd00::1', hostnames: [six]}]\n"
    fqdn = "  hostname: box\n  subdomain: sub\n  setHostnameAsFQDN: true\n"
    options = "options: [{name: ndots, value: '2'}]"
    alone = f"{{nameservers: [192.0.2.1, '2001:db8::1'], searches: [a.test, b.test], {options}}}"
    beside = f"{{searches: [a.test], {options}}}"
    nameserver = "{nameservers: [192.0.2.1], searches: [a.test]}"
    two = sleeper("a") + sleeper("b")
    texts = [
        pod(two, "alone", more=f"{aliases}{fqdn}  dnsPolicy: None\n  dnsConfig: {alone}\n"),
        pod(two, "beside", more=f"{aliases}  dnsPolicy: ClusterFirst\n  dnsConfig: {beside}\n"),
        pod(sleeper("a"), "host", more=f"{aliases}  hostNetwork: true\n  dnsPolicy: Default\n  dnsConfig: {beside}\n"),
        pod(sleeper("a"), "plain", more="  dnsPolicy: ClusterFirstWithHostNet\n"),
        pod(sleeper("a"), "none", notes="    podunit/network: none\n", more=NETLESS),
        pod(sleeper("a"), "nameserver", more=f"  dnsConfig: {nameserver}\n"),
    ]
    of_host = "search host.test\nnameserver 8.8.8.8\noptions timeout:7\n"
    pods.lab.sh(f"cp -P /etc/resolv.conf /tmp/kept; rm /etc/resolv.conf; printf '{of_host}' > /etc/resolv.conf")
    try:
        pods.apply("---\n".join(texts))
        hosts = ["10.1.2.3 db.local", "10.1.2.3 db", "fd00::1 six"]
        written = "nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch a.test b.test\noptions ndots:2\n"
        assert names(pods, "alone") == names(pods, "alone", "b") == (hosts, written)
        assert run(pods, "a", "hostname; hostname -f", "alone") == "box.sub.default.svc.cluster.local\n" * 2
        # On a network podman adds what answers for pods, and podman 4 the host's settings as well.
        assert names(pods, "beside") == names(pods, "beside", "b")
        for name in ("beside", "host"):
            found, resolver = names(pods, name)
            assert found == hosts
            assert re.search("^search a.test", resolver, re.M)
            assert re.search("^options ndots:2", resolver, re.M)
        assert names(pods, "plain")[0] == []
        assert re.search("^options timeout:7", names(pods, "plain")[1], re.M)
        served = pods.lab.sh("cat /run/containers/networks/aardvark-dns/podunit").stdout
        assert "192.0.2.1" in names(pods, "nameserver")[1] + served
        assert run(pods, "a", "hostname", "none") == "none\n"
        pods.systemctl("restart", "container@alone.a")
        assert names(pods, "alone") == (hosts, written)
    finally:
        pods.lab.sh("rm /etc/resolv.conf; mv /tmp/kept /etc/resolv.conf")


def test_containers_that_see_each_others_processes(pods: Pods) -> None:
    pods.apply(pod(sleeper("a") + sleeper("b"), more="  shareProcessNamespace: true\n"))
    assert run(pods, "a", "tr '\\0' ' ' < /proc/1/cmdline") == "/catatonit -P "
    look = "ps | grep -c 'trap exit TER[M]'"
    assert run(pods, "a", look) == run(pods, "b", look) == "2\n"
    # One goes and comes back, by itself and by hand; what it leaves behind does not stay.
    run(pods, "a", "sleep 4321 & :")
    before = pods.main_pid("container@web.b")
    pods.lab.sh(f"kill -KILL {pods.payload_pid('web.a')}")
    pods.lab.wait_until("[ $(systemctl show --value --property=NRestarts container@web.a) = 1 ]")
    pods.wait("active active", "pod@web", "container@web.a")
    pods.systemctl("restart", "container@web.a")
    assert run(pods, "a", look) == "2\n"
    assert run(pods, "a", "ps | grep '[4]321'") == ""
    assert pods.main_pid("container@web.b") == before
    # With the first process of the namespace all end, and the pod starts anew.
    pods.lab.sh(f"kill -KILL {pods.payload_pid('web_sandbox')}")
    pods.lab.wait_until(
        f"[ $(systemctl show --value --property=MainPID container@web.b) -gt 0 -a"
        f" $(systemctl show --value --property=MainPID container@web.b) != {before} ]"
    )
    pods.wait("active active active", "pod@web", "container@web.a", "container@web.b")
    assert run(pods, "b", look) == "2\n"


def test_namespaces_of_the_host(pods: Pods) -> None:
    pods.apply(pod(sleeper("a"), more="  hostPID: true\n  hostIPC: true\n"))
    for kind, same in (("pid", True), ("ipc", True), ("net", False)):
        of_host = pods.lab.run("readlink", f"/proc/1/ns/{kind}").stdout
        assert (pods.lab.run("readlink", f"/proc/{pods.payload_pid('web.a')}/ns/{kind}").stdout == of_host) is same
    assert "systemd" in run(pods, "a", "tr '\\0' ' ' < /proc/1/cmdline")


def test_terminals_and_standard_input(pods: Pods) -> None:
    reader = sleeper("input", "stdin: true", "stdinOnce: true").replace(
        "trap", "read line; echo $line > /tmp/got; trap"
    )
    first = sleeper("first", "tty: true").replace("trap exit TERM; while :; do sleep 1000 & wait; done", "tty; exit 0")
    containers = sleeper("plain") + sleeper("terminal", "tty: true", "stdin: true") + reader
    pods.apply(pod(containers, inits=first))
    look = "cd /proc/1/fd; for n in 0 1; do readlink $n; done | sed 's/:.*//'"
    assert run(pods, "terminal", look) == "/dev/pts/0\n/dev/pts/0\n"
    assert run(pods, "plain", look) == "/dev/null\npipe\n"
    assert run(pods, "input", look) == "pipe\npipe\n"
    pods.lab.sh("echo hello | timeout 1 podman attach --sig-proxy=false web.input || :")
    pods.lab.wait_until("podman exec web.input cat /tmp/got")
    assert run(pods, "input", "cat /tmp/got") == "hello\n"
    assert pods.lab.sh("journalctl -q -o cat -u container@web.first | grep -c ^/dev/pts/0").stdout == "1\n"


def test_mounts_that_come_later(pods: Pods) -> None:
    mounts = [
        "{name: h, mountPath: /none}",
        "{name: h, mountPath: /slave, mountPropagation: HostToContainer}",
        "{name: h, mountPath: /shared, mountPropagation: Bidirectional}",
        "{name: i, mountPath: /image}",
    ]
    more = f"volumeMounts: [{', '.join(mounts)}]"
    volumes = f"  volumes: [{{name: h, hostPath: {{path: /srv/late}}}}, {{name: i, image: {{reference: '{IMAGE}'}}}}]\n"
    pods.lab.sh("mkdir -p /srv/late/one /srv/late/two")
    pods.apply(pod(sleeper("a", more, "securityContext: {privileged: true}"), more=volumes))
    try:
        pods.lab.sh("mount -t tmpfs tmpfs /srv/late/one; touch /srv/late/one/f")
        assert (
            run(pods, "a", "ls /none/one /slave/one /shared/one") == "/none/one:\n\n/shared/one:\nf\n\n/slave/one:\nf\n"
        )
        run(pods, "a", "mount -t tmpfs tmpfs /shared/two; touch /shared/two/g")
        assert pods.lab.run("ls", "/srv/late/two").stdout == "g\n"
        assert (
            run(pods, "a", "cat /image/www/index.html; touch /image/x || echo read-only")
            == "podunit test page\nread-only\n"
        )
    finally:
        pods.clear()
        pods.lab.sh("umount /srv/late/one /srv/late/two; rm -r /srv/late")


def test_the_runtime_of_a_class(pods: Pods) -> None:
    conf = "/etc/containers/containers.conf.d/other.conf"
    pods.lab.write(conf, '[engine.runtimes]\nother = ["/usr/bin/crun"]\n')
    try:
        init = sleeper("first").replace("trap exit TERM; while :; do sleep 1000 & wait; done", "exit 0")
        pods.apply(pod(sleeper("a"), inits=init, more="  runtimeClassName: other\n  os: {name: linux}\n"))
        assert pods.lab.run("podman", "inspect", "--format={{.OCIRuntime}}", "web.a").stdout == "other\n"
        pods.systemctl("restart", "container@web.a")
        pods.systemctl("restart", "pod@web")
        assert pods.lab.run("podman", "inspect", "--format={{.OCIRuntime}}", "web.a").stdout == "other\n"
        pods.clear()
    finally:
        pods.lab.run("rm", conf)
    done = pods.apply(pod(sleeper("a"), more="  runtimeClassName: other\n"), check=False)
    assert done.returncode == 1
    assert 'runtime "other"' in done.stderr


def test_who_is_killed_last(pods: Pods, suite: str) -> None:
    both = "resources: {limits: {memory: 64Mi, cpu: 500m}}"
    # The kernel does not let a lab lower the score: that it reaches the container is seen by raising it.
    notes = '    podunit/b.Service.OOMScoreAdjust: "600"\n'
    pods.apply(pod(sleeper("a", both) + sleeper("b", both), notes=notes))
    score = "cat /proc/1/oom_score_adj"
    if suite == "bookworm":
        assert [pods.show(f"container@web.{name}", "OOMScoreAdjust") for name in "ab"] == ["0", "600"]
        assert run(pods, "a", score) == "0\n"
    else:
        assert [pods.show(f"container@web.{name}", "OOMScoreAdjust") for name in "ab"] == ["-997", "600"]
        assert run(pods, "b", score) == "600\n"
    pods.apply(pod(sleeper("a") + sleeper("b", both)))
    assert [pods.show(f"container@web.{name}", "OOMScoreAdjust") for name in "ab"] == ["0", "0"]


def test_how_long_a_start_may_take(pods: Pods) -> None:
    notes = "    podunit/b.Service.TimeoutStartSec: 2s\n"
    pods.apply(pod(sleeper("a") + sleeper("b"), notes=notes))
    assert [pods.show(unit, "TimeoutStartUSec") for unit in ("sandbox@web", "container@web.a", "container@web.b")] == (
        ["15min", "15min", "2s"]
    )
    # A start that hangs ends, and is tried again.
    pods.lab.write("/run/systemd/system/container@web.b.service.d/hang.conf", "[Service]\nExecStartPre=/bin/sleep 60\n")
    try:
        pods.systemctl("daemon-reload")
        assert pods.systemctl("restart", "container@web.b", check=False).returncode == 1
        pods.lab.wait_until("[ $(systemctl show --value --property=NRestarts container@web.b) -ge 1 ]")
    finally:
        pods.lab.sh("rm -r /run/systemd/system/container@web.b.service.d; systemctl daemon-reload")
    pods.systemctl("restart", "container@web.b")
    assert run(pods, "b", "echo up") == "up\n"


def test_devices_of_a_vendor(pods: Pods) -> None:
    def describe(name: str, minor: int) -> str:
        node = f'{{"path": "/dev/acme-{name}", "type": "c", "major": 1, "minor": {minor}}}'
        return f'{{"name": "{name}", "containerEdits": {{"env": ["ACME_{name}=1"], "deviceNodes": [{node}]}}}}'

    # As /dev/null, /dev/zero and /dev/full.
    devices = {"0": 3, "1": 5, "blue": 7}
    described = ", ".join(describe(name, minor) for name, minor in devices.items())
    pods.lab.write(
        "/etc/cdi/acme.json", f'{{"cdiVersion": "0.5.0", "kind": "acme.com/widget", "devices": [{described}]}}'
    )
    pods.lab.sh("; ".join(f"mknod /dev/acme-{name} c 1 {minor}" for name, minor in devices.items()))
    try:
        wants = "resources: {limits: {acme.com/widget: 1}}"
        notes = "    podunit/named.devices: acme.com/widget=blue\n"
        done = pods.apply(pod(sleeper("a", wants) + sleeper("b", wants) + sleeper("named", wants), notes=notes))
        assert "taken: acme.com/widget=1; other pods may have the same" in done.stderr
        look = "cd /dev; ls | grep acme; for f in acme*; do head -c 2 $f | wc -c; done; "
        look += "tr '\\0' '\\n' < /proc/1/environ | grep ACME"
        assert run(pods, "a", look).split() == ["acme-0", "0", "ACME_0=1"]
        assert run(pods, "b", look).split() == ["acme-1", "2", "ACME_1=1"]
        assert run(pods, "named", look).split() == ["acme-blue", "2", "ACME_blue=1"]
        pods.clear()
        done = pods.apply(pod(sleeper("a", "resources: {limits: {acme.com/widget: 3}}")), check=False)
        assert done.returncode == 1
        assert "acme.com/widget=2" in done.stderr.partition("container@web.a.service")[2]
    finally:
        pods.clear()
        pods.lab.sh("rm -r /etc/cdi /dev/acme-*")
