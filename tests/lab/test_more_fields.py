"""What fields do that no other story needs: seen from inside the containers, or from the host that serves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.lab.pods import IMAGE, Pods, container, only_podman, pod, wait_for

FOREVER = "sleep 1000 & wait"
OBJECTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
immutable: true
data: {mode: fast}
---
apiVersion: v1
kind: Secret
metadata: {name: db}
immutable: true
stringData: {user: admin}
---
"""
OPTIONAL = "{name: nowhere, optional: true}"
SOURCES = (
    "[{configMap: {name: app, items: [{key: mode, path: m}]}}, {secret: {name: db, optional: true}},"
    f" {{configMap: {OPTIONAL}}}, {{secret: {OPTIONAL}}}, {{downwardAPI: {{items: [{{path: limit,"
    " resourceFieldRef: {containerName: a, resource: limits.memory, divisor: 1Mi}}]}}]"
)
REPLICAS = f"""\
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: web}}
spec:
  replicas: 2
  serviceName: web
  ordinals: {{start: 3}}
  podManagementPolicy: Parallel
  selector: {{matchExpressions: [{{key: app, operator: In, values: [web, other]}}]}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: a
        image: {IMAGE}
        command: [sh, -c, "trap exit TERM; hostname > /data/name; sleep 1000 & wait"]
        volumeMounts: [{{name: data, mountPath: /data}}]
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Mi}}}}}}
"""
VOLUME = """\
apiVersion: v1
kind: PersistentVolume
metadata: {name: shelf}
spec: {accessModes: [ReadWriteMany], capacity: {storage: 1Mi}, hostPath: {path: /run/test}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: books}
spec: {accessModes: [ReadWriteMany], volumeName: shelf, resources: {requests: {storage: 1Mi}}}
---
"""
JOB = f"""\
apiVersion: batch/v1
kind: Job
metadata: {{name: work}}
spec:
  completions: 3
  parallelism: 1
  completionMode: Indexed
  backoffLimitPerIndex: 0
  maxFailedIndexes: 0
  podReplacementPolicy: Failed
  podFailurePolicy: {{rules: [{{action: Ignore, onPodConditions: [{{type: DisruptionTarget}}]}}]}}
  template:
    spec:
      restartPolicy: Never
      volumes: [{{name: log, hostPath: {{path: /run/test}}}}]
      containers:
      - name: a
        image: {IMAGE}
        command: [sh, -c, "echo $0 >> /log/ran; exit 1", $(JOB_COMPLETION_INDEX)]
        volumeMounts: [{{name: log, mountPath: /log}}]
"""


@pytest.fixture
def pods(pods: Pods) -> Iterator[Pods]:
    yield pods
    pods.clear()
    pods.lab.sh("rm -rf /var/lib/podunit/objects; podman network rm --force podunit 2> /dev/null || :")


def run(pods: Pods, script: str, name: str = "web.a") -> str:
    """What a shell script prints inside a container."""
    return pods.inside(name, "sh", "-c", script, check=False).stdout


