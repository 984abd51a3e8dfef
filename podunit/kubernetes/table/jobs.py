"""The kinds whose pods end (batch/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, ignored, refused

_POD = "write the pod itself, of kind Pod, with restartPolicy OnFailure or Never"
_PODS = "write each pod itself, of kind Pod and with a name of its own"
_TIMER = "write the pod itself, of kind Pod, and a timer unit that starts pod@NAME.service"
_STATUS = "podunit status says how a pod here is"
_API_VERSION = "the version of the API that the object is written for"

OBJECTS = (
    Object(
        "Job",
        "batch/v1",
        "pods that run until so many have succeeded",
        (
            refused("apiVersion", "string", _API_VERSION, _POD),
            refused("kind", "string", "what the object is", _POD),
            refused("metadata", "ObjectMeta", "name, labels and annotations", _POD),
            refused("spec", "JobSpec", "the pods, and when they have succeeded", _POD),
            ignored("status", "JobStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "JobSpec",
        "batch/v1",
        "the pods of a Job, and when they have succeeded",
        (
            refused("activeDeadlineSeconds", "integer", "how long the job may run, in seconds", _POD),
            refused("backoffLimit", "integer", "how often it is tried again; 6 by default", _POD),
            refused("backoffLimitPerIndex", "integer", "how often each number is tried again", _PODS),
            refused("completionMode", "string", "NonIndexed, or Indexed for pods with numbers", _PODS),
            refused("completions", "integer", "how many pods have to succeed", _PODS),
            refused("managedBy", "string", "which controller of the cluster runs the job", _POD),
            refused("manualSelector", "boolean", "whether the selector is the user's own", _POD),
            refused("maxFailedIndexes", "integer", "how many numbers may fail", _PODS),
            refused("parallelism", "integer", "how many pods run at a time", _PODS),
            refused("podFailurePolicy", "PodFailurePolicy", "which failures count, and how", _POD),
            refused("podReplacementPolicy", "string", "when a pod that ends is replaced", _POD),
            ignored(
                "scheduling",
                "JobSchedulingConfiguration",
                "how the pods are scheduled together",
                "there is one machine, and nothing to choose",
            ),
            refused("selector", "LabelSelector", "the labels by which it knows its pods", _POD),
            refused("successPolicy", "SuccessPolicy", "when the job has succeeded before all pods have", _PODS),
            refused("suspend", "boolean", "whether no pod may run for now", _POD),
            refused("template", "PodTemplateSpec", "what each pod is made from", _POD),
            refused("ttlSecondsAfterFinished", "integer", "seconds after its end when the job is removed", _POD),
        ),
    ),
    Object(
        "PodFailurePolicy",
        "batch/v1",
        "which failures count, and how",
        (refused("rules", "[]PodFailurePolicyRule", "the rules; the first that fits holds", _POD),),
    ),
    Object(
        "PodFailurePolicyRule",
        "batch/v1",
        "a kind of failure, and what it means",
        (
            refused("action", "string", "FailJob, FailIndex, Ignore or Count", _POD),
            refused("onExitCodes", "PodFailurePolicyOnExitCodesRequirement", "exit codes that the rule is for", _POD),
            refused(
                "onPodConditions", "[]PodFailurePolicyOnPodConditionsPattern", "conditions that the rule is for", _POD
            ),
        ),
    ),
    Object(
        "PodFailurePolicyOnExitCodesRequirement",
        "batch/v1",
        "exit codes of containers",
        (
            refused("containerName", "string", "the container; all by default", _POD),
            refused("operator", "string", "In or NotIn", _POD),
            refused("values", "[]integer", "the exit codes", _POD),
        ),
    ),
    Object(
        "PodFailurePolicyOnPodConditionsPattern",
        "batch/v1",
        "a condition of a pod",
        (
            refused("status", "string", "True, False or Unknown", _POD),
            refused("type", "string", "the condition", _POD),
        ),
    ),
    Object(
        "SuccessPolicy",
        "batch/v1",
        "when a job has succeeded before all its pods have",
        (refused("rules", "[]SuccessPolicyRule", "the rules; one that holds is enough", _PODS),),
    ),
    Object(
        "SuccessPolicyRule",
        "batch/v1",
        "pods that have to succeed",
        (
            refused("succeededCount", "integer", "how many", _PODS),
            refused("succeededIndexes", "string", "which numbers, such as 1,3-5", _PODS),
        ),
    ),
    Object(
        "CronJob",
        "batch/v1",
        "a Job at times that come again",
        (
            refused("apiVersion", "string", _API_VERSION, _TIMER),
            refused("kind", "string", "what the object is", _TIMER),
            refused("metadata", "ObjectMeta", "name, labels and annotations", _TIMER),
            refused("spec", "CronJobSpec", "the job, and when it runs", _TIMER),
            ignored("status", "CronJobStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "CronJobSpec",
        "batch/v1",
        "the job of a CronJob, and when it runs",
        (
            refused("concurrencyPolicy", "string", "Allow, Forbid or Replace a run that is not over", _TIMER),
            refused("failedJobsHistoryLimit", "integer", "how many failed jobs are kept; 1 by default", _TIMER),
            refused("jobTemplate", "JobTemplateSpec", "what each job is made from", _TIMER),
            refused("schedule", "string", "when it runs, as crontab(5) writes it", _TIMER),
            refused("startingDeadlineSeconds", "integer", "seconds within which a missed run may start", _TIMER),
            refused("successfulJobsHistoryLimit", "integer", "how many jobs are kept; 3 by default", _TIMER),
            refused("suspend", "boolean", "whether it does not run for now", _TIMER),
            refused("timeZone", "string", "the time zone of the schedule", _TIMER),
        ),
    ),
    Object(
        "JobTemplateSpec",
        "batch/v1",
        "what jobs are made from",
        (
            refused("metadata", "ObjectMeta", "labels and annotations of the jobs", _TIMER),
            refused("spec", "JobSpec", "the pods, and when they have succeeded", _TIMER),
        ),
    ),
)
