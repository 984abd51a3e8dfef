"""Generations: what was there is kept, and comes back by `rollout undo`, or by itself with `--atomic`."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import UNITS, Pods, container, over_engines, pod, wait_for
from tests.lab.test_workloads import deployment

FOREVER = "sleep 1000 & wait"
SERVE = "httpd -f -p 8080 -h /www & wait"
MOUNT = "volumeMounts: [{name: www, mountPath: /www}, {name: key, mountPath: /key}]"
VOLUMES = "  volumes: [{name: www, configMap: {name: www}}, {name: key, secret: {secretName: key}}]\n"
WWW = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: www}\ndata: {index.html: 'the first page'}\n"
KEY = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {key: hidden-one}\n"
WEB = pod(container("a", SERVE, MOUNT) + container("b", FOREVER), more=VOLUMES) + WWW + KEY
OTHER = pod(container("a", FOREVER), "other")
NEVER_READY = "readinessProbe: {exec: {command: [test, -e, /nothing]}, periodSeconds: 1}"
# All that a generation holds of pods.
FILES = (
    f"cd {UNITS} && sha256sum *web* *other* 2> /dev/null || :;"
    " cd /var/lib/podunit && find files objects -type f | sort | xargs -r sha256sum; cat places.json"
)
# How many of three replicas are ready, as a client of each sees it, again and again.
WATCH = """
while [ ! -e /run/watched ]; do
  count=0
  for pod in web-0 web-1 web-2; do
    [ "$(curl --silent --fail --max-time 0.5 http://$(cat /run/web/$pod):8080/ready)" = yes ] && count=$((count + 1))
  done
  echo $count
  sleep 0.05
