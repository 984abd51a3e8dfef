"""The kinds that own pods, to the model: so many pods of one template, and how they are replaced.

In: documents, and objects of `schema_workloads`. Out: a `Workload` of pods and their controller, or problems. What is
inside a pod is for `translate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from podunit.decode import Located, decode, join_path
from podunit.kubernetes import schema
from podunit.kubernetes import schema_workloads as fields
from podunit.kubernetes.claims import check_claim, make_claim
from podunit.kubernetes.naming import check_label, check_label_name, check_object_name, refuse_twice
from podunit.kubernetes.objects import Objects
from podunit.kubernetes.selectors import LabelSelector, check_rules, matches_rule
from podunit.kubernetes.translate import translate_namespace, translate_pod
from podunit.model import Owner, Pod, RestartPolicy
from podunit.record import record
from podunit.report import Position, Report
from podunit.source import Mapping
from podunit.workload import HISTORY_LIMIT, Controller, Replacement, Workload

# apps/v1 DeploymentSpec: the default of progressDeadlineSeconds; for the kinds that have no such field as well.
_DEADLINE_SEC = 600
_INT32_MAX = 2**31 - 1
_REPLICAS_MAX = 1000

_TEMPLATE = "spec.template"


@record
class _Strategy:
    """How pods are replaced, as a `Controller` says it; `held` as there."""

    replacement: Replacement = Replacement.ROLLING_UPDATE
    max_unavailable: int = 1
    held: int = 0


def read_deployment(node: Mapping, objects: Objects, report: Report) -> Workload:
    """The pods of a Deployment, `web-0` and so on; as all readers here, of no use if the report has failed."""
    found = decode(node, fields.Deployment, "", report)
    if found is None:
        return Workload()
    spec = found.spec
    replicas = _check_replicas(spec.replicas, report)
    min_ready_sec = _check_not_negative(spec.min_ready_seconds, "spec.minReadySeconds", report) or 0
    deadline = spec.progress_deadline_seconds
    deadline_sec = _check_not_negative(deadline, "spec.progressDeadlineSeconds", report) or _DEADLINE_SEC
    if deadline is not None and 0 <= deadline.value <= min_ready_sec:
        message = f"{deadline.value} is not more than minReadySeconds, {min_ready_sec}"
        report.error(deadline.at, "spec.progressDeadlineSeconds", message)
    _check_selector(spec.selector, spec.template, report)
    strategy = _translate_strategy(spec.strategy, replicas, "spec.strategy", report)
    owned = _Owned(found.metadata, found.kind.value, spec.template, tuple(range(replicas)), objects, report)
    owned = replace(owned, history=spec.revision_history_limit)
    return owned.translate(strategy, min_ready_sec, deadline_sec=deadline_sec, paused=spec.paused)


def read_replica_set(node: Mapping, objects: Objects, report: Report) -> Workload:
    """The pods of a ReplicaSet, which replaces no pod that runs."""
    found = decode(node, fields.ReplicaSet, "", report)
    if found is None:
        return Workload()
    spec = found.spec
    replicas = _check_replicas(spec.replicas, report)
    min_ready_sec = _check_not_negative(spec.min_ready_seconds, "spec.minReadySeconds", report) or 0
    _check_selector(spec.selector, spec.template, report)
    owned = _Owned(found.metadata, found.kind.value, spec.template, tuple(range(replicas)), objects, report)
    return owned.translate(_Strategy(Replacement.ON_DELETE), min_ready_sec)


def read_replication_controller(node: Mapping, objects: Objects, report: Report) -> Workload:
    """The pods of a ReplicationController, which replaces no pod that runs."""
    found = decode(node, fields.ReplicationController, "", report)
    if found is None:
        return Workload()
    spec = found.spec
    replicas = _check_replicas(spec.replicas, report)
    min_ready_sec = _check_not_negative(spec.min_ready_seconds, "spec.minReadySeconds", report) or 0
    labels = spec.selector or Located(spec.template.metadata.labels, spec.template.at)
    selector = LabelSelector(labels.at, match_labels=labels.value)
    _check_selector(selector, spec.template, report, path="spec.selector")
    owned = _Owned(found.metadata, found.kind.value, spec.template, tuple(range(replicas)), objects, report)
    return owned.translate(_Strategy(Replacement.ON_DELETE), min_ready_sec)


def read_daemon_set(node: Mapping, objects: Objects, report: Report) -> Workload:
    """The pod of a DaemonSet: one on each machine, and so one here."""
    found = decode(node, fields.DaemonSet, "", report)
    if found is None:
        return Workload()
    spec = found.spec
    min_ready_sec = _check_not_negative(spec.min_ready_seconds, "spec.minReadySeconds", report) or 0
    _check_selector(spec.selector, spec.template, report)
    strategy = _translate_strategy(spec.update_strategy, 1, "spec.updateStrategy", report)
    owned = _Owned(found.metadata, found.kind.value, spec.template, (0,), objects, report)
    return replace(owned, history=spec.revision_history_limit).translate(strategy, min_ready_sec)


def read_stateful_set(node: Mapping, objects: Objects, report: Report) -> Workload:
    """The pods of a StatefulSet, which start one after the other and have their own names as host names."""
    found = decode(node, fields.StatefulSet, "", report)
    if found is None:
        return Workload()
    spec = found.spec
    replicas = _check_replicas(spec.replicas, report)
    start = _check_not_negative(spec.ordinals.start, "spec.ordinals.start", report) or 0
    min_ready_sec = _check_not_negative(spec.min_ready_seconds, "spec.minReadySeconds", report) or 0
    _check_selector(spec.selector, spec.template, report)
    for index, claim in enumerate(spec.volume_claim_templates):
        below = report.within(f"spec.volumeClaimTemplates[{index}]")
        check_label_name(claim.metadata.name, "metadata.name", "volume", below)
        check_claim(claim.metadata, claim.spec, below)
    claims = spec.volume_claim_templates
    refuse_twice(
        [(claim.metadata.name, f"spec.volumeClaimTemplates[{i}].metadata.name") for i, claim in enumerate(claims)],
        "claim",
        report,
    )
    hostname = spec.template.spec.hostname
    if hostname is not None:
        report.warning(
            hostname.at,
            f"{_TEMPLATE}.spec.hostname",
            "no effect: a pod of a StatefulSet has its own name as its host name",
        )
    rolling = spec.update_strategy.rolling_update
    strategy = _Strategy(Replacement(spec.update_strategy.type))
    if rolling and spec.update_strategy.type is not fields.UpdateStrategyType.ROLLING_UPDATE:
        _refuse_rolling(rolling.at, "spec.updateStrategy", spec.update_strategy.type, report)
    elif rolling:
        path = "spec.updateStrategy.rollingUpdate"
        partition = _check_not_negative(rolling.value.partition, f"{path}.partition", report) or 0
        unavailable = rolling.value.max_unavailable
        max_unavailable = _count(unavailable, replicas, f"{path}.maxUnavailable", report)
        if unavailable and unavailable.value.number == 0:
            report.error(unavailable.at, f"{path}.maxUnavailable", "0 would let no pod be replaced")
        strategy = replace(strategy, held=max(0, partition - start), max_unavailable=max_unavailable or 1)
    owned = _Owned(
        found.metadata, found.kind.value, spec.template, tuple(range(start, start + replicas)), objects, report
    )
    if spec.service_name and spec.service_name.value:
        check_label_name(spec.service_name, "spec.serviceName", "Service", report)
    owned = replace(owned, claims=claims, service=spec.service_name, history=spec.revision_history_limit)
    ordered = spec.pod_management_policy is fields.PodManagementPolicy.ORDERED_READY
    return owned.translate(strategy, min_ready_sec, ordered=ordered, descending=True)


def read_namespace(node: Mapping, report: Report) -> None:
    """Nothing: a namespace keeps nothing apart here, it is only checked."""
    found = decode(node, fields.Namespace, "", report)
    if found is not None:
        check_label_name(found.metadata.name, "metadata.name", "namespace", report)


@record
class _Owned:
    """The pods of one template: the owner's metadata and kind, and the numbers of its pods."""

    metadata: schema.ObjectMeta
    kind: str
    template: fields.PodTemplateSpec
    ordinals: tuple[int, ...]
    objects: Objects
    report: Report
    claims: tuple[fields.ClaimTemplate, ...] = ()
    service: Located[str] | None = None
    history: Located[int] | None = None

    def translate(
        self,
        strategy: _Strategy,
        min_ready_sec: int,
        *,
        deadline_sec: int = _DEADLINE_SEC,
        paused: bool = False,
        ordered: bool = False,
        descending: bool = False,
    ) -> Workload:
        """The pods and their controller."""
        name, report = self.metadata.name, self.report
        check_object_name(name, self.kind, report)
        _check_metadata(self.metadata, self.template, report)
        namespace = translate_namespace(self.metadata, report)
        _check_template(self.template, namespace, report)
        owner = Owner(self.kind, name.value)
        names = tuple(f"{name.value}-{ordinal}" for ordinal in self.ordinals)
        # Without replicas the template is checked all the same. Each is translated for itself, as it may ask its name.
        pods = [self._translate_pod(pod, namespace) for pod in names or (f"{name.value}-0",)]
        _check_host_ports(self.template, len(names), report)
        history_limit = _check_not_negative(self.history, "spec.revisionHistoryLimit", report)
        return Workload(
            tuple(replace(pod, owner=owner) for pod in pods[: len(names)]),
            controllers=(
                Controller(
                    owner=owner,
                    namespace=namespace,
                    pods=names,
                    replacement=strategy.replacement,
                    max_unavailable=strategy.max_unavailable,
                    held=strategy.held,
                    paused=paused,
                    ordered=ordered,
                    descending=descending,
                    min_ready_sec=min_ready_sec,
                    deadline_sec=deadline_sec,
                    history_limit=HISTORY_LIMIT if history_limit is None else history_limit,
                    name_at=name.at,
                ),
            ),
        )

    def _translate_pod(self, name: str, namespace: str) -> Pod:
        report = self.report.within(_TEMPLATE)
        spec = self._add_claims(self.template.spec, name)
        if self.kind == "StatefulSet":
            # As its controller does; the host name is the pod's own.
            named = self.service if self.service and self.service.value else None
            spec = replace(spec, hostname=None, subdomain=named)
        template = replace(self.template, spec=spec)
        return translate_pod(template, Located(name, self.metadata.name.at), namespace, self.objects, report)

    def _add_claims(self, spec: schema.PodSpec, pod: str) -> schema.PodSpec:
        """The spec with a volume for each claim, which takes the place of one of that name."""
        volumes = {volume.name.value: volume for volume in spec.volumes}
        for claim in self.claims:
            name = claim.metadata.name
            own = Located(f"{name.value}-{pod}", name.at)
            # A claim of that name that is described for itself is the one.
            self.objects.claims.setdefault(own.value, make_claim(own, claim.spec))
            source = schema.PersistentVolumeClaimVolumeSource(own)
            volumes[name.value] = schema.Volume(name, claim.at, persistent_volume_claim=source)
        return replace(spec, volumes=tuple(volumes.values())) if self.claims else spec


