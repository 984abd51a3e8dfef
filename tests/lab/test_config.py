"""Configuration as a container finds it: ConfigMaps and Secrets, what it knows of itself, claims."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, UNITS, Pods, container, only_podman, over_engines, pod, wait_for

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data: {mode: fast, "nginx.conf": "events {}\\n"}
binaryData: {blob: AAH/}
---
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {user: admin, password: "tOp%s$(x)\\n\\n", empty: ""}
---
"""
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web, tier: front}
  annotations: {podunit/boot: "false"}
spec:
  terminationGracePeriodSeconds: 2
  volumes:
  - {name: conf, configMap: {name: app, items: [{key: nginx.conf, path: conf.d/main}, {key: blob, path: blob}]}}
  - {name: keys, secret: {secretName: db, defaultMode: 0440}}
  - name: info
    downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
  initContainers:
  - name: i
    image: IMAGE
    command: [sh, -c, 'test "$USER" = admin']
    env: [{name: USER, valueFrom: {secretKeyRef: {name: db, key: user}}}]
  containers:
  - name: a
    image: IMAGE
    command: [sh, -c, "trap exit TERM; echo $0; sleep 1000 & wait", "$(IP) $(NODE)"]
    envFrom: [{prefix: APP_, configMapRef: {name: app}}]
    env:
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
    - {name: EMPTY, valueFrom: {secretKeyRef: {name: db, key: empty}}}
    - {name: USER, valueFrom: {secretKeyRef: {name: db, key: user}}}
    - {name: URL, value: "db://$(USER):x@db/$(APP_mode)"}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: SELF, value: "http://$(IP):80/"}
    volumeMounts:
    - {name: conf, mountPath: /conf}
    - {name: keys, mountPath: /keys}
    - {name: info, mountPath: /info}
    - {name: conf, mountPath: /etc/main.conf, subPath: conf.d/main}
