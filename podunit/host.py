"""podman on this host: its version beside systemd's, its pause program, and what it keeps of pods.

In: a manager, names of what podman keeps. Out: a `Target`, or PodunitError that says what to install.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from podunit.calls import ask, call
from podunit.engines.programs import CATATONIT, PODMAN
from podunit.errors import PodunitError
from podunit.manager import Manager
from podunit.model import Pod
from podunit.scope import Scope
from podunit.target import Target, parse_target

_TIMEOUT_SEC = 20
_ROOT = Path("/")
# What is mounted is the fifth word of a line (proc_pid_mountinfo(5)).
_MOUNTS = Path("/proc/self/mountinfo")
_SYSTEMCTL = "/usr/bin/systemctl"

# SELinux is at work where this is (selinux(8)), and will be on a system whose configuration says so.
_LABELS = Path("/sys/fs/selinux/enforce")
_LABELING = re.compile(r"^\s*SELINUX\s*=\s*(enforcing|permissive)\s*$", re.MULTILINE)

# That of Debian 12 cannot make a sandbox with users of its own.
_MAPS_USERS = (5,)
# Where podman, as root, takes the IDs of such users from.
_SUBORDINATES = ("etc/subuid", "etc/subgid")
_SUBORDINATE_USER = "containers"


async def find_target(manager: Manager) -> Target:
    """The versions that run here."""
    return _make_target(await manager.get_version())


def find_installed_target() -> Target:
    """The versions that are installed here, where systemd cannot be asked for its own."""
    done = call([_SYSTEMCTL, "--version"], _TIMEOUT_SEC)
    return _make_target(done.stdout.removeprefix("systemd "))


def _make_target(systemd: str) -> Target:
    return parse_target(systemd, _find_podman(), labels=_LABELS.exists(), full_networks=list_full_networks(_ROOT))


def list_full_networks(root: Path) -> frozenset[str]:
    """The networks of which podman gives all addresses, by its definitions in the system at `root`."""
    return frozenset(file.stem for file in (root / "etc/containers/networks").glob("*.json") if not _has_room(file))


def _has_room(definition: Path) -> bool:
    try:
        subnets = json.loads(definition.read_bytes())["subnets"]
        return any("." in one["subnet"] and (one.get("lease_range") or {}).get("end_ip") for one in subnets)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def labels_files(root: Path) -> bool:
    """Whether SELinux will label what is on the system at `root`; False for one without SELinux."""
    try:
        return _LABELING.search((root / "etc/selinux/config").read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False


def require_nfs(pods: Iterable[str], scope: Scope, root: Path = _ROOT) -> None:
    """Refuse pods, given by name, that mount what is on an NFS server, where the system at `root` cannot."""
    for pod in pods:
        if scope is Scope.USER:
            hint = "run it with --system, or mount it by fstab(5) and use a hostPath"
            raise PodunitError(f"pod {pod}: only root may mount from an NFS server", hint)
        if not (root / "sbin/mount.nfs").exists():
            raise PodunitError(f"pod {pod}: mount.nfs is missing, by which NFS is mounted", "install nfs-common")


def require_root(pods: Iterable[Pod], scope: Scope, target: Target, root: Path = _ROOT) -> None:
    """Refuse pods that ask for what only the system's pods can have, and users of their own where there are none.

    Those are to be had on the system at `root`.
    """
    for pod in pods:
        if scope is Scope.USER and any(one.huge_pages for one in (*pod.init_containers, *pod.containers)):
            message = f"pod {pod.name}: a user's systemd cannot limit huge pages, nor mount them"
            raise PodunitError(message, "run it with --system")
        if not pod.own_users:
            continue
        if scope is Scope.USER:
            message = f"pod {pod.name}: only root may map the IDs of volumes, as 'hostUsers: false' needs"
            raise PodunitError(
                message, "run it with --system; without it a user's pods have no users of the host's either"
            )
        if target.podman < _MAPS_USERS:
            message = f"pod {pod.name}: 'hostUsers: false' needs podman 5 or later, this is {target.podman_text}"
            raise PodunitError(message, "remove it from the pod")
        for file in (root / name for name in _SUBORDINATES):
            if not file.exists() or not re.search(rf"^{_SUBORDINATE_USER}:", file.read_text(encoding="utf-8"), re.M):
                message = (
                    f"pod {pod.name}: 'hostUsers: false' takes IDs of '{_SUBORDINATE_USER}', which has none in {file}"
                )
                raise PodunitError(
                    message,
                    f"add a line, as containers-storage.conf(5) says: {_SUBORDINATE_USER}:2147483647:2147483648",
                )


def remove_claims(names: Iterable[str]) -> None:
    """Remove podman's volumes of these names with all that is in them; one that is not there is gone already."""
    wanted = sorted(set(names))
    existing = _run("volume", "ls", "--quiet").split() if wanted else []
    if found := [name for name in wanted if name in existing]:
        _run("volume", "rm", *found)


