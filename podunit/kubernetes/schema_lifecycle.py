"""The fields of hooks that podunit reads, by name and shape (Kubernetes API reference, v1).

In: nothing. Out: dataclasses for `decode`, as those of `schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from podunit.decode import Located
from podunit.kubernetes.schema_probes import ExecAction, HTTPGetAction
from podunit.kubernetes.verdicts import refused_fields
from podunit.record import record
from podunit.report import Position


@record
class SleepAction:
    """core/v1 SleepAction."""

    seconds: Located[int]


@record
class LifecycleHandler:
    """core/v1 LifecycleHandler."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("LifecycleHandler")

    at: Position
    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    sleep: SleepAction | None = None


@record
class Lifecycle:
    """core/v1 Lifecycle."""

    at: Position
    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: Located[str] | None = None