@only_podman
def test_what_may_be_missing_and_what_a_pod_knows_of_itself(pods: Pods) -> None:
    more = (
        "args: ['while :; do sleep 1000 & wait; done', $(CPU)]",
        "resources: {limits: {memory: 64Mi, cpu: 1500m}}",
        f"envFrom: [{{configMapRef: {OPTIONAL}}}, {{secretRef: {OPTIONAL}}}]",
        "env:",
        "- {name: MODE, valueFrom: {configMapKeyRef: {name: app, key: mode}}}",
        "- {name: NO_KEY, valueFrom: {configMapKeyRef: {name: app, key: none, optional: true}}}",
        "- {name: NO_SECRET, valueFrom: {secretKeyRef: {name: nowhere, key: none, optional: true}}}",
        "- {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}",
        "- {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory}}}",
        "- {name: POD, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}",
        "volumeMounts: [{name: all, mountPath: /all}, {name: c, mountPath: /c}, {name: s, mountPath: /s},"
        " {name: parts, mountPath: /part, subPathExpr: $(POD)/of}]",
    )
    volumes = (
        f"  volumes: [{{name: all, projected: {{defaultMode: 0440, sources: {SOURCES}}}}},"
        f" {{name: c, configMap: {OPTIONAL}}}, {{name: s, secret: {{secretName: nowhere, optional: true}}}},"
        " {name: parts, hostPath: {path: /run/test}}]\n"
    )
    alone = container("a", "", *more).replace("[sh, -c, 'trap exit TERM; ']", "[sh, -c]")
    pods.apply(OBJECTS + pod(alone, more=volumes))
    variables = dict(line.split("=", 1) for line in run(pods, "env").splitlines())
    assert [variables.get(name) for name in ("MODE", "CPU", "MEMORY", "POD")] == ["fast", "1500", "67108864", "web"]
    assert not {"NO_KEY", "NO_SECRET"} & variables.keys()
    assert run(pods, "tr '\\0' ' ' < /proc/1/cmdline").endswith("wait; done 1500 ")
    assert run(pods, "cd /all; for f in *; do echo $f $(stat -L -c %a $f) $(cat $f); done").splitlines() == [
        "limit 440 64",
        "m 440 fast",
        "user 440 admin",
    ]
    assert run(pods, "ls /c /s").split() == ["/c:", "/s:"]
    run(pods, "echo here > /part/f")
    assert pods.lab.read("/run/test/web/of/f") == "here\n"
    # What is there already, by a name, stays what it is.
    for text, message in (
        (OBJECTS.replace("fast", "slow"), "ConfigMap 'app' is immutable, and was applied with other data"),
        (
            OBJECTS.replace("name: db", "name: db, namespace: shop"),
            "Secret 'db' is there already, of namespace 'default'",
        ),
    ):
        refused = pods.apply(text, check=False)
        assert (refused.returncode, message in refused.stderr) == (1, True)


def test_ports_of_one_address_and_of_udp(pods: Pods) -> None:
    served = container(
        "a",
        "httpd -f -p 8080 -h /www & wait",
        "ports:",
        "- {containerPort: 8080, hostPort: 8080, hostIP: 127.0.0.1, protocol: TCP}",
        "- {containerPort: 5353, hostPort: 5353, protocol: UDP}",
    )
    text = pod(served).replace("  name: web\n", "  name: web\n  labels: {app: web}\n")
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: names}\nspec:\n  type: NodePort\n"
    service += "  selector: {app: web}\n  ports: [{port: 53, protocol: UDP, targetPort: 5354, nodePort: 30053}]\n"
    listen = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', {})); print(s.recv(9).decode())"
    send = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'hello', ('192.0.2.7', {}))"

    def deliver(port: int, file: str) -> Callable[[], str]:
        def send_and_look() -> str:
            pods.lab.run("python3", "-c", send.format(port))
            return pods.lab.read(file)

        return send_and_look

    # An address of the host beside that of loopback.
    pods.lab.sh("ip addr add 192.0.2.7/32 dev lo")
    try:
        pods.apply(text + service)
        ask = ("curl", "--silent", "--fail", "--max-time", "2")
        assert pods.lab.run(*ask, "127.0.0.1:8080").stdout == "podunit test page\n"
        assert pods.lab.run(*ask, "192.0.2.7:8080", check=False).returncode == 7
        # The image has nothing that listens to UDP: a process of the lab does, in the network of the pod.
        enter = f"nsenter --net --target {pods.payload_pid('web.a')} timeout 60 python3 -c"
        for inside, outside in ((5353, 5353), (5354, 30053)):
            file = f"/run/test/{inside}"
            pods.lab.sh(f'{enter} "{listen.format(inside)}" > {file} 2> /dev/null < /dev/null &')
            wait_for(deliver(outside, file), "hello\n")
    finally:
        pods.lab.sh("ip addr del 192.0.2.7/32 dev lo")


