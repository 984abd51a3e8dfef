"""What runs right after a container's start and before its stop, and the signal to stop.

In: objects of `schema`. Out: parts of `model.Container`, or problems. The rules are those of the API server
(k8s.io/kubernetes/pkg/apis/core/validation); commands are taken as they are, without `$(VAR)`, as by the kubelet.
"""

from __future__ import annotations

from collections.abc import Iterable

from podunit.decode import suggest
from podunit.kubernetes import schema
from podunit.kubernetes.probes import translate_exec, translate_http
from podunit.kubernetes.schema_lifecycle import LifecycleHandler
from podunit.model import RestartPolicy
from podunit.probes import Exec, Hook, Sleep
from podunit.report import Report
from podunit.signals import SIGNALS

_HANDLERS = "exec, httpGet, sleep"


def translate_hook(
    handler: LifecycleHandler | None, path: str, container: schema.Container, grace_sec: int, report: Report
) -> Hook | None:
    """The one thing that a hook of a container does; `grace_sec` is the most that it may sleep."""
    if handler is None:
        return None
    found: list[Hook] = []
    if handler.exec:
        found.append(Exec(tuple(word.value for word in translate_exec(handler.exec, path, report))))
    if handler.http_get:
        found.append(translate_http(handler.http_get, path, container, report))
    if handler.sleep:
        seconds = handler.sleep.seconds
        if not 0 <= seconds.value <= grace_sec:
            message = f"{seconds.value} is not between 0 and {grace_sec}, terminationGracePeriodSeconds of the pod"
            report.error(seconds.at, f"{path}.sleep.seconds", message)
        found.append(Sleep(seconds.value))
    if len(found) != 1:
        message = "more than one thing to do" if found else "says nothing to do"
        report.error(handler.at, path, message, f"{'keep' if found else 'write'} one of {_HANDLERS}")
        return None
    return found[0]


def translate_stop_signal(container: schema.Container, path: str, spec: schema.PodSpec, report: Report) -> str | None:
    """The name of the signal; None for that of the image."""
    signal = container.lifecycle.stop_signal if container.lifecycle else None
    if signal is None:
        return None
    path = f"{path}.lifecycle.stopSignal"
    if spec.os is None:
        hint = "write 'os: {name: linux}' in the pod's spec"
        report.error(signal.at, path, "needs spec.os.name, which says whose signals these are", hint)
    if signal.value not in SIGNALS:
        message = f"'{signal.value[:60]}' is not the name of a signal"
        report.error(signal.at, path, message, suggest(signal.value, SIGNALS) or "write it as SIGTERM")
    return signal.value


def refuse_hooks(containers: Iterable[schema.Container], path: str, report: Report) -> None:
    """No hooks for init containers that end."""
    for index, container in enumerate(containers):
        policy = container.restart_policy
        if container.lifecycle and not (policy and policy.value is RestartPolicy.ALWAYS):
            hint = "remove it, or write 'restartPolicy: Always' for a sidecar"
            message = "an init container that is no sidecar has no hooks"
            report.error(container.lifecycle.at, f"{path}[{index}].lifecycle", message, hint)