def _check_metadata(metadata: schema.ObjectMeta, template: fields.PodTemplateSpec, report: Report) -> None:
    for key, value in metadata.labels.entries:
        check_label(key, value, join_path("metadata.labels", key.value), report)
    for key, _ in metadata.annotations.entries:
        if key.value.startswith("podunit/"):
            report.error(
                key.at,
                join_path("metadata.annotations", key.value),
                "no effect here: it is for pods",
                f"move it to {_TEMPLATE}.metadata.annotations",
            )
    if template.metadata.name is not None:
        report.warning(
            template.metadata.name.at,
            f"{_TEMPLATE}.metadata.name",
            f"no effect: the pods are named {metadata.name.value}-0 and so on",
        )


def _check_template(template: fields.PodTemplateSpec, namespace: str, report: Report) -> None:
    other = template.metadata.namespace
    if other is not None and other.value != namespace:
        path = f"{_TEMPLATE}.metadata.namespace"
        report.error(other.at, path, f"'{other.value[:60]}' is not the namespace '{namespace}' of its owner")
    policy = template.spec.restart_policy
    if policy is not None and policy.value is not RestartPolicy.ALWAYS:
        report.error(
            policy.at,
            f"{_TEMPLATE}.spec.restartPolicy",
            f"'{policy.value}' is not allowed here: these pods run for ever, with Always",
            "what comes to an end is a Job, or a Pod of its own",
        )
    if deadline := template.spec.active_deadline_seconds:
        message = "not allowed here: these pods run for ever"
        report.error(deadline.at, f"{_TEMPLATE}.spec.activeDeadlineSeconds", message, "remove it")


