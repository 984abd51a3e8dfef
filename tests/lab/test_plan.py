"""What `podunit diff` says before an apply is what the apply then does, and looking changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import UNITS, Pods, container, pod, wait_for
from tests.lab.test_workloads import deployment

FOREVER = "sleep 1000 & wait"
CONFIG = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {app.ini: 'level=1'}\n"
SECRET = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hidden-one}\n"
VARIABLE = "env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]"
MOUNT = "volumeMounts: [{name: conf, mountPath: /conf}]"
VOLUME = "  volumes: [{name: conf, configMap: {name: conf}}]\n"
WEB = pod(container("a", FOREVER, MOUNT) + container("b", FOREVER, VARIABLE), more=VOLUME).replace('"false"', '"true"')
ALL = WEB + CONFIG + SECRET


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    pods = Pods(lab, engine)
    yield pods
    pods.clear()
    # What pods referred to is kept until then.
    lab.write("/root/pod.yaml", CONFIG + SECRET)
    lab.run("podunit", "delete", "/root/pod.yaml")
    lab.sh("rm -rf /etc/systemd/system/container@web.a.service.d /etc/systemd/system/*web*; systemctl daemon-reload")
    wait_for(pods.remains, "", timeout_sec=5)


def snapshot(pods: Pods) -> str:
    """All that podunit could change: files with inodes and times, processes, and systemd's jobs and links."""
    folders = f"{UNITS} /etc/systemd/system /var/lib/podunit /run/podunit /run/systemd/system /etc/podunit"
    return pods.lab.sh(
        f"find {folders} -printf '%p %i %T@ %l\\n' 2> /dev/null | sort;"
        " systemctl show --property=ActiveEnterTimestampMonotonic,MainPID '*@web*' pod-web.slice | sort"
    ).stdout


def diff(pods: Pods, text: str, *options: str) -> CompletedProcess[str]:
    """`podunit diff` of a file, which changes nothing."""
    pods.lab.write("/root/pod.yaml", text)
    before = snapshot(pods)
    done = pods.lab.run("podunit", "diff", *options, "/root/pod.yaml", check=False)
    assert snapshot(pods) == before
    return done


def pids(pods: Pods) -> list[int]:
    return [pods.main_pid(f"container@web.{name}") for name in "ab"]


def test_a_diff_says_what_an_apply_will_do(pods: Pods) -> None:
    done = diff(pods, ALL)
    assert (done.returncode, done.stderr) == (1, "")
    assert "pod web: created, started\n  because it is new\n" in done.stdout
    assert "  unit container@web.a.service: created\n" in done.stdout
    assert "hidden-one" not in done.stdout
    assert pods.lab.sh(f"ls {UNITS} 2> /dev/null | grep -c web", check=False).stdout in ("0\n", "")

    pods.apply(ALL)
    assert diff(pods, ALL).stdout == ""
    assert diff(pods, ALL).returncode == 0
    assert diff(pods, f"# a remark\n{ALL}").returncode == 0

    before = pids(pods)
    done = diff(pods, ALL.replace("hidden-one", "hidden-two"))
    assert done.stdout.splitlines()[1:] == [
        "pod web: changed, container b restarted",
        "  because a secret variable of container b differs",
        "  a secret variable of container b: updated",
    ]
    assert done.stdout.startswith("Secret db: changed\n")
    assert pods.apply(ALL.replace("hidden-one", "hidden-two")).stdout.endswith(
        "pod web: changed, container b restarted\n"
    )
    after = pids(pods)
    assert (after[0], after[1] != before[1]) == (before[0], True)

    text = ALL.replace("hidden-one", "hidden-two").replace("sleep 1000", "sleep 1001", 1)
    done = diff(
        pods,
        text,
    )
    assert "\n-" in done.stdout
    assert "sleep 1001" in done.stdout
    assert "  because container@web.a.service differs\n" in done.stdout
    assert "\x1b" not in done.stdout
    colored = pods.lab.run("podunit", "--color=always", "diff", "/root/pod.yaml", check=False).stdout
    assert "\x1b[32m+" in colored

    done = diff(pods, text.replace("level=1", "level=2"), "-o", "json")
    document: dict[str, Any] = json.loads(done.stdout)
    (web,) = document["pods"]
    assert (document["differs"], web["done"]) == (True, ["changed", "restarted"])
    assert (web["files"], document["objects"]["ConfigMap.conf"]) == (["volumes/conf/app.ini"], "changed")
    assert "file app.ini of volume conf differs" in web["reasons"]
    assert [one["unit"] for one in web["units"]["updated"]] == ["container@web.a.service"]
    assert pods.apply(text.replace("level=1", "level=2")).stdout.endswith("pod web: changed, restarted\n")

    assert diff(pods, "kind: Pod\n").returncode == 2