def test_users_groups_priority_and_mounts_below_a_mount(pods: Pods, suite: str) -> None:
    mounts = (
        "volumeMounts: [{name: late, mountPath: /late, readOnly: true, recursiveReadOnly: Disabled},"
        " {name: image, mountPath: /image}]"
    )
    rights = "securityContext: {runAsUser: 1000, runAsGroup: 1000}"
    more = "  hostUsers: true\n  enableServiceLinks: false\n  priorityClassName: system-node-critical\n"
    more += "  securityContext: {supplementalGroups: [777], supplementalGroupsPolicy: Strict}\n"
    more += f"  volumes: [{{name: late, hostPath: {{path: /srv/late}}}}, {{name: image, image: {{reference: {IMAGE},"
    more += " pullPolicy: Never}}]\n"
    pods.lab.sh("mkdir -p /srv/late/one; mount -t tmpfs -o mode=777 tmpfs /srv/late/one; chmod 777 /srv/late")
    try:
        pods.apply(pod(container("a", FOREVER, mounts, rights), more=more))
        own = pods.lab.read("/proc/1/uid_map")
        assert run(pods, "cat /proc/self/uid_map") == own
        assert run(pods, "id -G").split() == ["1000", "777"]
        assert "SERVICE_HOST" not in run(pods, "env")
        assert run(pods, "cat /image/www/index.html") == "podunit test page\n"
        assert run(pods, "touch /late/f 2> /dev/null || echo no; touch /late/one/f && echo yes") == "no\nyes\n"
        # The kernel does not let a lab lower the score: systemd is asked.
        score = "0" if suite == "bookworm" else "-997"
        assert pods.show("container@web.a", "OOMScoreAdjust") == score
    finally:
        pods.clear()
        pods.lab.sh("umount /srv/late/one; rm -r /srv/late")


@only_podman
def test_users_of_a_pods_own_have_its_volumes_and_nothing_of_the_hosts(pods: Pods, suite: str) -> None:
    names = {"host": "hostPath: {path: /srv/own}", "claim": "persistentVolumeClaim: {claimName: own}"}
    names |= {"memory": "emptyDir: {medium: Memory}", "disk": "emptyDir: {}", "secret": "secret: {secretName: own}"}
    mounts = [f"{{name: {name}, mountPath: /{name}}}" for name in names]
    mounts += ["{name: host, mountPath: /part, subPath: part}"]
    fields = (f"volumeMounts: [{', '.join(mounts)}]", "terminationMessagePath: /end")
    more = "  hostUsers: false\n  securityContext: {fsGroup: 2000}\n  volumes:\n"
    more += "".join(f"  - {{name: {name}, {source}}}\n" for name, source in names.items())
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: own}\nstringData: {key: hidden}\n---\n"
    text += pod(
        container("a", "httpd -p 80 -h /memory; " + FOREVER, *fields, "ports: [{containerPort: 80, hostPort: 8080}]"),
        more=more,
    )
    if suite == "bookworm":
        refused = pods.apply(text, check=False)
        assert (refused.returncode, "needs podman 5 or later" in refused.stderr) == (3, True)
        return
    refused = pods.apply(text, check=False)
    assert (refused.returncode, "has none in /etc/subuid" in refused.stderr) == (3, True)
    pods.lab.sh("mkdir -p /srv/own/part /var/lib/podunit/volumes; echo mine > /srv/own/f; chmod 600 /srv/own/f")
    # The lab's own root is an overlay, whose IDs the kernel does not map.
    pods.lab.sh("mount -t tmpfs own /var/lib/podunit; mount -t tmpfs own /srv/own; mkdir /srv/own/part")
    pods.lab.sh("echo mine > /srv/own/f; chmod 600 /srv/own/f; chown 65535 /srv/own/part")
    pods.lab.sh("for id in uid gid; do cp /etc/sub$id /root; echo containers:2000000:200000 >> /etc/sub$id; done")
    try:
        pods.apply(text)
        # Root and all others are nobody outside.
        mapped = [line.split() for line in run(pods, "cat /proc/self/uid_map /proc/self/gid_map").splitlines()]
        assert [(first, int(outside) >= 2000000, size) for first, outside, size in mapped] == [("0", True, "65536")] * 2
        pid = pods.payload_pid("web.a")
        assert int(pods.lab.run("stat", "--format=%u", f"/proc/{pid}").stdout) >= 2000000
        assert run(pods, "id -u; cat /host/f; cat /secret/key; echo x > /part/x; echo why > /end") == "0\nmine\nhidden"
        owners = "for v in host claim memory disk; do touch /$v/new; stat -c '%n %u %g' /$v/new; done; stat -c %u /part"
        assert run(pods, owners).split("\n")[:5] == [
            "/host/new 0 0",
            "/claim/new 0 0",
            "/memory/new 0 2000",
            "/disk/new 0 2000",
            "65535",
        ]
        seen = pods.lab.sh("stat -c '%u %g' /srv/own/new /srv/own/part/x /var/lib/podunit/volumes/web/disk/new")
        assert seen.stdout == "0 0\n0 0\n0 2000\n"
        assert run(pods, "hostname; mount -t tmpfs x /part 2>&1 || echo no").split()[0] == "web"
        run(pods, "echo page > /memory/page")
        assert pods.lab.run("curl", "--silent", "127.0.0.1:8080/page").stdout == "page\n"
        pods.systemctl("restart", "container@web.a")
        assert pods.lab.run("podunit", "describe", "web").stdout.count("why") == 1
        pods.systemctl("stop", "pod@web")
        assert pods.remains() == ""
    finally:
        pods.clear()
        pods.lab.sh("mv /root/subuid /root/subgid /etc; umount /srv/own; rm -r /srv/own; podman volume rm --force own")
        pods.lab.sh("umount /var/lib/podunit")


