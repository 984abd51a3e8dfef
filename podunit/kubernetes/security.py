"""What a container may do: the security contexts of a pod and its containers.

In: objects of `schema` and `contexts`. Out: `security.Security`, and parts of `model.Pod`, or problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from podunit.decode import Located
from podunit.kubernetes import contexts, schema
from podunit.model import Claim, Processes, Volume
from podunit.report import Report
from podunit.security import Profile, ProfileType, Security

_POD_PATH = "spec.securityContext"
_CAPABILITY = re.compile(r"[A-Z][A-Z_]*")
# The kernel's IDs end at 2^32 - 2; the API ends at 2^31 - 1.
_ID_MAX = 2**31 - 1

_SEGMENT = r"[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?"
_SYSCTL = re.compile(rf"{_SEGMENT}(?:[./]{_SEGMENT})+")
# What a namespace of the pod's own holds, as podman-run(1) lists it.
_NET_SYSCTL = "net."
_IPC_SYSCTLS = (
    *("fs.mqueue.", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall"),
    *("kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"),
)

# One path component or more; no component begins with a dot.
_PROFILE_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_PROFILE_NAME = re.compile(r"[!-~]+")
_LABEL_PART = re.compile(r"[A-Za-z0-9_.:,-]+")


def translate_security(
    own: contexts.SecurityContext, pod: contexts.PodSecurityContext, path: str, report: Report
) -> Security:
    """The rights of a container; what it does not say, the pod's security context does."""
    user, group = own.run_as_user or pod.run_as_user, own.run_as_group or pod.run_as_group
    for located, name in ((own.run_as_user, "runAsUser"), (own.run_as_group, "runAsGroup")):
        _check_id(located, f"{path}.{name}", report)
    _check_id(pod.run_as_user, f"{_POD_PATH}.runAsUser", report)
    _check_id(pod.run_as_group, f"{_POD_PATH}.runAsGroup", report)
    if group and not user:
        owner = path if own.run_as_group else _POD_PATH
        report.error(group.at, f"{owner}.runAsGroup", "no effect without a runAsUser", "add the runAsUser")
    non_root = own.run_as_non_root or pod.run_as_non_root
    forbids_root = non_root is not None and non_root.value
    if non_root and forbids_root and user and user.value == 0:
        owner = path if own.run_as_user else _POD_PATH
        hint = f"use another user, or remove the runAsNonRoot at {non_root.at}"
        report.error(user.at, f"{owner}.runAsUser", "0 is root, and runAsNonRoot forbids root", hint)
    escalation = own.allow_privilege_escalation
    if escalation and not escalation.value and own.privileged:
        message = "a privileged container may always gain privileges"
        report.error(escalation.at, f"{path}.allowPrivilegeEscalation", message, "remove one of the two")
    _check_groups_policy(pod, user, group, report)
    return Security(
        user=_value(user),
        group=_value(group),
        read_only_root=own.read_only_root_filesystem,
        privileged=own.privileged,
        no_new_privileges=escalation is not None and not escalation.value,
        added_capabilities=_translate_capabilities(own.capabilities.add, f"{path}.capabilities.add", report),
        dropped_capabilities=_translate_capabilities(own.capabilities.drop, f"{path}.capabilities.drop", report),
        groups=_translate_groups(pod, report),
        verifies_user=forbids_root and user is None,
        seccomp=_translate_seccomp(own, pod, path, report),
        apparmor=_translate_apparmor(own, pod, path, report),
        selinux=_translate_selinux(own, pod, path, report),
        unmasks_proc=own.proc_mount is contexts.ProcMount.UNMASKED,
    )


def translate_fs_group(pod: contexts.PodSecurityContext, volumes: Iterable[Volume], report: Report) -> int | None:
    """The group of the pod's volumes; also checks how they get labels, of which podman knows one way."""
    _check_id(pod.fs_group, f"{_POD_PATH}.fsGroup", report)
    change = pod.se_linux_change_policy
    if change and change.value is contexts.SELinuxChangePolicy.MOUNT_OPTION:
        message = "podman labels the files of a volume one by one, not by an option of its mount"
        report.error(change.at, f"{_POD_PATH}.seLinuxChangePolicy", message, "write Recursive, or remove it")
    claims = [volume.name for volume in volumes if isinstance(volume, Claim)]
    if pod.fs_group and claims:
        message = f"not for the volume '{claims[0]}', which podman keeps: it is its first user's"
        report.warning(pod.fs_group.at, f"{_POD_PATH}.fsGroup", message, "let an init container set the group there")
    return _value(pod.fs_group)


