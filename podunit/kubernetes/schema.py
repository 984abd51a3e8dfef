"""The fields of the Kubernetes API that podunit reads, by name and shape (Kubernetes API reference, v1).

In: nothing. Out: dataclasses for `decode`, which takes names and types from here. What a field means is for
`translate`. The API's other fields are refused, or have no effect: `table` says which, and why. Everything else is
unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Annotated, ClassVar

from podunit.decode import Located, Parsed, Table
from podunit.kubernetes.contexts import PodSecurityContext, SecurityContext
from podunit.kubernetes.dns import DNSPolicy, HostAlias, PodDNSConfig
from podunit.kubernetes.quantity import parse_base64, parse_bytes, parse_count, parse_cpu_milli
from podunit.kubernetes.schema_environment import EnvFromSource, EnvVar, ObjectFieldSelector, ResourceFieldSelector
from podunit.kubernetes.schema_lifecycle import Lifecycle
from podunit.kubernetes.schema_probes import Probe
from podunit.kubernetes.schema_restarts import ContainerRestartRule
from podunit.kubernetes.verdicts import ignored_fields, refused_fields
from podunit.model import HostPathType, Medium, MountPropagation, Protocol, PullPolicy, RestartPolicy
from podunit.record import record
from podunit.report import Position

Bytes = Annotated[int, Parsed(parse_bytes)]
CpuMilli = Annotated[int, Parsed(parse_cpu_milli)]
Count = Annotated[int, Parsed(parse_count)]
Base64 = Annotated[bytes, Parsed(parse_base64, ("str",))]


@record
class ContainerPort:
    """core/v1 ContainerPort."""

    container_port: Located[int]
    at: Position
    name: Located[str] | None = None
    host_port: Located[int] | None = None
    host_ip: Located[str] | None = field(default=None, metadata={"key": "hostIP"})
    protocol: Protocol = Protocol.TCP


class RecursiveReadOnly(StrEnum):
    """`recursiveReadOnly` of a VolumeMount."""

    DISABLED = "Disabled"
    IF_POSSIBLE = "IfPossible"
    ENABLED = "Enabled"


@record
class VolumeMount:
    """core/v1 VolumeMount."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("VolumeMount")

    name: Located[str]
    mount_path: Located[str]
    at: Position
    read_only: bool = False
    sub_path: Located[str] | None = None
    sub_path_expr: Located[str] | None = None
    mount_propagation: Located[MountPropagation] | None = None
    recursive_read_only: Located[RecursiveReadOnly] | None = None


@record
class VolumeDevice:
    """core/v1 VolumeDevice."""

    name: Located[str]
    device_path: Located[str]
    at: Position


def _is_extended_resource(name: str) -> bool:
    # k8s.io/kubernetes helper.IsExtendedResourceName.
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


@record
class ResourceList:
    """The resources of core/v1 ResourceRequirements that podunit knows, as limits or as requests."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("ResourceList")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("ResourceList")

    memory: Located[Bytes] | None = None
    cpu: Located[CpuMilli] | None = None
    hugepages_2mi: Located[Bytes] | None = field(default=None, metadata={"key": "hugepages-2Mi"})
    hugepages_1gi: Located[Bytes] | None = field(default=None, metadata={"key": "hugepages-1Gi"})
    extended: Table[Located[Count]] = field(
        default_factory=Table, metadata={"key": "vendor/class", "others": _is_extended_resource}
    )


@record
class ResourceRequirements:
    """core/v1 ResourceRequirements."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("ResourceRequirements")

    limits: ResourceList = field(default_factory=ResourceList)
    requests: ResourceList = field(default_factory=ResourceList)


class TerminationMessagePolicy(StrEnum):
    """`terminationMessagePolicy` of a Container."""

    FILE = "File"
    FALLBACK_TO_LOGS_ON_ERROR = "FallbackToLogsOnError"


@record
class Container:
    """core/v1 Container."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("Container")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("Container")

    name: Located[str]
    image: Located[str]
    at: Position
    image_pull_policy: PullPolicy | None = None
    restart_policy: Located[RestartPolicy] | None = None
    lifecycle: Lifecycle | None = None
    restart_policy_rules: tuple[ContainerRestartRule, ...] = ()
    command: tuple[Located[str], ...] = ()
    args: tuple[Located[str], ...] = ()
    working_dir: Located[str] | None = None
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements = field(default_factory=ResourceRequirements)
    security_context: SecurityContext = field(default_factory=SecurityContext)
    volume_mounts: tuple[VolumeMount, ...] = ()
    volume_devices: tuple[VolumeDevice, ...] = ()
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    stdin: Located[bool] | None = None
    stdin_once: Located[bool] | None = None
    tty: bool = False
    termination_message_path: Located[str] | None = None
    termination_message_policy: TerminationMessagePolicy | None = None


@record
class HostPathVolumeSource:
    """core/v1 HostPathVolumeSource."""

    path: Located[str]
    type: HostPathType = HostPathType.UNSET


@record
class NFSVolumeSource:
    """core/v1 NFSVolumeSource."""

    path: Located[str]
    server: Located[str]
    read_only: bool = False


@record
class EmptyDirVolumeSource:
    """core/v1 EmptyDirVolumeSource."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("EmptyDirVolumeSource")

    medium: Located[Medium] | None = None
    size_limit: Located[Bytes] | None = None


