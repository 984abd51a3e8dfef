"""Pulls of images with credentials of the pod's own.

In: the model. Out: argv, as words for `unitfile` to quote, and the files that podman reads. A pod without credentials
has its images from units that all pods share.
"""

from __future__ import annotations

from pathlib import Path

from podunit.engines.programs import PODMAN
from podunit.engines.volumes import files_directory
from podunit.model import Container, ImageVolume, Pod, PullPolicy
from podunit.report import Position
from podunit.scope import Scope
from podunit.unitfile import Word

_FOLDER = "registries"

# podman does not wait until what it has pulled is on the disk: after a loss of power the image is there and broken.
_FLUSH = f'sync --file-system "$({PODMAN} info --format "{{{{.Store.GraphRoot}}}}")"'
# As the kubelet: one secret after the other, then what the machine itself knows. The network is waited for only when it
# is needed; MANAGERPID is set in a user's manager alone, which has no network-online.target.
_PULL = (
    'folder=$1; shift; pull() { [ -n "$MANAGERPID" ] || systemctl start network-online.target; '
    f'for file in "$folder"/*; do {PODMAN} pull --quiet --authfile "$file" "$1" && return; done; '
    f'{PODMAN} pull --quiet "$1"; }}; get() {{ pull "$1" && {_FLUSH} || exit; }}; '
    "while [ $# -gt 0 ]; do case $1 in "
    f'always) get "$2";; missing) {PODMAN} image exists "$2" || get "$2";; esac; shift 2; done'
)
# The same for one image, without credentials.
_PULL_ONE = (
    f'[ "$2" = missing ] && {PODMAN} image exists "$1" && exit; '
    f'[ -n "$MANAGERPID" ] || systemctl start network-online.target; {PODMAN} pull --quiet "$1" && {_FLUSH}'
)


def list_wanted(container: Container) -> tuple[tuple[str, PullPolicy, Position], ...]:
    """The images of the container and its volumes, when each is pulled, and where it is named."""
    volumes = [mount.volume for mount in container.mounts if isinstance(mount.volume, ImageVolume)]
    own = (container.image, container.pull_policy, container.image_at)
    return (own, *((one.image, one.pull_policy, one.image_at) for one in volumes))


def list_images(container: Container) -> dict[str, bool]:
    """The images that have to be there, of the container and its volumes, and whether each is pulled every time."""
    found: dict[str, bool] = {}
    for image, policy, _ in list_wanted(container):
        if policy is not PullPolicy.NEVER:
            found[image] = found.get(image, False) or policy is PullPolicy.ALWAYS
    return found


def pull_images(pod: Pod, container: Container, scope: Scope) -> tuple[Word, ...]:
    """Make the images of a container present with the pod's credentials."""
    folder = (*files_directory(pod, scope), f"/{_FOLDER}")
    wanted = [word for image, always in list_images(container).items() for word in (_when(always), image)]
    return ("/bin/sh", "-c", _PULL, "pull", folder, *wanted)


def pull_image(image: str, files: Path | None, *, always: bool) -> tuple[str, ...]:
    """Make an image present with credentials that are among these files, as they are kept for a pod."""
    if files is None:
        return ("/bin/sh", "-c", _PULL_ONE, "pull", image, _when(always))
    return ("/bin/sh", "-c", _PULL, "pull", str(files / _FOLDER), _when(always), image)


def _when(always: bool) -> str:
    return "always" if always else "missing"


def list_auth_files(pod: Pod) -> list[tuple[str, bytes]]:
    """The files of credentials, in the order in which they are tried."""
    return [(f"{_FOLDER}/{index:02}.json", data) for index, data in enumerate(pod.registries)]
