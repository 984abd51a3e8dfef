"""Hooks: what runs after a container's start, and before its stop.

In: the model. Out: argv, as words for `unitfile` to quote.
"""

from __future__ import annotations

from podunit.chosen import Engine
from podunit.engines.probes import ask_prober
from podunit.engines.programs import PODMAN, container_name
from podunit.inside import CRUN, bundle_path
from podunit.model import Container, Pod
from podunit.probes import Exec, Hook, HttpGet, Sleep
from podunit.unitfile import Word

# systemd knows the container's first process a moment before it runs, and its process ID is written when it does. crun
# has no cgroups here: it leaves what it makes where it is itself. As with podman, the journal has no output of it.
_ENTER = (
    'until [ -e "$1/pid" ]; do kill -0 "$MAINPID" 2> /dev/null || exit; sleep 0.01; done; '
    'cgroup=$(grep ^0:: "/proc/$MAINPID/cgroup") && echo $$ > "/sys/fs/cgroup${cgroup#0::}/cgroup.procs" && '
    f'exec {CRUN} --cgroup-manager=disabled exec --process="$1/$3.json" "$2" > /dev/null'
)


def run_hook(pod: Pod, container: Container, hook: Hook, name: str) -> tuple[Word, ...]:
    """Do what the hook of that name says, and exit with a status other than 0 if it fails."""
    match hook:
        case Exec() if pod.engine is Engine.CRUN:
            # The command is in the bundle.
            crun_name = container_name(pod, container)
            return ("/bin/sh", "-c", _ENTER, "enter", bundle_path(crun_name), crun_name, name)
        case Exec(command):
            return (PODMAN, "exec", container_name(pod, container), *command)
        case HttpGet():
            return ask_prober(pod, container, name)
        case Sleep(seconds):
            return ("/bin/sleep", str(seconds))
