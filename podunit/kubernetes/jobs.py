"""Job and CronJob: pods that run to their end, once or at the times of a schedule.

In: documents. Out: a `Workload`, or problems. A Job with one pod is that pod; several pods take turns, as `turns` says.

A CronJob without a concurrencyPolicy would let its runs overlap (Allow). A pod of one name cannot: who writes Allow is
refused, who writes nothing is warned that a run which is due while another is not done is passed over (Forbid).
"""

from __future__ import annotations

from dataclasses import replace

from podunit import model, runs
from podunit.decode import Located, Table, decode, join_path
from podunit.kubernetes import schema, schema_jobs, schema_workloads
from podunit.kubernetes.cron import list_calendars
from podunit.kubernetes.failures import translate_failure_policy
from podunit.kubernetes.naming import check_label, check_label_name, check_object_name
from podunit.kubernetes.network import default_hostname
from podunit.kubernetes.objects import Objects
from podunit.kubernetes.restarts import refuse_own_policies
from podunit.kubernetes.schema_environment import EnvVar
from podunit.kubernetes.schema_jobs import ConcurrencyPolicy, PodReplacementPolicy
from podunit.kubernetes.translate import translate_namespace, translate_pod
from podunit.kubernetes.turns import check_indexed, count_pods, is_indexed, translate_turns
from podunit.model import RestartPolicy
from podunit.record import record
from podunit.report import Report
from podunit.source import Mapping
from podunit.workload import Workload

# batch/v1 JobSpec: the default of backoffLimit.
_BACKOFF_LIMIT = 6
_INT32_MAX = 2**31 - 1
# The API's documentation of startingDeadlineSeconds: the controller looks every ten seconds.
_TICK_SEC = 10
# apimachinery's DNS1035LabelMaxLength, less what a CronJob adds for the names of its Jobs.
_CRON_JOB_NAME_MAX = 52

_INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
_INDEX_KEY = "batch.kubernetes.io/job-completion-index"


@record
class _Owner:
    """Whose pods they are, and where."""

    owner: model.Owner
    namespace: str


def read_job(node: Mapping, objects: Objects, report: Report) -> Workload:
    """The pods of a Job: one of its name, or NAME-0 and so on; something not to be used if the report has failed."""
    job = decode(node, schema_jobs.Job, "", report)
    if job is None:
        return Workload()
    name, spec = job.metadata.name, job.spec
    check_object_name(name, "Job", report)
    _check_metadata(job.metadata, "spec.template", report)
    owner = _Owner(model.Owner("Job", name.value), translate_namespace(job.metadata, report))
    below = report.within("spec")
    size, indexed = count_pods(spec, below), is_indexed(spec)
    check_indexed(spec, below)
    if indexed:
        _check_hostname(name, size.pods, report)
    if size.pods == 1 and not indexed:
        return Workload((_translate_job(spec, name, owner, objects, below),))
    turns = translate_turns(name.value, spec, size, _find_limit(spec), below)
    pods = []
    for index in range(size.pods):
        own = replace(spec, template=_tell_index(spec.template, index)) if indexed else spec
        pod_name = Located(f"{name.value}-{index}", name.at)
        pod = _translate_job(own, pod_name, owner, objects, below, turns)
        # The pods of an Indexed Job find each other by these names.
        pods.append(replace(pod, hostname=default_hostname(pod.name)) if indexed else pod)
    return Workload(tuple(pods))


