"""The units that only the generator makes: a pod that cannot be, and what hands its files over to a pod.

In: names, texts, the model. Out: `UnitFile`s.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from podunit.engines.volumes import state_directory
from podunit.model import Pod
from podunit.names import pod_unit, pull_unit, sandbox_unit
from podunit.scope import Scope
from podunit.unitfile import UnitFile, Value, command_line, escape_text, join_units, join_words

_WANTED_BY = {Scope.SYSTEM: "multi-user.target", Scope.USER: "default.target"}

# $1: what is to be there, $2 and $3: podunit's own folder and the one in it, $4: the pod's in that.
_COPY = (
    'mkdir -p "$2" && umask 077 && mkdir -p "$2/$3" && rm -rf "$2/$3/$4" "$2/$3/$4_new"'
    ' && cp -R "$1" "$2/$3/$4_new" && mv "$2/$3/$4_new" "$2/$3/$4"'
)


def refuse_pod(name: str, texts: Iterable[str], scope: Scope) -> UnitFile:
    """The handle of a pod that cannot be: started, it fails, with these lines."""
    script = 'printf "%s\\n" "$@" >&2; exit 1'
    return UnitFile(
        pod_unit(name),
        "refused.service.j2",
        {
            "pod": escape_text(name),
            "tell": command_line(("/bin/sh", "-c", script, "pod", *texts)),
            "wanted_by": Value(_WANTED_BY[scope]),
        },
    )


def hand_over_files(pod: Pod, kept: Path, scope: Scope) -> tuple[UnitFile, ...]:
    """What puts files of the pod where its units read them, from below `kept`, before they start."""
    unit = f"pod-files@{pod.name}.service"
    own = (*state_directory(scope), "/podunit")
    pulls = [pull_unit(pod.name, it.name) for it in (*pod.init_containers, *pod.containers)] if pod.registries else []
    copy = ("/bin/sh", "-c", _COPY, "files", str(kept / pod.name), own, "files", pod.name)
    values = {
        "pod": escape_text(pod.name),
        "folder": join_words([own]),
        "readers": join_units([sandbox_unit(pod.name), *pulls]),
        "copy": command_line(copy),
        "files_unit": join_units([unit]),
    }
    return (
        UnitFile(unit, "pod-files.service.j2", values),
        UnitFile(f"{sandbox_unit(pod.name)}.d/podunit-generator.conf", "pod-files.conf.j2", values),
    )