""".replace("IMAGE", IMAGE)
OTHER = pod("  - {name: a, image: IMAGE, command: [sleep, '1000']}\n".replace("IMAGE", IMAGE), "other")


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    pods = Pods(lab, engine)
    yield pods
    pods.clear()
    lab.sh("rm -rf /var/lib/podunit/objects")
    wait_for(pods.remains, "", timeout_sec=5)
    assert lab.sh("ls -A /var/lib/podunit/files; podman secret ls --quiet").stdout == ""


def inside(pods: Pods, script: str) -> str:
    return pods.inside("web.a", "sh", "-c", script).stdout


@over_engines
def test_variables_and_files_are_what_the_objects_say(pods: Pods) -> None:
    done = pods.apply(CONFIG + POD)
    assert done.stdout == "ConfigMap app: created\nSecret db: created\npod web: created, started\n"
    variables = dict(
        line.split("=", 1) for line in inside(pods, "tr '\\n\\0' '|\\n' < /proc/1/environ").splitlines() if "=" in line
    )
    address = inside(pods, "hostname -i").split()[0]
    host = pods.lab.run("hostname", "-I").stdout.split()
    assert {name: value for name, value in variables.items() if name.startswith("APP_")} == {
        "APP_mode": "fast",
        "APP_nginx.conf": "events {}|",
    }
    assert variables["PASSWORD"] == "tOp%s$(x)||"
    assert (variables["EMPTY"], variables["URL"]) == ("", "db://admin:x@db/fast")
    assert variables["IP"] == address
    assert variables["HOST"] in host
    assert variables["NODE"] == pods.lab.run("uname", "-n").stdout.strip()
    assert variables["SELF"] == f"http://{address}:80/"
    # The journal has lines of earlier pods of this name, too.
    printed = f"{address} {variables['NODE']}"
    wait_for(lambda: pods.lab.run("podunit", "logs", "web", "a").stdout.split("\n")[-2].split("| ")[-1], printed)
    looks = "cd /; stat -L -c '%a %u %n' conf/conf.d/main conf/blob keys/password keys/user info/labels"
    assert inside(pods, looks).splitlines() == [
        "644 0 conf/conf.d/main",
        "644 0 conf/blob",
        "440 0 keys/password",
        "440 0 keys/user",
        "644 0 info/labels",
    ]
    assert inside(pods, "cat /conf/conf.d/main /etc/main.conf /info/labels") == (
        'events {}\nevents {}\napp="web"\ntier="front"'
    )
    assert inside(pods, "od -An -tx1 /conf/blob").split() == ["00", "01", "ff"]
    assert inside(pods, "cat /keys/password") == "tOp%s$(x)\n\n"
    assert inside(pods, "touch /keys/x 2>&1 || echo no").endswith("no\n")


def test_a_script_of_a_config_map_runs_where_run_is_noexec(pods: Pods) -> None:
    pods.lab.sh("mount -o remount,noexec /run")
    try:
        script = CONFIG.replace('"nginx.conf": "events {}\\n"', '"nginx.conf": "#!/bin/sh\\necho ran\\n"')
        pods.apply(script + POD.replace("path: conf.d/main", "path: conf.d/main, mode: 0755"))
        assert inside(pods, "/conf/conf.d/main") == "ran\n"
    finally:
        pods.lab.sh("mount -o remount,exec /run")


@only_podman
def test_a_secret_is_nowhere_to_be_read_but_in_the_container(pods: Pods) -> None:
    pods.apply(CONFIG + POD)
    seen = pods.lab.sh(
        "systemctl cat 'pod@*' 'sandbox@*' 'container@*'; ps -eo args; journalctl -b --output=cat;"
        " systemctl show 'container@web.*'; podman secret inspect $(podman secret ls --quiet)"
    ).stdout
    assert "fast" in seen
    assert "tOp" not in seen
    files = pods.lab.sh("grep -rl tOp /var/lib/podunit /run/podunit | xargs stat -c '%a %n'").stdout.splitlines()
    assert len(files) >= 3
    assert all(line.startswith(("600 /var/lib/podunit/", "440 /run/podunit/")) for line in files)
    denied = pods.lab.run("ls", "/run/podunit/web_files", "/var/lib/podunit/files", user="alice", check=False)
    assert denied.stdout == ""
    assert denied.stderr.count("Permission denied") == 2


@over_engines
def test_a_changed_object_restarts_only_the_pods_that_use_it(pods: Pods) -> None:
    pods.apply(CONFIG + POD + "---\n" + OTHER)
    sandboxes = ("sandbox@web", "sandbox@other")
    before = [pods.show(unit, "InvocationID") for unit in sandboxes]
    assert pods.apply(CONFIG).stdout == "ConfigMap app: unchanged\nSecret db: unchanged\n"
    assert pods.apply(CONFIG.replace("fast", "slow")).stdout == (
        "ConfigMap app: changed\nSecret db: unchanged\npod web: changed, container a restarted\n"
    )
    assert inside(pods, "echo $APP_mode") == "slow\n"
    assert [pods.show(unit, "InvocationID") for unit in sandboxes] == before
    done = pods.apply(CONFIG.replace("fast", "slow").replace("events {}", "events 2"))
    assert done.stdout.endswith("pod web: changed, restarted\n")
    assert inside(pods, "cat /conf/conf.d/main") == "events 2\n"
    assert pods.show("sandbox@other", "InvocationID") == before[1]
    # An object that is gone was needed.
    pods.lab.write("/root/config.yaml", CONFIG)
    assert (
        pods.lab.run("podunit", "delete", "/root/config.yaml").stdout == "ConfigMap app: deleted\nSecret db: deleted\n"
    )
    failed = pods.apply(POD, check=False)
    assert failed.returncode == 1
    assert "there is no Secret 'db'" in failed.stderr


_KEY = "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {word: hidden}\n---\n"
_SECRET = "env: [{name: WORD, valueFrom: {secretKeyRef: {name: key, key: word}}}]"
_MOUNTS = "volumeMounts: [{name: fast, mountPath: /fast}, {name: disk, mountPath: /disk}]"
_VOLUMES = "  volumes: [{name: fast, emptyDir: {medium: Memory}}, {name: disk, emptyDir: {}}]\n"
# What units remove when they stop.
_LEFT = (
    "podman secret ls --quiet; findmnt -rno TARGET | grep web_memory || :; ls -d /var/lib/podunit/volumes/web"
    " /var/lib/podunit/roots/web.b /run/podunit-probes/web.a /run/podunit/web_memory 2> /dev/null || :"
)


@only_podman
def test_what_a_pod_no_longer_has_is_gone_once_it_is_another_one(pods: Pods) -> None:
    script, probe = "sleep 1000 & wait", "readinessProbe: {exec: {command: ['true']}}"
    pods.apply(_KEY + pod(container("a", script, _SECRET, _MOUNTS, probe) + container("b", script), more=_VOLUMES))
    assert len(pods.lab.sh(_LEFT).stdout.splitlines()) == 5
    other = pods.main_pid("container@web.b")
    done = pods.apply(pod(container("a", script, _MOUNTS) + container("b", script), more=_VOLUMES))
    assert done.stdout == "pod web: changed, container a restarted\n"
    assert len(pods.lab.sh(_LEFT).stdout.splitlines()) == 3
    assert pods.main_pid("container@web.b") == other
    pods.apply(pod(container("a", script)))
    assert pods.lab.sh(_LEFT).stdout == ""


@over_engines
def test_what_a_pod_no_longer_has_is_gone_also_if_it_does_not_come_up(pods: Pods) -> None:
    script = "sleep 1000 & wait"
    pods.apply(_KEY + pod(container("a", script, _SECRET, _MOUNTS) + container("b", script, _SECRET), more=_VOLUMES))
    failed = pods.apply(pod(container("a", script), inits=container("i", "exit 3"), policy="Never"), check=False)
    assert failed.returncode == 1
    assert pods.lab.sh(_LEFT).stdout == ""


def test_units_made_without_what_they_refer_to_do_not_start_and_say_why(pods: Pods) -> None:
    pods.apply(OTHER)
    text = OTHER.replace("name: other", "name: web").replace("[sleep, '1000']", "[sleep, '1000'], envFrom: FROM")
    text = text.replace("FROM", "[{configMapRef: {name: app}}, {secretRef: {name: db}}]")
    pods.lab.write("/root/web.yaml", text)
    made = pods.lab.run("podunit", "compile", "/root/web.yaml", "--output", UNITS)
    assert "there is no Secret 'db' in these files" in made.stderr
    pods.systemctl("daemon-reload")
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    said = pods.lab.run("journalctl", "-b", "--output=cat", "--unit=container@web.a").stdout
    assert "there is no ConfigMap 'app', Secret 'db': apply the pod again with it\n" in said
    assert pods.lab.run("podman", "ps", "--all", "--quiet", "--filter=name=web.a").stdout == ""
    pods.apply(CONFIG + text)
    assert inside(pods, "echo $mode $user") == "fast admin\n"


def test_a_claim_outlives_the_pod(pods: Pods) -> None:
    claim = POD.replace("  volumes:\n", "  volumes:\n  - {name: data, persistentVolumeClaim: {claimName: web-data}}\n")
    claim = claim.replace("    volumeMounts:\n", "    volumeMounts:\n    - {name: data, mountPath: /data}\n")
    pods.apply(CONFIG + claim)
    inside(pods, "echo kept > /data/file")
    pods.lab.run("podunit", "delete", "web")
    pods.apply(claim)
    assert inside(pods, "cat /data/file") == "kept\n"
    assert json.loads(pods.lab.run("podman", "volume", "inspect", "web-data").stdout)[0]["Name"] == "web-data"
    pods.lab.run("podunit", "delete", "--volumes", "web")
    assert pods.lab.run("podman", "volume", "ls", "--quiet").stdout == ""