def read_cron_job(node: Mapping, objects: Objects, report: Report) -> Workload:
    """The pod of a CronJob, with its schedule; something not to be used if the report has failed."""
    cron_job = decode(node, schema_jobs.CronJob, "", report)
    if cron_job is None:
        return Workload()
    name, spec = cron_job.metadata.name, cron_job.spec
    if len(name.value) > _CRON_JOB_NAME_MAX:
        message = f"{len(name.value)} characters, at most {_CRON_JOB_NAME_MAX} are allowed for a CronJob"
        report.error(name.at, "metadata.name", message)
    check_object_name(name, "CronJob", report)
    _check_metadata(cron_job.metadata, "spec.jobTemplate.spec.template", report)
    path, job = "spec.jobTemplate.spec", spec.job_template.spec
    _check_labels(spec.job_template.metadata, report.within("spec.jobTemplate"))
    owner = _Owner(model.Owner("CronJob", name.value), translate_namespace(cron_job.metadata, report))
    pod = _translate_job(job, name, owner, objects, report.within(path))
    check_indexed(job, report.within(path))
    if count_pods(job, report.within(path)).pods > 1 and (many := job.completions or job.parallelism):
        hint = "write one CronJob for each, or let one pod do it all"
        field = "completions" if job.completions else "parallelism"
        report.error(many.at, f"{path}.{field}", "several pods: the timer of a CronJob starts one", hint)
    if job.completion_mode and is_indexed(job):
        report.error(job.completion_mode.at, f"{path}.completionMode", "a CronJob has one pod, without an index")
    if job.suspend and job.suspend.value:
        hint = "write it in the spec of the CronJob"
        report.error(job.suspend.at, f"{path}.suspend", "runs that wait to be resumed are not supported", hint)
    return Workload((replace(pod, schedule=_translate_schedule(spec, report.within("spec"))),))


def _translate_schedule(spec: schema_jobs.CronJobSpec, report: Report) -> runs.Schedule:
    zone = spec.time_zone.value if spec.time_zone else None
    if spec.schedule.value.never_comes:
        report.warning(spec.schedule.at, "schedule", "never fires: none of these months has such a day")
    deadline = spec.starting_deadline_seconds
    if deadline and _check_range(deadline, "startingDeadlineSeconds", report) and deadline.value < _TICK_SEC:
        message = f"less than {_TICK_SEC}: a run may be too late for it at any time"
        report.warning(deadline.at, "startingDeadlineSeconds", message)
    return runs.Schedule(
        calendars=list_calendars(spec.schedule.value, zone),
        replaces=_translate_concurrency(spec, report) is ConcurrencyPolicy.REPLACE,
        deadline_sec=deadline.value if deadline else None,
        suspended=spec.suspend,
    )


def _translate_concurrency(spec: schema_jobs.CronJobSpec, report: Report) -> ConcurrencyPolicy:
    hint = "write 'concurrencyPolicy: Forbid' to pass over a run that is due meanwhile, or Replace"
    policy = spec.concurrency_policy
    if policy is None:
        message = "'concurrencyPolicy' is missing: runs would overlap, which they do not here"
        report.warning(spec.at, "", message, hint)
        return ConcurrencyPolicy.FORBID
    if policy.value is ConcurrencyPolicy.ALLOW:
        message = "'Allow' is not supported: a pod of one name cannot run twice at a time"
        report.error(policy.at, "concurrencyPolicy", message, hint)
    return policy.value


