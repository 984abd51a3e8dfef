"""What a plan comes to if all goes well, for diff and for dry runs.

In: a `Plan`, the unit directory, the state folder, a manager that is only asked. Out: a `Forecast`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import field, replace

from podunit.bringup import PodOutcome
from podunit.drift import Drift, find_drift, read_others
from podunit.install import Change, UnitDirectory
from podunit.manager import Manager
from podunit.names import parse_pod
from podunit.plan import Deed
from podunit.planning import DELETED, HELD, LASTING, TOLD_BY_PODS, WAITING, Outcome, Plan, choose_files, compose
from podunit.record import record
from podunit.state import StateFolder


@record
class PodForecast:
    """What becomes of one pod if all goes well: words, why it is started or restarted, and what of it changes.

    `acts` is whether anything is started or stopped; `files` are paths that its units read. `drift` is what somebody
    else has done to it. A pod that has `vanished` from the spec folder goes only with --prune. `limits` are as in
    `Decision`.
    """

    pod: str
    done: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    acts: bool = False
    change: Change = field(default_factory=Change)
    files: tuple[str, ...] = ()
    drift: tuple[Drift, ...] = ()
    vanished: bool = False
    limits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Whether there is anything to do."""
        return self.acts or bool(self.files) or not self.change.is_empty


@record
class Forecast:
    """What an apply would do; `rest` is the change of units that belong to no pod.

    `before` and `after` are the texts of units; `pulls` are images that are pulled before that.
    """

    pods: tuple[PodForecast, ...]
    outcome: Outcome
    rest: Change
    before: Mapping[str, str]
    after: Mapping[str, str]
    pulls: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the machine is not as the input says."""
        told = [word for key, word in self.outcome.objects.items() if key.partition(".")[0] not in TOLD_BY_PODS]
        return (
            any(word != "unchanged" for word in told) or not self.rest.is_empty or any(pod.differs for pod in self.pods)
        )


async def foresee(plan: Plan, directory: UnitDirectory, state: StateFolder, manager: Manager) -> Forecast:
    """What the plan comes to if all goes well."""
    scene = plan.scene
    excess = [name for rollout in plan.rollouts for wave in rollout.excess for name in wave]
    pods = [name for rollout in plan.rollouts for wave in rollout.waves for name in wave]
    texts, gone = await choose_files(manager, scene, pods, plan.rollouts)
    found = compose(directory, texts, (*gone, *(name for pod in excess for name in scene.before[pod].texts)))
    own, rest = _split(found.change)
    forecasts: dict[str, PodForecast] = {}
    for rollout in plan.rollouts:
        for name in (name for wave in rollout.waves for name in wave):
            decision = plan.decide(found.after[name], rollout)
            files = tuple(sorted(plan.refreshed.get(name, ())))
            acts = decision.deed is not Deed.NOTHING
            change = own.get(name, Change())
            forecasts[name] = PodForecast(
                name, decision.done, decision.reasons, acts, change, files, limits=decision.limits
            )
        for names, word in ((rollout.held, HELD), (rollout.lasting, LASTING), (rollout.waiting, WAITING)):
            forecasts.update({name: PodForecast(name, (word,)) for name in names})
    for name in plan.others:
        forecasts[name] = PodForecast(name, ("restarted",), (plan.tell_why(name),), acts=True)
    for name in excess:
        reasons = (plan.vanished.get(name, "it is one too many"),)
        forecasts[name] = PodForecast(name, DELETED, reasons, True, own.get(name, Change()))
    others = read_others(directory.path, await manager.get_unit_path())
    written: dict[str, dict[str, str]] = defaultdict(dict)
    for unit, digest in directory.read_written().items():
        written[parse_pod(unit) or ""][unit] = digest
    for name, forecast in forecasts.items():
        if before := scene.before.get(name):
            drift = find_drift(before, found.texts, written[name], others, scene.states[name])
            forecasts[name] = replace(forecast, drift=(*drift, *plan.moved.get(name, ())))
    outcomes = tuple(PodOutcome(one.pod, one.done) for one in forecasts.values())
    outcome = plan.tell(Outcome(outcomes, found.change, state.compare_objects(plan.objects)))
    for told in outcome.pods:
        forecasts.setdefault(told.pod, PodForecast(told.pod, told.done, vanished=True))
    every = [forecasts[told.pod] for told in outcome.pods]
    told_of = {one.pod for one in every}
    every += [one for one in forecasts.values() if one.pod not in told_of and (one.differs or one.drift)]
    return Forecast(tuple(every), outcome, rest, found.before, found.texts)


def _split(change: Change) -> tuple[dict[str, Change], Change]:
    """A change by pod, and the rest of it."""
    pods = {name: parse_pod(name) or "" for name in (*change.created, *change.updated, *change.removed)}

    def pick(pod: str) -> Change:
        parts = (change.created, change.updated, change.removed)
        created, updated, removed = (tuple(name for name in part if pods[name] == pod) for part in parts)
        return Change(created, updated, removed)

    return {pod: pick(pod) for pod in set(pods.values()) if pod}, pick("")
