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
    *(
        "PersistentVolumeClaimVolumeSource",
        "LocalObjectReference",
        "NFSVolumeSource",
        "VolumeDevice",
        "ImageVolumeSource",
    ),
)
# Object → the fields that are taken, each with the values that it may have, or None for any.
_PARTS: Mapping[str, Mapping[str, tuple[str, ...] | None]] = {
    "PodSpec": {
        **dict.fromkeys(("activeDeadlineSeconds", "containers", "dnsConfig", "hostAliases", "hostname", "os")),
        **dict.fromkeys(("initContainers", "priorityClassName", "resources", "restartPolicy", "securityContext")),
        **dict.fromkeys(("setHostnameAsFQDN", "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds")),
        **dict.fromkeys(("dnsPolicy", "enableServiceLinks", "hostNetwork", "imagePullSecrets", "volumes")),
        **dict.fromkeys(("hostIPC", "hostPID"), ("false",)),
        "hostUsers": ("true",),
    },
    "Container": {
        **dict.fromkeys(
            ("args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "name", "ports")
        ),
        **dict.fromkeys(("livenessProbe", "readinessProbe", "resources", "securityContext", "startupProbe")),
        **dict.fromkeys(("restartPolicy", "restartPolicyRules", "terminationMessagePath", "terminationMessagePolicy")),
        **dict.fromkeys(("volumeDevices", "volumeMounts", "workingDir")),
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
        **dict.fromkeys(("mountPath", "name", "readOnly", "subPath", "subPathExpr")),
        "mountPropagation": ("None", "HostToContainer"),
        "recursiveReadOnly": None,
    },
    "Volume": {
        **dict.fromkeys(("configMap", "downwardAPI", "emptyDir", "hostPath", "image", "name", "persistentVolumeClaim")),
        **dict.fromkeys(("nfs", "projected", "secret")),
    },
    "EmptyDirVolumeSource": {"sizeLimit": None, "medium": ("", "Memory")},
    "HostPathVolumeSource": {
        "path": None,
        "type": ("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket"),
    },
}
_JOINED = "its containers join the namespaces of a sandbox"
_DEVICES = "of the devices of the machine its containers get those of volumeDevices alone"
_HUGE_PAGES = "only podman limits huge pages, as systemd has no directive for that"
_SELINUX = "it is not for machines with SELinux"
_APPARMOR = "podman loads profiles as it starts a container"
_ATTACHED = "nobody is left to keep a terminal, or a pipe, for whoever attaches"
# Object and field → why it is refused, with some value or with any.
_REASONS: Mapping[tuple[str, str], str] = {
    **dict.fromkeys((("PodSpec", name) for name in ("hostIPC", "hostPID")), _JOINED),
    ("PodSpec", "hostUsers"): "podman maps the IDs of users and volumes as it starts a container",
    ("PodSpec", "runtimeClassName"): "crun is the runtime",
    **dict.fromkeys((("Container", name) for name in ("stdin", "stdinOnce", "tty")), _ATTACHED),
    ("ResourceList", "vendor/class"): _DEVICES,
    **dict.fromkeys((("ResourceList", name) for name in ("hugepages-1Gi", "hugepages-2Mi")), _HUGE_PAGES),
    ("EmptyDirVolumeSource", "medium"): _HUGE_PAGES,
    ("SecurityContext", "privileged"): "podman gives such a container the devices that are there as it starts",
    ("SecurityContext", "procMount"): "it goes with hostUsers",
    **dict.fromkeys((("SecurityContext", "appArmorProfile"), ("PodSecurityContext", "appArmorProfile")), _APPARMOR),
    **dict.fromkeys((("SecurityContext", "seLinuxOptions"), ("PodSecurityContext", "seLinuxOptions")), _SELINUX),
    ("PodSecurityContext", "seLinuxChangePolicy"): _SELINUX,
    ("VolumeMount", "mountPropagation"): "its root file system is mounted for the container alone",
    ("HostPathVolumeSource", "type"): _DEVICES,
}
# The same of annotations, by the end of their names.
ANNOTATIONS: Mapping[str, str] = {"devices": _DEVICES, "relabel": _SELINUX}


def explain_refusal(name: str, field: str) -> str:
    """Why a field of the object `name` is refused."""
    return _REASONS[name, field]


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
