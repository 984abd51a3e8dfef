"""How an apply of what has been applied already ends early: it says what the last one said, which had nothing to do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.manager import Manager
    from podunit.planning import Outcome, Plan
    from podunit.settled import Sight


def look_at(settings: Settings, files: Iterable[str], *options: object) -> Sight | None:
    """What an apply of these files goes by, before anything of it is read; None where a look tells nothing."""
    from podunit.settled import look
    from podunit.surroundings import find_places

    files = tuple(files)
    if "-" in files:
        return None
    # Others may change what is there, too.
    places = find_places(settings.scope)
    seen = (*files, str(settings.defaults_file), str(places.networks), str(places.volumes))
    return look(settings.unit_directory, settings.state_folder, seen, (*options, settings.scope, Path.cwd()))


def recall(settings: Settings, sight: Sight) -> Outcome | None:
    """What the last apply said if all is as it was then, and it had nothing to do; None otherwise."""
    from podunit.settled import Memory, describe_states

    known = Memory(settings.state_folder).find(sight)
    if known is None:
        return None
    states, account = known

    from podunit.cli.loop import run_loop
    from podunit.manager import connect
    from podunit.states import get_active_states

    async def ask() -> str:
        async with connect(settings.scope) as manager:
            return describe_states(await manager.get_version(), await get_active_states(manager))

    if run_loop(ask()) != states:
        return None

    from podunit.bringup import PodOutcome
    from podunit.planning import Outcome

    return Outcome(tuple(PodOutcome(pod, done) for pod, done in account.pods.items()), objects=account.objects)


async def remember(settings: Settings, sight: Sight, plan: Plan, done: Outcome, manager: Manager) -> None:
    """Remember what an apply has said, if it had nothing to do."""
    from podunit.settled import Account, Memory, describe_states

    if not (plan.is_settled and done.change.is_empty) or any(outcome.job for outcome in done.pods):
        return
    account = Account({outcome.pod: outcome.done for outcome in done.pods}, done.objects)
    Memory(settings.state_folder).keep(sight, describe_states(await manager.get_version(), plan.states), account)
