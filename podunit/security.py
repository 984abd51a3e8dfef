"""As whom and with what rights a container runs.

Part of what the inputs mean, like `model`; nothing here knows YAML, systemd's syntax or podman's options.
"""

from __future__ import annotations

from enum import StrEnum

from podunit.record import record


class ProfileType(StrEnum):
    """`type` of a SeccompProfile or an AppArmorProfile."""

    RUNTIME_DEFAULT = "RuntimeDefault"
    UNCONFINED = "Unconfined"
    LOCALHOST = "Localhost"


@record
class Profile:
    """What confines a container; `localhost` is a file of seccomp's or a name of AppArmor's, '' for other types."""

    type: ProfileType
    localhost: str = ""


@record
class Security:
    """As whom and with what rights a container runs; IDs are None where the image's own hold.

    `groups` are further ones; `verifies_user` says that the image's user must not be root. `selinux` are the parts of
    a label, by name. A profile is None where it is the engine's own.
    """

    user: int | None
    group: int | None
    read_only_root: bool
    privileged: bool
    no_new_privileges: bool
    added_capabilities: tuple[str, ...]
    dropped_capabilities: tuple[str, ...]
    groups: tuple[int, ...] = ()
    verifies_user: bool = False
    seccomp: Profile | None = None
    apparmor: Profile | None = None
    selinux: tuple[tuple[str, str], ...] = ()
    unmasks_proc: bool = False
