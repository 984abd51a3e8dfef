"""Limits hold: the kernel enforces on containers and on their pod what the YAML, annotations and systemctl say.

Looked at from outside of podunit: the counters of cgroups (cgroup-v2.rst), states, process IDs. One pod for all tests,
in which each container does what it is about when it is told to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.pods import IMAGE, Pods, container, pod, quick, wait_for
from tests.vm.virtual import VirtualMachine

MEBI = 1 << 20
POD_MEBI = 200
TASKS = 60
PAGES = 2
READ_MEGA = 2
DISK = "/var/tmp/read"
SLOW_SEC = 300
SETTLED_SEC = 10

_FOREVER = "exec sleep 100000"
# A line to its end, which it does not have.
_EAT = "tail -n 1 /dev/zero"
_BOMB = "bomb() { bomb | bomb & }; bomb"


def told(name: str, action: str, *fields: str) -> str:
    """A container that does something once, after a file of its name has been made."""
    script = f"until rm /go/{name} 2> /dev/null; do sleep 0.3; done; {action}"
    lines = [
        f"- name: {name}",
        f"  image: {IMAGE}",
        f"  command: [sh, -c, '{script}']",
        "  volumeMounts: [{name: go, mountPath: /go}]",
        *(f"  {field}" for field in fields),
    ]
    return "".join(f"  {line}\n" for line in lines)


def hold(mebibytes: int) -> str:
    """Take so much memory, and keep it."""
    fill = f'for (i = 0; i < {mebibytes}; i++) a[i] = s i; system("sleep 100000")'
    return f"""exec awk ''BEGIN {{ s = sprintf("%1048576s", ""); {fill} }}''"""


WEB = pod(
    told(
        "neighbour",
        f"cat /disk/big > /dev/null; {_FOREVER}",
        f"resources: {{requests: {{cpu: 100m}}, limits: {{hugepages-2Mi: {2 * PAGES}Mi}}}}",
    ).replace("mountPath: /go}]", "mountPath: /go}, {name: huge, mountPath: /huge}, {name: disk, mountPath: /disk}]")
    + told("eater", f"{_EAT}; {_FOREVER}", "resources: {limits: {memory: 48Mi}}")
    + told("spinner", "while :; do :; done", "resources: {limits: {cpu: 500m}}")
    + told("bomber", f"{_BOMB}; {_FOREVER}")
    + told("first", hold(POD_MEBI // 2))
    + told("second", hold(POD_MEBI // 2)),
    notes=quick("eater", "first", "second")
    + f'    podunit/bomber.Service.TasksMax: "{TASKS}"\n    podunit/bomber.Service.CPUWeight: "10"\n'
    f'    podunit/neighbour.Service.IOReadBandwidthMax: "/dev/vda {READ_MEGA}M"\n'
    '    podunit/neighbour.Service.IOWeight: "50"\n',
    more="  volumes: [{name: go, hostPath: {path: /run/test, type: DirectoryOrCreate}},"
    f" {{name: huge, emptyDir: {{medium: HugePages}}}}, {{name: disk, hostPath: {{path: {DISK}}}}}]\n"
    f"  resources: {{limits: {{memory: {POD_MEBI}Mi}}}}\n",
)


@pytest.fixture(scope="module")
def web(vm: VirtualMachine) -> Iterator[Pods]:
    """The pod, up; each test finds all of its containers running."""
    pods = Pods(vm)
    vm.sh(f"sysctl --write vm.nr_hugepages={2 * PAGES}")
    # More than is read meanwhile.
    vm.sh(f"mkdir {DISK}; head -c 150M /dev/zero > {DISK}/big", timeout_sec=SLOW_SEC)
    pods.install(WEB)
    pods.systemctl("start", "pod@web", timeout_sec=2 * SLOW_SEC)
    yield pods
    pods.systemctl("stop", "pod@web", timeout_sec=SLOW_SEC)
    assert pods.remains() == ""
    pods.clear()
    vm.sh(f"rm -r /run/test {DISK}")


def tell(web: Pods, name: str) -> None:
    web.lab.write(f"/run/test/{name}", "")


def read_counter(web: Pods, unit: str, file: str, key: str = "") -> int:
    """A number in a file of a unit's cgroup."""
    text = web.lab.read(f"/sys/fs/cgroup{web.show(unit, 'ControlGroup')}/{file}")
    return int(dict(line.split() for line in text.splitlines())[key] if key else text)


