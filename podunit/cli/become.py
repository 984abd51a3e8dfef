"""`--machine USER@`: root runs a command on a user's pods, as that user and with what the user's manager has set up.

The bus of a user refuses all others, root included, and what belongs to a user's pods is the user's: so the process
becomes the user's, for good, and starts anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from podunit.errors import PodunitError

if TYPE_CHECKING:
    import pwd

# Of the global options those that are followed by a value.
_VALUED = ("--unit-dir", "--color")
_OWN = ("--machine", "-M")
# What is kept of root's environment: how to print, and where programs are.
_KEPT = ("PATH", "TERM", "LANG", "NO_COLOR", "COLUMNS")
_LOCAL = ("", ".host")


def become(machine: str) -> NoReturn:
    """Run this command again as the user of `USER@`, as in systemctl(1); PodunitError if that cannot be."""
    name, at, host = machine.partition("@")
    if not (name and at and host in _LOCAL):
        raise typer.BadParameter(f"'{machine}' is not USER@: podunit reaches users of this machine alone")
    user = _find_user(name)
    if os.geteuid() not in (0, user.pw_uid):
        raise PodunitError(f"only root may manage the pods of user '{name}'", "run this as root")
    runtime = Path(f"/run/user/{user.pw_uid}")
    if not (runtime / "bus").exists():
        hint = f"it runs while {name} is logged in, and always after: loginctl enable-linger {name}"
        raise PodunitError(f"the systemd of user '{name}' does not run", hint)
    asker = os.environ.get("SUDO_USER") or ("root" if os.geteuid() == 0 else "")
    if os.geteuid() == 0:
        os.initgroups(name, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if not os.access(".", os.X_OK):
        # podman refuses to begin in a folder that it may not enter.
        os.chdir(user.pw_dir)
    start = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    try:
        os.execve(sys.executable, [sys.executable, *start, *strip(sys.argv[1:])], _describe(user, runtime, asker))
    except OSError as error:
        message = f"{sys.executable}: user '{name}' may not run it: {(error.strerror or str(error)).lower()}"
        raise PodunitError(message, "install podunit where all users may read it: pipx install --global") from None


def strip(words: Sequence[str]) -> list[str]:
    """The command line of the user's own: without `--machine`, and with `--user`."""
    found, rest = ["--user"], list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word in _OWN:
            rest = rest[1:]
        elif word in _VALUED:
            found += [word, *rest[:1]]
            rest = rest[1:]
        elif not word.startswith(("--machine=", "-M")):
            found.append(word)
    return [*found, *rest]


def _find_user(name: str) -> pwd.struct_passwd:
    import pwd

    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise PodunitError(f"there is no user '{name}'", "see getent passwd") from None


def _describe(user: pwd.struct_passwd, runtime: Path, asker: str) -> Mapping[str, str]:
    kept = {key: text for key, text in os.environ.items() if key in _KEPT or key.startswith("LC_")}
    return {
        **kept,
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell,
        "XDG_RUNTIME_DIR": str(runtime),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
        # Who has asked for it, as a rollout's history tells.
        "SUDO_USER": asker,
    }
