"""What others do with pods by systemctl while a command of podunit is at work on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.pods import IMAGE, UNITS, Pods, container, only_podman, over_engines, pod, wait_for

# Without what systemd would escape but for the slash.
_LATE = "localhost/late:1"
_DROP_IN = f"/run/systemd/system/image@{_LATE.replace('/', '-')}.service.d"
# Holds until there is /run/test/go.
_HOLD = "touch /run/test/held; until [ -e /run/test/go ]; do sleep 0.05; done"
_OLD = pod(container("a", "sleep 1000 & wait"))
_NEW = pod(container("a", "sleep 1001 & wait"))
# In the same file, with an image that is still to come.
_OTHER = pod(container("a", "sleep 1000 & wait"), "other").replace(IMAGE, _LATE)
_OWNER = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: main, image: {IMAGE}, command: [sh, -c, 'trap exit TERM; sleep 1000 & wait']}}]
"""


def begin(pods: Pods, command: str) -> None:
    """Let a command run; when it has ended its exit status is in /run/test/status."""
    pods.lab.sh(
        "mkdir -p /run/test; rm -f /run/test/*;"
        f" ({command} && status=0 || status=$?; echo $status > /run/test/status) > /run/test/said 2>&1 &"
    )


@contextmanager
def at_work(pods: Pods, command: str) -> Iterator[None]:
    """While this command is held at what says so; then it ends, with all that it has said in /run/test/said."""
    begin(pods, command)
    try:
        pods.lab.wait_until("test -e /run/test/held")
        yield
    finally:
        pods.lab.sh("touch /run/test/go")
        pods.lab.wait_until("test -s /run/test/status")


@pytest.fixture
def late(pods: Pods) -> Iterator[None]:
    """An image that comes when there is /run/test/go."""
    pods.lab.write(
        f"{_DROP_IN}/hold.conf", f"[Service]\nExecStartPre=/bin/sh -c '{_HOLD}; podman tag {IMAGE} {_LATE}'\n"
    )
    yield
    pods.lab.sh(f"podunit delete other; podman untag {IMAGE} {_LATE}; rm -r {_DROP_IN}; systemctl daemon-reload")


@contextmanager
def held_podman(pods: Pods, words: str) -> Iterator[None]:
    """With a podman that is held when it is called with these words first."""
    pods.lab.write(
        "/root/held-podman",
        f'#!/bin/sh\ncase "$*" in "{words}"*) [ -e /run/test/held ] || {{ {_HOLD}; }};; esac\nexec /root/podman "$@"\n',
    )
    pods.lab.sh(
        "cp /usr/bin/podman /root/podman; chmod +x /root/held-podman; mount --bind /root/held-podman /usr/bin/podman"
    )
    try:
        yield
    finally:
        pods.lab.sh("umount /usr/bin/podman; rm /root/held-podman /root/podman")


@only_podman
@pytest.mark.usefixtures("late")
def test_a_pod_that_is_stopped_while_an_apply_pulls_stays_stopped(pods: Pods) -> None:
    pods.apply(_OLD)
    pods.lab.write("/root/pod.yaml", f"{_NEW}---\n{_OTHER}")
    with at_work(pods, "podunit apply /root/pod.yaml"):
        pods.systemctl("stop", "pod@web")
    assert "pod web: changed, stays stopped\n" in pods.lab.read("/run/test/said")
    assert pods.state("pod@web", "container@web.a", "pod@other") == "inactive inactive active"
    pods.systemctl("start", "pod@web")
    assert "sleep 1001" in pods.lab.sh("ps ax -o args").stdout


@only_podman
@pytest.mark.usefixtures("late")
def test_a_pod_that_is_started_while_an_apply_pulls_runs_as_it_was_applied(pods: Pods) -> None:
    pods.apply(_OLD)
    pods.systemctl("stop", "pod@web")
    pods.lab.write("/root/pod.yaml", f"{_NEW}---\n{_OTHER}")
    with at_work(pods, "podunit apply /root/pod.yaml"):
        pods.systemctl("start", "pod@web")
    assert "pod web: changed, container a restarted\n" in pods.lab.read("/run/test/said")
    assert pods.state("pod@web", "container@web.a", "pod@other") == "active active active"
    assert "sleep 1001" in pods.lab.sh("ps ax -o args").stdout


@only_podman
def test_a_pod_that_is_started_while_it_is_deleted_goes(pods: Pods) -> None:
    pods.apply(_OLD)
    with held_podman(pods, "container ls"):
        with at_work(pods, "podunit delete web"):
            pods.systemctl("start", "pod@web")
        assert pods.lab.read("/run/test/said") == "pod web: stopped, deleted\n"
    wait_for(pods.remains, "", timeout_sec=5)
    assert pods.lab.sh(f"ls {UNITS} | grep web || :").stdout == ""


@over_engines
def test_a_deletion_removes_what_a_killed_stop_has_left(pods: Pods) -> None:
    pods.apply(_OLD)
    # As if it had been killed at once.
    folder = "/run/systemd/system/sandbox@web.service.d"
    pods.lab.write(f"{folder}/none.conf", "[Service]\nExecStopPost=\n")
    pods.systemctl("daemon-reload")
    pods.systemctl("stop", "pod@web")
    pods.lab.sh(f"rm -r {folder}; systemctl daemon-reload")
    assert "/run/podunit/web_sandbox/net" in pods.remains()
    assert pods.lab.run("podunit", "delete", "web").stdout == "pod web: stopped, deleted\n"
    wait_for(pods.remains, "", timeout_sec=5)


@only_podman
def test_a_replica_that_is_started_while_it_is_too_much_goes(pods: Pods) -> None:
    pods.apply(_OWNER)
    with held_podman(pods, "container ls"):
        with at_work(pods, "podunit scale deployment/web --replicas=1"):
            pods.systemctl("start", "pod@web-1")
        assert "pod web-1: stopped, deleted\n" in pods.lab.read("/run/test/said")
    assert pods.lab.sh(f"ls {UNITS} | grep web.*1 || :").stdout == ""
    assert pods.lab.run("podunit", "delete", "deployment/web").stdout == "pod web-0: stopped, deleted\n"
    wait_for(pods.remains, "", timeout_sec=5)


@over_engines
def test_a_stop_that_somebody_replaces_by_a_start_is_said_to_be_one(pods: Pods) -> None:
    pods.apply(pod(container("a", "trap : TERM; sleep 1000 & wait; sleep 1000")))
    begin(pods, "podunit stop web")
    pods.wait("deactivating", "pod@web")
    pods.systemctl("start", "pod@web")
    pods.lab.wait_until("test -s /run/test/status")
    assert pods.lab.read("/run/test/status") == "1\n"
    assert "error: pod 'web' is not stopped: its job was canceled by another\n" in pods.lab.read("/run/test/said")
