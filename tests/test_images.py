"""What `podunit.images` promises: which images are needed, how they are pulled, and what is said of it."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from podunit import host, images, journal
from podunit.engines.pulls import IMAGE_MEND, MEND, PULL_ONE
from podunit.errors import PodunitError
from podunit.files import read_static_units
from podunit.images import Lack, Need, choose, list_bundled, list_needs, provide
from podunit.installed import list_pods
from podunit.load import load_files
from podunit.manager import JobResult, Manager
from podunit.model import PullPolicy
from podunit.names import image_unit
from podunit.planning import Plan, make_units
from podunit.report import Report
from podunit.rollout import Scene, plan_rollouts
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.target import parse_target
from podunit.unitfile import Script, command_line
from podunit.workload import Workload

_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec:\n  containers:\n"
_JOB = (
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  completions: 2\n  suspend: SUSPEND\n"
    "  template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'quay.io/a:1'}]}}\n"
)
_CRON = (
    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  schedule: '1 * * * *'\n  suspend: SUSPEND\n"
    "  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'quay.io/a:1'}]}}}}\n"
)
_SECRET = (
    "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {.dockerconfigjson: '{\"auths\": {}}'}\n---\n"
)
_SHARED = image_unit("quay.io/a:1", always=False)


def web(*containers: str, name: str = "web", more: str = "") -> str:
    own = "".join(f"  - {{name: {chr(97 + at)}, {each}}}\n" for at, each in enumerate(containers))
    return _POD.replace("NAME", name) + own + more


def load(tmp_path: Path, text: str) -> Workload:
    file = tmp_path / "pod.yaml"
    file.write_text(text)
    report = Report()
    found = load_files([str(file)], report)
    assert found, report.problems
    return found


def find_needs(tmp_path: Path, text: str) -> tuple[Need, ...]:
    return list_needs((pod, frozenset(it.name for it in pod.containers)) for pod in load(tmp_path, text).pods)


def find_starting(tmp_path: Path, after: str, before: str = "", state: str = "active") -> dict[str, set[str]]:
    target = parse_target("257", "5.4.2")
    workload = load(tmp_path, after)
    old = make_units(load(tmp_path, before), Scope.SYSTEM, target) if before else {}
    installed = list_pods({name: text for own in old.values() for name, text in own.items()})
    states: Mapping[str, str] = defaultdict(lambda: "inactive", {f"pod@{name}.service": state for name in old})
    wanted = make_units(workload, Scope.SYSTEM, target)
    scene = Scene(installed, dict.fromkeys({*old, *wanted}, state), wanted, frozenset(), start_stopped=False)
    rollouts = plan_rollouts(workload, scene)
    plan = Plan(workload, {}, scene, rollouts, {}, {}, states, {}, prunes=False)
    return {pod.name: set(names) for pod, names in plan.list_starting()}


_A, _B = "image: 'quay.io/a:1'", "image: 'quay.io/b:1'"


@pytest.mark.parametrize(
    ("before", "after", "state", "starting"),
    [
        ("", web(_A, _B), "inactive", {"web": {"a", "b"}}),
        (web(_A, _B), web(_A, _B), "active", {}),
        (web(_A, _B), web(_A, "image: 'quay.io/b:2'"), "active", {"web": {"b"}}),
        (web(_A, _B), web(_A, "image: 'quay.io/b:2'"), "failed", {"web": {"a", "b"}}),
        # Stopped by somebody, and left so.
        (web(_A, _B), web(_A, "image: 'quay.io/b:2'"), "inactive", {}),
        # Limits change as it runs.
        (web(_A), web(f"{_A}, resources: {{limits: {{memory: 64Mi}}}}"), "active", {}),
        ("", _CRON.replace("SUSPEND", "false"), "inactive", {"c": {"a"}}),
        ("", _CRON.replace("SUSPEND", "true"), "inactive", {}),
        ("", _JOB.replace("SUSPEND", "false"), "inactive", {"j-0": {"a"}, "j-1": {"a"}}),
        ("", _JOB.replace("SUSPEND", "true"), "inactive", {}),
        # It has its image in a bundle by then.
        ("", web(_A).replace("{name: web}", "{name: web, annotations: {podunit/engine: crun}}"), "inactive", {}),
    ],
)
def test_what_starts(tmp_path: Path, before: str, after: str, state: str, starting: dict[str, set[str]]) -> None:
    if "CronJob" in after or "Job" in after:
        state = "inactive"
    assert find_starting(tmp_path, after, before, state) == starting


def test_what_is_needed(tmp_path: Path) -> None:
    text = (
        web(_A, f"{_A}, imagePullPolicy: Always")
        + "---\n"
        + web(f"{_B}, imagePullPolicy: Never", "image: 'quay.io/c:1'", name="two")
    )
    needs = find_needs(tmp_path, text)
    # Each once, where it is named first, and as it is asked for most.
    assert [(need.pod, need.container, str(need.at).rpartition("/")[2], need.policy.value) for need in needs] == [
        ("web", "a", "pod.yaml:6:22", "Always"),
        ("two", "a", "pod.yaml:14:22", "Never"),
        ("two", "b", "pod.yaml:15:22", "IfNotPresent"),
    ]
    assert needs[0].unit == image_unit("quay.io/a:1", always=True)
    assert needs[2].unit == image_unit("quay.io/c:1", always=False)
    assert not any(need.private for need in needs)


def test_pods_with_credentials_have_pulls_of_their_own(tmp_path: Path) -> None:
    key = "  imagePullSecrets: [{name: key}]\n"
    needs = find_needs(tmp_path, _SECRET + web(_A, more=key) + "---\n" + web(_A, name="two"))
    assert [(need.pod, need.private) for need in needs] == [("web", True), ("two", False)]
    assert needs[0].unit.startswith("pull@web:")
    assert needs[1].unit == _SHARED


def test_what_others_need_that_are_installed(tmp_path: Path) -> None:
    workload = load(tmp_path, _SECRET + web(_A, f"{_B}, imagePullPolicy: Always", f"{_B}, imagePullPolicy: Never"))
    texts = make_units(workload, Scope.SYSTEM, parse_target("257", "5.4.2"))["web"]
    needs = list_needs((), list_pods(texts).values())
    assert [(need.image, need.policy.value, need.container, need.at) for need in needs] == [
        ("quay.io/a:1", "IfNotPresent", "a", None),
        ("quay.io/b:1", "Always", "b", None),
    ]


def test_bundles_need_all_images_of_their_pods(tmp_path: Path) -> None:
    crun = "{name: web, annotations: {podunit/engine: crun}}"
    text = web(_A, _B).replace("{name: web}", crun) + "---\n" + web(_A, name="two")
    assert [(pod.name, set(names)) for pod, names in list_bundled(load(tmp_path, text).pods)] == [("web", {"a", "b"})]


def need(image: str, policy: PullPolicy = PullPolicy.IF_NOT_PRESENT, *, private: bool = False) -> Need:
    always = policy is PullPolicy.ALWAYS
    return Need(image, policy, "web", "a", None, image_unit(image, always=always), private=private)


def let_be_missing(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[set[str]]:
    asked: list[set[str]] = []

    def find(wanted: Iterable[str]) -> frozenset[str]:
        asked.append(set(wanted))
        return frozenset(asked[-1] & set(names))

    monkeypatch.setattr(images, "find_missing_images", find)
    return asked


def test_what_is_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = let_be_missing(monkeypatch, "b", "c", "d")
    needs = [
        need("a"),
        need("b"),
        need("c", PullPolicy.NEVER),
        need("d", PullPolicy.NEVER),
        need("d", private=True),
        need("e", PullPolicy.ALWAYS),
    ]
    # What is pulled for one is there for who never pulls it.
    assert [(one.image, one.policy.value) for one in choose(needs)] == [
        ("b", "IfNotPresent"),
        ("c", "Never"),
        ("d", "IfNotPresent"),
        ("e", "Always"),
    ]
    # podman is not asked about what is pulled anyway.
    assert asked == [{"a", "b", "c", "d"}]


class FakeManager:
    """A systemd whose units take so long, and end as is said."""

    def __init__(self, units: Mapping[str, str], *, ends: str = "done", takes_sec: float = 0.0) -> None:
        self.units, self.ends, self.takes_sec = units, ends, takes_sec
        self.calls: list[str] = []
        self.running, self.most = 0, 0

    async def get_properties(self, unit: str, *_: str) -> Mapping[str, Any]:
        found = self.units.get(unit, "")
        return {"LoadState": "loaded" if found else "not-found", "ActiveState": found or "inactive"}

    async def start_unit(self, unit: str) -> str:
        self.calls.append(f"start {unit}")
        return unit

    async def restart_unit(self, unit: str) -> str:
        self.calls.append(f"restart {unit}")
        return unit

    async def stop_unit(self, unit: str) -> str:
        self.calls.append(f"stop {unit}")
        return unit

    async def start_passing_service(self, unit: str, description: str, command: tuple[str, ...]) -> str:
        self.calls.append(f"pass {unit}: {description}: {' '.join(command[4:])}".removesuffix(": "))
        return unit

    async def run_jobs(self, enqueue: Callable[[str], Awaitable[str]], units: Iterable[str]) -> tuple[JobResult, ...]:
        (unit,) = units
        await enqueue(unit)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.takes_sec)
        self.running -= 1
        return (JobResult(unit, self.ends),)


async def run(tmp_path: Path, manager: FakeManager, *needs: Need, said: list[str] | None = None) -> tuple[Lack, ...]:
    files = {"web": {"registries/00.json": b"{}"}}
    tell = (said if said is not None else []).append
    return await provide(needs, files, StateFolder(tmp_path), cast(Manager, manager), Scope.SYSTEM, tell)


def test_nothing_is_done_where_all_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    let_be_missing(monkeypatch)
    manager = FakeManager({})
    assert asyncio.run(run(tmp_path, manager, need("a", PullPolicy.NEVER), need("b"))) == ()
    assert manager.calls == []


def test_an_image_has_its_own_unit_if_that_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    let_be_missing(monkeypatch, "a", "b", "c", "d")
    # One that is active has been of use before somebody has removed the image.
    manager = FakeManager({image_unit("a", always=False): "inactive", image_unit("b", always=False): "active"})
    own = need("d", private=True)
    needs = (need("a"), need("b"), need("c"), need("e", PullPolicy.ALWAYS), own)
    assert asyncio.run(run(tmp_path, manager, *needs)) == ()
    assert sorted(manager.calls) == [
        "pass image-pull@e.service: Pull of image e: always e",
        "pass image@c.service: Pull of image c: missing c",
        f"pass {own.unit}: Pull of image d: {tmp_path}/files/web_new/registries missing d",
        "restart image@b.service",
        "start image@a.service",
    ]
    # The credentials are there no longer.
    assert list((tmp_path / "files").iterdir()) == []


@pytest.mark.parametrize("state", ["inactive", ""])
@pytest.mark.parametrize("cut", [True, False])
def test_what_a_loss_of_power_has_left_of_pulls_is_removed_before_podman_is_asked(
    state: str, cut: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = let_be_missing(monkeypatch)
    monkeypatch.setattr(images, "_BOOT_ID", tmp_path / "boot")
    (tmp_path / "boot").write_text("one\n")
    (tmp_path / "pulls").mkdir()
    (tmp_path / "pulls" / ("two.7" if cut else "one.7")).write_text("a \n")
    manager, seen = FakeManager({IMAGE_MEND: state}), list[int]()
    start = manager.run_jobs

    async def run_jobs(enqueue: Callable[[str], Awaitable[str]], units: Iterable[str]) -> tuple[JobResult, ...]:
        seen.append(len(asked))
        return await start(enqueue, units)

    monkeypatch.setattr(manager, "run_jobs", run_jobs)
    assert asyncio.run(run(tmp_path, manager, need("a"))) == ()
    # By a unit of its own before the first apply has installed any.
    done = "start" if state else "pass"
    assert [call.partition(":")[0] for call in manager.calls] == ([f"{done} {IMAGE_MEND}"] if cut else [])
    assert (seen, len(asked)) == ([0] if cut else [], 1)


@pytest.mark.parametrize(
    ("unit", "script", "arguments"),
    [
        ("image@.service", PULL_ONE, "pull missing %I"),
        ("image-pull@.service", PULL_ONE, "pull always %I"),
        (IMAGE_MEND, MEND, "mend"),
    ],
)
def test_what_runs_without_a_unit_is_what_units_run(unit: str, script: Script, arguments: str) -> None:
    (command,) = re.findall(r"^ExecStart=((?:.*\\\n)*.*)$", read_static_units()[unit], re.MULTILINE)
    words = command_line(("/bin/sh", "-c", script)).text.replace("/usr/bin/podman", "podman")
    assert command == f"{words} {arguments}"


def test_what_is_never_pulled_is_said_before_anything_is_pulled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    let_be_missing(monkeypatch, "a", "b")
    manager, lack = FakeManager({}), need("a", PullPolicy.NEVER)
    assert asyncio.run(run(tmp_path, manager, lack, need("b"))) == (Lack(lack, ""),)
    assert manager.calls == []


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("Error: no such host",), "no such host"),
        (
            ("Error: no right", "trying", "Error: 2 errors occurred while pulling:", " * one", " * two"),
            "2 errors occurred while pulling: * one * two",
        ),
        (("something else",), "something else"),
        ((), "timeout"),
    ],
)
def test_why_an_image_is_not_to_be_had(
    lines: tuple[str, ...], why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    let_be_missing(monkeypatch, "a")
    monkeypatch.setattr(journal, "_read_last_lines", lambda *_: lines)
    monkeypatch.setattr(journal, "_STEP_SEC", 0)
    assert asyncio.run(run(tmp_path, FakeManager({}, ends="timeout"), need("a"))) == (Lack(need("a"), why),)


def test_pulls_are_side_by_side_and_told_once_they_take_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = [str(number) for number in range(20)]
    let_be_missing(monkeypatch, *names)
    monkeypatch.setattr(images, "_PATIENCE_SEC", 0.01)
    manager, said = FakeManager({}, takes_sec=0.05), list[str]()
    asyncio.run(run(tmp_path, manager, *map(need, names), said=said))
    assert manager.most == images._AT_ONCE
    assert said == [f"waiting for pod 'web': pulling image {name}" for name in names]
    said.clear()
    asyncio.run(run(tmp_path, FakeManager({}), *map(need, names), said=said))
    assert said == []


def test_who_ends_the_waiting_ends_pulls_with_credentials_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    let_be_missing(monkeypatch, "a", "b")
    manager, own = FakeManager({}, takes_sec=60), need("b", private=True)

    async def end() -> None:
        work = asyncio.ensure_future(run(tmp_path, manager, need("a"), own))
        await asyncio.sleep(0.05)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(end())
    assert [call for call in manager.calls if call.startswith("stop")] == [f"stop {own.unit}"]
    assert list((tmp_path / "files").iterdir()) == []


def test_without_podman_no_image_is_taken_for_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "PODMAN", "/nowhere/podman")
    assert host.find_missing_images([]) == frozenset()
    with pytest.raises(PodunitError, match="there is no /nowhere/podman"):
        host.find_missing_images(["localhost/a"])
