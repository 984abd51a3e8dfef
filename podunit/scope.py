"""Which manager: the system's systemd, or that of the user; and where units and the YAML of its pods are."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path


class Scope(StrEnum):
    """One of systemd's two kinds of managers, systemctl's --system and --user."""

    SYSTEM = "system"
    USER = "user"

    @classmethod
    def default(cls) -> Scope:
        """The system's for uid 0, else the user's."""
        return cls.SYSTEM if os.geteuid() == 0 else cls.USER

    @property
    def runtime_directory(self) -> Path:
        """What `%t` is for the manager's units."""
        if self is Scope.SYSTEM:
            return Path("/run")
        return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")


def default_directory(scope: Scope) -> Path:
    """Where generated units go: below /etc in systemd's search path, so that the administrator's files win."""
    if scope is Scope.SYSTEM:
        return Path("/usr/local/lib/systemd/system")
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local/share") / "systemd/user"


def generated_directory(scope: Scope) -> Path:
    """Where systemd lets `podunit-generator` write units: every other folder of units is stronger."""
    return scope.runtime_directory / "systemd/generator.late"


def spec_folder(scope: Scope) -> Path:
    """Where the pods of this machine, or this user, are described."""
    if scope is Scope.SYSTEM:
        return Path("/etc/podunit")
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "podunit"
