"""What containers leave to say why they have ended: a file of the host that each sees at a path of its own.

In: the model. Out: words for `unitfile` to quote. The file is there while the container runs; after its end the last of
it is kept as `last`, in a folder that only its owner may enter, where `state` reads it.
"""

from __future__ import annotations

from podunit.chosen import Engine
from podunit.engines.programs import container_name
from podunit.engines.volumes import bind_file, state_directory
from podunit.model import Container, Pod
from podunit.scope import Scope
from podunit.unitfile import Specifier, Word

# As the kubelet: 4096 bytes of the file, or 2048 of the last 80 lines of the log.
_MAKE = '/usr/bin/install -d -m 0700 "$1" && exec /usr/bin/install -m 0666 /dev/null "$1/now"'
_KEEP = (
    '[ -e "$1/now" ] || exit 0; cd "$1" || exit; umask 077; tail -c 4096 now > last_new; '
    "FALL_BACKmv last_new last; rm now"
)
# podman 4 puts a line feed at the end of each entry, and journalctl one more: empty lines are left out.
_FALL_BACK = (
    '[ -s now ] || [ "${EXIT_STATUS:-0}" = 0 ] || { journalctl --sync 2> /dev/null; '
    'journalctl --quiet --no-pager --output=cat --lines=80 _SYSTEMD_INVOCATION_ID="$INVOCATION_ID" "$2" '
    "| sed /^$/d | tail -c 2048 > last_new; }; "
)


def make_message(pod: Pod, container: Container, scope: Scope) -> tuple[Word, ...]:
    """Make the empty file that every user in the container may write; what was kept of an earlier end stays."""
    return ("/bin/sh", "-c", _MAKE, "message", _locate(pod, container, scope))


def keep_message(pod: Pod, container: Container, scope: Scope) -> tuple[Word, ...]:
    """Keep what an end has left, once; in the environment that systemd gives to what runs after an end."""
    folder = _locate(pod, container, scope)
    if container.message is None or not container.message.falls_back:
        return ("/bin/sh", "-c", _KEEP.replace("FALL_BACK", ""), "message", folder)
    # podman's monitor writes for the container, crun leaves that to it.
    own = "_TRANSPORT=stdout" if pod.engine is Engine.CRUN else f"CONTAINER_NAME={container_name(pod, container)}"
    return ("/bin/sh", "-c", _KEEP.replace("FALL_BACK", _FALL_BACK), "message", folder, own)


def mount_message(pod: Pod, container: Container, scope: Scope) -> list[Word]:
    """Show the file to the container that has one."""
    if container.message is None:
        return []
    return [bind_file(pod, locate_message(pod, container, scope), container.message.path)]


def locate_message(pod: Pod, container: Container, scope: Scope) -> tuple[str | Specifier, ...]:
    """The file on the host while the container runs."""
    return (*_locate(pod, container, scope), "/now")


def _locate(pod: Pod, container: Container, scope: Scope) -> tuple[str | Specifier, ...]:
    return (*state_directory(scope), f"/podunit/ends/{pod.name}/{container.name}")
