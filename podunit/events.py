"""What has happened to pods, a sentence for each event, in the words of Kubernetes where it has one.

In: entries of the journal, of systemd about units, of podman about ends, of the prober about containers. Out: `Event`s.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum

from podunit.history import Course, Exit, Happening, Kind, list_matches, read_happening
from podunit.installed import InstalledPod
from podunit.journal import read_entries
from podunit.names import parse_container_unit, parse_image_unit, parse_pod, pod_unit
from podunit.prober.journal import Event as ProberEvent
from podunit.record import record
from podunit.scope import Scope

# journal fields' PRIORITY: warning, and what is worse.
_WARNING = 4


class Type(StrEnum):
    """`type` of an Event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@record
class Event:
    """Something that has happened to `subject`, as 'container/web.httpd', at microseconds of CLOCK_REALTIME.

    `pod` and `container` are '' where there is none.
    """

    at_usec: int
    type: Type
    reason: str
    subject: str
    message: str
    pod: str = ""
    container: str = ""

    def describe(self) -> dict[str, object]:
        """The object that `events -o json` prints; its keys are stable."""
        time = datetime.fromtimestamp(self.at_usec / 1_000_000, UTC).isoformat(timespec="milliseconds")
        return {
            "time": time.replace("+00:00", "Z"),
            "type": self.type,
            "reason": self.reason,
            "object": self.subject,
            "pod": self.pod,
            "container": self.container,
            "message": self.message,
        }


def read_events(
    pods: Iterable[InstalledPod] | None, scope: Scope, *, since: str, follow: bool = False
) -> Iterator[Event]:
    """What has happened to pods, or to all that there are and were, since a time as journalctl takes it.

    With `follow` what happens is added, until this is closed. PodunitError if the journal cannot be read.
    """
    pods = None if pods is None else tuple(pods)
    units = None if pods is None else [unit for pod in pods for unit in pod.units]
    writer = f"_UID={0 if scope is Scope.SYSTEM else os.getuid()}"
    of_prober = [*(f"PODUNIT_EVENT={event.value}" for event in ProberEvent), writer]
    of_prober += [f"PODUNIT_POD={pod.name}" for pod in pods or ()]
    courses: defaultdict[str, Course] = defaultdict(Course)
    options = [f"--since={since}", *(["--follow", "--no-tail"] if follow else [])]
    for entry in read_entries((*list_matches(units, scope), of_prober), *options):
        if "PODUNIT_EVENT" in entry:
            yield _read_prober(entry)
        elif happening := read_happening(entry, scope):
            courses[happening.unit].add(happening)
            yield from _tell(happening, courses[happening.unit])


def _read_prober(entry: Mapping[str, object]) -> Event:
    pod, container = str(entry.get("PODUNIT_POD", "")), str(entry.get("PODUNIT_CONTAINER", ""))
    good = int(str(entry.get("PRIORITY", _WARNING))) > _WARNING
    message = str(entry.get("MESSAGE", "")).removeprefix(f"{pod}.{container}: ")
    return Event(
        int(str(entry.get("__REALTIME_TIMESTAMP", 0))),
        Type.NORMAL if good else Type.WARNING,
        str(entry["PODUNIT_EVENT"]),
        f"container/{pod}.{container}",
        message,
        pod,
        container,
    )


def _tell(happening: Happening, course: Course) -> Iterator[Event]:
    unit = happening.unit
    if parsed := parse_container_unit(unit):
        yield from _tell_container(happening, course, *parsed)
    elif image := parse_image_unit(unit):
        match happening.kind:
            case Kind.STARTED:
                yield _make(happening, Type.NORMAL, "Pulled", f"image/{image}", "the image is present")
            case Kind.FAILED:
                yield _make(happening, Type.WARNING, "Failed", f"image/{image}", _say_result(happening, None))
    elif pod := parse_pod(unit):
        if unit == pod_unit(pod):
            yield from _tell_pod(happening, pod)
        elif unit.startswith("sandbox@") and happening.kind is Kind.FAILED:
            result = _say_result(happening, None)
            yield _make(happening, Type.WARNING, "FailedSandbox", f"pod/{pod}", f"the sandbox: {result}", pod)


def _tell_pod(happening: Happening, pod: str) -> Iterator[Event]:
    match happening.kind:
        case Kind.STARTING:
            yield _make(happening, Type.NORMAL, "Scheduled", f"pod/{pod}", "the pod is being started", pod)
        case Kind.STARTED:
            yield _make(happening, Type.NORMAL, "Started", f"pod/{pod}", "the pod is up", pod)
        case Kind.FAILED:
            yield _make(happening, Type.WARNING, "Failed", f"pod/{pod}", _say_result(happening, None), pod)
        case Kind.STOPPED:
            yield _make(happening, Type.NORMAL, "Stopped", f"pod/{pod}", "nothing of the pod runs", pod)


def _tell_container(happening: Happening, course: Course, pod: str, container: str) -> Iterator[Event]:
    last = course.past.last_exit

    def make(kind: Type, reason: str, message: str) -> Event:
        return _make(happening, kind, reason, f"container/{pod}.{container}", message, pod, container)

    match happening.kind:
        case Kind.STARTED if happening.finished:
            yield make(Type.NORMAL, "Completed", "the init container is done")
        case Kind.STARTED:
            yield make(Type.NORMAL, "Started", "the container runs")
        case Kind.OUT_OF_MEMORY:
            yield make(Type.WARNING, "OOMKilled", "a process of it was killed for want of memory")
        case Kind.DONE if course.stopping:
            yield make(Type.NORMAL, "Stopped", "somebody stopped it")
        case Kind.DONE:
            yield make(Type.NORMAL, "Completed", _say_result(happening, last))
        case Kind.FAILED:
            yield make(Type.WARNING, "Failed", _say_result(happening, last))
        case Kind.RESTARTING:
            after = f", after {_say_exit(last)}" if last else ""
            yield make(Type.WARNING, "Restarted", f"restart {happening.restarts}{after}")


def _say_result(happening: Happening, last: Exit | None) -> str:
    return _say_exit(last) if last else f"failed with result '{happening.result}'"


def _say_exit(last: Exit) -> str:
    why = "OOMKilled" if last.oom_killed else last.signal
    return f"exit status {last.status}{f' ({why})' if why else ''}"


def _make(
    happening: Happening, kind: Type, reason: str, subject: str, message: str, pod: str = "", container: str = ""
) -> Event:
    return Event(happening.at_usec, kind, reason, subject, message, pod, container)
