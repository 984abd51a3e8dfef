"""Secret variables: podman keeps each for as long as the container runs, so that no command line has its value.

In: the model. Out: argv, as words for `unitfile` to quote, and the files that podman reads.
"""

from __future__ import annotations

import hashlib

from podunit.engines.programs import PODMAN, container_name
from podunit.engines.volumes import files_directory
from podunit.model import Container, Env, Pod
from podunit.scope import Scope
from podunit.unitfile import Word

# podman 4.3 has no secret names that are longer, nor a way to replace one.
_SECRET_NAME_MAX = 64
_MAKE_SECRETS = (
    # All from one folder, though another one may take its place meanwhile.
    'cd "$1" || exit; shift; for name; do '
    f'{PODMAN} secret rm "$name" > /dev/null 2>&1; '
    f'{PODMAN} secret create "$name" "./$name" > /dev/null || exit; done; '
    # podman does not: after a loss of power it finds its files empty, and refuses whatever has to do with secrets.
    f'path=$({PODMAN} secret inspect --format "{{{{.Spec.Driver.Options.path}}}}" "$name"); '
    '[ ! -d "$path" ] || sync "${path%/*}"/* "$path"/* || :'
)


def is_apart(env: Env) -> bool:
    """Whether a variable's value is on no command line: a secret, and what podman's --env would change.

    podman 4.3 and 5.4 drop a carriage return before a line feed there.
    """
    return env.secret or (isinstance(env.value, str) and "\r\n" in env.value)


def is_kept(env: Env) -> bool:
    """Whether podman has to keep a variable's value for the container: it refuses to keep an empty one."""
    return is_apart(env) and env.value != ""


def secret_name(pod: Pod, container: Container, index: int) -> str:
    """podman's name of the secret that holds a container's variable number `index`."""
    name = f"{container_name(pod, container)}_{index}"
    # podman 4.3 takes 64 characters.
    return name if len(name) <= _SECRET_NAME_MAX else f"podunit_{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def _list_secrets(pod: Pod, container: Container) -> list[str]:
    return [secret_name(pod, container, index) for index, env in enumerate(container.env) if is_kept(env)]


def make_secrets(pod: Pod, container: Container, scope: Scope) -> tuple[Word, ...] | None:
    """Give podman the secret variables of a container, from the files that hold them; None if there is none."""
    names = _list_secrets(pod, container)
    if not names:
        return None
    folder = (*files_directory(pod, scope), f"/env/{container.name}")
    return ("/bin/sh", "-c", _MAKE_SECRETS, "secrets", folder, *names)


def remove_secrets(pod: Pod, container: Container) -> tuple[Word, ...] | None:
    """Let podman forget the secret variables of a container; None if there is none."""
    names = _list_secrets(pod, container)
    # One that was not made is nothing to complain of.
    return ("/bin/sh", "-c", f'{PODMAN} secret rm "$@" 2> /dev/null', "remove", *names) if names else None


def list_secret_files(pod: Pod, container: Container) -> list[tuple[str, bytes]]:
    """The files from which podman gets the secret variables of a container, by their names below `env/CONTAINER`."""
    return [
        (secret_name(pod, container, index), str(env.value).encode("utf-8", "surrogateescape"))
        for index, env in enumerate(container.env)
        if is_kept(env)
    ]
