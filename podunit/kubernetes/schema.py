"""The fields of the Kubernetes API that podunit reads, by name and shape (Kubernetes API reference, v1).

In: nothing. Out: dataclasses for `decode`, which takes names and types from here. What a field means is for
`translate`. A field of the API that is not listed is refused by name, with a reason; everything else is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from podunit.decode import Located, Parsed, Table
from podunit.kubernetes.quantity import parse_bytes, parse_cpu_milli
from podunit.model import Protocol, PullPolicy, RestartPolicy
from podunit.report import Position

_REFUSED = "remove it: podunit refuses what it would not honour"


def _refuse(names: str) -> Mapping[str, str]:
    return dict.fromkeys(names.split(), _REFUSED)


@dataclass(frozen=True, slots=True)
class EnvVar:
    """core/v1 EnvVar."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse("valueFrom")

    name: Located[str]
    at: Position
    value: Located[str] | None = None


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """core/v1 ContainerPort."""

    container_port: Located[int]
    at: Position
    name: Located[str] | None = None
    host_port: Located[int] | None = None
    host_ip: Located[str] | None = field(default=None, metadata={"key": "hostIP"})
    protocol: Protocol = Protocol.TCP


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """core/v1 VolumeMount."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse("mountPropagation recursiveReadOnly subPath subPathExpr")

    name: Located[str]
    mount_path: Located[str]
    at: Position
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The resources that can be limited, of core/v1 ResourceRequirements."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse("ephemeral-storage hugepages-2Mi hugepages-1Gi")

    memory: Annotated[int, Parsed(parse_bytes)] | None = None
    cpu: Annotated[int, Parsed(parse_cpu_milli)] | None = None


@dataclass(frozen=True, slots=True)
class ResourceRequirements:
    """core/v1 ResourceRequirements."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse("claims requests")

    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Container:
    """core/v1 Container."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse(
        "envFrom lifecycle livenessProbe readinessProbe resizePolicy restartPolicy restartPolicyRules"
        " securityContext startupProbe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty"
        " volumeDevices"
    )

    name: Located[str]
    image: Located[str]
    at: Position
    image_pull_policy: PullPolicy | None = None
    command: tuple[Located[str], ...] = ()
    args: tuple[Located[str], ...] = ()
    working_dir: Located[str] | None = None
    env: tuple[EnvVar, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements = field(default_factory=ResourceRequirements)
    volume_mounts: tuple[VolumeMount, ...] = ()


@dataclass(frozen=True, slots=True)
class HostPathVolumeSource:
    """core/v1 HostPathVolumeSource."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse("type")

    path: Located[str]


@dataclass(frozen=True, slots=True)
class EmptyDirVolumeSource:
    """core/v1 EmptyDirVolumeSource."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse("medium sizeLimit")


@dataclass(frozen=True, slots=True)
class Volume:
    """core/v1 Volume."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse(
        "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI ephemeral fc"
        " flexVolume flocker gcePersistentDisk gitRepo glusterfs image iscsi nfs persistentVolumeClaim"
        " photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume"
    )

    name: Located[str]
    at: Position
    host_path: HostPathVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None


@dataclass(frozen=True, slots=True)
class PodSpec:
    """core/v1 PodSpec."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse(
        "activeDeadlineSeconds affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks"
        " ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride"
        " imagePullSecrets nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName"
        " readinessGates resourceClaims resources runtimeClassName schedulerName schedulingGates securityContext"
        " serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain tolerations"
        " topologySpreadConstraints"
    )

    containers: Located[tuple[Container, ...]]
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: RestartPolicy = RestartPolicy.ALWAYS
    termination_grace_period_seconds: Located[int] | None = None


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """meta/v1 ObjectMeta."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse(
        "creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName generation"
        " managedFields namespace ownerReferences resourceVersion selfLink uid"
    )

    name: Located[str]
    labels: Table[Located[str]] = field(default_factory=Table)
    annotations: Table[Located[str]] = field(default_factory=Table)


@dataclass(frozen=True, slots=True)
class Pod:
    """core/v1 Pod."""

    unsupported: ClassVar[Mapping[str, str]] = _refuse("status")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: PodSpec
    at: Position
