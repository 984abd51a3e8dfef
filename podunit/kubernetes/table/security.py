"""What containers may do (core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, refused

_LINUX_ONLY = "remove it: only Linux containers run here"
_NOT_ROOT = "write a runAsUser other than 0"
_APPARMOR = "name the profile for all containers in containers.conf(5)"
_RELABEL = "have host paths labelled by the annotation podunit/relabel"

OBJECTS = (
    Object(
        "PodSecurityContext",
        "v1",
        "rights of all containers of a pod, where they do not say",
        (
            refused("appArmorProfile", "AppArmorProfile", "the AppArmor profile of the containers", _APPARMOR),
            refused("fsGroup", "integer", "the group that volumes belong to, and the containers to it"),
            refused("fsGroupChangePolicy", "string", "when the files of a volume are given to fsGroup"),
            honoured("runAsGroup", "integer", "the group ID of the containers", "podman run --user=USER:GROUP"),
            refused("runAsNonRoot", "boolean", "whether containers may not start as root", _NOT_ROOT),
            honoured("runAsUser", "integer", "the user ID of the containers", "podman run --user"),
            refused("seLinuxChangePolicy", "string", "how volumes get their SELinux label", _RELABEL),
            refused("seLinuxOptions", "SELinuxOptions", "the SELinux context of the containers"),
            refused("seccompProfile", "SeccompProfile", "which system calls containers may make"),
            refused("supplementalGroups", "[]integer", "more groups of the containers' first process"),
            refused("supplementalGroupsPolicy", "string", "whether the image's groups count as well"),
            refused("sysctls", "[]Sysctl", "kernel parameters of the pod's namespaces"),
            refused("windowsOptions", "WindowsSecurityContextOptions", "settings for Windows", _LINUX_ONLY),
        ),
    ),
    Object(
        "SecurityContext",
        "v1",
        "rights of one container; what it says wins over the pod's",
        (
            honoured(
                "allowPrivilegeEscalation",
                "boolean",
                "whether a process may gain rights that its parent has not",
                "podman run --security-opt=no-new-privileges where it is false",
            ),
            refused("appArmorProfile", "AppArmorProfile", "the AppArmor profile of the container", _APPARMOR),
            honoured(
                "capabilities", "Capabilities", "capabilities more or less than podman's default", "see its fields"
            ),
            honoured("privileged", "boolean", "whether the container may do what root may", "podman run --privileged"),
            refused("procMount", "string", "whether parts of /proc are masked"),
            honoured(
                "readOnlyRootFilesystem",
                "boolean",
                "whether the image's files cannot be written",
                "podman run --read-only --read-only-tmpfs=false",
            ),
            honoured("runAsGroup", "integer", "the group ID of the container", "podman run --user=USER:GROUP"),
            refused("runAsNonRoot", "boolean", "whether the container may not start as root", _NOT_ROOT),
            honoured("runAsUser", "integer", "the user ID of the container", "podman run --user"),
            refused("seLinuxOptions", "SELinuxOptions", "the SELinux context of the container"),
            refused("seccompProfile", "SeccompProfile", "which system calls the container may make"),
            refused("windowsOptions", "WindowsSecurityContextOptions", "settings for Windows", _LINUX_ONLY),
        ),
    ),
    Object(
        "Capabilities",
        "v1",
        "capabilities(7) more or less than podman's default, without CAP_",
        (
            honoured("add", "[]string", "capabilities that are added", "podman run --cap-add"),
            honoured("drop", "[]string", "capabilities that are taken away", "podman run --cap-drop"),
        ),
    ),
    Object(
        "AppArmorProfile",
        "v1",
        "an AppArmor profile",
        (
            refused("localhostProfile", "string", "the name of a profile that is loaded on the host", _APPARMOR),
            refused("type", "string", "RuntimeDefault, Unconfined or Localhost", _APPARMOR),
        ),
    ),
    Object(
        "SELinuxOptions",
        "v1",
        "a context of SELinux",
        (
            refused("level", "string", "the level"),
            refused("role", "string", "the role"),
            refused("type", "string", "the type"),
            refused("user", "string", "the user"),
        ),
    ),
    Object(
        "SeccompProfile",
        "v1",
        "a filter of system calls",
        (
            refused("localhostProfile", "string", "the file of a profile on the host"),
            refused("type", "string", "RuntimeDefault, Unconfined or Localhost"),
        ),
    ),
    Object(
        "Sysctl",
        "v1",
        "a kernel parameter",
        (
            refused("name", "string", "the parameter, as sysctl(8) writes it"),
            refused("value", "string", "its value"),
        ),
    ),
)