def _check_host_ports(template: fields.PodTemplateSpec, replicas: int, report: Report) -> None:
    if replicas < 2:
        return
    spec = template.spec
    for path, container in _list_containers(spec):
        for index, port in enumerate(container.ports):
            where = f"{path}.ports[{index}]"
            why = f"with {replicas} replicas: only one pod can have a port of the host"
            hint = "write 'replicas: 1', or leave the port to the pods, which have addresses of their own"
            if port.host_port is not None:
                report.error(port.host_port.at, f"{where}.hostPort", f"port {port.host_port.value} {why}", hint)
            elif spec.host_network:
                at, number = port.container_port.at, port.container_port.value
                report.error(at, f"{where}.containerPort", f"port {number} of hostNetwork {why}", hint)


def _list_containers(spec: schema.PodSpec) -> Iterator[tuple[str, schema.Container]]:
    for name, containers in (("initContainers", spec.init_containers), ("containers", spec.containers.value)):
        for index, container in enumerate(containers):
            yield f"{_TEMPLATE}.spec.{name}[{index}]", container


def _check_selector(selector: LabelSelector, template: fields.PodTemplateSpec, report: Report, path: str = "") -> None:
    labels = {key.value: value.value for key, value in template.metadata.labels.entries}
    where = "spec.selector"
    match_path = path or f"{where}.matchLabels"
    hint = f"labels of the template: {', '.join(f'{key}={value}' for key, value in labels.items()) or 'none'}"
    if not selector.match_labels.entries and not selector.match_expressions:
        report.error(selector.at, where, "empty: it has to match the labels of the template", hint)
    for key, value in selector.match_labels.entries:
        if labels.get(key.value) != value.value:
            message = f"'{value.value[:60]}' is not what the template's labels say"
            report.error(value.at, join_path(match_path, key.value), message, hint)
    for item, rule in check_rules(selector, where, report):
        if not matches_rule(rule, labels):
            report.error(rule.at, item, "does not match the template's labels", hint)


