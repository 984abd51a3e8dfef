"""What the lab's tests do with pods, and what they look at from outside: states, processes, cgroups, remains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import CompletedProcess

import pytest

from tests.lab.guest import PATIENCE, Guest

IMAGE = "localhost/podunit-test:1"
UNITS = "/usr/local/lib/systemd/system"

# A test of what an engine has a part in, with each. PODUNIT_LAB_ENGINE=crun makes the pods of all others with crun.
over_engines = pytest.mark.parametrize("engine", ["podman", "crun"], indirect=True)
# Of what podman alone has, whatever PODUNIT_LAB_ENGINE says.
only_podman = pytest.mark.parametrize("engine", ["podman"], indirect=True)

# Prints whatever is left of any pod: units, cgroups, containers, namespaces, port rules, mounts, files.
_REMAINS = r"""
systemctl list-units --all --plain --no-legend --state=active,activating,deactivating,reloading,failed \
    'pod@*' 'pod-*@*' 'sandbox@*' 'container@*' 'containers@*' 'pod-*.slice'
systemctl list-jobs --plain --no-legend | grep -v ' podunit-stop.service ' || :
find /sys/fs/cgroup/pod.slice -mindepth 1 -type d 2> /dev/null || :
podman ps --all --format '{{.Names}}'
find /run/netns -type f 2> /dev/null || :
nft list ruleset 2> /dev/null | grep dnat.ip || :
findmnt --list --noheadings --output TARGET | grep -E '/run/netns/.|/run/podunit|/overlay/.' || :
find /run/podunit /run/podunit-probes -mindepth 1 2> /dev/null || :
find /run/podunit-addresses -type f 2> /dev/null || :
ip -oneline link show type veth
find /var/lib/podunit/volumes -mindepth 1 2> /dev/null || :
"""

# Fields of a pod whose sandbox a process of podman's holds, on any machine.
BY_PROCESS = "  dnsConfig: {options: [{name: edns0}]}\n"

# For the versions that are there.
_TARGET = "--systemd $(systemctl --version | cut -d' ' -f2 | head -n 1) --podman $(podman --version | cut -d' ' -f3)"

# What an apply leaves for the starts of pods, but for their units.
_MAKE_FILES = """
from pathlib import Path
from podunit.bundles import Bundles
from podunit.chosen import Engine
from podunit.defaults import choose_by_option
from podunit.generate import generate_files
from podunit.load import load_files
from podunit.report import Report
state = Path("/var/lib/podunit")
for pod in load_files(["/root/pod.yaml"], Report(), choice=choose_by_option(Engine.CRUN)).pods:
    for path, data in {**generate_files(pod), **Bundles(state, "").make(pod)}.items():
        file = state / "files" / pod.name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
