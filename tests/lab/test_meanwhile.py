"""What others do with pods by systemctl while a command of podunit is at work on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.pods import IMAGE, Pods, container, only_podman, pod

# Without what systemd would escape but for the slash.
_LATE = "localhost/late:1"
_DROP_IN = f"/run/systemd/system/image@{_LATE.replace('/', '-')}.service.d"
# Holds until there is /run/test/go.
_HOLD = "touch /run/test/held; until [ -e /run/test/go ]; do sleep 0.05; done"
_OLD = pod(container("a", "sleep 1000 & wait"))
_NEW = pod(container("a", "sleep 1001 & wait"))
# In the same file, with an image that is still to come.
_OTHER = pod(container("a", "sleep 1000 & wait"), "other").replace(IMAGE, _LATE)


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
