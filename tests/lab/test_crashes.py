"""Commands that are killed, refused by the file system, or run at once, beside a systemd that goes on."""

from __future__ import annotations

import json
import time

import pytest

from tests.lab.pods import UNITS, Pods, container, pod, wait_for

MOMENTS = 3
_FOREVER = "sleep 1000 & wait"
_MOUNT = "volumeMounts: [{name: conf, mountPath: /conf}]"
_VOLUME = "  volumes: [{name: conf, configMap: {name: conf}}]\n"


def describe(value: str) -> str:
    """Two pods and what they read; all of it differs by a value."""
    variable = f"env: [{{name: V, value: '{value}'}}]"
    return (
        pod(container("a", _FOREVER, variable, _MOUNT) + container("b", _FOREVER), more=_VOLUME)
        + f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf}}\ndata: {{v: '{value}'}}\n---\n"
        + pod(container("a", _FOREVER, variable), "other")
    )


def look(pods: Pods) -> str:
    """What the containers have read, and what is amiss: units that systemd has loaded otherwise, files left behind."""
    return pods.lab.sh(
        "podman exec web.a sh -c 'echo $V; cat /conf/v; echo'; podman exec other.a sh -c 'echo $V';"
        " systemctl is-active pod@web pod@other container@web.a container@web.b container@other.a;"
        " systemctl show --property=NeedDaemonReload --value '*@web*' '*@other*' 'pod-*.slice' | grep yes;"
        f" {_LEFT}",
        check=False,
    ).stdout


_LEFT = (
    f"ls -d {UNITS}/.podunit {UNITS}/.podunit-unfinished 2> /dev/null;"
    " find /var/lib/podunit -name '*.new' -o -name .staged -o -path '*/files/*_*' -prune"
)


def see(value: str) -> str:
    """What a machine looks like on which these pods run."""
    return f"{value}\n{value}\n{value}\n" + "active\n" * 5


def test_whatever_is_killed_the_next_command_makes_it_whole(pods: Pods) -> None:
    pods.lab.write("/root/1.yaml", describe("1"))
    pods.lab.write("/root/2.yaml", describe("2"))
    steps = {
        "apply /root/1.yaml": ("apply /root/1.yaml", see("1")),
        "apply /root/2.yaml": ("apply /root/2.yaml", see("2")),
        # What is undone is not undone once more.
        "rollout undo web": ("apply /root/1.yaml", see("1")),
        "delete web other": ("delete web other", ""),
    }
    took_sec = {}
    for command in steps:
        start = time.monotonic()
        pods.lab.sh(f"podunit {command}")
        took_sec[command] = time.monotonic() - start
    killed = 0
    for moment in range(MOMENTS):
        for command, (after, expected) in steps.items():
            after_sec = took_sec[command] * (moment + 0.5) / MOMENTS
            killed += (
                pods.lab.sh(f"timeout --signal=KILL {after_sec:.3f} podunit {command}", check=False).returncode != 0
            )
            done = pods.lab.sh(f"podunit {after}", check=False)
            assert done.returncode == 0 or "there is no pod 'web'" in done.stderr, done
            if expected:
                wait_for(lambda: look(pods), expected)
                assert pods.lab.sh(f"podunit diff /root/{expected[0]}.yaml", check=False).returncode == 0
            else:
                wait_for(pods.remains, "")
                assert pods.lab.sh(f"{_LEFT}; ls -d {UNITS}/*@web*", check=False).stdout == ""
    assert killed > MOMENTS


def test_applies_at_once_come_out_as_if_one_had_followed_the_other(pods: Pods) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {v: 'VALUE'}\n"
    web = pod(container("a", _FOREVER, "VARIABLE", _MOUNT), more=_VOLUME)
    pods.lab.write("/root/pod.yaml", f"{config}---\n{web.replace('VARIABLE', 'tty: false')}")
    pods.lab.sh("podunit apply /root/pod.yaml")
    files = {
        **{f"conf-{number}": config.replace("VALUE", f"v{number}") for number in range(3)},
        **{f"web-{number}": web.replace("VARIABLE", f"env: [{{name: V, value: w{number}}}]") for number in range(3)},
        "other": pod(container("a", _FOREVER), "other"),
    }
    for name, text in files.items():
        pods.lab.write(f"/root/{name}.yaml", text)
    done = pods.lab.sh(
        "cd /root; for name in conf-0 web-0 other conf-1 web-1 conf-2 web-2; do"
        ' podunit apply $name.yaml > /run/test/$name.said 2>&1 & all="$all $!"; done;'
        " status=0; for one in $all; do wait $one || status=$?; done; cat /run/test/*.said; exit $status"
    )
    assert "note: waiting for podunit apply " in done.stdout
    kept = json.loads(pods.lab.read("/var/lib/podunit/objects/Pod.web.json"))
    value = json.loads(pods.lab.read("/var/lib/podunit/objects/ConfigMap.conf.json"))["data"]["v"]
    (variable,) = kept["spec"]["containers"][0]["env"]
    assert variable["value"] in ("w0", "w1", "w2")
    # What runs is what was kept last, and nobody has waited for nothing.
    pods.wait("active active", "pod@web", "pod@other")
    seen = pods.lab.sh("podman exec web.a sh -c 'echo $V $(cat /conf/v)'").stdout
    assert seen == f"{variable['value']} {value}\n"
    assert pods.lab.sh(_LEFT, check=False).stdout == ""
    pods.lab.sh("podunit apply /root/conf-0.yaml; podunit delete other")
    assert pods.lab.sh("podman exec web.a sh -c 'echo $V $(cat /conf/v)'").stdout == f"{variable['value']} v0\n"


