"""What containers may do (core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, refused

_LINUX_ONLY = "remove it: only Linux containers run here"

OBJECTS = (
    Object(
        "PodSecurityContext",
        "v1",
        "rights of all containers of a pod, where they do not say",
        (
            honoured(
                "appArmorProfile",
                "AppArmorProfile",
                "the AppArmor profile of the containers",
                "podman run --security-opt=apparmor; without it podman's own",
            ),
            honoured(
                "fsGroup",
                "integer",
                "the group that volumes belong to, and the containers to it",
                "the group of emptyDir volumes and of files from ConfigMaps and Secrets; podman run --group-add",
            ),
            honoured(
                "fsGroupChangePolicy",
                "string",
                "when the files of a volume are given to fsGroup",
                "one is as the other: these volumes are new at each start",
            ),
            honoured("runAsGroup", "integer", "the group ID of the containers", "podman run --user=USER:GROUP"),
            honoured(
                "runAsNonRoot",
                "boolean",
                "whether containers may not start as root",
                "without a runAsUser the image's user is looked at before each start",
            ),
            honoured("runAsUser", "integer", "the user ID of the containers", "podman run --user"),
            honoured(
                "seLinuxChangePolicy",
                "string",
                "how volumes get their SELinux label",
                "Recursive is what podman does; MountOption is refused",
            ),
            honoured(
                "seLinuxOptions",
                "SELinuxOptions",
                "the SELinux context of the containers",
                "podman run --security-opt=label; a container's replace those of the pod",
            ),
            honoured(
                "seccompProfile",
                "SeccompProfile",
                "which system calls containers may make",
                "podman run --security-opt=seccomp; without it podman's own",
            ),
            honoured(
                "supplementalGroups",
                "[]integer",
                "more groups of the containers' first process",
                "podman run --group-add",
            ),
            honoured(
                "supplementalGroupsPolicy",
                "string",
                "whether the image's groups count as well",
                "Strict needs runAsUser and runAsGroup: podman then adds no group of the image",
            ),
            honoured(
                "sysctls",
                "[]Sysctl",
                "kernel parameters of the pod's namespaces",
                "podman run --sysctl of the sandbox; a parameter of the whole machine is refused",
            ),
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
            honoured(
                "appArmorProfile",
                "AppArmorProfile",
                "the AppArmor profile of the container",
                "podman run --security-opt=apparmor; without it podman's own",
            ),
            honoured(
                "capabilities", "Capabilities", "capabilities more or less than podman's default", "see its fields"
            ),
            honoured("privileged", "boolean", "whether the container may do what root may", "podman run --privileged"),
            honoured(
                "procMount",
                "string",
                "whether parts of /proc are masked",
                "Unmasked: podman run --security-opt=unmask=ALL",
            ),
            honoured(
                "readOnlyRootFilesystem",
                "boolean",
                "whether the image's files cannot be written",
                "podman run --read-only --read-only-tmpfs=false",
            ),
            honoured("runAsGroup", "integer", "the group ID of the container", "podman run --user=USER:GROUP"),
            honoured(
                "runAsNonRoot",
                "boolean",
                "whether the container may not start as root",
                "without a runAsUser the image's user is looked at before each start",
            ),
            honoured("runAsUser", "integer", "the user ID of the container", "podman run --user"),
            honoured(
                "seLinuxOptions",
                "SELinuxOptions",
                "the SELinux context of the container",
                "podman run --security-opt=label; a container's replace those of the pod",
            ),
            honoured(
                "seccompProfile",
                "SeccompProfile",
                "which system calls the container may make",
                "podman run --security-opt=seccomp; without it podman's own",
            ),
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
            honoured(
                "localhostProfile",
                "string",
                "the name of a profile that is loaded on the host",
                "podman run --security-opt=apparmor=NAME",
            ),
            honoured(
                "type",
                "string",
                "RuntimeDefault, Unconfined or Localhost",
                "Unconfined: podman run --security-opt=apparmor=unconfined",
            ),
        ),
    ),
    Object(
        "SELinuxOptions",
        "v1",
        "a context of SELinux",
        (
            honoured("level", "string", "the level", "podman run --security-opt=label=level:…"),
            honoured("role", "string", "the role", "podman run --security-opt=label=role:…"),
            honoured("type", "string", "the type", "podman run --security-opt=label=type:…"),
            honoured("user", "string", "the user", "podman run --security-opt=label=user:…"),
        ),
    ),
    Object(
        "SeccompProfile",
        "v1",
        "a filter of system calls",
        (
            honoured(
                "localhostProfile",
                "string",
                "the file of a profile on the host",
                "a file below /etc/podunit/seccomp, for a user ~/.config/podunit/seccomp",
            ),
            honoured(
                "type",
                "string",
                "RuntimeDefault, Unconfined or Localhost",
                "Unconfined: podman run --security-opt=seccomp=unconfined",
            ),
        ),
    ),
    Object(
        "Sysctl",
        "v1",
        "a kernel parameter",
        (
            honoured("name", "string", "the parameter, as sysctl(8) writes it", "podman run --sysctl=NAME=…"),
            honoured("value", "string", "its value", "podman run --sysctl=…=VALUE"),
        ),
    ),
)
