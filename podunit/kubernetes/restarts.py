"""When a container starts again: its own policy or the pod's, and the rules above it.

In: objects of `schema`. Out: parts of `model.Container`, or problems.
"""

from __future__ import annotations

from collections.abc import Iterable

from podunit.decode import Located
from podunit.kubernetes import schema
from podunit.kubernetes.schema_restarts import ContainerRestartRule, RestartAction, RestartOperator
from podunit.model import RestartPolicy
from podunit.report import Report
from podunit.rules import RestartRule

# The API server's.
_RULES_MAX, _VALUES_MAX = 20, 255
_CODE_MAX = 255


def translate_policy(container: schema.Container, spec: schema.PodSpec) -> RestartPolicy:
    """What holds where no rule does: the container's own policy, or the pod's."""
    policy = container.restart_policy or spec.restart_policy
    return policy.value if policy else RestartPolicy.ALWAYS


def translate_rules(container: schema.Container, path: str, report: Report) -> tuple[RestartRule, ...]:
    """The rules of a container; the first that matches counts, and all say the same: it starts again."""
    rules, path = container.restart_policy_rules, f"{path}.restartPolicyRules"
    if rules and container.restart_policy is None:
        report.error(rules[0].at, path, "needs a restartPolicy of the container", "write the container's own, too")
    if len(rules) > _RULES_MAX:
        report.error(rules[_RULES_MAX].at, path, f"{len(rules)} rules, at most {_RULES_MAX} are allowed")
    found = (_translate_rule(rule, f"{path}[{index}]", report) for index, rule in enumerate(rules))
    return tuple(rule for rule in found if rule)


def refuse_own_policies(spec: schema.PodSpec, path: str, reason: str, report: Report) -> None:
    """No policies of containers where only the pod's can hold; a sidecar has its own."""
    for place, containers in (("initContainers", spec.init_containers), ("containers", spec.containers.value)):
        for index, container in enumerate(containers):
            where = f"{path}.{place}[{index}]"
            if container.restart_policy and not _is_allowed(container.restart_policy, place, spec):
                message = f"'{container.restart_policy.value}' is not supported here: {reason}"
                report.error(container.restart_policy.at, f"{where}.restartPolicy", message, "remove it")
            if container.restart_policy_rules:
                rule = container.restart_policy_rules[0]
                report.error(rule.at, f"{where}.restartPolicyRules", f"not supported here: {reason}", "remove it")


def _is_allowed(policy: Located[RestartPolicy], place: str, spec: schema.PodSpec) -> bool:
    own = spec.restart_policy.value if spec.restart_policy else None
    return policy.value is own or (place == "initContainers" and policy.value is RestartPolicy.ALWAYS)


def _translate_rule(rule: ContainerRestartRule, path: str, report: Report) -> RestartRule | None:
    if rule.action.value is RestartAction.RESTART_ALL_CONTAINERS:
        message = "'RestartAllContainers' is not supported: an exit code restarts a container, and never its pod"
        report.error(rule.action.at, f"{path}.action", message, "write Restart")
    codes = rule.exit_codes
    if codes is None:
        report.error(rule.at, path, "'exitCodes' is missing")
        return None
    if len(codes.values) > _VALUES_MAX:
        message = f"{len(codes.values)} values, at most {_VALUES_MAX} are allowed"
        report.error(codes.values[_VALUES_MAX].at, f"{path}.exitCodes.values", message)
    _check_codes(codes.values, f"{path}.exitCodes.values", report)
    return RestartRule(tuple(code.value for code in codes.values), codes.operator is RestartOperator.NOT_IN)


def _check_codes(codes: Iterable[Located[int]], path: str, report: Report) -> None:
    for index, code in enumerate(codes):
        if not 0 <= code.value <= _CODE_MAX:
            message = f"no effect: {code.value} is no exit code, which is between 0 and {_CODE_MAX}"
            report.warning(code.at, f"{path}[{index}]", message)