@pytest.mark.parametrize("what", ["full", "read only", "not allowed"])
def test_what_the_file_system_refuses_changes_nothing(what: str, pods: Pods) -> None:
    pods.apply(describe("1"))
    pods.lab.write("/root/2.yaml", describe("2"))
    pods.lab.sh("cp /root/2.yaml /run/test/2.yaml; chmod 755 /run/test; chmod 644 /run/test/2.yaml")
    files = f"cd {UNITS}; find . /var/lib/podunit/objects /var/lib/podunit/files -type f | sort | xargs sha256sum"
    before = pods.lab.sh(files).stdout
    units = pods.lab.sh(f"ls -A {UNITS} | wc -l").stdout
    prepare, undo, error = {
        # The files as they are fill it.
        "full": (
            "mkdir /run/small; mount -t tmpfs -o size=512k tmpfs /run/small;"
            f" cp -a {UNITS}/. /run/small; mount --bind /run/small {UNITS};"
            f" dd if=/dev/zero of={UNITS}/fill bs=4k 2> /dev/null || :",
            f"rm {UNITS}/fill; umount {UNITS}; umount /run/small; rmdir /run/small",
            "no space left on device",
        ),
        "read only": (
            f"mount --bind {UNITS} {UNITS}; mount -o remount,bind,ro {UNITS}",
            f"umount {UNITS}",
            "read-only file system",
        ),
        "not allowed": (
            "useradd --create-home mallory",
            "userdel --remove mallory 2> /dev/null || :",
            "permission denied",
        ),
    }[what]
    pods.lab.sh(prepare)
    try:
        user = "setpriv --reuid=mallory --regid=mallory --clear-groups" if what == "not allowed" else ""
        done = pods.lab.sh(f"{user} podunit --system apply /run/test/2.yaml", check=False)
    finally:
        pods.lab.sh(undo)
    assert done.returncode == 3, done
    assert error in done.stderr.lower(), done
    assert "\n  hint: " in done.stderr
    assert pods.lab.sh(files).stdout == before
    assert pods.lab.sh(f"ls -A {UNITS} | wc -l").stdout == units
    assert look(pods) == see("1")
    pods.lab.sh("podunit apply /run/test/2.yaml")
    wait_for(lambda: look(pods), see("2"))


_SLOWLY = "trap 'sleep 3; exit' TERM; sleep 1000 & wait"
_SECRET = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {p: x}\n"


def test_the_next_apply_waits_for_what_a_killed_one_has_asked_for(pods: Pods) -> None:
    def write(number: int, variable: str, volume: str) -> str:
        mount = "volumeMounts: [{name: m, mountPath: /m}]" if volume else "tty: false"
        text = pod(container("a", _FOREVER) + container("b", _SLOWLY, variable, mount), more=volume)
        text = text.replace("terminationGracePeriodSeconds: 2", "terminationGracePeriodSeconds: 8")
        pods.lab.write(f"/root/{number}.yaml", text + _SECRET)
        return f"/root/{number}.yaml"

    def kill_apply(file: str) -> None:
        pods.lab.sh(
            f'podunit apply {file} & pid=$!; until grep -qsF \'"wait": ["\' {UNITS}/.podunit-unfinished;'
            " do sleep 0.05; done; kill -KILL $pid"
        )

    def look() -> str:
        left = f"podman secret ls --format '{{{{.Name}}}}'; findmnt -rno TARGET | grep _memory; {_LEFT}"
        return pods.lab.sh(f"systemctl is-active pod@web container@web.a container@web.b; {left}", check=False).stdout

    volume = "  volumes: [{name: m, emptyDir: {medium: Memory}}]\n"
    pods.lab.sh(f"podunit apply {write(1, 'env: [{name: P, valueFrom: {secretKeyRef: {name: db, key: p}}}]', volume)}")
    first = pods.main_pid("container@web.a")
    assert look() == "active\n" * 3 + "web.b_0\n/run/podunit/web_memory/m\n"
    # A container alone, and then the whole pod.
    kill_apply(write(2, "env: [{name: P, value: y}]", volume))
    assert pods.state("container@web.b") != "active"
    assert pods.lab.sh("podunit apply /root/2.yaml").stdout.endswith("pod web: unchanged\n")
    assert look() == "active\n" * 3 + "/run/podunit/web_memory/m\n"
    assert pods.main_pid("container@web.a") == first
    # Another command does not wait, and removes what is left if that is not in use any more.
    kill_apply(write(3, "env: [{name: P, value: y}]", ""))
    wait_for(lambda: pods.lab.sh("systemctl list-jobs --no-legend --plain | grep @web || :").stdout, "")
    pods.lab.sh("podunit gc")
    assert look() == "active\n" * 3
    pods.lab.sh("podunit delete web /root/1.yaml")
