"""How a container of crun's starts: a script that is part of its bundle, with what this container needs and no more.

In: the model, and what is in the bundle. Out: the text of the script, whose words are quoted for a shell here and
nowhere else. `podunit apply` makes it, the unit of the container runs it.
"""

from __future__ import annotations

import shlex

from podunit.engines import crun
from podunit.engines.netavark import can_be_held_by_files
from podunit.engines.podman import sandbox_pid_file
from podunit.engines.programs import container_name
from podunit.inside import CRUN, bundle_path
from podunit.model import Container, ImageVolume, Pod
from podunit.record import record
from podunit.render import render_template
from podunit.unitfile import Specifier, Value, Variable


@record
class Permissions:
    """Mode bits, user and group of a directory, as chmod(1) and chown(1) take them."""

    mode: int
    user: int
    group: int


@record
class Found:
    """What is known of a container when its bundle is made.

    `image` is the directory with the image's files, `root` its own permissions, `added` whether podman adds files to
    it. `claims` are users and the directories of podman's volumes that are theirs while they are empty. `confined` is
    whether podman's own profile of AppArmor is for it. `pipe` is why it needs a pipe for its output, '' if it does not.
    `texts` are those in which there may be marks.
    """

    image: str
    root: Permissions
    added: bool
    claims: tuple[tuple[str, str], ...]
    confined: bool
    pipe: str
    texts: tuple[str, ...]


def is_init(pod: Pod, container: Container) -> bool:
    """Whether the pod waits for the container's end."""
    return container in pod.init_containers and not container.sidecar


def write_start(pod: Pod, container: Container, found: Found) -> str:
    """The script, ending with a newline."""
    marks = crun.Marks(pod, container)
    name = container_name(pod, container)
    known = {
        marks.sandbox: "$sandbox",
        marks.process: "$process",
        marks.profile: "$profile",
        marks.facts[Specifier.HOST_NAME]: "$node",
        marks.facts[Variable.POD_IP]: "$POD_IP",
        marks.facts[Variable.HOST_IP]: "$HOST_IP",
    }
    facts = {mark: variable for mark, variable in known.items() if any(mark in text for text in found.texts)}
    devices = [
        (_quote(device.volume.path), *map(Value, marks.list_numbers(index).values()))
        for index, device in enumerate(container.devices)
    ]
    return render_template(
        "start.sh.j2",
        {
            "container": Value(container.name),
            "pod": Value(pod.name),
            "name": _quote(name),
            "bundle": _quote(bundle_path(name)),
            "root": _quote(marks.resolve((Specifier.STATE_DIR, f"/{crun.root_directory(pod, container)}"))),
            "crun": Value(CRUN),
            "init": is_init(pod, container),
            "image": Value(found.image),
            "root_mode": Value(f"{found.root.mode:04o}"),
            "root_owner": Value(f"{found.root.user}:{found.root.group}")
            if found.root.user or found.root.group
            else None,
            "added": found.added,
            "image_volumes": any(isinstance(mount.volume, ImageVolume) for mount in container.mounts),
            "claims": tuple((Value(owner), _quote(path)) for owner, path in found.claims),
            "monitored": not can_be_held_by_files(pod),
            "monitor_file": _quote(marks.resolve(sandbox_pid_file(pod))),
            "confined": found.confined,
            "named": "$node" in facts.values(),
            "facts": tuple((Value(mark), Value(variable)) for mark, variable in facts.items()),
            "devices": tuple(devices),
            "pipe": _remark(found.pipe) if found.pipe else None,
        },
    )


def _quote(text: str) -> Value:
    return Value(shlex.quote(text))


def _remark(text: str) -> Value:
    """The beginning of a comment; what an image calls its files may end no line."""
    return Value("".join(char if char.isprintable() else "?" for char in text[:1].upper() + text[1:]))