def list_containers(web: Pods) -> dict[str, dict[str, object]]:
    document = json.loads(web.lab.run("podunit", "ps", "-o", "json").stdout)
    return {one["container"]: one for one in document["containers"]}


def expect_killed(web: Pods, name: str) -> None:
    """A container has been restarted, and podunit says why."""
    wait_for(lambda: web.show(f"container@web.{name}", "NRestarts"), "1", SLOW_SEC)
    web.wait("active", f"container@web.{name}", timeout_sec=SLOW_SEC)
    seen = list_containers(web)[name]
    assert seen["restarts"] == 1
    last = seen["last_exit"]
    assert isinstance(last, dict)
    assert {**last, "at": ""} == {
        "status": 137,
        "signal": "SIGKILL",
        "oom_killed": True,
        "reason": "OOMKilled",
        "at": "",
    }
    table = web.lab.run("podunit", "ps").stdout
    assert [name for line in table.splitlines() if f" {name} " in line and "OOMKilled" in line] == [name]


def measure_reading(web: Pods, unit: str) -> float:
    """How many bytes per second a unit reads from disks, by the clock of the machine."""
    file = f"/sys/fs/cgroup{web.show(unit, 'ControlGroup')}/io.stat"
    count = "tr ' ' '\\n' | awk -F = '/^rbytes=/ { sum += $2 } END { print sum + 0 }'"
    look = f"cat {file} | {count}; cut -d ' ' -f 1 /proc/uptime"
    script = f"{look}; sleep {SETTLED_SEC}; {look}"
    read, at, read_later, later = map(float, web.lab.sh(script, timeout_sec=SLOW_SEC).stdout.split())
    return (read_later - read) / (later - at)


def measure_load(web: Pods, unit: str) -> float:
    """How many CPUs a unit uses, by the clock of the machine."""
    file = f"/sys/fs/cgroup{web.show(unit, 'ControlGroup')}/cpu.stat"
    look = f"awk 'NR == 1 {{print $2}}' {file}; cut -d ' ' -f 1 /proc/uptime"
    script = f"{look}; sleep {SETTLED_SEC}; {look}"
    used, at, used_later, later = map(float, web.lab.sh(script, timeout_sec=SLOW_SEC).stdout.split())
    return (used_later - used) / 1e6 / (later - at)


def test_an_apply_changes_limits_live(vm: VirtualMachine) -> None:
    pods = Pods(vm)

    def read(unit: str, file: str) -> str:
        return vm.read(f"/sys/fs/cgroup{pods.show(unit, 'ControlGroup')}/{file}").strip()

    def apply(text: str) -> str:
        vm.write("/root/pod.yaml", text)
        return vm.run("podunit", "apply", "/root/pod.yaml", timeout_sec=2 * SLOW_SEC).stdout

    free = container("a", "sleep 100000 & wait") + container("b", "sleep 100000 & wait")
    limited = free.replace("  - name: b", "    resources: {limits: {memory: 100Mi, cpu: 250m}}\n  - name: b")
    whole = "  resources: {limits: {memory: 200Mi}}\n"
    tasks = '    podunit/b.Service.TasksMax: "50"\n'
    assert apply(pod(free, "live")) == "pod live: created, started\n"
    units = [f"container@live.{name}" for name in "ab"]
    before = [pods.main_pid(unit) for unit in units]
    groups = " ".join(f"/sys/fs/cgroup{pods.show(unit, 'ControlGroup')}/*/memory.oom.group" for unit in units)
    assert (read(units[0], "memory.max"), vm.sh(f"sort -u {groups}").stdout) == ("max", "0\n")

    assert apply(pod(limited, "live", more=whole, notes=tasks)) == "pod live: changed, limits applied live\n"
    assert [read(units[0], file) for file in ("memory.max", "cpu.max")] == [str(100 * MEBI), "25000 100000"]
    assert (read("pod-live.slice", "memory.max"), read(units[1], "pids.max")) == (str(200 * MEBI), "50")
    assert vm.sh(f"sort -u {groups}").stdout == "1\n"
    assert apply(pod(limited, "live", more=whole.replace("200", "250"))) == "pod live: changed, limits applied live\n"
    assert read("pod-live.slice", "memory.max") == str(250 * MEBI)
    # Of a pod without limits of memory a process is killed, and not all of a container.
    assert apply(pod(free, "live")) == "pod live: changed, limits applied live\n"
    assert read(units[0], "memory.max") == read("pod-live.slice", "memory.max") == "max"
    assert (read(units[0], "cpu.max"), vm.sh(f"sort -u {groups}").stdout) == ("max 100000", "0\n")
    assert [pods.main_pid(unit) for unit in units] == before
    vm.run("podunit", "delete", "live", timeout_sec=SLOW_SEC)


