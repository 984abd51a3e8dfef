"""Selectors: which labels an object has to have, for those who look for it (meta/v1 LabelSelector).

In: nothing, and labels. Out: dataclasses for `decode`, as in `schema`, and whether labels match.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from podunit.decode import Located, Table
from podunit.record import record
from podunit.report import Position, Report


class Operator(StrEnum):
    """`operator` of a LabelSelectorRequirement."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@record
class LabelSelectorRequirement:
    """meta/v1 LabelSelectorRequirement."""

    key: Located[str]
    operator: Operator
    at: Position
    values: tuple[str, ...] = ()


@record
class LabelSelector:
    """meta/v1 LabelSelector."""

    at: Position
    match_labels: Table[Located[str]] = field(default_factory=Table)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


def check_rules(selector: LabelSelector, path: str, report: Report) -> tuple[tuple[str, LabelSelectorRequirement], ...]:
    """The rules that can be read, with their paths: In and NotIn have values, and no others."""
    found = []
    for index, rule in enumerate(selector.match_expressions):
        item = f"{path}.matchExpressions[{index}]"
        needs_values = rule.operator in (Operator.IN, Operator.NOT_IN)
        if needs_values != bool(rule.values):
            message = f"values are {'needed' if needs_values else 'not allowed'} with {rule.operator}"
            report.error(rule.at, f"{item}.values", message)
        else:
            found.append((item, rule))
    return tuple(found)


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether an object with these labels is meant."""
    wanted = all(labels.get(key.value) == value.value for key, value in selector.match_labels.entries)
    return wanted and all(matches_rule(rule, labels) for rule in selector.match_expressions)


def matches_rule(rule: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """Whether what a rule says is true of these labels."""
    key = rule.key.value
    match rule.operator:
        case Operator.IN:
            return key in labels and labels[key] in rule.values
        case Operator.NOT_IN:
            return labels.get(key) not in rule.values
        case Operator.EXISTS:
            return key in labels
        case Operator.DOES_NOT_EXIST:
            return key not in labels