def test_replicas_that_are_counted_from_a_number_and_keep_volumes(pods: Pods) -> None:
    pods.apply(VOLUME + REPLICAS)
    for number in (3, 4):
        assert run(pods, "cat /data/name", f"web-{number}.a") == f"web-{number}\n"
    found = pods.lab.run("podman", "volume", "ls", "--quiet").stdout.split()
    assert sorted(found) == ["data-web-3", "data-web-4"]
    reader = container("a", FOREVER, "volumeMounts: [{name: b, mountPath: /b}]")
    claim = "  volumes: [{name: b, persistentVolumeClaim: {claimName: books}}]\n"
    pods.apply(pod(reader, "reader", more=claim))
    run(pods, "echo read > /b/book", "reader.a")
    assert pods.lab.read("/run/test/book") == "read\n"
    pods.lab.run("podunit", "delete", "--volumes", "web-3", "web-4")


def test_a_claim_selects_a_volume_by_its_labels(pods: Pods) -> None:
    volume = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {0}, labels: {{speed: {0}}}}}\n"
    volume += "spec: {{hostPath: {{path: /run/test/{1}, type: DirectoryOrCreate}}}}\n---\n"
    claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: pages}\n"
    claim += "spec: {selector: {matchLabels: {speed: fast}, matchExpressions: [{key: speed, operator: Exists}]}}\n---\n"
    writer = container("a", FOREVER, "volumeMounts: [{name: p, mountPath: /p}]")
    volumes = "  volumes: [{name: p, persistentVolumeClaim: {claimName: pages}}]\n"
    text = pod(writer, more=volumes)
    pods.apply(volume.format("slow", "slow") + volume.format("fast", "one") + claim + text)
    run(pods, "echo written > /p/page")
    assert pods.lab.read("/run/test/one/page") == "written\n"
    # The volume by itself moves the pod.
    pods.apply(volume.format("fast", "two"))
    assert run(pods, "ls /p; echo moved > /p/page") == ""
    assert pods.lab.read("/run/test/two/page") == "moved\n"
    found = pods.apply(volume.format("fast", "two").replace("name: fast", "name: other"), check=False)
    assert (found.returncode, "claim 'pages' selects several PersistentVolumes: fast, other" in found.stderr) == (
        1,
        True,
    )
    pods.lab.run("podunit", "rollout", "undo", "web")
    assert run(pods, "cat /p/page") == "written\n"


def test_a_job_ends_when_too_many_indexes_have_failed(pods: Pods) -> None:
    pods.apply(JOB)
    pods.wait("failed", "job@work")
    assert pods.lab.read("/run/test/ran") == "0\n"
    pods.lab.run("podunit", "delete", "work-0", "work-1", "work-2")
