"""Which limits are enforced, by the controllers that a machine and a manager have."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from podunit.controllers import Controllers, find_controllers, list_unenforced, warn_of_limits
from podunit.load import load_files
from podunit.report import Report
from podunit.scope import Scope

GROUP = "/user.slice/user-1000.slice/user@1000.service"
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    podunit/Slice.TasksMax: "10"
    podunit/a.Service.IOWeight: "10"
spec:
  containers:
  - {name: a, image: i, resources: {requests: {cpu: 1, memory: 1Mi}}}
  - {name: b, image: i, resources: {limits: {cpu: 1, memory: 1Mi}}}
  - {name: c, image: i, resources: {limits: {memory: 1Mi}}}
"""


def column(text: str) -> int:
    return POD.splitlines()[10].index(text) + 1


class _Manager:
    def __init__(self, group: str) -> None:
        self.group = group

    async def get_control_group(self) -> str:
        return self.group


def find(root: Path, scope: Scope, group: str = GROUP) -> Controllers:
    return asyncio.run(find_controllers(cast(Any, _Manager(group)), scope, root))


def write(root: Path, machine: str, own: str) -> None:
    (root / GROUP.lstrip("/")).mkdir(parents=True)
    (root / "cgroup.controllers").write_text(f"{machine}\n")
    (root / GROUP.lstrip("/") / "cgroup.controllers").write_text(f"{own}\n")


def warn(tmp_path: Path, controllers: Controllers) -> list[tuple[str, str]]:
    file = tmp_path / "web.yaml"
    file.write_text(POD)
    workload = load_files([str(file)], Report())
    assert workload
    report = Report()
    warn_of_limits(workload.pods, controllers, report)
    return [(str(problem).removeprefix(f"{tmp_path}/"), problem.hint) for problem in report.problems]


def test_a_user_has_what_is_delegated(tmp_path: Path) -> None:
    write(tmp_path, "cpuset cpu io memory pids", "cpu pids")
    found = find(tmp_path, Scope.USER)
    assert found.own == {"cpu", "pids"}
    assert warn(tmp_path, found) == [
        (
            f"web.yaml:11:{column('1Mi')}: warning: limits.memory is not enforced:"
            " the controller 'memory' of cgroups is not delegated to this systemd",
            "as root: 'systemctl edit user@.service', [Service] Delegate=cpu memory pids;"
            " then restart user@UID.service",
        )
    ]
    texts = ["[Slice]\nTasksMax=10\nMemoryMax=10\n", "[Service]\nIOWeight=10\nIOReadIOPSMax=/ 10\nMemoryLow=1\n"]
    assert list_unenforced(texts, found) == ("IOReadIOPSMax", "MemoryMax")


def test_what_the_machine_has_not_cannot_be_delegated(tmp_path: Path) -> None:
    write(tmp_path, "cpuset pids", "pids")
    ((said, hint),) = warn(tmp_path, find(tmp_path, Scope.USER))
    assert said == (
        f"web.yaml:11:{column('1, memory')}: warning: limits.cpu and limits.memory are not enforced:"
        " this machine has no controllers 'cpu' and 'memory' of cgroups for it"
    )
    assert "cgroup.controllers" in hint
    assert warn(tmp_path, find(tmp_path, Scope.SYSTEM, "")) == [(said, hint)]


def test_with_all_controllers_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path, "cpuset cpu io memory pids", "")
    assert warn(tmp_path, find(tmp_path, Scope.SYSTEM, "")) == []


@pytest.mark.parametrize(("scope", "lost"), [(Scope.SYSTEM, []), (Scope.USER, ["cpu", "memory", "pids"])])
def test_controllers_of_version_1_are_for_the_system(scope: Scope, lost: list[str], tmp_path: Path) -> None:
    for name in ("memory", "cpu", "pids", "blkio", "unified"):
        (tmp_path / name).mkdir()
    found = find(tmp_path, scope, "")
    assert list(found.list_missing(("MemoryMax", "CPUQuota", "TasksMax"))) == lost
