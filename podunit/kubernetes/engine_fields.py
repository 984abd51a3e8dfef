"""What the crun engine takes of the fields that podunit honours; it refuses all others.

In: the name of an API object, a field. Out: whether it is taken. A field that is not listed here is refused: what is
new is podman's alone, until somebody sees to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from podunit.kubernetes.fields import Field

# Objects of which every field is taken.
_WHOLE = (
    *("EnvVar", "EnvVarSource", "ConfigMapKeySelector", "SecretKeySelector", "ObjectFieldSelector"),
    *("ResourceFieldSelector", "EnvFromSource", "ConfigMapEnvSource", "SecretEnvSource"),
    *("ContainerPort", "ResourceRequirements", "Capabilities", "SeccompProfile", "PodDNSConfig", "PodDNSConfigOption"),
    *("HostAlias", "PodOS", "Sysctl", "ConfigMapVolumeSource", "KeyToPath", "DownwardAPIVolumeSource"),
    *("DownwardAPIVolumeFile", "ProjectedVolumeSource", "VolumeProjection", "ConfigMapProjection"),
    *("DownwardAPIProjection", "SecretProjection", "SecretVolumeSource"),
    *("Probe", "Lifecycle", "LifecycleHandler", "ExecAction", "HTTPGetAction", "HTTPHeader", "TCPSocketAction"),
    *("GRPCAction", "SleepAction", "ContainerRestartRule", "ContainerRestartRuleOnExitCodes"),
    "PersistentVolumeClaimVolumeSource",
)
# Object → the fields that are taken, each with the values that it may have, or None for any.
_PARTS: Mapping[str, Mapping[str, tuple[str, ...] | None]] = {
    "PodSpec": {
        **dict.fromkeys(("activeDeadlineSeconds", "containers", "dnsConfig", "hostAliases", "hostname", "os")),
        **dict.fromkeys(("initContainers", "priorityClassName", "resources", "restartPolicy", "securityContext")),
        **dict.fromkeys(("setHostnameAsFQDN", "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds")),
        **dict.fromkeys(("enableServiceLinks", "volumes")),
        "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default"),
        **dict.fromkeys(("hostIPC", "hostNetwork", "hostPID"), ("false",)),
    },
    "Container": {
        **dict.fromkeys(
            ("args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "name", "ports")
        ),
        **dict.fromkeys(("livenessProbe", "readinessProbe", "resources", "securityContext", "startupProbe")),
        **dict.fromkeys(("restartPolicy", "restartPolicyRules", "terminationMessagePath", "terminationMessagePolicy")),
        **dict.fromkeys(("volumeMounts", "workingDir")),
        **dict.fromkeys(("stdin", "stdinOnce", "tty"), ("false",)),
    },
    "ResourceList": {"cpu": None, "memory": None},
    "SecurityContext": {
        **dict.fromkeys(("allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem", "runAsGroup")),
        **dict.fromkeys(("runAsNonRoot", "runAsUser", "seccompProfile")),
        "privileged": ("false",),
        "procMount": ("Default",),
    },
    "PodSecurityContext": {
        **dict.fromkeys(("fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsNonRoot", "runAsUser")),
        **dict.fromkeys(("seccompProfile", "supplementalGroups", "supplementalGroupsPolicy", "sysctls")),
    },
    "VolumeMount": {
        **dict.fromkeys(("mountPath", "name", "readOnly", "subPath")),
        "mountPropagation": ("None", "HostToContainer"),
        "recursiveReadOnly": None,
    },
    "Volume": {
        **dict.fromkeys(("configMap", "downwardAPI", "emptyDir", "hostPath", "name", "persistentVolumeClaim")),
        **dict.fromkeys(("projected", "secret")),
    },
    "EmptyDirVolumeSource": {"sizeLimit": None, "medium": ("", "Memory")},
    "HostPathVolumeSource": {
        "path": None,
        "type": ("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket"),
    },
}


def is_taken(name: str, field: Field) -> bool:
    """Whether the crun engine takes a field of the object `name`, with some value at least."""
    return name in _WHOLE or field.name in _PARTS.get(name, {})


def is_judged(name: str) -> bool:
    """Whether the object `name` is part of a pod, whose engine says what is taken."""
    return name in _WHOLE or name in _PARTS


def list_values(name: str, field: Field) -> tuple[str, ...] | None:
    """The values that a field may have, None for any."""
    return _PARTS.get(name, {}).get(field.name)


def list_taken(name: str) -> Mapping[str, tuple[str, ...] | None]:
    """The fields of an object that are named here, each with the values that it may have."""
    return _PARTS.get(name, {})
