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
from podunit.unitfile import Script, Word

IMAGE_MEND = "image-mend.service"

_FOLDER = "registries"
# Below the state folder: a file BOOT-ID.PID for each pull that is under way, with the image's name and the ID that it
# had before. podman takes a layer for whole before its files are on the disk. So a note is there before podman begins,
# and is removed once all that podman has written is; one of another boot is of a pull that a loss of power has ended.
NOTES = "pulls"

# MANAGERPID is set in a user's manager alone.
_FIND_NOTES = (
    "read -r boot < /proc/sys/kernel/random/boot_id;",
    f"notes=${{MANAGERPID:+$HOME/.local/state}}; notes=${{notes:-/var/lib}}/podunit/{NOTES};",
)
# `pull` is for who uses this to say. What is left of pulls is removed before the next one, and before podman is asked
# for the image. The network is waited for only when it is needed: a user's manager has no network-online.target. A stop
# waits for the end of podman and for the disk, and then kills as it would have. Its signal may end what waits for the
# disk before that ignores it: systemd looks for processes until there is no new one.
_PULL_MISSING = (
    *_FIND_NOTES,
    "mend() {",
    '  for note in "$notes"/*; do',
    '    case $note in */"$boot".*|*/"*") continue;; esac;',
    '    read -r image before < "$note"; [ $# = 0 ] || [ "$image" = "$1" ] || continue;',
    f"    systemctl ${{MANAGERPID:+--user}} start {IMAGE_MEND}; return;",
    "  done; };",
    "get() {",
    '  mend; [ -n "$MANAGERPID" ] || systemctl start network-online.target;',
    '  note=$notes/$boot.$$; mkdir -p "$notes";',
    f'  echo "$1 $({PODMAN} image inspect --format "{{{{.Id}}}}" "$1" 2> /dev/null)" > "$note"; sync "$note" "$notes";',
    '  trap stopped=1 TERM; pull "$1"; status=$?;',
    '  flush() { (trap "" TERM;',
    f'    sync --file-system "$({PODMAN} info --format "{{{{.Store.GraphRoot}}}}")" && rm -f "$note"); }};',
    "  flush || flush || status=1;",
    '  sync "$notes"; trap - TERM; [ -z "$stopped" ] || kill $$; return $status; };',
    "while [ $# -gt 0 ]; do",
    "  case $1 in",
    '    always) get "$2" || exit;;',
    f'    missing) mend "$2"; {PODMAN} image exists "$2" || get "$2" || exit;;',
    "  esac;",
    "  shift 2;",
    "done",
)
PULL_ONE = Script((f'pull() {{ {PODMAN} pull --quiet "$1"; }};', *_PULL_MISSING))
# As the kubelet: one secret after the other, then what the machine itself knows.
_PULL = Script(
    (
        "folder=$1; shift;",
        "pull() {",
        f'  for file in "$folder"/*; do {PODMAN} pull --quiet --authfile "$file" "$1" && return;',
        '    [ -z "$stopped" ] || return; done;',
        f'  {PODMAN} pull --quiet "$1"; }};',
        *_PULL_MISSING,
    )
)
# An image that is another than before is removed, and its name given back; one that a container uses podman keeps. Of
# pulls that have not come so far there are layers that no image has and that are older than this boot. podman 4 removes
# layers only with an image: there the pull is done again before.
MEND = Script(
    (
        "exec >&2;",
        *_FIND_NOTES,
        f"can_check() {{ {PODMAN} system check --help | grep -q -e --repair; }};",
        'gone=; cd "$notes" || exit 0;',
        "for note in *; do",
        '  case $note in "$boot".*|"*") continue;; esac;',
        '  gone="$gone $note"; read -r image before < "$note" || continue;',
        '  echo "the machine has gone down in a pull of image $image: what that has left is removed";',
        "  can_check || {",
        '    [ -n "$MANAGERPID" ] || systemctl start network-online.target;',
        f'    {PODMAN} pull --quiet "$image"; }};',
        f'  now=$({PODMAN} image inspect --format "{{{{.Id}}}}" "$image" 2> /dev/null);',
        '  [ -n "$before" ] && [ "$now" = "$before" ] || {',
        f'    {PODMAN} rmi --ignore "$image" && [ -n "$before" ] && {PODMAN} tag "$before" "$image"; }};',
        "done;",
        '[ -n "$gone" ] || exit 0;',
        "status=0; read -r since rest < /proc/uptime;",
        f'! can_check || {PODMAN} system check --quick --repair --max="${{since%.*}}s" || status=$?;',
        "rm -f $gone; sync .; exit $status",
    )
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
        return ("/bin/sh", "-c", PULL_ONE, "pull", _when(always), image)
    return ("/bin/sh", "-c", _PULL, "pull", str(files / _FOLDER), _when(always), image)


def mend_images() -> tuple[str, ...]:
    """Remove what is left of pulls of an earlier boot, and their notes."""
    return ("/bin/sh", "-c", MEND, "mend")


def _when(always: bool) -> str:
    return "always" if always else "missing"


def list_auth_files(pod: Pod) -> list[tuple[str, bytes]]:
    """The files of credentials, in the order in which they are tried."""
    return [(f"{_FOLDER}/{index:02}.json", data) for index, data in enumerate(pod.registries)]
