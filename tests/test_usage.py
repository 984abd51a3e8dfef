"""What `podunit.usage` promises: the kernel's counters, None for those that it does not keep, and what they come to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from podunit.cli.output import format_bytes
from podunit.manager import Manager
from podunit.usage import Usage, measure, read_usage, read_usages
from tests.test_states import make_pod

_FILES = {
    "memory.current": "4096\n",
    "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\ncore_sched.force_idle_usec 0\n",
    "pids.current": "3\n",
    "io.stat": "8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=11 wbytes=22 rios=1 wios=1\n",
}


def make_cgroup(root: Path, cgroup: str, **changes: str | None) -> None:
    folder = root / cgroup.lstrip("/")
    folder.mkdir(parents=True)
    files: dict[str, str | None] = {**_FILES, **{name.replace("_", "."): text for name, text in changes.items()}}
    for name, text in files.items():
        if text is not None:
            (folder / name).write_text(text, encoding="ascii")


def test_counters_are_the_kernels(tmp_path: Path) -> None:
    make_cgroup(tmp_path, "/pod.slice/pod-web.slice")
    assert read_usage("/pod.slice/pod-web.slice", tmp_path) == Usage(4096, 2_500_000, 3, 111, 222)


def test_what_no_controller_counts_is_not_known(tmp_path: Path) -> None:
    make_cgroup(tmp_path, "/a", memory_current=None, pids_current=None, io_stat=None)
    assert read_usage("/a", tmp_path) == Usage(cpu_usec=2_500_000)
    make_cgroup(tmp_path, "/b", io_stat="")
    assert read_usage("/b", tmp_path).read_bytes == 0


@pytest.mark.parametrize("cgroup", ["", "/gone"])
def test_of_a_cgroup_that_is_not_there_nothing_is_known(cgroup: str, tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 1\n", encoding="ascii")
    assert read_usage(cgroup, tmp_path) == Usage()


def test_rates_are_those_of_the_time_between() -> None:
    load = measure(Usage(1, 1_000_000, 1, 100, 1000), Usage(7, 2_500_000, 2, 300, 1000), 2.0)
    assert (load.cpu_percent, load.read_bytes_per_sec, load.written_bytes_per_sec) == (75.0, 100.0, 0.0)
    assert (load.usage.memory_bytes, load.usage.tasks) == (7, 2)


def test_a_counter_that_began_anew_counts_from_0() -> None:
    assert measure(Usage(cpu_usec=9_000_000), Usage(cpu_usec=500_000), 1.0).cpu_percent == 50.0


def test_without_two_readings_there_is_no_rate() -> None:
    load = measure(Usage(), Usage(cpu_usec=1, memory_bytes=2), 1.0)
    assert load.describe() == {
        "memory_bytes": 2,
        "tasks": None,
        "cpu_usec": 1,
        "read_bytes": None,
        "written_bytes": None,
        "cpu_percent": None,
        "read_bytes_per_sec": None,
        "written_bytes_per_sec": None,
    }


class _Manager:
    async def get_all_properties(self, units: Iterable[str], interface: str) -> tuple[Mapping[str, Any], ...]:
        found = {"pod-web.slice": "/web", "container@web.a.service": "/web/a"}
        expected = "Slice" if interface == "Slice" else "Service"
        assert interface == expected
        return tuple({"ControlGroup": found.get(unit, "")} for unit in units)


def test_a_pod_and_its_containers(tmp_path: Path) -> None:
    make_cgroup(tmp_path, "/web")
    make_cgroup(tmp_path, "/web/a", pids_current="2\n")
    found = asyncio.run(read_usages(cast(Manager, _Manager()), [make_pod("a", "b", ends=False)], tmp_path))
    assert {key: usage.tasks for key, usage in found.items()} == {("web", ""): 3, ("web", "a"): 2, ("web", "b"): None}


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (0, "0B"), (1023, "1023B"), (1024, "1.0K"), (12_900_000, "12.3M"), (5 * 1024**4, "5.0T")],
)
def test_bytes_are_short(number: int | None, text: str) -> None:
    assert format_bytes(number) == text
