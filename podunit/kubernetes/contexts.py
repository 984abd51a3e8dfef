"""The fields of security contexts, by name and shape (Kubernetes API reference, v1): a part of `schema`.

In: nothing. Out: dataclasses for `decode`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import ClassVar

from podunit.decode import Located
from podunit.kubernetes.verdicts import refused_fields
from podunit.record import record
from podunit.report import Position
from podunit.security import ProfileType


@record
class Capabilities:
    """core/v1 Capabilities."""

    add: tuple[Located[str], ...] = ()
    drop: tuple[Located[str], ...] = ()


@record
class Profile:
    """core/v1 SeccompProfile and AppArmorProfile, which have the same fields."""

    type: ProfileType
    at: Position
    localhost_profile: Located[str] | None = None


@record
class SELinuxOptions:
    """core/v1 SELinuxOptions."""

    user: Located[str] | None = None
    role: Located[str] | None = None
    type: Located[str] | None = None
    level: Located[str] | None = None


class ProcMount(StrEnum):
    """`procMount` of a SecurityContext."""

    DEFAULT = "Default"
    UNMASKED = "Unmasked"


@record
class SecurityContext:
    """core/v1 SecurityContext."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("SecurityContext")

    run_as_user: Located[int] | None = None
    run_as_group: Located[int] | None = None
    run_as_non_root: Located[bool] | None = None
    read_only_root_filesystem: bool = False
    privileged: bool = False
    allow_privilege_escalation: Located[bool] | None = None
    capabilities: Capabilities = field(default_factory=Capabilities)
    seccomp_profile: Profile | None = None
    app_armor_profile: Profile | None = None
    se_linux_options: SELinuxOptions | None = None
    proc_mount: ProcMount = ProcMount.DEFAULT


class FSGroupChangePolicy(StrEnum):
    """`fsGroupChangePolicy`: one as good as the other for volumes that are new at each start of the pod."""

    ALWAYS = "Always"
    ON_ROOT_MISMATCH = "OnRootMismatch"


class SupplementalGroupsPolicy(StrEnum):
    """`supplementalGroupsPolicy`: whether the groups of the image's /etc/group count."""

    MERGE = "Merge"
    STRICT = "Strict"


class SELinuxChangePolicy(StrEnum):
    """`seLinuxChangePolicy`: how volumes get their labels."""

    RECURSIVE = "Recursive"
    MOUNT_OPTION = "MountOption"


@record
class Sysctl:
    """core/v1 Sysctl."""

    name: Located[str]
    value: Located[str]


@record
class PodSecurityContext:
    """core/v1 PodSecurityContext."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("PodSecurityContext")

    run_as_user: Located[int] | None = None
    run_as_group: Located[int] | None = None
    run_as_non_root: Located[bool] | None = None
    fs_group: Located[int] | None = None
    fs_group_change_policy: FSGroupChangePolicy = FSGroupChangePolicy.ALWAYS
    supplemental_groups: tuple[Located[int], ...] = ()
    supplemental_groups_policy: Located[SupplementalGroupsPolicy] | None = None
    seccomp_profile: Profile | None = None
    app_armor_profile: Profile | None = None
    se_linux_options: SELinuxOptions | None = None
    se_linux_change_policy: Located[SELinuxChangePolicy] | None = None
    sysctls: tuple[Sysctl, ...] = ()
