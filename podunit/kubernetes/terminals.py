"""Who can write to a container: its standard input and its terminal.

In: objects of `schema`. Out: what the model says of them, or problems.
"""

from __future__ import annotations

from podunit.kubernetes import schema
from podunit.report import Report


def translate_stdin(container: schema.Container, path: str, report: Report) -> bool:
    """Whether somebody can write to the container's standard input, with `podman attach`."""
    stdin = container.stdin is not None and container.stdin.value
    once = container.stdin_once is not None and container.stdin_once.value
    if container.stdin_once and once and not stdin:
        report.warning(container.stdin_once.at, f"{path}.stdinOnce", "no effect without stdin", "add 'stdin: true'")
    if container.stdin and stdin and not (once or container.tty):
        message = "ends with what the first 'podman attach' writes: podman does not keep it open without a tty"
        report.warning(container.stdin.at, f"{path}.stdin", message, "write 'stdinOnce: true', which says so")
    return stdin


def refuse_stdin(containers: tuple[schema.Container, ...], path: str, report: Report) -> None:
    """No standard input for these, whose podman runs in the foreground of a unit and has none."""
    for index, container in enumerate(containers):
        if container.stdin and container.stdin.value:
            message = "an init container has no standard input that 'podman attach' could write to"
            report.error(container.stdin.at, f"{path}[{index}].stdin", message, "give it its input in a volume")
