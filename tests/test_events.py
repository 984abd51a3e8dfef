"""What `podunit.events` promises: a sentence for each event, with its reason, from the journal's entries."""

from __future__ import annotations

import json
import os

import pytest

from podunit.cli.output import print_events
from podunit.events import Event, Type, read_events
from podunit.names import image_unit
from podunit.scope import Scope
from tests.journalctl import Journalctl
from tests.test_history import died, exited, systemd
from tests.test_states import make_pod

_UNIT = "container@web.main.service"


def probed(event: str, message: str, priority: int, **fields: object) -> dict[str, object]:
    """What the prober says of a container."""
    entry = {"__REALTIME_TIMESTAMP": "1764000000000000", "MESSAGE": f"web.main: {message}", "PRIORITY": str(priority)}
    return {**entry, "PODUNIT_POD": "web", "PODUNIT_CONTAINER": "main", "PODUNIT_EVENT": event, **fields}


def read(journalctl: Journalctl, *entries: dict[str, object]) -> list[tuple[str, str, str, str]]:
    journalctl.answer(*entries)
    found = read_events(None, Scope.SYSTEM, since="-1h")
    return [(event.subject, event.type.value, event.reason, event.message) for event in found]


def test_a_crash_and_a_restart(journalctl: Journalctl) -> None:
    run = (systemd("starting"), systemd("started", MESSAGE="Started container@web.main.service."))
    crash = (died(3), exited(3), systemd("failed", UNIT_RESULT="exit-code"), systemd("restart", N_RESTARTS="1"))
    subject = "container/web.main"
    assert read(journalctl, *run, *crash, systemd("stopped"), *run) == [
        (subject, "Normal", "Started", "the container runs"),
        (subject, "Warning", "Failed", "exit status 3"),
        (subject, "Warning", "Restarted", "restart 1, after exit status 3"),
        (subject, "Normal", "Started", "the container runs"),
    ]


def test_memory_ran_out(journalctl: Journalctl) -> None:
    killed = (systemd("oom"), died(137), systemd("failed", UNIT_RESULT="exit-code"))
    assert read(journalctl, systemd("starting"), *killed, systemd("restart", N_RESTARTS="4"))[1:] == [
        ("container/web.main", "Warning", "Failed", "exit status 137 (OOMKilled)"),
        ("container/web.main", "Warning", "Restarted", "restart 4, after exit status 137 (OOMKilled)"),
    ]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((died(0), systemd("done")), ("Normal", "Completed", "exit status 0")),
        ((systemd("stopping"), died(143), systemd("done")), ("Normal", "Stopped", "somebody stopped it")),
        ((systemd("started", MESSAGE="Finished x."),), ("Normal", "Completed", "the init container is done")),
        ((systemd("failed", UNIT_RESULT="timeout"),), ("Warning", "Failed", "failed with result 'timeout'")),
    ],
)
def test_an_end(entries: tuple[dict[str, object], ...], expected: tuple[str, str, str], journalctl: Journalctl) -> None:
    assert read(journalctl, systemd("starting"), *entries) == [("container/web.main", *expected)]


def test_a_pod_its_sandbox_and_images(journalctl: Journalctl) -> None:
    handle, sandbox = "pod@web.service", "sandbox@web.service"
    image = image_unit("quay.io/a/b-c:1", always=True)
    entries = [
        *(systemd("starting", handle), systemd("started", image), systemd("failed", image, UNIT_RESULT="exit-code")),
        *(systemd("started", sandbox), systemd("failed", sandbox, UNIT_RESULT="signal")),
        *(systemd("started", handle), systemd("failed", handle, UNIT_RESULT="exit-code"), systemd("stopped", handle)),
        # Others' units, and helpers, are no events.
        *(systemd("failed", "cron.service", UNIT_RESULT="signal"), systemd("started", "pod-mend@web.service")),
    ]
    assert read(journalctl, *entries) == [
        ("pod/web", "Normal", "Scheduled", "the pod is being started"),
        ("image/quay.io/a/b-c:1", "Normal", "Pulled", "the image is present"),
        ("image/quay.io/a/b-c:1", "Warning", "Failed", "failed with result 'exit-code'"),
        ("pod/web", "Warning", "FailedSandbox", "the sandbox: failed with result 'signal'"),
        ("pod/web", "Normal", "Started", "the pod is up"),
        ("pod/web", "Warning", "Failed", "failed with result 'exit-code'"),
        ("pod/web", "Normal", "Stopped", "nothing of the pod runs"),
    ]


def test_the_probers_lines_are_events(journalctl: Journalctl) -> None:
    entries = (probed("Ready", "readiness probe succeeded", 6), probed("Unhealthy", "liveness probe: HTTP 500", 4))
    assert read(journalctl, *entries) == [
        ("container/web.main", "Normal", "Ready", "readiness probe succeeded"),
        ("container/web.main", "Warning", "Unhealthy", "liveness probe: HTTP 500"),
    ]


def test_events_of_some_pods_and_of_all(journalctl: Journalctl) -> None:
    for _ in range(2):
        journalctl.answer()
    assert list(read_events([make_pod("main", ends=False)], Scope.SYSTEM, since="-1h")) == []
    assert list(read_events(None, Scope.USER, since="yesterday")) == []
    some, every = journalctl.calls
    assert {"--since=-1h", f"UNIT={_UNIT}", "UNIT=pod@web.service", "_PID=1", "PODUNIT_POD=web", "_UID=0"} <= set(some)
    assert {"--since=yesterday", "PODUNIT_EVENT=Unhealthy", f"_UID={os.getuid()}"} <= set(every)
    assert not [word for word in every if word.startswith(("UNIT=", "USER_UNIT=", "_SYSTEMD", "PODUNIT_POD="))]


def test_events_are_followed(journalctl: Journalctl) -> None:
    journalctl.answer(probed("Ready", "readiness probe succeeded", 6))
    found = read_events(None, Scope.SYSTEM, since="-1h", follow=True)
    assert next(found).reason == "Ready"
    assert journalctl.is_running()
    found.close()  # type: ignore[attr-defined]
    assert not journalctl.is_running()
    assert {"--follow", "--no-tail"} <= set(journalctl.calls[0])


_EVENT = Event(1_764_000_000_123_456, Type.WARNING, "Failed", "container/web.a", "exit status 3", "web", "a")
_JSON = {
    "time": "2025-11-24T16:00:00.123Z",
    "type": "Warning",
    "reason": "Failed",
    "object": "container/web.a",
    "pod": "web",
    "container": "a",
    "message": "exit status 3",
}


def test_events_are_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    for watch in (False, True):
        print_events([_EVENT], as_json=False, watch=watch)
        header, line = capsys.readouterr().out.splitlines()
        assert header.split() == ["TIME", "TYPE", "REASON", "OBJECT", "MESSAGE"]
        assert line.split(maxsplit=4) == [
            "2025-11-24T16:00:00Z",
            "Warning",
            "Failed",
            "container/web.a",
            "exit status 3",
        ]
    print_events([_EVENT], as_json=True, watch=False)
    assert json.loads(capsys.readouterr().out) == {"schemaVersion": 1, "events": [_JSON]}
    print_events([_EVENT, _EVENT], as_json=True, watch=True)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [_JSON, _JSON]
