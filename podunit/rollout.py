"""In which order pods are installed and brought up: a controller's replicas as its strategy says, others all at once.

In: a workload, what is installed of it, and how that runs. Out: `Rollout`s. Knows no files and no running systemd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from podunit.errors import PodunitError
from podunit.installed import InstalledPod, list_pods
from podunit.limits import differs
from podunit.model import Pod
from podunit.record import record
from podunit.unitfile import strip_remarks
from podunit.workload import Controller, Replacement, Workload

Texts = Mapping[str, str]


@record
class Rollout:
    """Pods in waves: each is installed and brought up once those before it are up.

    `excess` are replicas that are no longer asked for, in the waves in which they go. Pods in `replaced` are stopped
    before the first wave; those in `spared` get new units, but are not restarted; `held` ones keep their units, those
    in `lasting` too, while they run, and `waiting` ones are not made. The rest is as in `Controller`; a pod without
    `deadline_sec` is up when it has started.
    """

    waves: tuple[tuple[str, ...], ...]
    excess: tuple[tuple[str, ...], ...] = ()
    replaced: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    min_ready_sec: int = 0
    deadline_sec: int | None = None


@record
class Scene:
    """What there is: installed pods, the active states of all pods, and the unit files that are wanted, by pod.

    `refreshed` are the pods for which other files change, which their units read; `enabled` the handles and timers that
    are enabled now, and are to be linked otherwise.
    """

    before: Mapping[str, InstalledPod]
    states: Mapping[str, str]
    wanted: Mapping[str, Texts]
    refreshed: frozenset[str]
    start_stopped: bool
    enabled: frozenset[str] = frozenset()

    def runs(self, pod: str) -> bool:
        """Whether it is installed, and was not stopped by somebody."""
        return pod in self.before and self.states[pod] != "inactive"

    def is_up(self, pod: str) -> bool:
        """Whether it is installed, and active."""
        return pod in self.before and self.states[pod] == "active"

    def lasts(self, pod: str) -> bool:
        """Whether it runs, and is to have other makers: its new units could not stop what runs."""
        if not self.runs(pod) or self.before[pod].texts == self.wanted[pod]:
            return False
        before = self.before[pod]
        ended = before.runs_once and self.states[pod] == "failed"
        return not ended and before.makers != list_pods(self.wanted[pod])[pod].makers

    def starts(self, pod: str) -> bool:
        """Whether it is not up, and will be."""
        return not self.is_up(pod) and (pod not in self.before or self.runs(pod) or self.start_stopped)

    def changes(self, pod: str) -> bool:
        """Whether it is installed, and changes by more than remarks, and limits that running units take."""
        return self._compare(pod, differs)

    def alters(self, pod: str) -> bool:
        """Whether it is installed, and changes by more than remarks."""
        return self._compare(pod, _alters)

    def _compare(self, pod: str, compare: Callable[[str | None, str | None], bool]) -> bool:
        if pod not in self.before:
            return False
        if pod in self.refreshed:
            return True
        texts, wanted = self.before[pod].texts, self.wanted[pod]
        return any(compare(texts.get(name), wanted.get(name)) for name in {*texts, *wanted})


def _alters(before: str | None, after: str | None) -> bool:
    """Whether two texts of a unit differ for systemd: not by comments, nor by sections that it skips."""
    return before is None or after is None or strip_remarks(before) != strip_remarks(after)


def refuse_strangers(pods: Iterable[Pod], before: Mapping[str, InstalledPod]) -> None:
    """PodunitError if an installed pod of one of these names is another one: of another owner, or namespace."""
    for pod in pods:
        installed = before.get(pod.name)
        if installed is None:
            continue
        owner = str(pod.owner) if pod.owner else ""
        if installed.owner != owner:
            found = f"one of {installed.owner}" if installed.owner else "a pod of its own"
            hint = f"podunit delete {installed.owner.lower() or installed.name}"
        elif installed.namespace != pod.namespace:
            found = f"one of namespace '{installed.namespace}'"
            hint = "give one of them another name: namespaces keep nothing apart on this machine"
        else:
            continue
        raise PodunitError(f"{pod.name_at}: pod '{pod.name}' is installed already, as {found}", hint)


def plan_rollouts(workload: Workload, scene: Scene) -> tuple[Rollout, ...]:
    """What is to be done for each pod that no controller replaces, and for each controller."""
    controlled = {name for controller in workload.controllers for name in controller.pods}
    alone = [pod for pod in workload.pods if pod.name not in controlled]
    names = {pod.name for pod in workload.pods}
    # A Job may have had more pods.
    owners = {str(pod.owner) for pod in alone if pod.owner}
    excess = tuple(name for name, pod in scene.before.items() if pod.owner in owners and name not in names)
    rest = (Rollout((), excess=(excess,)),) if excess else ()
    return (*(_plan_alone(pod, scene) for pod in alone), *rest, *(_plan(it, scene) for it in workload.controllers))


def _plan_alone(pod: Pod, scene: Scene) -> Rollout:
    # A run of a CronJob that is not done goes on as it is.
    if scene.lasts(pod.name) and scene.before[pod.name].timer:
        return Rollout((), lasting=(pod.name,))
    return Rollout(((pod.name,),))


def _plan(controller: Controller, scene: Scene) -> Rollout:
    held, waiting = _hold_back(controller, scene)
    spares = controller.replacement is Replacement.ON_DELETE
    lasting = tuple(pod for pod in controller.pods if spares and pod not in held and scene.lasts(pod))
    pods = [pod for pod in controller.pods if pod not in (*held, *lasting, *waiting)]
    rolls = controller.replacement is Replacement.ROLLING_UPDATE
    starting = [pod for pod in pods if scene.starts(pod)]
    rolling = [pod for pod in pods if rolls and scene.is_up(pod) and scene.changes(pod)]
    rest = [pod for pod in pods if pod not in starting and pod not in rolling]
    waves = [(*rest, *starting[:1]), *((pod,) for pod in starting[1:])] if controller.ordered else [(*rest, *starting)]
    if controller.descending:
        rolling.reverse()
    step = controller.max_unavailable
    waves += [tuple(rolling[index : index + step]) for index in range(0, len(rolling), step)]
    changing = tuple(pod for pod in pods if scene.runs(pod) and scene.changes(pod))
    return Rollout(
        waves=tuple(wave for wave in waves if wave),
        excess=_find_excess(controller, scene),
        replaced=changing if controller.replacement is Replacement.RECREATE else (),
        spared=changing if spares else (),
        held=held,
        lasting=lasting,
        waiting=waiting,
        min_ready_sec=controller.min_ready_sec,
        deadline_sec=controller.deadline_sec,
    )


def _hold_back(controller: Controller, scene: Scene) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pods that keep what they are, and those that are not made."""
    if controller.paused:
        # As in a cluster: nothing of the new template appears before the Deployment goes on.
        known = tuple(pod for pod in controller.pods if pod in scene.before)
        return known, tuple(pod for pod in controller.pods if pod not in scene.before)
    return tuple(pod for pod in controller.pods[: controller.held] if scene.alters(pod)), ()


def _find_excess(controller: Controller, scene: Scene) -> tuple[tuple[str, ...], ...]:
    owner = str(controller.owner)
    names = [name for name, pod in scene.before.items() if pod.owner == owner and name not in controller.pods]
    names.sort(key=lambda name: int(name.rpartition("-")[2]), reverse=True)
    return tuple((name,) for name in names) if controller.ordered else (tuple(names),) if names else ()