def test_what_others_have_done_is_named(pods: Pods) -> None:
    pods.apply(ALL)
    edited = f"{UNITS}/container@web.b.service"
    drop_in = "/etc/systemd/system/container@web.a.service.d/mine.conf"
    pods.lab.sh(f"echo '# mine' >> {edited}; rm {UNITS}/pod-mend@web.service")
    pods.lab.write(drop_in, "[Service]\nNice=1\n")
    pods.systemctl("daemon-reload")
    pods.systemctl("stop", "pod@web")
    lines = diff(pods, ALL).stdout.splitlines()
    assert lines[0] == "pod web: changed, stays stopped"
    assert [line for line in lines if "drift" in line] == [
        "  drift: container@web.b.service was edited by hand; an apply puts it back",
        "  drift: pod-mend@web.service was deleted by hand; an apply puts it back",
        f"  drift: container@web.a.service has a drop-in: {drop_in}",
        "  drift: pod@web.service was stopped by hand; it stays so until 'podunit up' or 'start'",
    ]
    assert "-# mine" in lines
    pods.apply(ALL)
    # What an apply leaves alone is said, and is no difference.
    done = diff(pods, ALL)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "pod web: unchanged, stays stopped",
        f"  drift: container@web.a.service has a drop-in: {drop_in}",
        "  drift: pod@web.service was stopped by hand; it stays so until 'podunit up' or 'start'",
    ]
    assert pods.lab.sh(f"cd {UNITS} && sha256sum --quiet --check .podunit-written").stdout == ""


def list_drift(text: str) -> list[str]:
    return [line.removeprefix("  drift: ") for line in text.splitlines() if line.startswith("  drift: ")]


def test_networks_and_volumes_that_others_have_changed_are_named(pods: Pods) -> None:
    definition = "/etc/containers/networks/podunit.json"
    mount, claim = (
        "volumeMounts: [{name: d, mountPath: /d}]",
        "{name: d, persistentVolumeClaim: {claimName: plan-data}}",
    )
    text = pod(container("a", FOREVER, mount), more=f"  volumes: [{claim}]\n")
    text += "---\n" + pod(container("a", FOREVER), "other")
    # What no pod has found yet cannot have changed.
    pods.lab.sh("podman volume create plan-data; podman network rm --force podunit", check=False)
    assert list_drift(diff(pods, text).stdout) == list_drift(pods.apply(text).stdout) == []
    assert (diff(pods, text).stdout, diff(pods, text).returncode) == ("", 0)
    pods.systemctl("restart", "pod@web", "pod@other")
    assert diff(pods, text).stdout == ""

    # The pods go on with what they have, and a start by hand would find no network.
    pods.lab.sh(f"rm {definition}")
    anew = (
        "network podunit was removed outside podunit; an apply or a start makes it anew, and the pod keeps the old one"
    )
    done = diff(pods, text)
    assert (done.returncode, list_drift(done.stdout)) == (0, [f"{anew} until it is restarted"] * 2)
    mended = anew.replace("an apply or a start makes it anew", "it was made anew")
    assert list_drift(pods.apply(text).stdout) == [f"{mended} until it is restarted"] * 2
    assert pods.lab.sh(f"test -s {definition}").stdout == ""
    # No more: it is another one, though.
    (first, second) = list_drift(diff(pods, text).stdout)
    assert first == second
    assert first.startswith("network podunit was changed outside podunit: subnets 10.89.2.0/23")
    assert first.endswith("; the pod keeps the old one until it is restarted")
    assert pods.lab.run("podunit", "restart", "web").returncode == 0
    assert list_drift(pods.apply(text).stdout) == [first]
    assert list_drift(diff(pods, text).stdout) == [first]
    pods.systemctl("restart", "pod@other")
    assert diff(pods, text).stdout == ""

    pods.systemctl("stop", "pod@web", "pod@other")
    pods.lab.sh(
        "podman network rm podunit; podman network create --disable-dns --subnet=10.70.0.0/24"
        " --ip-range=10.70.0.0/25 podunit"
    )
    drift = list_drift(diff(pods, text).stdout)
    said = "network podunit was changed outside podunit: subnets 10.70.0.0/24, was 10.89"
    assert [line[: len(said)] for line in drift] == [said] * 2
    assert all("; DNS off, was on; made by somebody else, was podunit; the pod uses it as it is;" in it for it in drift)
    assert list_drift(pods.lab.run("podunit", "up", "/root/pod.yaml").stdout) == drift
    assert diff(pods, text).stdout == ""

    pods.systemctl("stop", "pod@web")
    pods.lab.sh("podman volume rm plan-data")
    (line,) = list_drift(diff(pods, text).stdout)
    assert (
        line
        == "volume plan-data was removed outside podunit; the next start of the pod makes an empty one: restore "
        + ("before what is to be in it")
    )
    document = json.loads(diff(pods, text, "-o", "json").stdout)
    (one,) = document["pods"][0]["drift"]
    assert (one["kind"], one["unit"], one["resource"]) == ("removed", "sandbox@web.service", "volume plan-data")
    pods.lab.sh("podman volume create --opt=type=tmpfs --opt=device=tmpfs plan-data")
    (line,) = list_drift(pods.lab.run("podunit", "up", "/root/pod.yaml").stdout)
    assert line.startswith(
        "volume plan-data was changed outside podunit: options device=tmpfs type=tmpfs, was none; made"
    )
    assert diff(pods, text).stdout == ""
    pods.lab.run("podunit", "delete", "--volumes", "web", "other")
    pods.lab.sh("podman network rm podunit")
    assert list_drift(diff(pods, text).stdout) == []
    # Of the network that was deleted beside podman its bridge is left, with a route that a user's pods could not have.
    pods.lab.sh("ip -brief link show type bridge | cut -d ' ' -f 1 | xargs -r -n 1 ip link delete")