@record
class ImageVolumeSource:
    """core/v1 ImageVolumeSource."""

    reference: Located[str]
    pull_policy: PullPolicy | None = None


@record
class KeyToPath:
    """core/v1 KeyToPath."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("KeyToPath")

    key: Located[str]
    path: Located[str]
    mode: Located[int] | None = None


@record
class ConfigMapVolumeSource:
    """core/v1 ConfigMapVolumeSource, and ConfigMapProjection but for the mode."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("ConfigMapVolumeSource")

    at: Position
    name: Located[str] | None = None
    items: tuple[KeyToPath, ...] = ()
    default_mode: Located[int] | None = None
    optional: bool = False


@record
class SecretVolumeSource:
    """core/v1 SecretVolumeSource."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("SecretVolumeSource")

    at: Position
    secret_name: Located[str] | None = None
    items: tuple[KeyToPath, ...] = ()
    default_mode: Located[int] | None = None
    optional: bool = False


@record
class DownwardAPIVolumeFile:
    """core/v1 DownwardAPIVolumeFile."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("DownwardAPIVolumeFile")

    path: Located[str]
    at: Position
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: Located[int] | None = None


@record
class DownwardAPIVolumeSource:
    """core/v1 DownwardAPIVolumeSource."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("DownwardAPIVolumeSource")

    items: tuple[DownwardAPIVolumeFile, ...] = ()
    default_mode: Located[int] | None = None


@record
class Projection:
    """core/v1 ConfigMapProjection and SecretProjection."""

    at: Position
    name: Located[str] | None = None
    items: tuple[KeyToPath, ...] = ()
    optional: bool = False


@record
class DownwardAPIProjection:
    """core/v1 DownwardAPIProjection."""

    items: tuple[DownwardAPIVolumeFile, ...] = ()


@record
class VolumeProjection:
    """core/v1 VolumeProjection."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("VolumeProjection")

    at: Position
    config_map: Projection | None = None
    secret: Projection | None = None
    downward_api: DownwardAPIProjection | None = field(default=None, metadata={"key": "downwardAPI"})


@record
class ProjectedVolumeSource:
    """core/v1 ProjectedVolumeSource."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("ProjectedVolumeSource")

    sources: tuple[VolumeProjection, ...] = ()
    default_mode: Located[int] | None = None


@record
class PersistentVolumeClaimVolumeSource:
    """core/v1 PersistentVolumeClaimVolumeSource."""

    claim_name: Located[str]
    read_only: bool = False


@record
class Volume:
    """core/v1 Volume."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("Volume")

    name: Located[str]
    at: Position
    host_path: HostPathVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = field(default=None, metadata={"key": "downwardAPI"})
    projected: ProjectedVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    image: ImageVolumeSource | None = None
    nfs: NFSVolumeSource | None = None


@record
class LocalObjectReference:
    """core/v1 LocalObjectReference."""

    name: Located[str]


@record
class PodOS:
    """core/v1 PodOS."""

    name: Located[str]


@record
class PodSpec:
    """core/v1 PodSpec."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("PodSpec")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("PodSpec")

    containers: Located[tuple[Container, ...]]
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: Located[RestartPolicy] | None = None
    termination_grace_period_seconds: Located[int] | None = None
    active_deadline_seconds: Located[int] | None = None
    host_network: bool = False
    host_pid: Located[bool] | None = field(default=None, metadata={"key": "hostPID"})
    host_ipc: bool = field(default=False, metadata={"key": "hostIPC"})
    host_users: Located[bool] | None = None
    enable_service_links: Located[bool] | None = None
    share_process_namespace: Located[bool] | None = None
    os: PodOS | None = None
    runtime_class_name: Located[str] | None = None
    priority_class_name: Located[str] | None = None
    hostname: Located[str] | None = None
    subdomain: Located[str] | None = None
    set_hostname_as_fqdn: Located[bool] | None = field(default=None, metadata={"key": "setHostnameAsFQDN"})
    host_aliases: tuple[HostAlias, ...] = ()
    dns_policy: Located[DNSPolicy] | None = None
    dns_config: PodDNSConfig | None = None
    resources: ResourceRequirements = field(default_factory=ResourceRequirements)
    security_context: PodSecurityContext = field(default_factory=PodSecurityContext)
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()


@record
class ObjectMeta:
    """meta/v1 ObjectMeta."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("ObjectMeta")

    name: Located[str]
    namespace: Located[str] | None = None
    labels: Table[Located[str]] = field(default_factory=Table)
    annotations: Table[Located[str]] = field(default_factory=Table)


@record
class Pod:
    """core/v1 Pod."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("Pod")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: PodSpec
    at: Position


@record
class ConfigMap:
    """core/v1 ConfigMap."""

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    at: Position
    data: Table[Located[str]] = field(default_factory=Table)
    binary_data: Table[Located[Base64]] = field(default_factory=Table)
    immutable: bool = False


@record
class Secret:
    """core/v1 Secret."""

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    at: Position
    type: Located[str] | None = None
    data: Table[Located[Base64]] = field(default_factory=Table)
    string_data: Table[Located[str]] = field(default_factory=Table)
    immutable: bool = False