def translate_sysctls(spec: schema.PodSpec, host_network: bool, report: Report) -> tuple[tuple[str, str], ...]:
    """The kernel's parameters that hold for the pod alone, with dots in their names."""
    first: dict[str, Located[str]] = {}
    for index, sysctl in enumerate(spec.security_context.sysctls):
        path, at = f"{_POD_PATH}.sysctls[{index}]", sysctl.name.at
        name = sysctl.name.value.replace("/", ".")
        if not _SYSCTL.fullmatch(sysctl.name.value) or len(name) > 253:
            hint = "write it as below /proc/sys, with dots: net.core.somaxconn"
            report.error(at, f"{path}.name", f"'{sysctl.name.value[:60]}' is not the name of a sysctl", hint)
        elif "/" in sysctl.name.value and "." in sysctl.name.value:
            message = "podman cannot set what has a dot within a part of its name"
            report.error(at, f"{path}.name", message, "give the interface a name without a dot")
        elif name.startswith(_NET_SYSCTL):
            if host_network:
                message = "with hostNetwork there is only the host's, which no pod may change"
                report.error(at, f"{path}.name", message, "set it on the host, in /etc/sysctl.d")
        elif name.startswith(_IPC_SYSCTLS[0]) or name in _IPC_SYSCTLS:
            if spec.host_ipc:
                message = "with hostIPC there is only the host's, which no pod may change"
                report.error(at, f"{path}.name", message, "set it on the host, in /etc/sysctl.d")
        else:
            message = f"'{name[:60]}' is one for the whole machine, which no pod may change"
            report.error(at, f"{path}.name", message, "set it on the host, in /etc/sysctl.d")
        if not sysctl.value.value.isprintable():
            report.error(sysctl.value.at, f"{path}.value", "a control character is not allowed here", "remove it")
        other = first.setdefault(name, sysctl.value)
        if other is not sysctl.value:
            report.error(at, f"{path}.name", f"a second sysctl '{name}'", f"the first is at {other.at}")
    return tuple((name, value.value) for name, value in first.items())


def translate_processes(spec: schema.PodSpec, report: Report) -> Processes:
    """Which processes the containers see."""
    shared, of_host = spec.share_process_namespace, spec.host_pid
    if of_host and of_host.value:
        if shared and shared.value:
            message = f"both this and hostPID, at {of_host.at}"
            report.error(shared.at, "spec.shareProcessNamespace", message, "keep one of them")
        return Processes.HOST
    return Processes.POD if shared and shared.value else Processes.OWN


def _value(located: Located[int] | None) -> int | None:
    return located.value if located else None


def _check_id(located: Located[int] | None, path: str, report: Report) -> None:
    if located and not 0 <= located.value <= _ID_MAX:
        report.error(located.at, path, f"{located.value} is not between 0 and {_ID_MAX}")


def _check_groups_policy(
    pod: contexts.PodSecurityContext, user: Located[int] | None, group: Located[int] | None, report: Report
) -> None:
    # podman adds the groups of the image's /etc/group for a user alone, and none for a user with a group.
    policy, path = pod.supplemental_groups_policy, f"{_POD_PATH}.supplementalGroupsPolicy"
    if policy is None:
        return
    if policy.value is contexts.SupplementalGroupsPolicy.STRICT and not (user and group):
        message = "needs a runAsUser and a runAsGroup: otherwise podman adds the groups of the image's /etc/group"
        report.error(policy.at, path, message, "add both to the pod's securityContext")
    elif policy.value is contexts.SupplementalGroupsPolicy.MERGE and group:
        message = "not for a container with a runAsGroup: podman adds no group of the image's /etc/group to it"
        report.warning(policy.at, path, message, "name the groups in supplementalGroups")


