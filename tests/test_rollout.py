"""What `podunit.rollout` promises: which pods are touched, in which order, for every strategy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from podunit.errors import PodunitError
from podunit.installed import InstalledPod, list_pods
from podunit.model import Owner, Pod, Relabel, RestartPolicy
from podunit.names import container_unit, pod_unit, sandbox_unit, slice_unit, timer_unit
from podunit.report import Position
from podunit.rollout import Rollout, Scene, plan_rollouts, refuse_strangers
from podunit.workload import Controller, Replacement, Workload

_AT = Position("f", 1, 1)
_CONTROLLER = Controller(
    owner=Owner("Deployment", "web"),
    namespace="default",
    pods=("web-0", "web-1", "web-2", "web-3"),
    replacement=Replacement.ROLLING_UPDATE,
    max_unavailable=1,
    held=0,
    paused=False,
    ordered=False,
    descending=False,
    min_ready_sec=0,
    deadline_sec=600,
    history_limit=10,
    name_at=_AT,
)
_STATEFUL = replace(_CONTROLLER, ordered=True, descending=True)
_UP = "active active active active"


def install(name: str, owner: str = "Deployment/web", text: str = "a", namespace: str = "") -> InstalledPod:
    extra = f"Owner={owner}\n" * bool(owner) + f"Namespace={namespace}\n" * bool(namespace)
    return InstalledPod(name, {pod_unit(name): f"[Unit]\nDescription={text}\n\n[X-Podunit]\n{extra}"}, ())


def plan(controller: Controller, states: str, changed: str = "0123", *, start_stopped: bool = False) -> Rollout:
    """What is done about web-0 and so on, in these states ('-': not installed), of which some have changed."""
    before = {f"web-{n}": install(f"web-{n}") for n, state in enumerate(states.split()) if state != "-"}
    wanted = {name: install(name, text="b" if name[-1] in changed else "a").texts for name in controller.pods}
    known = {f"web-{n}": state.replace("-", "inactive") for n, state in enumerate(states.split())}
    scene = Scene(before, {**dict.fromkeys(controller.pods, "inactive"), **known}, wanted, frozenset(), start_stopped)
    (found,) = plan_rollouts(Workload(controllers=(controller,)), scene)
    named = {pod for wave in found.waves for pod in wave} | {*found.held, *found.waiting}
    assert named == set(controller.pods)
    return found


def show(waves: tuple[tuple[str, ...], ...]) -> str:
    """Waves as the numbers of their pods."""
    return " ".join("".join(pod[-1] for pod in wave) for wave in waves)


@pytest.mark.parametrize(
    ("states", "changed", "expected"),
    [
        ("- - - -", "", "0123"),
        (_UP, "", "0123"),
        (_UP, "0123", "0 1 2 3"),
        (_UP, "12", "03 1 2"),
        ("active active - -", "01", "23 0 1"),
        # What is down already is no loss.
        ("active failed active activating", "0123", "13 0 2"),
        ("inactive active active inactive", "0123", "03 1 2"),
    ],
)
def test_a_deployment_replaces_one_after_the_other(states: str, changed: str, expected: str) -> None:
    found = plan(_CONTROLLER, states, changed)
    assert show(found.waves) == expected
    assert (found.replaced, found.spared, found.held, found.waiting, found.excess) == ((), (), (), (), ())
    assert found.deadline_sec == 600


def test_so_many_are_replaced_at_once_as_may_be_unavailable() -> None:
    assert show(plan(replace(_CONTROLLER, max_unavailable=3), _UP).waves) == "012 3"


@pytest.mark.parametrize(
    ("states", "changed", "expected"),
    [
        ("- - - -", "", "0 1 2 3"),
        (_UP, "", "0123"),
        (_UP, "0123", "3 2 1 0"),
        ("active active - -", "01", "2 3 1 0"),
        ("active failed active active", "0123", "1 3 2 0"),
        ("active failed active -", "", "021 3"),
        ("inactive active active active", "03", "012 3"),
    ],
)
def test_a_stateful_set_starts_upwards_and_replaces_downwards(states: str, changed: str, expected: str) -> None:
    assert show(plan(_STATEFUL, states, changed).waves) == expected


def test_stopped_pods_start_in_order_when_asked_for() -> None:
    assert show(plan(_STATEFUL, "inactive inactive active -", "", start_stopped=True).waves) == "20 1 3"


def test_a_partition_keeps_what_has_changed_below_it() -> None:
    found = plan(replace(_STATEFUL, held=2), _UP, "0123")
    assert (show(found.waves), found.held) == ("3 2", ("web-0", "web-1"))
    found = plan(replace(_STATEFUL, held=2), "active - active active", "023")
    assert (show(found.waves), found.held) == ("1 3 2", ("web-0",))


def test_recreate_stops_what_has_changed_and_runs() -> None:
    found = plan(replace(_CONTROLLER, replacement=Replacement.RECREATE), "active failed inactive -", "012")
    assert (show(found.waves), found.replaced) == ("0213", ("web-0", "web-1"))
    assert plan(replace(_CONTROLLER, replacement=Replacement.RECREATE), _UP, "2").replaced == ("web-2",)


def test_on_delete_spares_what_runs() -> None:
    found = plan(replace(_CONTROLLER, replacement=Replacement.ON_DELETE), "active active inactive -", "02")
    assert (found.spared, found.replaced) == (("web-0",), ())
    assert len(found.waves) == 1


def make(name: str, *, crun: bool, network: str = "", timer: bool = False) -> InstalledPod:
    """A pod of one engine; with a network its sandbox is held by files."""
    texts = {pod_unit(name): "[X-Podunit]\nOwner=Deployment/web\n" + "Runs=once\n" * timer}
    texts[sandbox_unit(name)] = f"[Service]\nType=oneshot\n\n[X-Podunit]\nNetwork={network}\n" if network else ""
    texts[container_unit(name, "a")] = "[X-Podunit]\nEngine=crun\n" if crun else "[Service]\n"
    if timer:
        texts[timer_unit(name)] = "[Timer]\n"
    return list_pods(texts)[name]


@pytest.mark.parametrize(
    ("before", "after"),
    [({"crun": False}, {"crun": True}), ({"crun": True}, {"crun": False})]
    + [({"crun": True, "network": "one"}, {"crun": True, **more}) for more in ({}, {"network": "two"})],
)
def test_what_only_its_own_units_can_stop_goes_on_where_nobody_is_to_stop_it(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    names = ("web-0", "web-1", "web-2", "web-3")
    there = {name: make(name, **before) for name in names}
    wanted = {name: make(name, **after).texts for name in names}
    states = dict(zip(names, ("active", "failed", "inactive", "active"), strict=True))
    scene = Scene(there, states, wanted, frozenset(), start_stopped=True)
    (found,) = plan_rollouts(Workload(controllers=(replace(_CONTROLLER, replacement=Replacement.ON_DELETE),)), scene)
    assert (found.waves, found.lasting, found.spared) == ((("web-2",),), ("web-0", "web-1", "web-3"), ())
    (found,) = plan_rollouts(Workload(controllers=(_CONTROLLER,)), scene)
    assert (found.lasting, {pod for wave in found.waves for pod in wave}) == ((), set(names))
    # A run of a CronJob goes on, until it is done.
    pod = make_pod(None)
    for state, lasting in (("active", ("web-0",)), ("failed", ()), ("inactive", ())):
        own = make("web-0", timer=True, **before)
        scene = Scene({"web-0": own}, {"web-0": state}, {"web-0": wanted["web-0"]}, frozenset(), False)
        assert plan_rollouts(Workload((pod,)), scene)[0].lasting == lasting
    same = Scene(there, states, {name: there[name].texts for name in names}, frozenset(), False)
    (found,) = plan_rollouts(Workload(controllers=(replace(_CONTROLLER, replacement=Replacement.ON_DELETE),)), same)
    assert found.lasting == ()


def test_a_paused_deployment_keeps_all_and_makes_none() -> None:
    found = plan(replace(_CONTROLLER, paused=True), "active active active - active", "012")
    assert (found.waves, found.held, found.waiting) == ((), ("web-0", "web-1", "web-2"), ("web-3",))
    assert show(found.excess) == "4"


def test_what_is_too_much_goes_from_the_last() -> None:
    states = " ".join(["active"] * 12)
    few = replace(_CONTROLLER, pods=("web-0",))
    assert [pod for wave in plan(few, states, "").excess for pod in wave] == [f"web-{n}" for n in range(11, 0, -1)]
    assert len(plan(few, states, "").excess) == 1
    assert len(plan(replace(_STATEFUL, pods=("web-0",)), states, "").excess) == 11
    assert show(plan(replace(_CONTROLLER, pods=()), "active active", "").excess) == "10"


def test_pods_of_others_are_not_too_much() -> None:
    before = {"web-0": install("web-0", ""), "web-1": install("web-1", "StatefulSet/web"), "api-0": install("api-0")}
    scene = Scene(before, dict.fromkeys(before, "active"), {}, frozenset(), False)
    controllers = (replace(_CONTROLLER, pods=()), replace(_CONTROLLER, owner=Owner("Deployment", "api"), pods=()))
    assert [show(found.excess) for found in plan_rollouts(Workload(controllers=controllers), scene)] == ["0", ""]


def make_pod(owner: Owner | None, namespace: str = "default") -> Pod:
    return Pod(
        name="web-0",
        hostname="web-0",
        subdomain="",
        host_network=False,
        network=None,
        aliases=(),
        published=(),
        redirects=(),
        resources=None,
        relabel=Relabel.NONE,
        labels=(),
        init_containers=(),
        containers=(),
        volumes=(),
        restart_policy=RestartPolicy.ALWAYS,
        grace_sec=30,
        boot=True,
        settings=(),
        at=_AT,
        name_at=_AT,
        namespace=namespace,
        owner=owner,
    )


@pytest.mark.parametrize(
    ("pod", "installed", "message", "hint"),
    [
        (
            make_pod(None),
            install("web-0"),
            "f:1:1: pod 'web-0' is installed already, as one of Deployment/web",
            "podunit delete deployment/web",
        ),
        (
            make_pod(Owner("Deployment", "web")),
            install("web-0", ""),
            "f:1:1: pod 'web-0' is installed already, as a pod of its own",
            "podunit delete web-0",
        ),
        (
            make_pod(None, "shop"),
            install("web-0", "", namespace="attic"),
            "f:1:1: pod 'web-0' is installed already, as one of namespace 'attic'",
            "give one of them another name: namespaces keep nothing apart on this machine",
        ),
    ],
)
def test_another_pod_of_that_name_is_not_overwritten(
    pod: Pod, installed: InstalledPod, message: str, hint: str
) -> None:
    with pytest.raises(PodunitError) as caught:
        refuse_strangers([pod], {"web-0": installed})
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_pod_is_its_own_successor() -> None:
    refuse_strangers([make_pod(Owner("Deployment", "web"))], {"web-0": install("web-0")})
    refuse_strangers([make_pod(None, "shop")], {"web-0": install("web-0", "", namespace="shop")})
    refuse_strangers([make_pod(None)], {})


def test_pods_of_nobody_are_not_waited_for() -> None:
    pod = make_pod(None)
    scene = Scene({}, {"web-0": "inactive"}, {"web-0": {}}, frozenset(), False)
    assert plan_rollouts(Workload((pod,)), scene) == (Rollout((("web-0",),)),)


def test_limits_roll_nothing_but_are_held_back_with_the_rest() -> None:
    def limit(name: str, text: str) -> InstalledPod:
        pod = install(name)
        return InstalledPod(name, {**pod.texts, slice_unit(name): f"[Slice]\nMemoryMax={text}\n"}, ())

    names = _CONTROLLER.pods
    before = {name: limit(name, "1G") for name in names}
    wanted = {name: limit(name, "2G").texts for name in names}
    scene = Scene(before, dict.fromkeys(names, "active"), wanted, frozenset(), start_stopped=False)
    for replacement in Replacement:
        (found,) = plan_rollouts(Workload(controllers=(replace(_CONTROLLER, replacement=replacement),)), scene)
        assert (found.waves, found.replaced, found.spared) == ((names,), (), ())
    (found,) = plan_rollouts(Workload(controllers=(replace(_STATEFUL, held=2),)), scene)
    assert (show(found.waves), found.held) == ("23", ("web-0", "web-1"))