def test_a_dry_run_says_what_the_command_then_does(pods: Pods) -> None:
    web = deployment(2, "trap exit TERM; sleep 1000 & wait")
    pods.lab.write("/root/pod.yaml", web)
    pods.lab.write("/root/changed.yaml", deployment(2, "trap exit TERM; sleep 1001 & wait"))
    for command in (
        ("apply", "/root/pod.yaml"),
        ("apply", "/root/changed.yaml"),
        ("scale", "deployment/web", "--replicas=1"),
        ("restart", "deployment/web"),
        ("disable", "deployment/web"),
        ("down", "/root/pod.yaml"),
        ("apply", "/root/changed.yaml"),
        ("up", "/root/changed.yaml"),
        ("delete", "/root/changed.yaml"),
    ):
        before = snapshot(pods)
        foretold = pods.lab.run("podunit", *command, "--dry-run")
        assert snapshot(pods) == before, command
        assert foretold.stderr == "note: a dry run: nothing was changed\n"
        assert pods.lab.run("podunit", *command).stdout == foretold.stdout, command
    assert pods.lab.run("podunit", "uninstall", "--dry-run").stdout == pods.lab.run("podunit", "uninstall").stdout
    assert pods.lab.sh("rm -rf /run/web; ls -A " + UNITS).stdout == ""


def test_an_apply_makes_the_machine_match_the_spec_folder(pods: Pods) -> None:
    def podunit(*arguments: str) -> tuple[int, str]:
        done = pods.lab.run("podunit", *arguments, check=False)
        return done.returncode, done.stdout

    try:
        for name in ("web", "db"):
            pods.lab.write(f"/root/{name}.yaml", pod(container("a", FOREVER), name))
        said = "file /etc/podunit/web.yaml: created\npod web: created, started\n"
        assert podunit("apply", "--copy", "/root/web.yaml") == (0, said)
        look = "cmp /root/web.yaml /etc/podunit/web.yaml; cd /etc/podunit; ls -A -- *.yaml"
        assert pods.lab.sh(look).stdout == "web.yaml\n"
        pods.lab.run("cp", "/root/db.yaml", "/etc/podunit")
        assert podunit("apply") == (0, "pod db: created, started\npod web: unchanged\n")

        pods.lab.run("rm", "/etc/podunit/web.yaml")
        missed = "pod web: its file /etc/podunit/web.yaml is gone; remove it with --prune\n"
        assert podunit("apply") == (0, f"pod db: unchanged\n{missed}")
        assert podunit("diff") == (0, missed)
        assert podunit("diff", "--prune")[0] == 1
        assert podunit("apply", "--prune", "--dry-run") == (0, "pod db: unchanged\npod web: stopped, deleted\n")
        assert pods.state("pod@web", "pod@db") == "active active"
        assert podunit("apply", "--prune") == (0, "pod db: unchanged\npod web: stopped, deleted\n")
        assert pods.state("pod@web", "pod@db") == "inactive active"
        # A pod that was applied by the name of its file is not the folder's.
        pods.lab.run("podunit", "apply", "/root/web.yaml")
        pods.lab.run("rm", "/etc/podunit/db.yaml")
        assert podunit("apply", "--prune") == (0, "pod db: stopped, deleted\n")
        assert pods.state("pod@web", "pod@db") == "active inactive"
    finally:
        pods.lab.sh("rm -rf /etc/podunit/web.yaml /etc/podunit/db.yaml; rmdir --ignore-fail-on-non-empty /etc/podunit")