def _translate_groups(pod: contexts.PodSecurityContext, report: Report) -> tuple[int, ...]:
    for index, group in enumerate(pod.supplemental_groups):
        _check_id(group, f"{_POD_PATH}.supplementalGroups[{index}]", report)
    groups = [pod.fs_group, *pod.supplemental_groups]
    return tuple(dict.fromkeys(group.value for group in groups if group))


def _translate_capabilities(names: tuple[Located[str], ...], path: str, report: Report) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if not _CAPABILITY.fullmatch(name.value):
            hint = "write it in capitals, as in capabilities(7), without 'CAP_': NET_ADMIN, or ALL"
            report.error(name.at, f"{path}[{index}]", f"'{name.value[:60]}' is not a capability", hint)
        elif name.value.startswith("CAP_") and name.value != "CAP_":
            hint = f"write '{name.value.removeprefix('CAP_')}'"
            report.error(name.at, f"{path}[{index}]", "a capability is written without 'CAP_' here", hint)
    return tuple(name.value for name in names)


def _translate_seccomp(
    own: contexts.SecurityContext, pod: contexts.PodSecurityContext, path: str, report: Report
) -> Profile | None:
    hint = "name a file below /etc/podunit/seccomp, or ~/.config/podunit/seccomp for a user's pods"
    profile = own.seccomp_profile or pod.seccomp_profile
    for one, owner in ((own.seccomp_profile, path), (pod.seccomp_profile, _POD_PATH)):
        _check_profile(one, f"{owner}.seccompProfile", _PROFILE_FILE, hint, report)
    if own.privileged:
        if own.seccomp_profile and own.seccomp_profile.type is not ProfileType.UNCONFINED:
            message = "no effect: a privileged container is unconfined"
            report.warning(own.seccomp_profile.at, f"{path}.seccompProfile", message, "remove one of the two")
        return None
    return _make_profile(profile)


def _translate_apparmor(
    own: contexts.SecurityContext, pod: contexts.PodSecurityContext, path: str, report: Report
) -> Profile | None:
    hint = "name a profile that is loaded on the host; 'aa-status' lists them"
    for one, owner in ((own.app_armor_profile, path), (pod.app_armor_profile, _POD_PATH)):
        _check_profile(one, f"{owner}.appArmorProfile", _PROFILE_NAME, hint, report)
    return _make_profile(own.app_armor_profile or pod.app_armor_profile)


def _check_profile(
    profile: contexts.Profile | None, path: str, pattern: re.Pattern[str], hint: str, report: Report
) -> None:
    if profile is None:
        return
    name, is_local = profile.localhost_profile, profile.type is ProfileType.LOCALHOST
    if is_local and name is None:
        report.error(profile.at, path, "'localhostProfile' is missing", hint)
    elif name and not is_local:
        message = f"no effect with type {profile.type}"
        report.error(name.at, f"{path}.localhostProfile", message, "write 'type: Localhost', or remove it")
    elif name and not pattern.fullmatch(name.value):
        report.error(name.at, f"{path}.localhostProfile", f"'{name.value[:60]}' is not the name of a profile", hint)


def _make_profile(profile: contexts.Profile | None) -> Profile | None:
    if profile is None or profile.type is ProfileType.RUNTIME_DEFAULT:
        return None
    return Profile(profile.type, profile.localhost_profile.value if profile.localhost_profile else "")


def _translate_selinux(
    own: contexts.SecurityContext, pod: contexts.PodSecurityContext, path: str, report: Report
) -> tuple[tuple[str, str], ...]:
    # As in the API: a container's options replace those of the pod, they are not merged.
    for one, owner in ((own.se_linux_options, path), (pod.se_linux_options, _POD_PATH)):
        for name, value in _list_label(one):
            if not _LABEL_PART.fullmatch(value.value):
                message = f"'{value.value[:60]}' is not the {name} of a label"
                report.error(value.at, f"{owner}.seLinuxOptions.{name}", message, "write it as 'ls -Z' prints it")
    return tuple((name, value.value) for name, value in _list_label(own.se_linux_options or pod.se_linux_options))


def _list_label(options: contexts.SELinuxOptions | None) -> Iterator[tuple[str, Located[str]]]:
    if options:
        for name, value in (
            ("user", options.user),
            ("role", options.role),
            ("type", options.type),
            ("level", options.level),
        ):
            if value:
                yield name, value
