"""What a container sees of itself and of its surroundings is the same with both engines, for many specs at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff

import pytest

from tests.lab.full_image import FULL, make_full_image
from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, Pods, default_engine, pod, quote

# Everything but addresses. What is named in the middle is there in some containers only.
_LOOK = r"""
id; grep -E "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Umask)" /proc/self/status
tr "\0" "\n" < /proc/self/environ | sort; hostname; hostname -f; pwd; ulimit -a
cat /etc/hosts /etc/resolv.conf /etc/hostname; cat /proc/self/oom_score_adj
stat -c "%A %u:%g %t:%T %n" /dev/* / /tmp /etc /run /srv/made /data /data/* /more /config /config/* 2> /dev/null | sort
awk '{ print $5, $6, $7 }' /proc/self/mountinfo | sed "s/:[0-9]*//" | sort
cut -d " " -f 2-4 /proc/self/mounts | sed "s/,lowerdir=.*//" | sort
for name in / /etc /tmp /run /dev /dev/shm /data /more /config /proc/sys/kernel /sys /sys/fs/cgroup; do
[ -w $name ] && echo writes $name
done
cat /proc/sys/net/ipv4/ip_unprivileged_port_start /etc/passwd /etc/group /srv/data/file; echo
cat /proc/sys/kernel/shmmax; cat /data/key /config/* 2> /dev/null; echo
head -c 1 /dev/xvda /dev/xvdb /more; (: >> /dev/xvda) 2>&1; (: >> /dev/xvdb) 2>&1; (: >> /more) 2>&1
cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max 2> /dev/null
mknod /tmp/null c 1 5 2> /dev/null && echo makes nodes; unshare -U true 2> /dev/null && echo unshares
chroot / true 2> /dev/null && echo chroots
for link in cgroup ipc mnt net pid time user uts; do
[ $(readlink /proc/self/ns/$link) = $(readlink /proc/1/ns/$link) ] && echo $link as the first process
done
"""

# What becomes of each system call with arguments that no call takes: which ones the filter lets through, and which not.
# Perl is the machine's, with its libraries. A child for each, since some end or suspend whoever calls them.
_CALLS = r"""
library=$(echo /machine/lib/*-linux-gnu); loader=$(echo $library/ld-linux-*.so.*)
$loader --library-path $library /machine/bin/perl -e "
  for my \$number (0 .. 470) {
    my \$child = fork;
    if (!\$child) {
      my \$own = \$\$; alarm 2;
      syscall(\$number, -1, -1, -1, -1, -1, -1) == -1 or exit(0);
      exit(\$! + 0) if \$\$ == \$own; exit 0;
    }
    waitpid(\$child, 0); print \"call \$number \$?\n\";
  }"
"""
_MACHINE = "  volumes:\n  - {name: machine, hostPath: {path: /usr}}\n"
_SEES_CALLS = "volumeMounts: [{name: machine, mountPath: /machine, readOnly: true}]"

_DATA = "volumeMounts: [{name: %s, mountPath: /data}]"
_READS = "volumeMounts: [{name: %s, mountPath: /data, readOnly: true}]"
_CONFIG = "volumeMounts: [{name: %s, mountPath: /config}]"

# Pods: their own fields, and each container by what is special about it, with its fields.
_PODS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "calls": (_MACHINE, {"one": _SEES_CALLS}),
    "calls-of-all": (
        _MACHINE,
        {"one": f"securityContext: {{capabilities: {{add: [ALL]}}}}\n{_SEES_CALLS}"},
    ),
    "calls-unconfined": (
        _MACHINE,
        {"one": f"securityContext: {{seccompProfile: {{type: Unconfined}}}}\n{_SEES_CALLS}"},
    ),
    "own": (
        "",
        {
            "plain": "",
            "user": "securityContext: {runAsUser: 1000}",
            "user-group": "securityContext: {runAsUser: 1000, runAsGroup: 1001}",
            "not-root": "securityContext: {runAsUser: 7, runAsNonRoot: true}",
            "drop-all": "securityContext: {capabilities: {drop: [ALL]}, allowPrivilegeEscalation: false}",
            "drop-some": "securityContext: {capabilities: {drop: [CHOWN, SETUID]}}",
            "add-some": "securityContext: {capabilities: {add: [NET_ADMIN, MKNOD]}}",
            "all-but-one": "securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}",
            "ambient": "securityContext: {runAsUser: 1000, capabilities: {add: [NET_BIND_SERVICE]}}",
            "user-without": "securityContext: {runAsUser: 1000, capabilities: {drop: [ALL]}}",
            "no-escalation": "securityContext: {allowPrivilegeEscalation: false}",
            "confined": "securityContext: {seccompProfile: {type: RuntimeDefault}}",
            "read-only": "securityContext: {readOnlyRootFilesystem: true}",
            "user-read-only": "securityContext: {readOnlyRootFilesystem: true, runAsUser: 1000}",
            "variables": "env: [{name: A, value: '1 $x'}, {name: B, value: 'of $(A) and $$(A)'}, {name: EMPTY}]",
            "letters": 'env: [{name: A, value: "\\u00fc \\t \\n\\n %n $$ \\" \\\\ end"}]',
            "path": "env: [{name: PATH, value: /bin}, {name: HOME, value: /www}, {name: TERM, value: dumb}]",
            "facts": "env: [{name: P, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
            "limits": (
                "resources: {limits: {memory: 64Mi, cpu: 500m}}\n"
                "env: [{name: M, valueFrom: {resourceFieldRef: {resource: limits.memory}}}]"
            ),
            "secret": "env: [{name: S, valueFrom: {secretKeyRef: {name: s, key: key}}}]",
            "secrets": "envFrom: [{prefix: S_, secretRef: {name: s}}]",
            "config-map": "envFrom: [{configMapRef: {name: c}}]",
            "directory": "workingDir: /www",
            "directory-of-user": "workingDir: /www\nsecurityContext: {runAsUser: 1000}",
            "message": "terminationMessagePath: /data/why",
            "port": "ports: [{containerPort: 80}]",
            "image": f"image: {FULL}",
            "image-as-root": f"image: {FULL}\nsecurityContext: {{runAsUser: 0}}",
            "image-as-other": f"image: {FULL}\nsecurityContext: {{runAsUser: 1234, runAsGroup: 0}}",
            "image-directory": f"image: {FULL}\nworkingDir: /",
            "image-variable": f"image: {FULL}\nenv: [{{name: FROM_IMAGE, value: own}}]",
        },
    ),
    "volumes": (
        "  volumes:\n"
        "  - {name: dir, emptyDir: {}}\n"
        "  - {name: outer, emptyDir: {}}\n"
        "  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}\n"
        "  - {name: host, hostPath: {path: /run/test}}\n"
        "  - {name: file, hostPath: {path: /run/made/file, type: FileOrCreate}}\n"
        "  - {name: dev, hostPath: {path: /dev}}\n"
        "  - {name: config, configMap: {name: c}}\n"
        "  - {name: items, configMap: {name: c, defaultMode: 256, items: [{key: key, path: deep/er}]}}\n"
        "  - {name: secret, secret: {secretName: s, defaultMode: 288}}\n"
        "  - {name: kept, persistentVolumeClaim: {claimName: kept}}\n"
        f"  - {{name: image, image: {{reference: {FULL}}}}}\n"
        "  - {name: all, projected: {sources: [{secret: {name: s}}, {configMap: {name: c, items:"
        " [{key: key, path: c}]}}]}}\n"
        "  - {name: facts, downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}\n",
        {
            "dir": _DATA % "dir",
            "dir-read-only": _READS % "dir",
            "dir-twice": "volumeMounts: [{name: dir, mountPath: /data}, {name: dir, mountPath: /more}]",
            "dir-over-image": f"image: {FULL}\nvolumeMounts: [{{name: dir, mountPath: /srv/data}}]",
            "nested": "volumeMounts: [{name: outer, mountPath: /data}, {name: memory, mountPath: /data/memory}]",
            "memory": _DATA % "memory",
            "host": _DATA % "host",
            "host-read-only": _READS % "host",
            "host-file": "volumeMounts: [{name: file, mountPath: /data/file}]",
            "host-propagation": ("volumeMounts: [{name: host, mountPath: /data, mountPropagation: HostToContainer}]"),
            "host-recursive": (
                "volumeMounts: [{name: dev, mountPath: /data, readOnly: true, recursiveReadOnly: Enabled}]"
            ),
            "config": _CONFIG % "config",
            "config-items": _CONFIG % "items",
            "config-sub-path": "volumeMounts: [{name: config, mountPath: /config/one, subPath: key}]",
            "config-sub-path-of-variable": (
                "env: [{name: K, value: key}]\n"
                "volumeMounts: [{name: config, mountPath: /config/one, subPathExpr: $(K)}]"
            ),
            "config-as-user": f"securityContext: {{runAsUser: 1000}}\n{_CONFIG % 'items'}",
            "secret": _CONFIG % "secret",
            "projected": _CONFIG % "all",
            "facts": _CONFIG % "facts",
            "image": _DATA % "image",
            "image-as-user": f"securityContext: {{runAsUser: 1000}}\n{_READS % 'image'}",
            "claim": _DATA % "kept",
            "claim-read-only": _READS % "kept",
        },
    ),
    "groups": (
        "  securityContext: {fsGroup: 3000, supplementalGroups: [2000], runAsUser: 1000}\n  volumes:\n"
        "  - {name: dir, emptyDir: {}}\n"
        "  - {name: memory, emptyDir: {medium: Memory}}\n"
        "  - {name: kept, persistentVolumeClaim: {claimName: owned}}\n"
        "  - {name: secret, secret: {secretName: s}}\n",
        {
            "user": _DATA % "dir",
            "root": f"securityContext: {{runAsUser: 0}}\n{_DATA % 'dir'}",
            "memory": _DATA % "memory",
            "claim": _DATA % "kept",
            "secret": _CONFIG % "secret",
            "image": f"image: {FULL}\nsecurityContext: {{runAsUser: 1234}}",
        },
    ),
    "user": (
        "  securityContext: {runAsUser: 1000, runAsGroup: 1001}\n  volumes:\n"
        "  - {name: dir, emptyDir: {}}\n"
        "  - {name: memory, emptyDir: {medium: Memory}}\n"
        "  - {name: kept, persistentVolumeClaim: {claimName: of-user}}\n",
        {"dir": _DATA % "dir", "memory": _DATA % "memory", "claim": _DATA % "kept"},
    ),
    "strict": (
        "  securityContext: {supplementalGroupsPolicy: Strict, supplementalGroups: [2000],"
        " runAsUser: 1234, runAsGroup: 1235}\n",
        {"image": f"image: {FULL}"},
    ),
    "names": (
        "  hostname: other\n  hostAliases: [{ip: 192.0.2.7, hostnames: [seven, acht]}]\n",
        {"one": "", "image": f"image: {FULL}"},
    ),
    "long": ("  hostname: www\n  subdomain: sub\n  setHostnameAsFQDN: true\n", {"one": ""}),
    "resolver": ("  dnsConfig: {searches: [example.com], options: [{name: ndots, value: '2'}]}\n", {"one": ""}),
    "own-dns": ("  dnsPolicy: None\n  dnsConfig: {nameservers: [192.0.2.53], searches: [example.com]}\n", {"one": ""}),
    "machine-dns": ("  dnsPolicy: Default\n", {"one": ""}),
    "sysctl": (
        "  securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: '77'},"
        " {name: kernel.shmmax, value: '65536'}]}\n",
        {"one": ""},
    ),
    "shared": ("  shareProcessNamespace: true\n", {"one": "", "user": "securityContext: {runAsUser: 1000}"}),
    "devices": (
        "  volumes:\n  - {name: raw, persistentVolumeClaim: {claimName: raw}}\n"
        "  - {name: read, persistentVolumeClaim: {claimName: raw, readOnly: true}}\n",
        {
            "one": "volumeDevices: [{name: raw, devicePath: /dev/xvda}, {name: read, devicePath: /dev/xvdb}]",
            "user": "volumeDevices: [{name: raw, devicePath: /more}]\nsecurityContext: {runAsUser: 1000}",
        },
    ),
    "host": (
        "  hostNetwork: true\n  dnsPolicy: ClusterFirstWithHostNet\n"
        "  hostAliases: [{ip: 192.0.2.7, hostnames: [seven, acht]}]\n"
        "  securityContext: {sysctls: [{name: kernel.shmmax, value: '65536'}]}\n",
        {
            "one": "",
            "image": f"image: {FULL}",
            "read-only": "securityContext: {readOnlyRootFilesystem: true}",
            "variable": "env: [{name: HOSTNAME, value: own}]",
            "addresses": (
                "env: [{name: P, valueFrom: {fieldRef: {fieldPath: status.podIP}}},"
                " {name: H, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]"
            ),
        },
    ),
    "host-kept": (
        "  hostNetwork: true\n  hostAliases: [{ip: 192.0.2.7, hostnames: [seven]}]\n"
        "  dnsConfig: {searches: [example.com], options: [{name: ndots, value: '2'}]}\n  volumes:\n"
        "  - {name: kept, persistentVolumeClaim: {claimName: of-host}}\n",
        {"claim": _DATA % "kept", "one": ""},
    ),
    "host-dns": (
        "  hostNetwork: true\n  dnsPolicy: None\n  dnsConfig: {nameservers: [192.0.2.53], searches: [example.com]}\n",
        {"one": ""},
    ),
    "critical": ("  priorityClassName: system-node-critical\n", {"one": ""}),
}
_OBJECTS = """\
{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {key: "geheim \\u00fc", other: more}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {key: value}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: raw}
spec: {volumeMode: Block, claimRef: {name: raw}, local: {path: /dev/raw}}
---
"""
# Of the host: the last of two settings holds.
_RESOLVER = """\
options edns0
# note
domain other
search example.org a.example
nameserver 192.0.2.1 # one
options ndots:3 rotate
"""
# What systemd, podman and its monitor tell, podman's names of containers, and the volumes of an image.
_OTHERS = re.compile(
    r"Started container@|\d{4}-\d\d-\d\d .* (container|image) [a-z]+ |conmon [0-9a-f]+ <"
    r"|127\.0\.0\.1\t[\w-]+\.|/srv/data "
)
_ALL = [f"{name}.{container}" for name, (_, containers) in _PODS.items() for container in containers]


@pytest.fixture(scope="module")
def seen(lab: Laboratory, suite: str) -> Iterator[dict[str, dict[str, list[str]]]]:
    """What each container of each engine has seen: engine → POD.CONTAINER → lines."""
    if suite == "bookworm":
        pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
    lab.sh("mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit")
    make_full_image(lab)
    # What pods in the host's network know of the host, whichever networks podman has just then.
    lab.sh("ip link add outside type bridge; ip address add 192.0.2.5/24 dev outside; ip link set outside up")
    resolver = lab.sh("cat /etc/resolv.conf").stdout
    lab.write("/etc/resolv.conf", _RESOLVER)
    # No device has these numbers, whose first cannot be mistaken: 0x12, 0x1f.
    lab.sh("mknod --mode=0640 /dev/of-test b 18 31; chown 7:8 /dev/of-test; ln -s of-test /dev/raw")
    yield {engine: _look(Pods(lab, engine)) for engine in ("podman", "crun")}
    lab.write("/etc/resolv.conf", resolver)
    lab.sh("ip link del outside; rm /dev/raw /dev/of-test")
    lab.sh(f"podman rmi --force {FULL}; umount /var/lib/podunit")


def _look(pods: Pods) -> dict[str, list[str]]:
    # One container makes a file, for itself: those that see /run/test may look before or after.
    pods.lab.sh("rm -rf /run/test /run/made; mkdir -p /run/test /run/made; echo of the host > /run/test/key")
    since = pods.lab.sh("date +@%s.%N").stdout.strip()
    found = {}
    with default_engine(pods.lab, pods.engine):
        pods.apply(_OBJECTS + "---\n".join(_write(name, *own) for name, own in _PODS.items()), timeout_sec=240)
        for name in _ALL:
            read = f"journalctl --output=cat --since={since} --unit=container@{name}.service"
            pods.lab.wait_until(f"{read} | grep -qx 'the end'")
            lines = pods.lab.sh(read).stdout.partition("the begin\n")[2].partition("the end\n")[0].splitlines()
            found[name] = [line for each in lines if (line := _strip(each))]
        pods.lab.run("podunit", "delete", *_PODS, timeout_sec=240)
    pods.lab.sh("podman volume rm --force kept owned of-user of-host")
    return found


def _write(name: str, more: str, containers: Mapping[str, str]) -> str:
    """A pod whose containers look around."""
    text = ""
    for container, fields in containers.items():
        calls = _CALLS if _SEES_CALLS in fields else ""
        script = f"exec 2>&1; echo the begin; {_LOOK} {calls} echo the end; trap exit TERM; sleep 1000 & wait".replace(
            "\n", "\n\n"
        )
        folded = quote(script).replace("\n", "\n\n")
        own = fields if "image: " in fields else f"image: {IMAGE}\n{fields}"
        lines = [f"- name: {container}", *(f"  {line}" for line in own.splitlines())]
        text += "".join(f"  {line}\n" for line in (*lines, f"  command: [sh, -c, {folded}]"))
    return pod(text, name, more=more)


def _strip(line: str) -> str:
    """A line without addresses; '' for what is nobody's word inside, or differs as the documentation says."""
    line = re.sub(r"\b10\.89\.\d+\.\d+\b", "ADDRESS", line.rstrip())
    line = re.sub(r"\bfd[0-9a-f]{2}:[0-9a-f:]+", "ADDRESS6", line)
    return "" if _OTHERS.match(line) else line


def test_there_are_as_many_specs_as_it_takes(seen: dict[str, dict[str, list[str]]]) -> None:
    assert len(_ALL) >= 50
    for found in seen.values():
        assert min(map(len, found.values())) > 50
        # Refused by the filter: a namespace of one's own. Without the filter the arguments are what is wrong.
        assert len([line for line in found["calls.one"] if line.startswith("call ")]) == 471
        assert found["calls.one"] != found["calls-unconfined.one"]


@pytest.mark.parametrize("name", _ALL)
def test_inside_all_is_as_with_podman(seen: dict[str, dict[str, list[str]]], name: str) -> None:
    podman, crun = seen["podman"][name], seen["crun"][name]
    assert "\n".join(unified_diff(podman, crun, "podman", "crun", n=0, lineterm="")) == ""


@pytest.mark.parametrize(
    ("pod", "words"),
    [("names", "--network=podunit --hostname=other"), ("host", "--network=host")],
)
def test_names_are_what_podman_itself_writes(
    seen: dict[str, dict[str, list[str]]], lab: Laboratory, pod: str, words: str
) -> None:
    # Files hold these sandboxes with either engine: podman writes names for its own containers alone.
    hosts = "--add-host=seven:192.0.2.7 --add-host=acht:192.0.2.7"
    look = "cat /etc/hosts /etc/resolv.conf /etc/hostname"
    written = lab.sh(f"podman run --rm --name={pod}_sandbox {hosts} {words} {IMAGE} {look}").stdout
    expected = "\n".join(line for each in written.splitlines() if (line := _strip(each)))
    assert "seven" in expected
    for found in seen.values():
        assert f"\n{expected}\n" in "\n".join(found[f"{pod}.one"])