def _translate_job(
    spec: schema_jobs.JobSpec,
    name: Located[str],
    owner: _Owner,
    objects: Objects,
    report: Report,
    turns: runs.Turns | None = None,
) -> model.Pod:
    """A pod that a Job's template describes, under a name of the Job's."""
    template = spec.template
    policy = template.spec.restart_policy
    if template.metadata.name:
        message = f"no effect: the pod is named after its owner, {name.value}"
        report.warning(template.metadata.name.at, "template.metadata.name", message)
    if policy is None or policy.value is RestartPolicy.ALWAYS:
        hint = "write 'restartPolicy: OnFailure' to restart a container that fails, Never to run the whole pod again"
        at = policy.at if policy else template.at
        message = (
            "'Always' is not allowed here" if policy else "'restartPolicy' is missing, and Always is not allowed here"
        )
        report.error(at, "template.spec.restartPolicy" if policy else "template.spec", message, hint)
    refuse_own_policies(template.spec, "template.spec", "backoffLimit counts by the policy of the pod", report)
    limit = _find_limit(spec)
    if spec.backoff_limit:
        _check_range(spec.backoff_limit, "backoffLimit", report)
    deadline = spec.active_deadline_seconds
    repeats = limit > 0 and policy is not None and policy.value is RestartPolicy.NEVER and turns is None
    if deadline and _check_range(deadline, "activeDeadlineSeconds", report, low=1) and repeats:
        message = "counts anew each time the pod is tried again, not from the start of the Job"
        hint = "with 'restartPolicy: OnFailure', or 'backoffLimit: 0', it counts once"
        report.warning(deadline.at, "activeDeadlineSeconds", message, hint)
    replacement = spec.pod_replacement_policy
    if replacement and replacement.value is PodReplacementPolicy.TERMINATING_OR_FAILED:
        message = "no effect: a pod is tried again when it has ended, not before"
        report.warning(replacement.at, "podReplacementPolicy", message, "write Failed")
    pod = translate_pod(template, name, owner.namespace, objects, report.within("template"))
    run = runs.Run(
        backoff_limit=limit,
        deadline_sec=deadline.value if deadline and turns is None else None,
        suspended=bool(spec.suspend and spec.suspend.value),
        rules=translate_failure_policy(spec, report),
        turns=turns,
    )
    return replace(pod, run=run, owner=owner.owner)


def _find_limit(spec: schema_jobs.JobSpec) -> int:
    return spec.backoff_limit.value if spec.backoff_limit else _BACKOFF_LIMIT


def _tell_index(template: schema_workloads.PodTemplateSpec, index: int) -> schema_workloads.PodTemplateSpec:
    """The template with what an Indexed Job adds for one of its pods, as the Job controller does."""
    text = str(index)

    def tell(container: schema.Container) -> schema.Container:
        if any(variable.name.value == _INDEX_VARIABLE for variable in container.env):
            return container
        at = container.at
        variable = EnvVar(Located(_INDEX_VARIABLE, at), at, Located(text, at))
        return replace(container, env=(*container.env, variable))

    def mark(table: Table[Located[str]]) -> Table[Located[str]]:
        others = tuple(entry for entry in table.entries if entry[0].value != _INDEX_KEY)
        return Table((*others, (Located(_INDEX_KEY, template.at), Located(text, template.at))))

    spec = template.spec
    containers = Located(tuple(map(tell, spec.containers.value)), spec.containers.at)
    inits = tuple(map(tell, spec.init_containers))
    metadata = template.metadata
    return replace(
        template,
        spec=replace(spec, containers=containers, init_containers=inits),
        metadata=replace(metadata, labels=mark(metadata.labels), annotations=mark(metadata.annotations)),
    )


def _check_hostname(name: Located[str], count: int, report: Report) -> None:
    if "." in name.value:
        check_label_name(name, "metadata.name", "Job whose pods have an index", report)
    elif (length := len(f"{name.value}-{count - 1}")) > 63:
        report.error(name.at, "metadata.name", f"with an index {length} characters, at most 63 are allowed for a host")


def _check_metadata(metadata: schema.ObjectMeta, template: str, report: Report) -> None:
    for key, value in metadata.labels.entries:
        check_label(key, value, join_path("metadata.labels", key.value), report)
    for key, _ in metadata.annotations.entries:
        if key.value.startswith("podunit/"):
            path = join_path("metadata.annotations", key.value)
            report.error(key.at, path, "no effect here: it is for pods", f"move it to {template}.metadata.annotations")


def _check_labels(metadata: schema_workloads.TemplateMeta, report: Report) -> None:
    for key, value in metadata.labels.entries:
        check_label(key, value, join_path("metadata.labels", key.value), report)


def _check_range(number: Located[int], path: str, report: Report, *, low: int = 0) -> bool:
    if low <= number.value <= _INT32_MAX:
        return True
    report.error(number.at, path, f"{number.value} is not between {low} and {_INT32_MAX}")
    return False