def _translate_strategy(
    strategy: fields.DeploymentStrategy | fields.DaemonSetUpdateStrategy, replicas: int, path: str, report: Report
) -> _Strategy:
    found = _Strategy(Replacement(strategy.type))
    rolling = strategy.rolling_update
    if rolling is None:
        return found
    if found.replacement is not Replacement.ROLLING_UPDATE:
        _refuse_rolling(rolling.at, path, strategy.type, report)
        return found
    path = f"{path}.rollingUpdate"
    unavailable = rolling.value.max_unavailable
    count = _count(unavailable, replicas, f"{path}.maxUnavailable", report)
    if unavailable and unavailable.value.number == 0:
        message = "a pod is replaced in its place here: one is down meanwhile, not 0"
        report.warning(unavailable.at, f"{path}.maxUnavailable", message)
    return replace(found, max_unavailable=max(1, count or 1))


def _refuse_rolling(at: Position, path: str, kind: str, report: Report) -> None:
    report.error(at, f"{path}.rollingUpdate", f"not allowed with type {kind}", "remove it, or write RollingUpdate")


def _count(share: Located[fields.Share] | None, replicas: int, path: str, report: Report) -> int | None:
    if share is None:
        return None
    if share.value.percent and share.value.number > 100:
        report.error(share.at, path, f"{share.value.number}% is more than 100%")
    return share.value.count(replicas)


def _check_replicas(replicas: Located[int] | None, report: Report) -> int:
    if replicas is None:
        return 1
    if not 0 <= replicas.value <= _REPLICAS_MAX:
        report.error(replicas.at, "spec.replicas", f"{replicas.value} is not between 0 and {_REPLICAS_MAX}")
        return 0
    return replicas.value


def _check_not_negative(number: Located[int] | None, path: str, report: Report) -> int | None:
    if number is None:
        return None
    if not 0 <= number.value <= _INT32_MAX:
        report.error(number.at, path, f"{number.value} is not between 0 and {_INT32_MAX}")
        return None
    return number.value
