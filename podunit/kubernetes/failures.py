"""podFailurePolicy of a Job: which failures of its pods count, and which end it.

In: objects of `schema_jobs`. Out: `FailureRule`s, or problems. A rule for a condition of a pod never holds here:
nothing evicts or preempts a pod.
"""

from __future__ import annotations

from podunit.decode import Located
from podunit.kubernetes import schema, schema_jobs
from podunit.kubernetes.schema_jobs import ExitCodesOperator
from podunit.model import RestartPolicy
from podunit.report import Report
from podunit.rules import FailureAction, FailureRule

_EXIT_CODE_MAX = 255
_RULES_MAX = 20


def translate_failure_policy(spec: schema_jobs.JobSpec, report: Report) -> tuple[FailureRule, ...]:
    """The rules of a Job's podFailurePolicy, without those that cannot hold; the report is for paths below `spec`."""
    policy = spec.pod_failure_policy
    if policy is None:
        return ()
    restart = spec.template.spec.restart_policy
    if restart and restart.value is RestartPolicy.ON_FAILURE:
        message = "needs 'restartPolicy: Never': with OnFailure a container is restarted in its pod"
        report.error(policy.at, "podFailurePolicy", message)
    rules = policy.value.rules
    if not 1 <= len(rules.value) <= _RULES_MAX:
        report.error(rules.at, "podFailurePolicy.rules", f"{len(rules.value)} rules, 1 to {_RULES_MAX} are allowed")
    found = []
    for index, rule in enumerate(rules.value):
        path = f"podFailurePolicy.rules[{index}]"
        if (rule.on_exit_codes is None) is (rule.on_pod_conditions is None):
            report.error(rule.at, path, "a rule has either 'onExitCodes' or 'onPodConditions'")
        elif rule.on_exit_codes:
            containers = _find_containers(rule.on_exit_codes, spec.template.spec, path, report)
            codes = _check_codes(rule.on_exit_codes, path, report)
            negated = rule.on_exit_codes.operator.value is ExitCodesOperator.NOT_IN
            action = rule.action.value
            if action is FailureAction.FAIL_INDEX and not spec.backoff_limit_per_index:
                message = "'FailIndex' needs spec.backoffLimitPerIndex"
                report.error(rule.action.at, f"{path}.action", message, "write FailJob to end the whole job")
            found.append(FailureRule(action, containers, codes, negated))
        elif rule.on_pod_conditions:
            message = "never holds: nothing evicts or preempts a pod here"
            report.warning(rule.on_pod_conditions.at, f"{path}.onPodConditions", message)
    return tuple(found)


def _find_containers(
    codes: schema_jobs.PodFailurePolicyOnExitCodesRequirement, pod: schema.PodSpec, path: str, report: Report
) -> tuple[str, ...]:
    names = tuple(container.name.value for container in (*pod.init_containers, *pod.containers.value))
    if codes.container_name is None:
        return names
    if codes.container_name.value not in names:
        message = f"there is no container '{codes.container_name.value}'"
        report.error(codes.container_name.at, f"{path}.onExitCodes.containerName", message, f"name {_join(names)}")
    return (codes.container_name.value,)


def _join(names: tuple[str, ...]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def _check_codes(
    codes: schema_jobs.PodFailurePolicyOnExitCodesRequirement, path: str, report: Report
) -> tuple[int, ...]:
    values: Located[tuple[Located[int], ...]] = codes.values
    where = f"{path}.onExitCodes.values"
    if not 1 <= len(values.value) <= _EXIT_CODE_MAX:
        report.error(values.at, where, f"{len(values.value)} exit codes, 1 to {_EXIT_CODE_MAX} are allowed")
    for index, code in enumerate(values.value):
        if not 0 <= code.value <= _EXIT_CODE_MAX:
            message = f"{code.value} is not between 0 and {_EXIT_CODE_MAX}, where all exit codes are"
            report.error(code.at, f"{where}[{index}]", message)
        elif code.value == 0 and codes.operator.value is ExitCodesOperator.IN:
            report.error(code.at, f"{where}[{index}]", "0 is no failure")
        elif index and values.value[index - 1].value >= code.value:
            report.error(code.at, f"{where}[{index}]", "the codes have to be in ascending order, each once")
    return tuple(code.value for code in values.value)
