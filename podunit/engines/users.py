"""Users of a pod's own, whose IDs mean nothing outside (`hostUsers: false`): a user namespace that podman chooses.

In: the model. Out: words for `unitfile` to quote. The sandbox holds the namespace and its containers join it, as they
do the others. Volumes are mounted with the kernel's mapping of IDs (MOUNT_ATTR_IDMAP of mount_setattr(2)): what a
container writes as user 1000 is user 1000's on disk, and what is root's there is root's inside, as in a cluster.
"""

from __future__ import annotations

from podunit.engines.programs import sandbox_name
from podunit.model import Pod
from podunit.unitfile import Specifier, Word

# As the kubelet gives to each pod.
USER_COUNT = 65536

# What podman and crun mount in any container; root of the pod may not make it in a directory of the host's root.
_DIRECTORIES = ("dev", "etc", "proc", "run", "sys")
_FILES = ("catatonit", "etc/hosts", "etc/hostname", "etc/resolv.conf", "run/.containerenv")


def make_users(pod: Pod) -> list[Word]:
    """Words of podman-run(1) for the sandbox: IDs that no other pod has, of those of the user `containers`."""
    return [f"--userns=auto:size={USER_COUNT}"] if pod.own_users else []


def join_users(pod: Pod) -> list[Word]:
    """Words of podman-run(1) for a container."""
    return [f"--userns=container:{sandbox_name(pod)}"] if pod.own_users else []


def map_users(pod: Pod) -> str:
    """What to add to a mount."""
    return ",idmap" if pod.own_users else ""


def root_directory(pod: Pod, directory: str) -> str:
    """The root file system of the sandbox, in its runtime directory, which root of the pod may not be able to enter."""
    return f"{directory}/root" if pod.own_users else directory


def prepare_root(pod: Pod, directory: str, volumes: tuple[str, ...]) -> tuple[Word, ...] | None:
    """Make what things are mounted on there, `volumes` by their paths; None where podman does it."""
    if not pod.own_users:
        return None
    script = 'mkdir -p "$1" && cd "$1" && shift && mkdir -p "$@" && touch ' + " ".join(_FILES)
    root = (Specifier.RUNTIME_DIR, f"/{root_directory(pod, directory)}")
    return ("/bin/sh", "-c", script, "root", root, *_DIRECTORIES, *(path.lstrip("/") for path in volumes))