"""


@contextmanager
def default_engine(lab: Guest, engine: str) -> Iterator[None]:
    """Let pods that name no engine have this one, as the administrator of a machine would; crun leaves nothing."""
    if engine == "podman":
        yield
        return
    # The lab's own is an overlay, on which no other can write.
    lab.sh("mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit")
    lab.write("/etc/podunit/podunit.toml", f'engine = "{engine}"\n')
    try:
        yield
    finally:
        lab.run("rm", "/etc/podunit/podunit.toml")
    left = "ls /run/crun || :; find /var/lib/podunit/roots /var/lib/podunit/images -mindepth 1 || :"
    wait_for(lambda: lab.sh(left).stdout, "", timeout_sec=5)
    lab.sh("umount /var/lib/podunit")


class Pods:
    """Pods in a lab, by the commands that a user would type; `engine` is what those have that name none."""

    def __init__(self, lab: Guest, engine: str = "podman") -> None:
        self.lab = lab
        self.engine = engine

    def apply(self, text: str, *, check: bool = True, timeout_sec: float = 60) -> CompletedProcess[str]:
        """Write a file of pods, and `podunit apply` it."""
        self.lab.write("/root/pod.yaml", text)
        return self.lab.run("podunit", "apply", "/root/pod.yaml", check=check, timeout_sec=timeout_sec)

    def install(self, text: str) -> None:
        """Put the units of pods in place, as by hand, without starting anything: those for what runs in the lab."""
        self.lab.write("/root/pod.yaml", text)
        own = "" if self.engine == "podman" else f"--engine {self.engine}"
        if own:
            self.lab.run("/opt/podunit/bin/python", "-", input=_MAKE_FILES)
        self.lab.sh(
            f"mkdir -p {UNITS}; cp /src/units/* {UNITS}/;"
            f" podunit compile /root/pod.yaml --output {UNITS} {own} {_TARGET};"
            " systemctl daemon-reload"
        )

    def systemctl(self, *arguments: str, check: bool = True, timeout_sec: float = 60) -> CompletedProcess[str]:
        """Run systemctl."""
        return self.lab.run("systemctl", *arguments, check=check, timeout_sec=timeout_sec)

    def state(self, *units: str) -> str:
        """The active states of units, in a row."""
        return " ".join(self.systemctl("is-active", *units, check=False).stdout.split())

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.systemctl("show", "--value", f"--property={name}", unit).stdout.strip()

    def main_pid(self, unit: str) -> int:
        """The main process of a unit, that of the container's monitor."""
        return int(self.show(unit, "MainPID"))

    def payload_pid(self, container: str) -> int:
        """The first process of a container, by its engine's name for it; 0 for none."""
        if self.engine == "crun":
            return self.main_pid(f"container@{container}")
        return int(self.lab.run("podman", "inspect", "--format={{.State.Pid}}", container, check=False).stdout or 0)

    def inside(self, container: str, *argv: str, check: bool = True) -> CompletedProcess[str]:
        """Run a command in a container."""
        if self.engine == "podman":
            return self.lab.run("podman", "exec", container, *argv, check=check)
        pod, _, name = container.rpartition(".")
        return self.lab.run("podunit", "exec", "--container", name, pod, "--", *argv, check=check)

    def list_running(self) -> list[str]:
        """The containers that run, by the engine's word."""
        ask = "podman ps --format '{{.Names}}' | grep -v _sandbox" if self.engine == "podman" else "crun list --quiet"
        return sorted(self.lab.sh(f"{ask} || :").stdout.split())

    def wait(self, expected: str, *units: str, timeout_sec: float = 25) -> None:
        """Wait until the active states of units are these."""
        wait_for(lambda: self.state(*units), expected, timeout_sec)

    def remains(self) -> str:
        """What is left of pods on the machine."""
        return self.lab.sh(_REMAINS).stdout

    def clear(self) -> None:
        """Remove all pods, whatever state they are in."""
        self.lab.sh(
            f"cd {UNITS} 2> /dev/null || exit 0;"
            " for unit in sandbox@*.service; do [ -e $unit ] || continue; pod=${unit#sandbox@};"
            ' set -- "$@" "${pod%.service}"; done;'
            ' [ $# = 0 ] || podunit delete "$@"'
        )


def wait_for(look: Callable[[], str], expected: str, timeout_sec: float = 25) -> None:
    """Wait until what is seen is as expected, for several times what an idle machine may take."""
    timeout_sec *= PATIENCE
    deadline = time.monotonic() + timeout_sec
    while (seen := look()) != expected:
        assert time.monotonic() < deadline, f"after {timeout_sec} s: {seen!r} instead of {expected!r}"
        time.sleep(0.05)


def container(name: str, script: str, *more: str) -> str:
    """A container in YAML, whose shell script ends on SIGTERM at once; `more` are lines of further fields."""
    lines = [
        f"- name: {name}",
        f"  image: {IMAGE}",
        f"  command: [sh, -c, {quote('trap exit TERM; ' + script)}]",
        *(f"  {line}" for line in more),
    ]
    return "".join(f"  {line}\n" for line in lines)


def quote(text: str) -> str:
    """A YAML string."""
    return "'" + text.replace("'", "''") + "'"


def pod(
    containers: str, name: str = "web", *, inits: str = "", policy: str = "Always", more: str = "", notes: str = ""
) -> str:
    """A pod in YAML; containers are restarted quickly, and killed two seconds after SIGTERM."""
    return f"""\
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  annotations:
    podunit/boot: "false"
{notes}spec:
  restartPolicy: {policy}
  terminationGracePeriodSeconds: 2
{"  initContainers:" if inits else ""}
{inits}  containers:
{containers}{more}"""


def quick(*names: str) -> str:
    """Annotations that make systemd restart these containers after 300 ms."""
    return "".join(f"    podunit/{name}.Service.RestartSec: 300ms\n" for name in names)
