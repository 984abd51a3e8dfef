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
def pods(lab: Laboratory) -> Iterator[Pods]:
    pods = Pods(lab)
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
