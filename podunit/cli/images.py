"""Images before a command changes anything: how it waits for them, and what it says of those that are not to be had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import typer

from podunit.errors import PodunitError

if TYPE_CHECKING:
    from podunit.images import Lack, Need
    from podunit.planning import Plan
    from podunit.rollback import Machine
    from podunit.scope import Scope
    from podunit.workload import Workload

_UNCHANGED = "nothing was changed"


async def provide_bundled(workload: Workload, machine: Machine, timeout_sec: float | None, since: float) -> None:
    """As `provide_images`, before there is a plan, which is made of images where they go into bundles."""
    from podunit.engines.pulls import list_auth_files
    from podunit.images import list_bundled, list_needs

    files = {pod.name: dict(list_auth_files(pod)) for pod in workload.pods}
    await _provide(list_needs(list_bundled(workload.pods)), files, machine, timeout_sec, since)


async def provide_images(plan: Plan, machine: Machine, timeout_sec: float | None = None, since: float = 0.0) -> None:
    """Let the images be there of all that the plan starts; the timeout counts from a time of the monotonic clock.

    Ends with status 1, before anything is changed, if one is not to be had.
    """
    await _provide(_list_needs(plan), plan.files, machine, timeout_sec, since)


async def _provide(
    needs: tuple[Need, ...],
    files: Mapping[str, Mapping[str, bytes]],
    machine: Machine,
    timeout_sec: float | None,
    since: float,
) -> None:
    if not needs:
        return
    import asyncio

    from podunit.cli.output import print_note
    from podunit.images import provide

    try:
        async with asyncio.timeout_at(None if timeout_sec is None else since + timeout_sec):
            lacks = await provide(needs, files, machine.state, machine.manager, machine.scope, machine.tell)
    except TimeoutError:
        hint = f"{_UNCHANGED}; the pulls go on: see systemctl list-jobs"
        raise PodunitError(f"not all images are there within {timeout_sec:g} s", hint) from None
    except asyncio.CancelledError:
        print_note(f"{_UNCHANGED}; pulls of images that systemd has begun go on: see systemctl list-jobs")
        raise
    if lacks:
        _tell(lacks)
        raise typer.Exit(1)


def foresee_pulls(plan: Plan, scope: Scope) -> tuple[str, ...]:
    """The images that are pulled first; none where only somebody else could tell."""
    from podunit.images import choose, list_bundled, list_needs
    from podunit.model import PullPolicy
    from podunit.scope import Scope

    if scope is not Scope.default():
        return ()
    needs = (*list_needs(list_bundled(plan.workload.pods)), *_list_needs(plan))
    return tuple(dict.fromkeys(need.image for need in choose(needs) if need.policy is not PullPolicy.NEVER))


def _list_needs(plan: Plan) -> tuple[Need, ...]:
    from podunit import images

    return images.list_needs(plan.list_starting(), (plan.scene.before[name] for name in plan.others))


def _tell(lacks: Iterable[Lack]) -> None:
    from podunit.cli.output import print_error, print_report
    from podunit.report import Report

    report = Report()
    for lack in lacks:
        need = lack.need
        what = f"image '{need.image}' of container '{need.container}' of pod '{need.pod}'"
        if lack.why:
            said, hint = f"{what} cannot be pulled: {lack.why}", f"{_UNCHANGED}; mend that, or name another image"
        else:
            said = f"{what} is not there, and is never pulled"
            hint = f"{_UNCHANGED}; build it, or say with imagePullPolicy when it is pulled"
        if need.at:
            report.error(need.at, "", said, hint)
        else:
            print_error(PodunitError(said, hint))
    print_report(report)
