"""Directories of NFS servers: where they are mounted on the host, by units of the pod's own.

In: the model. Out: paths, and what a mount unit says.
"""

from __future__ import annotations

from podunit.model import Container, NetworkDirectory, Pod

# Below /run, whatever the unit's manager: only the system's may mount, and the name of a mount unit is its path.
_FOLDER = "/run/podunit-nfs"


def mount_point(pod: Pod, volume: NetworkDirectory) -> str:
    """Where a volume is mounted: another path when anything of it changes, so that its containers are started anew."""
    import hashlib  # 3 ms, most of them for OpenSSL, that only such a volume has to pay

    said = "\0".join((mount_what(volume), *volume.options))
    return f"{_FOLDER}/{pod.name}/{volume.name}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def mount_what(volume: NetworkDirectory) -> str:
    """The server and the path, as mount(8) takes them."""
    server = f"[{volume.server}]" if ":" in volume.server else volume.server
    return f"{server}:{volume.path}"


def list_network_directories(pod: Pod) -> tuple[NetworkDirectory, ...]:
    """Those of a pod's volumes."""
    return tuple(volume for volume in pod.volumes if isinstance(volume, NetworkDirectory))


def list_mount_points(pod: Pod, container: Container) -> tuple[str, ...]:
    """The mount points that a container needs, each once."""
    volumes = [mount.volume for mount in container.mounts if isinstance(mount.volume, NetworkDirectory)]
    return tuple(dict.fromkeys(mount_point(pod, volume) for volume in volumes))