def remove_remains(
    containers: Iterable[str],
    secrets: Iterable[str],
    volumes: Iterable[str],
    state: Iterable[str],
    runtime: Iterable[str],
    scope: Scope,
) -> None:
    """Remove what is there of podman's containers, secrets and volumes, and of the state and the runtime directories.

    So do units when they stop; the loss of power leaves it, until the pod is started again. PodunitError if there are
    containers and no podman.
    """
    containers = set(containers)
    if not Path(PODMAN).exists() and (kept := containers & _read_stored(scope)):
        hint = "install podman; on Debian: apt install podman"
        raise PodunitError(f"there is no {PODMAN} to remove what is left: {', '.join(sorted(kept))}", hint)
    kinds: tuple[tuple[str, tuple[str, ...], tuple[str, ...], Iterable[str]], ...] = (
        ("container", ("ls", "--all", "--format={{.Names}}"), ("rm", "--force", "--ignore", "--depend"), containers),
        ("secret", ("ls", "--format={{.Name}}"), ("rm",), secrets),
        ("volume", ("ls", "--quiet"), ("rm",), volumes),
    )
    for kind, find, remove, names in kinds:
        wanted = set(names)
        existing = _run(kind, *find).split() if wanted and Path(PODMAN).exists() else []
        if found := sorted(wanted.intersection(existing)):
            try:
                _run(kind, *remove, *found)
            except PodunitError:
                # podman fails once at a container whose monitor was killed, and knows then that it has ended.
                _run(kind, *remove, *found)
    paths = [str(path) for name in state for folder in _list_state(scope) if (path := folder / name).exists()]
    if paths and scope is Scope.USER:
        _run("unshare", "rm", "-rf", *paths)
    elif paths:
        for each in paths:
            shutil.rmtree(each)
    for name in runtime:
        folder = scope.runtime_directory / name
        # Volumes in memory.
        if mounts := _list_mounts(folder):
            ask(("/usr/bin/umount", "--lazy", *mounts), _TIMEOUT_SEC, f"umount {' '.join(mounts)}")
        # systemd removes them as well, whenever it comes to that.
        shutil.rmtree(folder, ignore_errors=True)


def _list_mounts(folder: Path) -> tuple[str, ...]:
    points = (Path(line.split()[4]) for line in _MOUNTS.read_text(encoding="utf-8").splitlines())
    return tuple(str(point) for point in points if folder in point.parents)


def list_images() -> dict[str, str]:
    """podman's images: their IDs by each of their names; PodunitError if podman does not tell."""
    found = json.loads(_run("images", "--format=json") or "[]")
    return {name: f"sha256:{one['Id']}" for one in found for name in one.get("Names") or ()}


def list_known_images() -> dict[str, str]:
    """As `list_images`, but none if podman does not tell: where they only add to what is known of a pod."""
    try:
        return list_images()
    except PodunitError:
        return {}


def find_missing_images(names: Iterable[str]) -> frozenset[str]:
    """Those of these names by which podman finds no image; PodunitError if it does not tell."""
    wanted = set(names)
    # One question for most of them. A name may also be short, or have a digest.
    left = wanted - list_images().keys() if wanted else wanted
    return frozenset(name for name in left if not _try("image", "exists", name))


def remove_image(name: str) -> bool:
    """Remove an image by its name; False if podman keeps it, because a container uses it."""
    return _try("rmi", name)


def list_networks() -> tuple[str, ...]:
    """podman's networks that units of podunit have made; none without podman."""
    if not Path(PODMAN).exists():
        return ()
    return tuple(sorted(_run("network", "ls", "--filter=label=podunit", "--format={{.Name}}").split()))


def list_all_networks() -> tuple[str, ...]:
    """The names of podman's networks, whoever has made them."""
    return tuple(_run("network", "ls", "--format={{.Name}}").split())


def list_volumes() -> tuple[Mapping[str, Any], ...]:
    """podman's volumes, as podman-volume-inspect(1) describes each."""
    return tuple(json.loads(_run("volume", "ls", "--format=json") or "[]") or ())


def remove_network(name: str) -> bool:
    """Remove a network; False if podman keeps it, because a container uses it."""
    return _try("network", "rm", name)


def _try(*words: str) -> bool:
    """Whether podman does it."""
    try:
        _run(*words)
    except PodunitError:
        return False
    return True


def _read_stored(scope: Scope) -> set[str]:
    """The names of the containers in podman's own place for them, whether podman is there or not."""
    base = Path("/var/lib") if scope is Scope.SYSTEM else Path.home() / ".local/share"
    names: set[str] = set()
    for file in base.glob("containers/storage/*-containers/*containers.json"):
        with suppress(OSError, ValueError):
            names.update(name for one in json.loads(file.read_bytes()) for name in one.get("names") or ())
    return names


def _list_state(scope: Scope) -> tuple[Path, ...]:
    # A user's moved with systemd 254.
    home = Path.home()
    return (Path("/var/lib"),) if scope is Scope.SYSTEM else (home / ".local/state", home / ".config")


def require_podman() -> None:
    """Say what to install where podman is missing."""
    _require(PODMAN, "podman")


def _find_podman() -> str:
    require_podman()
    _require(CATATONIT, "catatonit")
    return _run("--version").removeprefix("podman version ").strip()


def _require(path: str, package: str) -> None:
    if not Path(path).exists():
        raise PodunitError(f"there is no {path}", f"install {package}; on Debian: apt install {package}")


def _run(*arguments: str) -> str:
    require_podman()
    command = (PODMAN, *arguments)
    return ask(command, _TIMEOUT_SEC, " ".join(command))
