"""The environment of a container: its variables, and references to them in its command.

In: objects of `schema`. Out: `model.Env`, or problems.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from podunit import model
from podunit.kubernetes import schema
from podunit.kubernetes.naming import check_env_name
from podunit.report import Report

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


def translate_env(
    variables: tuple[schema.EnvVar, ...], path: str, report: Report
) -> tuple[tuple[model.Env, ...], Callable[[str], str]]:
    """The variables, and what replaces references to them in a command."""
    known: dict[str, model.Env] = {}

    def expand(text: str) -> str:
        # $(NAME) is a variable's value, $$ is $; an unknown reference stays as it is.
        def replace(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            return known[found[1]].value if found[1] in known else found[0]

        return _REFERENCE.sub(replace, text)

    for index, variable in enumerate(variables):
        name = variable.name.value
        check_env_name(variable.name, f"{path}[{index}].name", report)
        value = expand(variable.value.value) if variable.value else ""
        # The last one counts, and takes the place of the first.
        known[name] = model.Env(name, value, variable.at)
    return tuple(known.values()), expand
