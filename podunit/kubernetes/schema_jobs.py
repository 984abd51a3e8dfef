"""The fields of Job and CronJob, by name and shape (Kubernetes API reference, batch/v1).

In: nothing. Out: dataclasses for `decode`, as in `schema`. What a field means is for `jobs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Annotated, ClassVar

from podunit.decode import Located, Parsed
from podunit.kubernetes.cron import Schedule, parse_schedule, parse_time_zone
from podunit.kubernetes.schema import ObjectMeta
from podunit.kubernetes.schema_workloads import PodTemplateSpec, TemplateMeta
from podunit.kubernetes.verdicts import ignored_fields, refused_fields
from podunit.record import record
from podunit.report import Position
from podunit.rules import FailureAction


class CompletionMode(StrEnum):
    """`completionMode` of a JobSpec."""

    NON_INDEXED = "NonIndexed"
    INDEXED = "Indexed"


class PodReplacementPolicy(StrEnum):
    """`podReplacementPolicy` of a JobSpec."""

    TERMINATING_OR_FAILED = "TerminatingOrFailed"
    FAILED = "Failed"


class ConcurrencyPolicy(StrEnum):
    """`concurrencyPolicy` of a CronJobSpec."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"


class ExitCodesOperator(StrEnum):
    """`operator` of a PodFailurePolicyOnExitCodesRequirement."""

    IN = "In"
    NOT_IN = "NotIn"


@record
class PodFailurePolicyOnExitCodesRequirement:
    """batch/v1 PodFailurePolicyOnExitCodesRequirement."""

    operator: Located[ExitCodesOperator]
    values: Located[tuple[Located[int], ...]]
    container_name: Located[str] | None = None


@record
class PodFailurePolicyOnPodConditionsPattern:
    """batch/v1 PodFailurePolicyOnPodConditionsPattern."""

    type: Located[str]
    status: Located[str] | None = None


@record
class PodFailurePolicyRule:
    """batch/v1 PodFailurePolicyRule."""

    action: Located[FailureAction]
    at: Position
    on_exit_codes: PodFailurePolicyOnExitCodesRequirement | None = None
    on_pod_conditions: Located[tuple[PodFailurePolicyOnPodConditionsPattern, ...]] | None = None


@record
class PodFailurePolicy:
    """batch/v1 PodFailurePolicy."""

    rules: Located[tuple[PodFailurePolicyRule, ...]]


@record
class SuccessPolicyRule:
    """batch/v1 SuccessPolicyRule."""

    at: Position
    succeeded_indexes: Located[str] | None = None
    succeeded_count: Located[int] | None = None


@record
class SuccessPolicy:
    """batch/v1 SuccessPolicy."""

    rules: Located[tuple[SuccessPolicyRule, ...]]


@record
class JobSpec:
    """batch/v1 JobSpec."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("JobSpec")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("JobSpec")

    template: PodTemplateSpec
    at: Position
    completions: Located[int] | None = None
    parallelism: Located[int] | None = None
    completion_mode: Located[CompletionMode] | None = None
    backoff_limit: Located[int] | None = None
    backoff_limit_per_index: Located[int] | None = None
    max_failed_indexes: Located[int] | None = None
    success_policy: Located[SuccessPolicy] | None = None
    active_deadline_seconds: Located[int] | None = None
    suspend: Located[bool] | None = None
    pod_failure_policy: Located[PodFailurePolicy] | None = None
    pod_replacement_policy: Located[PodReplacementPolicy] | None = None


@record
class Job:
    """batch/v1 Job."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("Job")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: JobSpec
    at: Position


@record
class JobTemplateSpec:
    """batch/v1 JobTemplateSpec."""

    spec: JobSpec
    metadata: TemplateMeta = field(default_factory=TemplateMeta)


@record
class CronJobSpec:
    """batch/v1 CronJobSpec."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("CronJobSpec")

    schedule: Located[Annotated[Schedule, Parsed(parse_schedule, ("str",))]]
    job_template: JobTemplateSpec
    at: Position
    time_zone: Located[Annotated[str, Parsed(parse_time_zone, ("str",))]] | None = None
    concurrency_policy: Located[ConcurrencyPolicy] | None = None
    starting_deadline_seconds: Located[int] | None = None
    suspend: bool = False


@record
class CronJob:
    """batch/v1 CronJob."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("CronJob")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: CronJobSpec
    at: Position
