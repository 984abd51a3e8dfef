"""The kinds whose pods end (batch/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, ignored, refused

_SELECTOR = "remove it: pods are known by their names here"
_SUCCESS = "what job@NAME.service looks for when a pod has succeeded"
_CONDITIONS = "no pod has conditions here"
_HISTORY = "the journal keeps what runs have printed, as journald.conf(5) says"
_STATUS = "podunit status says how a pod here is"
_API_VERSION = "the version of the API that the object is written for"

OBJECTS = (
    Object(
        "Job",
        "batch/v1",
        "pods that run until so many have succeeded",
        (
            honoured("apiVersion", "string", _API_VERSION, "has to be batch/v1"),
            honoured("kind", "string", "what the object is", "has to be Job"),
            honoured("metadata", "ObjectMeta", "name, labels and annotations", "what its fields say"),
            honoured("spec", "JobSpec", "the pods, and when they have succeeded", "a pod that runs to its end"),
            ignored("status", "JobStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "JobSpec",
        "batch/v1",
        "the pods of a Job, and when they have succeeded",
        (
            honoured(
                "activeDeadlineSeconds",
                "integer",
                "how long the job may run, in seconds",
                "RuntimeMaxSec= of the sandbox, or of job@NAME.service",
            ),
            honoured(
                "backoffLimit",
                "integer",
                "how often it is tried again; 6 by default",
                "StartLimitBurst= of the container, or what pod-again@NAME.service or job@NAME.service counts",
            ),
            honoured(
                "backoffLimitPerIndex",
                "integer",
                "how often each number is tried again",
                "what job@NAME.service counts",
            ),
            honoured(
                "completionMode",
                "string",
                "NonIndexed, or Indexed for pods with numbers",
                "pods NAME-0 and so on, with JOB_COMPLETION_INDEX",
            ),
            honoured(
                "completions",
                "integer",
                "how many pods have to succeed",
                "so many pods, NAME-0 and so on, which job@NAME.service starts in turn",
            ),
            refused(
                "managedBy",
                "string",
                "which controller of the cluster runs the job",
                "remove it: there is no other controller here",
            ),
            refused("manualSelector", "boolean", "whether the selector is the user's own", _SELECTOR),
            honoured("maxFailedIndexes", "integer", "how many numbers may fail", "what job@NAME.service counts"),
            honoured(
                "parallelism",
                "integer",
                "how many pods run at a time",
                "as many as job@NAME.service starts at a time; without completions a queue of so many pods",
            ),
            honoured(
                "podFailurePolicy",
                "PodFailurePolicy",
                "which failures count, and how",
                "what pod-again@NAME.service, or job@NAME.service, looks for",
            ),
            honoured(
                "podReplacementPolicy",
                "string",
                "when a pod that ends is replaced",
                "Failed; a pod is tried again when it has ended",
            ),
            ignored(
                "scheduling",
                "JobSchedulingConfiguration",
                "how the pods are scheduled together",
                "there is one machine, and nothing to choose",
            ),
            refused("selector", "LabelSelector", "the labels by which it knows its pods", _SELECTOR),
            honoured(
                "successPolicy",
                "SuccessPolicy",
                "when the job has succeeded before all pods have",
                "what job@NAME.service counts; it stops the other pods",
            ),
            honoured("suspend", "boolean", "whether no pod may run for now", "it is started by podunit start alone"),
            honoured("template", "PodTemplateSpec", "what each pod is made from", "a pod of the name of the job"),
            ignored(
                "ttlSecondsAfterFinished",
                "integer",
                "seconds after its end when the job is removed",
                "the units stay until podunit delete",
            ),
        ),
    ),
    Object(
        "PodFailurePolicy",
        "batch/v1",
        "which failures count, and how",
        (
            honoured(
                "rules",
                "[]PodFailurePolicyRule",
                "the rules; the first that fits holds",
                "what it looks for when a pod has failed",
            ),
        ),
    ),
    Object(
        "PodFailurePolicyRule",
        "batch/v1",
        "a kind of failure, and what it means",
        (
            honoured(
                "action",
                "string",
                "FailJob, FailIndex, Ignore or Count",
                "no other try, or one that is not counted",
            ),
            honoured(
                "onExitCodes",
                "PodFailurePolicyOnExitCodesRequirement",
                "exit codes that the rule is for",
                "what the containers' services have ended with",
            ),
            honoured(
                "onPodConditions",
                "[]PodFailurePolicyOnPodConditionsPattern",
                "conditions that the rule is for",
                "a rule that never holds, with a warning: nothing evicts or preempts a pod",
            ),
        ),
    ),
    Object(
        "PodFailurePolicyOnExitCodesRequirement",
        "batch/v1",
        "exit codes of containers",
        (
            honoured("containerName", "string", "the container; all by default", "the service that is looked at"),
            honoured("operator", "string", "In or NotIn", "whether these codes are meant, or all others"),
            honoured("values", "[]integer", "the exit codes", "ExecMainStatus of a service"),
        ),
    ),
    Object(
        "PodFailurePolicyOnPodConditionsPattern",
        "batch/v1",
        "a condition of a pod",
        (
            honoured("status", "string", "True, False or Unknown", _CONDITIONS),
            honoured("type", "string", "the condition", _CONDITIONS),
        ),
    ),
    Object(
        "SuccessPolicy",
        "batch/v1",
        "when a job has succeeded before all its pods have",
        (honoured("rules", "[]SuccessPolicyRule", "the rules; one that holds is enough", _SUCCESS),),
    ),
    Object(
        "SuccessPolicyRule",
        "batch/v1",
        "pods that have to succeed",
        (
            honoured("succeededCount", "integer", "how many", _SUCCESS),
            honoured("succeededIndexes", "string", "which numbers, such as 1,3-5", _SUCCESS),
        ),
    ),
    Object(
        "CronJob",
        "batch/v1",
        "a Job at times that come again",
        (
            honoured("apiVersion", "string", _API_VERSION, "has to be batch/v1"),
            honoured("kind", "string", "what the object is", "has to be CronJob"),
            honoured("metadata", "ObjectMeta", "name, labels and annotations", "what its fields say"),
            honoured("spec", "CronJobSpec", "the job, and when it runs", "a pod, and cronjob@NAME.timer"),
            ignored("status", "CronJobStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "CronJobSpec",
        "batch/v1",
        "the job of a CronJob, and when it runs",
        (
            honoured(
                "concurrencyPolicy",
                "string",
                "Allow, Forbid or Replace a run that is not over",
                "Forbid: what systemd does by itself; Replace: a service that restarts the pod; Allow is refused",
            ),
            ignored("failedJobsHistoryLimit", "integer", "how many failed jobs are kept; 1 by default", _HISTORY),
            honoured(
                "jobTemplate",
                "JobTemplateSpec",
                "what each job is made from",
                "one pod, of the name of the cron job: several at a time, or in turn, are refused",
            ),
            honoured("schedule", "string", "when it runs, as crontab(5) writes it", "OnCalendar= of the timer"),
            honoured(
                "startingDeadlineSeconds",
                "integer",
                "seconds within which a missed run may start",
                "ExecCondition= of the service that the timer starts",
            ),
            ignored("successfulJobsHistoryLimit", "integer", "how many jobs are kept; 3 by default", _HISTORY),
            honoured(
                "suspend", "boolean", "whether it does not run for now", "the timer is neither enabled nor started"
            ),
            honoured("timeZone", "string", "the time zone of the schedule", "the last word of OnCalendar="),
        ),
    ),
    Object(
        "JobTemplateSpec",
        "batch/v1",
        "what jobs are made from",
        (
            honoured("metadata", "ObjectMeta", "labels and annotations of the jobs", "what its fields say"),
            honoured("spec", "JobSpec", "the pods, and when they have succeeded", "a pod that runs to its end"),
        ),
    ),
)
