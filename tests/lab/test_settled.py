"""An apply that has nothing to do remembers that, and never takes a machine for unchanged that is not."""

from __future__ import annotations

import json

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import UNITS, Pods, container, pod

pytestmark = pytest.mark.lab

_FILE = "/root/pod.yaml"
_RECORD = "/var/lib/podunit/settled.json"
_HANDLE = f"{UNITS}/pod@web.service"


def _apply(lab: Laboratory, *options: str) -> str:
    return lab.run("podunit", "apply", _FILE, *options).stdout


def _settle(lab: Laboratory) -> str:
    """Apply until that is remembered; the record."""
    lab.sh(f"rm -f {_RECORD}")
    lab.wait_until(f"podunit apply {_FILE}; test -e {_RECORD}")
    return lab.read(_RECORD)


def test_a_remembered_apply_sees_what_has_changed(lab: Laboratory) -> None:
    pods = Pods(lab)
    text = pod(container("main", "sleep 1000 & wait"))
    pods.apply(text)
    record = _settle(lab)
    said = _apply(lab)
    assert said == "pod web: unchanged\n"
    assert json.loads(_apply(lab, "--output=json"))["pods"][0]["done"] == ["unchanged"]
    # It was not made again: the first one was good for all of these.
    assert lab.read(_RECORD) == record

    # A unit that somebody has edited, with the size and the time that it had.
    lab.sh(f"cp -p {_HANDLE} /root/before; sed -i s/oneshot/0neshot/ {_HANDLE}; touch -r /root/before {_HANDLE}")
    assert "unchanged" not in _apply(lab)
    assert lab.run("cmp", _HANDLE, "/root/before", check=False).returncode == 0

    _settle(lab)
    lab.sh(f"rm {UNITS}/container@web.main.service")
    _apply(lab)
    assert lab.sh(f"ls {UNITS}/container@web.main.service").stdout

    _settle(lab)
    pods.systemctl("stop", "pod@web")
    assert _apply(lab) == "pod web: unchanged, stays stopped\n"
    _settle(lab)
    assert _apply(lab) == "pod web: unchanged, stays stopped\n"
    assert lab.run("podunit", "up", _FILE).stdout == "pod web: unchanged, started\n"
    assert _apply(lab) == "pod web: unchanged\n"

    _settle(lab)
    lab.sh(f"sed -i 's/sleep 1000/sleep 2000/' {_FILE}")
    assert _apply(lab) == "pod web: changed, container main restarted\n"

    _settle(lab)
    lab.sh("echo '{}' > /var/lib/podunit/objects/Pod.web.json")
    _apply(lab)
    assert "sleep 2000" in lab.read("/var/lib/podunit/objects/Pod.web.json")

    # What is warned of is said each time.
    lab.sh(f"sed -i 's/^spec:/spec:\\n  schedulerName: mine/' {_FILE}")
    for _ in range(2):
        assert "schedulerName" in lab.run("podunit", "apply", _FILE).stderr
    pods.clear()
