"""Which manager: the system's systemd, or that of the user."""

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
