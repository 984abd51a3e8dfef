"""What the unit of a container says of its probes and hooks, whatever makes its process.

In: the model. Out: values for the templates, and the units that come before the container's for this.
"""

from __future__ import annotations

from podunit.engines import probes
from podunit.engines.stops import run_post_start, stop_container
from podunit.model import Container, Pod
from podunit.names import PROBER_SERVICE, PROBER_SOCKET
from podunit.probes import Exec, Sleep
from podunit.unitfile import Value, command_line, join_units, join_words
from podunit.values import START_SEC, STOP_MARGIN_SEC, Values


def list_probers(pod: Pod, container: Container, *, init: bool) -> tuple[str, ...]:
    """The units of the prober that have to be there before the container's."""
    if probes.asks_prober(pod, container):
        # At a shutdown what runs hooks stops later than who asks for them.
        return (PROBER_SOCKET, PROBER_SERVICE)
    return (PROBER_SOCKET,) if not init and probes.has_probes(container) else ()


def describe_checks(pod: Pod, container: Container, unit: str, *, init: bool) -> Values:
    """What `unit`, the container's, says: what registers probes and hooks, what waits for them, the stop, the times."""
    hooks = probes.register_hooks(pod, container, unit)
    checks = probes.register_probes(pod, container, unit)
    started, reason = probes.wait_until_started(pod, container), probes.tell_reason(pod, container)
    post_start = run_post_start(pod, container)
    has_prober = bool(list_probers(pod, container, init=init))
    return {
        "prober_socket": join_units([PROBER_SOCKET]),
        "probes_directory": join_words([probes.probes_directory(pod, container)]) if has_prober else None,
        "register_hooks": command_line(hooks) if hooks else None,
        "register_probes": command_line(checks) if checks else None,
        "tell_reason": command_line(reason, ignore_failure=True) if reason else None,
        "wait_until_started": command_line(started) if started else None,
        "post_start": command_line(post_start) if post_start else None,
        "has_hook": bool(container.pre_stop and pod.grace_sec),
        "stop": command_line(stop_container(pod, container)),
        "timeout_start_sec": Value(_timeout_start(container)),
    }


def _timeout_start(container: Container) -> str:
    if isinstance(container.post_start, Exec):
        # As on Kubernetes, a command has all the time it wants.
        return "infinity"
    pause_sec = container.post_start.seconds if isinstance(container.post_start, Sleep) else 0
    return str(max(START_SEC, probes.startup_timeout_sec(container), pause_sec + STOP_MARGIN_SEC))
