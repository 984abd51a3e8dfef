"""The fields of the kinds that own pods, by name and shape (Kubernetes API reference, apps/v1 and core/v1).

In: nothing. Out: dataclasses for `decode`, as in `schema`. What a field means is for `workloads`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Annotated, ClassVar

from podunit.decode import Located, Parsed, Table
from podunit.kubernetes.claims import PersistentVolumeClaimSpec
from podunit.kubernetes.schema import ObjectMeta, PodSpec
from podunit.kubernetes.selectors import LabelSelector
from podunit.kubernetes.verdicts import ignored_fields, refused_fields
from podunit.record import record
from podunit.report import Position


@record
class Share:
    """A number, or a percentage (`percent`) of the replicas."""

    number: int
    percent: bool

    def count(self, replicas: int) -> int:
        """How many replicas that is, rounded down."""
        return self.number * replicas // 100 if self.percent else self.number


def parse_share(text: str) -> Share:
    """util/intstr IntOrString as the API takes it here: 2, or 25%."""
    number = text.removesuffix("%")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise ValueError(f"'{text[:60]}' is not a number or a percentage", "write it as 1, or 25%")
    return Share(int(number), number != text)


IntOrPercent = Annotated[Share, Parsed(parse_share, ("str", "int"))]


@record
class TemplateMeta:
    """meta/v1 ObjectMeta, in a template: a name of its own has no effect there."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("ObjectMeta")

    name: Located[str] | None = None
    namespace: Located[str] | None = None
    labels: Table[Located[str]] = field(default_factory=Table)
    annotations: Table[Located[str]] = field(default_factory=Table)


@record
class PodTemplateSpec:
    """core/v1 PodTemplateSpec."""

    spec: PodSpec
    at: Position
    metadata: TemplateMeta = field(default_factory=TemplateMeta)


class DeploymentStrategyType(StrEnum):
    """`type` of a DeploymentStrategy."""

    ROLLING_UPDATE = "RollingUpdate"
    RECREATE = "Recreate"


class UpdateStrategyType(StrEnum):
    """`type` of a StatefulSetUpdateStrategy and a DaemonSetUpdateStrategy."""

    ROLLING_UPDATE = "RollingUpdate"
    ON_DELETE = "OnDelete"


class PodManagementPolicy(StrEnum):
    """`podManagementPolicy` of a StatefulSet."""

    ORDERED_READY = "OrderedReady"
    PARALLEL = "Parallel"


@record
class RollingUpdate:
    """apps/v1 RollingUpdateDeployment and RollingUpdateDaemonSet."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("RollingUpdateDeployment")

    max_unavailable: Located[IntOrPercent] | None = None


@record
class DeploymentStrategy:
    """apps/v1 DeploymentStrategy."""

    type: DeploymentStrategyType = DeploymentStrategyType.ROLLING_UPDATE
    rolling_update: Located[RollingUpdate] | None = None


@record
class DaemonSetUpdateStrategy:
    """apps/v1 DaemonSetUpdateStrategy."""

    type: UpdateStrategyType = UpdateStrategyType.ROLLING_UPDATE
    rolling_update: Located[RollingUpdate] | None = None


@record
class RollingUpdateStatefulSetStrategy:
    """apps/v1 RollingUpdateStatefulSetStrategy."""

    partition: Located[int] | None = None
    max_unavailable: Located[IntOrPercent] | None = None


@record
class StatefulSetUpdateStrategy:
    """apps/v1 StatefulSetUpdateStrategy."""

    type: UpdateStrategyType = UpdateStrategyType.ROLLING_UPDATE
    rolling_update: Located[RollingUpdateStatefulSetStrategy] | None = None


@record
class StatefulSetOrdinals:
    """apps/v1 StatefulSetOrdinals."""

    start: Located[int] | None = None


@record
class DeploymentSpec:
    """apps/v1 DeploymentSpec."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("DeploymentSpec")

    selector: LabelSelector
    template: PodTemplateSpec
    replicas: Located[int] | None = None
    strategy: DeploymentStrategy = field(default_factory=DeploymentStrategy)
    revision_history_limit: Located[int] | None = None
    min_ready_seconds: Located[int] | None = None
    progress_deadline_seconds: Located[int] | None = None
    paused: bool = False


@record
class ClaimTemplate:
    """core/v1 PersistentVolumeClaim, one for each pod of a StatefulSet."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("PersistentVolumeClaim")

    metadata: ObjectMeta
    spec: PersistentVolumeClaimSpec
    at: Position
    api_version: Located[str] | None = None
    kind: Located[str] | None = None


@record
class StatefulSetSpec:
    """apps/v1 StatefulSetSpec."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("StatefulSetSpec")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("StatefulSetSpec")

    selector: LabelSelector
    template: PodTemplateSpec
    replicas: Located[int] | None = None
    service_name: Located[str] | None = None
    volume_claim_templates: tuple[ClaimTemplate, ...] = ()
    pod_management_policy: PodManagementPolicy = PodManagementPolicy.ORDERED_READY
    update_strategy: StatefulSetUpdateStrategy = field(default_factory=StatefulSetUpdateStrategy)
    ordinals: StatefulSetOrdinals = field(default_factory=StatefulSetOrdinals)
    revision_history_limit: Located[int] | None = None
    min_ready_seconds: Located[int] | None = None


@record
class DaemonSetSpec:
    """apps/v1 DaemonSetSpec."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("DaemonSetSpec")

    selector: LabelSelector
    template: PodTemplateSpec
    update_strategy: DaemonSetUpdateStrategy = field(default_factory=DaemonSetUpdateStrategy)
    revision_history_limit: Located[int] | None = None
    min_ready_seconds: Located[int] | None = None


@record
class ReplicaSetSpec:
    """apps/v1 ReplicaSetSpec."""

    selector: LabelSelector
    template: PodTemplateSpec
    replicas: Located[int] | None = None
    min_ready_seconds: Located[int] | None = None


@record
class ReplicationControllerSpec:
    """core/v1 ReplicationControllerSpec; without a selector it is the template's labels."""

    template: PodTemplateSpec
    selector: Located[Table[Located[str]]] | None = None
    replicas: Located[int] | None = None
    min_ready_seconds: Located[int] | None = None


@record
class Deployment:
    """apps/v1 Deployment."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("Deployment")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: DeploymentSpec


@record
class StatefulSet:
    """apps/v1 StatefulSet."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("StatefulSet")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: StatefulSetSpec


@record
class DaemonSet:
    """apps/v1 DaemonSet."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("DaemonSet")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: DaemonSetSpec


@record
class ReplicaSet:
    """apps/v1 ReplicaSet."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("ReplicaSet")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: ReplicaSetSpec


@record
class ReplicationController:
    """core/v1 ReplicationController."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("ReplicationController")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: ReplicationControllerSpec


@record
class Namespace:
    """core/v1 Namespace."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("Namespace")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