def test_a_container_over_its_memory_limit_is_killed_and_restarted_alone(web: Pods) -> None:
    neighbour, since = web.main_pid("container@web.neighbour"), web.show("pod@web", "ActiveEnterTimestampMonotonic")
    eater = web.main_pid("container@web.eater")
    # Not its first process is too large, but a child that this one waits for.
    assert read_counter(web, "container@web.eater", "memory.max") == 48 * MEBI
    tell(web, "eater")
    expect_killed(web, "eater")
    assert web.main_pid("container@web.eater") not in (0, eater)
    assert web.main_pid("container@web.neighbour") == neighbour
    assert web.show("pod@web", "ActiveEnterTimestampMonotonic") == since
    assert list_containers(web)["neighbour"]["last_exit"] is None


def test_the_limit_of_a_pod_holds_over_the_sum_of_its_containers(web: Pods) -> None:
    neighbour = web.main_pid("container@web.neighbour")
    tell(web, "first")
    wait_for(
        lambda: str(read_counter(web, "container@web.first", "memory.current") > POD_MEBI // 2 * MEBI), "True", SLOW_SEC
    )
    assert web.show("container@web.first", "NRestarts") == "0"
    tell(web, "second")
    wait_for(lambda: str(read_counter(web, "pod-web.slice", "memory.events", "oom") > 0), "True", SLOW_SEC)
    # Which one goes is up to the kernel: both have no limit of their own.
    names = ("first", "second")
    wait_for(lambda: "".join(sorted(web.show(f"container@web.{it}", "NRestarts") for it in names)), "01", SLOW_SEC)
    expect_killed(web, next(it for it in names if web.show(f"container@web.{it}", "NRestarts") == "1"))
    assert read_counter(web, "pod-web.slice", "memory.peak") <= POD_MEBI * MEBI
    assert web.main_pid("container@web.neighbour") == neighbour
    assert web.state("pod@web", "sandbox@web") == "active active"


def test_a_container_gets_its_part_of_a_cpu_and_systemctl_halves_it_live(web: Pods) -> None:
    spinner = web.main_pid("container@web.spinner")
    tell(web, "spinner")
    web.lab.wait_until("[ ! -e /run/test/spinner ]", timeout_sec=SLOW_SEC)
    assert measure_load(web, "container@web.spinner") == pytest.approx(0.5, rel=0.15)
    web.systemctl("set-property", "--runtime", "container@web.spinner.service", "CPUQuota=25%")
    assert measure_load(web, "container@web.spinner") == pytest.approx(0.25, rel=0.15)
    web.systemctl("set-property", "--runtime", "pod-web.slice", "CPUQuota=15%", "TasksMax=1000")
    assert measure_load(web, "pod-web.slice") == pytest.approx(0.15, rel=0.15)
    assert read_counter(web, "pod-web.slice", "pids.max") == 1000
    web.systemctl("set-property", "--runtime", "pod-web.slice", "CPUQuota=", "TasksMax=infinity")
    assert web.main_pid("container@web.spinner") == spinner


def test_a_container_has_as_many_huge_pages_as_its_limit(web: Pods) -> None:
    inside = ("podman", "exec", "web.neighbour", "sh", "-c")
    assert web.lab.run(*inside, "cat /sys/fs/cgroup/hugetlb.2MB.max").stdout == f"{PAGES * 2 * MEBI}\n"
    take = (
        f"grep -o 'hugetlbfs.*pagesize=2M' /proc/mounts | wc -l; fallocate -l {PAGES * 2 * MEBI} /huge/all && echo has"
    )
    assert web.lab.run(*inside, take).stdout == "1\nhas\n"
    # The machine has more: it is the limit that ends here.
    assert web.lab.sh("grep HugePages_Rsvd /proc/meminfo; grep HugePages_Free /proc/meminfo").stdout.split()[3] == str(
        PAGES
    )
    more = web.lab.run(*inside, f"fallocate -l {2 * MEBI} /huge/more", check=False)
    assert (more.returncode, "No space left" in more.stderr) == (1, True)
    # systemd, which knows nothing of such limits, leaves them when it sets its own anew.
    web.systemctl("daemon-reload", timeout_sec=SLOW_SEC)
    web.systemctl("set-property", "--runtime", "container@web.neighbour.service", "MemoryHigh=1G", timeout_sec=SLOW_SEC)
    assert web.lab.run(*inside, "cat /sys/fs/cgroup/hugetlb.2MB.max").stdout == f"{PAGES * 2 * MEBI}\n"


def test_a_fork_bomb_ends_at_the_limit_of_tasks(web: Pods) -> None:
    neighbour = web.main_pid("container@web.neighbour")
    assert read_counter(web, "container@web.bomber", "pids.max") == TASKS
    tell(web, "bomber")
    wait_for(lambda: str(read_counter(web, "container@web.bomber", "pids.events", "max") > 0), "True", SLOW_SEC)
    assert read_counter(web, "container@web.bomber", "pids.peak") <= TASKS
    # All else goes on, and the bomb can be stopped.
    assert web.main_pid("container@web.neighbour") == neighbour
    assert web.lab.run("podman", "exec", "web.neighbour", "echo", "here").stdout == "here\n"
    web.systemctl("stop", "container@web.bomber", timeout_sec=SLOW_SEC)
    assert web.show("container@web.bomber", "ControlGroup") == ""


def test_reading_is_as_fast_as_its_limits_and_systemctl_says(web: Pods) -> None:
    neighbour = web.main_pid("container@web.neighbour")
    group = web.show("container@web.neighbour", "ControlGroup")
    device = web.lab.sh("lsblk --noheadings --output MAJ:MIN /dev/vda").stdout.strip()
    assert f"{device} rbps={READ_MEGA * 10**6} " in web.lab.read(f"/sys/fs/cgroup{group}/io.max")
    assert web.lab.read(f"/sys/fs/cgroup{group}/io.weight") == "default 50\n"
    web.lab.sh("sync; echo 3 > /proc/sys/vm/drop_caches")
    tell(web, "neighbour")
    web.lab.wait_until("[ ! -e /run/test/neighbour ]", timeout_sec=SLOW_SEC)
    assert measure_reading(web, "container@web.neighbour") == pytest.approx(READ_MEGA * 10**6, rel=0.25)
    # The pod's limit holds for its containers, at once.
    limit = f"IOReadBandwidthMax=/dev/vda {MEBI}"
    web.systemctl("set-property", "--runtime", "pod-web.slice", limit)
    assert measure_reading(web, "pod-web.slice") == pytest.approx(MEBI, rel=0.25)
    # What stops the pod reads as well.
    web.systemctl("set-property", "--runtime", "pod-web.slice", "IOReadBandwidthMax=")
    assert web.main_pid("container@web.neighbour") == neighbour
