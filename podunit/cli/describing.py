"""The command that tells all of a pod: describe."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.pods import Pod, find_pods, is_owner, parse_word
from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.description import Description, Group
    from podunit.prober.states import Known


class DescribeFormat(StrEnum):
    """How `describe` prints a pod."""

    TEXT = "text"
    JSON = "json"


def describe(
    context: typer.Context,
    pod: Pod,
    output: Annotated[DescribeFormat, typer.Option("--output", "-o", help="How to print it.")] = DescribeFormat.TEXT,
) -> None:
    """Tell all of a pod: its spec, units, cgroups with limits and usage, probes, restarts, last ends and events."""
    from podunit.cli.loop import run_loop
    from podunit.cli.output import print_json
    from podunit.description import describe_pod
    from podunit.manager import connect
    from podunit.state import StateFolder

    settings: Settings = context.obj
    found = find_pods(settings, [pod], generated=True)
    folder = StateFolder(settings.state_folder)
    places = folder.read_places()

    async def run() -> list[Description]:
        async with connect(settings.scope) as manager:
            return [
                await describe_pod(manager, one, places.get(one.object_key, ""), settings.scope, folder)
                for one in found
            ]

    described = run_loop(run())
    if output is DescribeFormat.JSON and is_owner(pod):
        owner = "/".join(parse_word(pod) or ())
        print_json({"schemaVersion": 1, "owner": owner, "pods": [one.describe() for one in described]})
    elif output is DescribeFormat.JSON:
        print_json(described[0].describe())
    else:
        for number, one in enumerate(described):
            if number:
                print()
            _print(one)


def _print(found: Description) -> None:
    from podunit.cli.output import format_exit, print_event_table, print_pod_state, print_table

    state = found.state
    print_pod_state(state)
    print(f"  phase: {state.summary.phase}, ready: {state.summary.ready}")
    print(f"  spec: {found.place or 'not from a file that is known here'}")
    if state.owner:
        print(f"  owner: {state.owner}")
    for line in _list_group(found.groups[""]):
        print(f"  {line}")
    for container in state.containers:
        kind = "init container" if container.init else "container"
        print(f"\n{kind} {container.container}: {container.active} ({container.sub})")
        print(f"  ready: {'yes' if container.ready else 'no'}")
        print(f"  image: {container.image}")
        for line in _list_group(found.groups[container.container]):
            print(f"  {line}")
        for line in _list_probes(found.probes.get(container.container)):
            print(f"  {line}")
        print(f"  restarts: {container.restarts}, last exit: {format_exit(container.last_exit)}")
        if container.container in found.messages:
            for line in _list_message(found.messages[container.container]):
                print(f"  {line}")
    print()
    rows = [(unit.name, f"{unit.active} ({unit.sub})", ", ".join(unit.drop_ins) or "-") for unit in found.units]
    print_table(("UNIT", "STATE", "DROP-INS"), rows)
    print()
    if found.events is None:
        print("events: the journal cannot be read")
    else:
        print_event_table(found.events)


def _list_group(group: Group) -> Iterator[str]:
    from podunit.cli.output import format_bytes

    yield f"cgroup: {group.cgroup or '-'}"
    limits = [_format_limit(name, value) for name, value in group.limits.items()]
    yield f"limits: {', '.join(limits) or 'none'}"
    usage = group.usage
    cpu = "-" if usage.cpu_usec is None else f"{usage.cpu_usec / 1_000_000:.2f} s"
    tasks = "-" if usage.tasks is None else str(usage.tasks)
    written = f"read {format_bytes(usage.read_bytes)}, written {format_bytes(usage.written_bytes)}"
    yield f"usage: memory {format_bytes(usage.memory_bytes)}, CPU {cpu}, tasks {tasks}, {written}"


def _list_message(message: str | None) -> Iterator[str]:
    if message is None:
        yield "message of the last end: cannot be read by this user"
        return
    first, *more = message.splitlines() or ["(empty)"]
    yield f"message of the last end: {_make_printable(first)}"
    yield from (f"  {_make_printable(line)}" for line in more)


def _make_printable(text: str) -> str:
    # The container wrote it: nothing of it is for the terminal to obey.
    return "".join(it if it.isprintable() else it.encode("unicode_escape").decode() for it in text)


def _format_limit(name: str, value: int) -> str:
    from podunit.cli.output import format_bytes

    if name.startswith("Memory"):
        return f"{name} {format_bytes(value)}"
    # In a unit, and for set-property, it has another name than on D-Bus.
    return f"CPUQuota {value / 10_000:g}%" if name == "CPUQuotaPerSecUSec" else f"{name} {value}"


def _list_probes(known: Known | None) -> Iterator[str]:
    from podunit.states import format_time

    if known is None:
        return
    for kind, last in known.results.items():
        count = last.successes if last.success else last.failures
        word = "succeeded" if last.success else "failed"
        why = f": {last.message}" if last.message else ""
        yield f"{kind} probe: {word}{why} ({count} in a row, {format_time(int(last.at * 1_000_000))})"
    if not known.results:
        yield "probes: none has been made yet"
