"""The programs that containers are made with, and podman's names of them.

In: the model. Out: paths and names.
"""

from __future__ import annotations

from podunit.model import Container, Pod
from podunit.unitfile import Specifier

PODMAN = "/usr/bin/podman"

# Where containers-common expects the init of `podman run --init`; also podman's own pause program.
CATATONIT = "/usr/libexec/podman/catatonit"


def sandbox_name(pod: Pod) -> str:
    """podman's name of the sandbox; an underscore is in no pod's name, so it is never a container's name too."""
    return f"{pod.name}_sandbox"


def container_name(pod: Pod, container: Container) -> str:
    """podman's name of a container; a container's name has no dot, so the last one separates."""
    return f"{pod.name}.{container.name}"


def sandbox_directory(pod: Pod) -> tuple[str | Specifier, ...]:
    """Where the files are that hold a sandbox without a process, if it has none: net, ipc and uts, the memory that
    containers share in shm, hosts, hostname, resolv.conf. In the host's network there is no net, and no uts.
    """
    return (Specifier.RUNTIME_DIR, f"/podunit/{sandbox_name(pod)}")


def runtime_directory(pod: Pod) -> str:
    """The sandbox's root file system, below the runtime directory of the manager: there as long as the sandbox is."""
    return f"podunit/{pod.name}"