done > /run/served
"""
# It serves at once, and says only later that it is ready.
LATE = (
    "mkdir -p /www/; rm -f /www/ready; hostname -i > /shared/$(hostname); trap exit TERM; httpd -f -p 8080 -h /www & "
    "sleep 1; echo yes > /www/ready; wait"
)
PROBE = "        readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}\n"


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    lab.sh("rm -rf /var/lib/podunit/generations")
    pods = Pods(lab, engine)
    yield pods
    lab.sh(f"cd {UNITS} && podunit delete $(ls | sed -n 's/^pod@\\(.*-.*\\)\\.service$/\\1/p')", check=False)
    pods.clear()
    lab.write("/root/pod.yaml", WWW + KEY)
    lab.run("podunit", "delete", "/root/pod.yaml", check=False)
    lab.sh("rm -rf /run/web /run/served /run/watched")
    wait_for(pods.remains, "", timeout_sec=5)


def see(pods: Pods) -> str:
    """The page that pod web serves."""
    address = pods.inside("web.a", "hostname", "-i").stdout.split()[0]
    return pods.lab.sh(f"curl --silent --max-time 2 http://{address}:8080/").stdout


def history(pods: Pods, word: str = "web") -> list[dict[str, Any]]:
    done = pods.lab.run("podunit", "rollout", "history", word, "-o", "json")
    found: list[dict[str, Any]] = json.loads(done.stdout)["revisions"]
    return found


def pids(pods: Pods, *containers: str) -> list[int]:
    return [pods.main_pid(f"container@{name}") for name in containers]


@over_engines
def test_undo_brings_back_the_page_the_files_and_the_units(pods: Pods) -> None:
    pods.apply(OTHER)
    pods.lab.write("/root/web.yaml", WEB)
    pods.lab.run("podunit", "apply", "/root/web.yaml", "-m", "the first")
    assert see(pods) == "the first page"
    first, others = pods.lab.sh(FILES).stdout, pids(pods, "other.a")

    changed = WEB.replace("the first page", "the second page").replace("hidden-one", "hidden-two")
    pods.lab.write("/root/web.yaml", changed.replace("sleep 1000", "sleep 1001"))
    pods.lab.run("podunit", "apply", "/root/web.yaml")
    assert see(pods) == "the second page"
    second = pods.lab.sh(FILES).stdout
    assert second != first
    # Nothing has changed: no generation.
    pods.lab.run("podunit", "apply", "/root/web.yaml")
    past = history(pods)
    assert [(one["revision"], one["message"], one["fate"]) for one in past] == [
        (2, "the first", "done"),
        (3, "", "done"),
    ]
    assert [one["current"] for one in past] == [False, True]
    assert (past[1]["user"], past[1]["command"]) == ("root", "podunit apply /root/web.yaml")
    # What a container runs is in its unit with podman, in its bundle with crun.
    runs = ["bundle/b/config.json", "bundle/b/key"] if pods.engine == "crun" else []
    assert past[1]["changed"]["web"]["files"] == [*runs, "volumes/key/key", "volumes/www/index.html"]
    assert past[1]["changed"]["web"]["updated"] == ([] if runs else ["container@web.b.service"])
    assert past[0]["images"] == past[1]["images"] != {}
    table = pods.lab.run("podunit", "rollout", "history", "web").stdout.splitlines()
    assert table[0].split() == ["REVISION", "TIME", "WHO", "STATE", "CHANGED", "WHY"]
    assert "-1001" not in pods.lab.run("podunit", "rollout", "history", "web", "--revision", "3").stdout
    shown = pods.lab.run("podunit", "rollout", "history", "web", "--revision", "3").stdout
    assert ("+  localhost/podunit-test:1 -c" in shown) == (pods.engine == "podman")
    assert "hidden" not in shown
    modes = pods.lab.sh("find /var/lib/podunit/generations -printf '%y %m\\n' | sort -u").stdout
    assert modes == "d 700\nf 600\n"
    assert "hidden" not in pods.lab.sh("grep -ra hidden /var/lib/podunit/generations || :").stdout

    dry = pods.lab.run("podunit", "rollout", "undo", "web", "--dry-run")
    assert "pod web: changed, restarted\n" in dry.stdout
    assert pods.lab.sh(FILES).stdout == second
    done = pods.lab.run("podunit", "rollout", "undo", "web")
    assert "pod web: changed, restarted\n" in done.stdout
    assert "note: /root/web.yaml says otherwise: the next apply of it brings that back\n" in done.stderr
    assert pods.lab.sh(FILES).stdout == first
    assert see(pods) == "the first page"
    assert pids(pods, "other.a") == others
    assert [one["current"] for one in history(pods)] == [False, False, True]

    # Once more, and there and back again by number.
    pods.lab.run("podunit", "rollout", "undo", "web")
    assert pods.lab.sh(FILES).stdout == second
    pods.lab.run("podunit", "rollout", "undo", "web", "--to", "2", "-m", "by number")
    assert pods.lab.sh(FILES).stdout == first
    assert history(pods)[-1]["message"] == "by number"
    refused = pods.lab.run("podunit", "rollout", "undo", "web", "--to", "99", check=False)
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (3, "error: there is no revision 99 of web")
    # With the pod its history goes, and the secrets in it.
    pods.lab.run("podunit", "delete", "web")
    assert pods.lab.sh("ls /var/lib/podunit/generations/content | wc -l").stdout == "2\n"


def test_what_others_use_as_well_stays(pods: Pods) -> None:
    both = WEB + "---\n" + WEB.split("---")[0].replace("name: web", "name: twin")
    pods.apply(both)
    pods.apply(both.replace("the first page", "the second page"))
    done = pods.lab.run("podunit", "rollout", "undo", "web")
    assert "note: ConfigMap.www is also used by Pod.twin, and stays as it is" in done.stderr
    assert see(pods) == "the first page"
    assert "the second" in pods.lab.read("/var/lib/podunit/objects/ConfigMap.www.json")
    assert pods.inside("twin.a", "cat", "/www/index.html").stdout == "the second page"


def test_atomic_goes_back_from_a_container_that_does_not_start(pods: Pods) -> None:
    pods.apply(WEB + "---\n" + OTHER)
    before, others = pods.lab.sh(FILES).stdout, pids(pods, "other.a")
    new = pod(container("a", FOREVER), "fresh")
    bad = WEB.replace("[sh,", "[no-such-command,", 1).replace("the first page", "the second page")
    pods.lab.write("/root/bad.yaml", bad + "---\n" + new)
    done = pods.lab.run("podunit", "apply", "--atomic", "/root/bad.yaml", check=False)
    assert done.returncode == 4
    assert "error: went back to generation 1: pod 'web' is not up\n" in done.stderr
    assert "container 'a' failed" in done.stderr
    assert pods.lab.sh(FILES).stdout == before
    assert (pods.state("pod@web", "pod@other", "pod@fresh"), see(pods)) == ("active active inactive", "the first page")
    assert pids(pods, "other.a") == others
    assert history(pods)[-1]["fate"] == "gone back"
    refused = pods.lab.run("podunit", "rollout", "undo", "web", check=False)
    assert "there is no earlier revision of web that came up" in refused.stderr
    # An image that is not there is found before anything is changed, and is no revision.
    known, own = history(pods), pids(pods, "web.a")
    pods.lab.write("/root/absent.yaml", WEB.replace("podunit-test:1", "nothing-here:1", 1) + "---\n" + new)
    done = pods.lab.run("podunit", "apply", "--atomic", "/root/absent.yaml", check=False)
    assert (done.returncode, "nothing was changed" in done.stderr) == (1, True)
    assert (history(pods), pids(pods, "web.a"), pods.lab.sh(FILES).stdout) == (known, own, before)
    # Without it what failed stays, and the way back is told.
    done = pods.lab.run("podunit", "apply", "/root/bad.yaml", check=False)
    assert (done.returncode, "podunit rollout undo web" in done.stderr) == (1, True)
    assert history(pods)[-1]["fate"] == "failed"
    pods.lab.run("podunit", "rollout", "undo", "web")
    assert (pods.state("pod@web"), see(pods)) == ("active", "the first page")


def test_atomic_goes_back_from_a_probe_that_never_succeeds(pods: Pods) -> None:
    pods.apply(WEB)
    before = pods.lab.sh(FILES).stdout
    for bad in (WEB.replace("name: b\n", f"name: b\n    {NEVER_READY}\n"), WEB.replace(MOUNT, NEVER_READY)):
        pods.lab.write("/root/bad.yaml", bad)
        done = pods.lab.run("podunit", "apply", "--atomic", "--timeout=6", "/root/bad.yaml", "-o", "json", check=False)
        assert done.returncode == 4, done.stderr
        assert json.loads(done.stdout)["goneBack"] == {"generation": 1, "reason": "not all is up within 6 s"}
        assert pods.lab.sh(FILES).stdout == before
        assert (pods.state("pod@web"), see(pods)) == ("active", "the first page")
    # A pod that was not there is not there again.
    pods.lab.write("/root/bad.yaml", pod(container("a", FOREVER, NEVER_READY), "fresh"))
    done = pods.lab.run("podunit", "up", "--atomic", "--timeout=6", "/root/bad.yaml", check=False)
    assert (done.returncode, pods.state("pod@fresh")) == (4, "inactive")
    assert pods.lab.sh(FILES).stdout == before


def test_what_went_down_with_a_pod_is_started_again(pods: Pods) -> None:
    needs = OTHER.replace("annotations:\n", "annotations:\n    podunit/Unit.Requires: pod@web.service\n")
    needs = needs.replace("annotations:\n", "annotations:\n    podunit/Unit.After: pod@web.service\n")
    pods.apply(WEB + "---\n" + needs)
    assert pods.state("pod@other") == "active"
    pods.lab.write(
        "/root/bad.yaml", WEB.replace("the first page", "no page").replace("name: b\n", f"name: b\n    {NEVER_READY}\n")
    )
    done = pods.lab.run("podunit", "apply", "--atomic", "--timeout=6", "/root/bad.yaml", check=False)
    assert done.returncode == 4, done.stderr
    assert "pod other: restarted\n" in done.stdout, done
    assert pods.state("pod@web", "pod@other", "container@other.a") == "active active active"


def test_a_stop_ends_a_start_that_waits_for_probes(pods: Pods) -> None:
    pods.install(pod(container("a", FOREVER, NEVER_READY)))
    pods.systemctl("start", "--no-block", "pod@web")
    # At once, while the containers are being started, and once the probes are waited for.
    pods.lab.wait_until("systemctl is-active --quiet sandbox@web")
    pods.systemctl("stop", "pod@web", timeout_sec=20)
    pods.systemctl("start", "--no-block", "pod@web")
    pods.wait("active", "container@web.a")
    pods.systemctl("stop", "pod@web", timeout_sec=20)
    assert pods.remains() == ""


def test_a_rollout_by_readiness_keeps_what_may_not_be_missed(pods: Pods) -> None:
    text = deployment(3, LATE, "progressDeadlineSeconds: 30") + PROBE
    pods.apply(text)
    pods.lab.wait_until("[ $(ls /run/web | wc -l) = 3 ]")
    before = pods.lab.sh(FILES).stdout
    pods.lab.sh(f"nohup sh -c '{WATCH}' > /dev/null 2>&1 &")
    pods.apply(text.replace("sleep 1;", "sleep 1.5;"))
    done = pods.lab.run("podunit", "rollout", "restart", "deployment/web")
    assert done.stdout == "".join(f"pod web-{number}: restarted\n" for number in range(3))
    broken = text.replace("path: /ready", "path: /never").replace("Seconds: 30", "Seconds: 5")
    pods.lab.write("/root/bad.yaml", broken)
    done = pods.lab.run("podunit", "apply", "--atomic", "/root/bad.yaml", check=False)
    assert done.returncode == 4, done.stderr
    assert "error: went back to generation 2: pod 'web-0' is not up\n" in done.stderr
    pods.lab.write("/root/bad.yaml", text.replace("podunit-test:1", "nothing-here:1"))
    done = pods.lab.run("podunit", "apply", "--atomic", "/root/bad.yaml", check=False)
    assert done.returncode == 1, done.stderr
    pods.lab.run("podunit", "rollout", "undo", "deployment/web")
    pods.lab.sh("touch /run/watched; sleep 0.5")
    served = pods.lab.read("/run/served").split()
    assert set(served) == {"2", "3"}, served
    assert pods.lab.sh(FILES).stdout == before
    status = pods.lab.run("podunit", "rollout", "status", "deploy/web", "--timeout=5s")
    assert status.stdout.splitlines()[-1].endswith(": ready, 3 of 3")
    # An owner's revision is all its pods.
    pods.lab.run("podunit", "scale", "deploy/web", "--replicas=1")
    pods.lab.run("podunit", "rollout", "undo", "deploy/web")
    assert pods.state("pod@web-0", "pod@web-1", "pod@web-2") == "active active active"
    assert pods.lab.sh(FILES).stdout == before
    short = pods.lab.run("podunit", "rollout", "undo", "web-1", check=False)
    assert "pod 'web-1' is one of Deployment/web" in short.stderr


def test_so_many_revisions_are_kept_as_the_owner_says(pods: Pods) -> None:
    text = deployment(1, "trap exit TERM; sleep 1000 & wait", "revisionHistoryLimit: 2")
    for number in range(5):
        pods.apply(text.replace("1000", f"100{number}"))
    assert [one["revision"] for one in history(pods, "deploy/web")] == [3, 4, 5]
    # Three pods and three objects.
    assert pods.lab.sh("ls /var/lib/podunit/generations/content | wc -l").stdout == "6\n"


@pytest.mark.parametrize("after_sec", ["0.4", "1.2"])
def test_what_is_killed_in_an_undo_is_healed_by_the_next_command(pods: Pods, after_sec: str) -> None:
    pods.apply(WEB)
    first = pods.lab.sh(FILES).stdout
    pods.apply(WEB.replace("the first page", "the second page").replace("sleep 1000", "sleep 1001"))
    second = pods.lab.sh(FILES).stdout
    pods.lab.sh(f"timeout --signal=KILL {after_sec} podunit rollout undo web", check=False)
    # The next command, whatever it is; then there is a way on from there.
    pods.lab.run("podunit", "rollout", "undo", "web", "--to", "1")
    assert pods.lab.sh(FILES).stdout == first
    # What the killed one has asked systemd for goes on: a container may be between two runs.
    wait_for(lambda: str(pods.inside("web.a", "true", check=False).returncode), "0")
    assert (pods.state("pod@web"), see(pods)) == ("active", "the first page")
    pods.lab.run("podunit", "rollout", "undo", "web", "--to", "2")
    assert pods.lab.sh(FILES).stdout == second
    assert see(pods) == "the second page"
    assert "interrupted" in pods.lab.run("podunit", "rollout", "history", "web").stdout or len(history(pods)) <= 4


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_waiting_and_says_what_is_there(pods: Pods, number: signal.Signals, status: int) -> None:
    pods.apply(WEB)
    pods.lab.write("/root/bad.yaml", WEB.replace(MOUNT, NEVER_READY))
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "done = subprocess.Popen(['podunit', 'apply', '/root/bad.yaml'], stderr=subprocess.PIPE, text=True)\n"
        "while subprocess.run(['grep', '-q', '/nothing', sys.argv[1]]).returncode: time.sleep(0.1)\n"
        "other = subprocess.run(['podunit', 'apply', '/root/pod.yaml', '--timeout=2'], stderr=-1, text=True)\n"
        "print(other.stderr)\n"
        f"done.send_signal({int(number)})\n"
        "print(done.communicate()[1], done.returncode)\n"
    )
    pods.lab.write("/root/interrupt.py", script)
    said = pods.lab.run("python3", "/root/interrupt.py", f"{UNITS}/container@web.a.service", timeout_sec=60).stdout
    # Another one waits meanwhile, and says for whom.
    assert "waiting for podunit apply /root/bad.yaml (process " in said
    assert "note: units as they were applied: web\n" in said
    assert said.endswith(f"podunit rollout undo goes back\n {status}\n")
    assert "Traceback" not in said
    assert pods.lab.run("podunit", "diff", "/root/bad.yaml", check=False).returncode == 0
    pods.lab.run("podunit", "rollout", "undo", "web")
    assert (pods.state("pod@web"), see(pods)) == ("active", "the first page")


def test_gc_removes_what_nothing_needs(pods: Pods) -> None:
    for name in ("old", "theirs"):
        pods.lab.run("podman", "tag", "localhost/podunit-test:1", f"registry.invalid/{name}:1")
    pods.apply(OTHER.replace("localhost/podunit-test:1", "registry.invalid/old:1"))
    pods.apply(OTHER)
    pods.lab.sh("mkdir -p /var/lib/podunit/files/gone /var/lib/podunit/files/gone_new")
    dry = pods.lab.run("podunit", "gc", "--dry-run")
    assert dry.stdout == "/var/lib/podunit/files/gone: removed\n"
    assert pods.lab.sh("ls -d /var/lib/podunit/files/gone*").stdout.count("gone") == 2
    # What a revision needs is kept.
    done = pods.lab.run("podunit", "gc")
    assert done.stdout == dry.stdout
    # What was half-done any command that changes something does away with.
    assert pods.lab.sh("ls /var/lib/podunit/files | grep gone || :").stdout == ""
    assert pods.lab.run("podunit", "gc").stdout == ""
    pods.lab.run("podunit", "rollout", "undo", "other")
    assert pods.state("pod@other") == "active"
    pods.lab.run("podunit", "delete", "other")
    removed = "image registry.invalid/old:1: removed\nnetwork podunit: removed\n"
    assert pods.lab.run("podunit", "gc").stdout == removed
    left = pods.lab.run("podman", "images", "--format={{.Repository}}").stdout.split()
    assert ("registry.invalid/old" in left, "registry.invalid/theirs" in left) == (False, True)
    assert "localhost/podunit-test" in left
    pods.lab.run("podman", "rmi", "registry.invalid/theirs:1")
