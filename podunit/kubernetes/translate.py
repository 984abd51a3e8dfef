"""From the API's objects to the model: defaults filled in, references resolved, everything checked.

In: documents, as objects of `schema`. Out: `model.Pod`, or problems. Knows neither systemd nor podman.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from podunit import model
from podunit.decode import Located, decode, join_path
from podunit.kubernetes import schema, schema_workloads
from podunit.kubernetes.annotations import Annotations, read_annotations
from podunit.kubernetes.devices import Devices
from podunit.kubernetes.downward import Self
from podunit.kubernetes.environment import Environment
from podunit.kubernetes.hooks import refuse_hooks, translate_hook, translate_stop_signal
from podunit.kubernetes.huge_pages import translate_huge_pages
from podunit.kubernetes.naming import (
    check_image,
    check_label,
    check_label_name,
    check_object_name,
    check_path,
    default_pull_policy,
    refuse_twice,
)
from podunit.kubernetes.network import translate_hostname, translate_hosts, translate_resolver
from podunit.kubernetes.node import check_node, translate_priority, translate_runtime
from podunit.kubernetes.objects import Objects
from podunit.kubernetes.ports import translate_ports
from podunit.kubernetes.probes import refuse_probes, translate_probes
from podunit.kubernetes.projection import Projector
from podunit.kubernetes.registries import translate_pull_secrets
from podunit.kubernetes.resources import list_limits, translate_pod_resources, translate_resources
from podunit.kubernetes.restarts import translate_policy, translate_rules
from podunit.kubernetes.security import translate_fs_group, translate_processes, translate_security, translate_sysctls
from podunit.kubernetes.terminals import refuse_stdin, translate_stdin
from podunit.kubernetes.terminations import translate_message
from podunit.kubernetes.users import translate_users
from podunit.kubernetes.volumes import translate_devices, translate_mounts, translate_volumes
from podunit.model import RestartPolicy
from podunit.names import DEFAULT_NAMESPACE
from podunit.record import record
from podunit.report import Report
from podunit.source import Mapping

# podunit's own network, that of the namespace `default`; those of others begin with its name.
_NETWORK = "podunit"

# core/v1 PodSpec: the default of terminationGracePeriodSeconds.
_GRACE_SEC = 30
_INT32_MAX = 2**31 - 1


@record
class _Context:
    """What the containers of one pod share."""

    pod: Self
    spec: schema.PodSpec
    volumes: dict[str, model.Volume]
    annotations: Annotations
    objects: Objects
    host_network: bool
    devices: Devices
    missing: tuple[str, ...]


def read_pod(node: Mapping, objects: Objects, report: Report) -> model.Pod | None:
    """The pod that a document of kind Pod describes; None, or something not to be used, if the report has failed."""
    pod = decode(node, schema.Pod, "", report)
    if pod is None:
        return None
    check_object_name(pod.metadata.name, "pod", report)
    return translate_pod(pod, pod.metadata.name, translate_namespace(pod.metadata, report), objects, report)


def translate_namespace(metadata: schema.ObjectMeta, report: Report) -> str:
    """The namespace of an object: the network of its pods, and a part of their names there."""
    if metadata.namespace is None:
        return DEFAULT_NAMESPACE
    check_label_name(metadata.namespace, "metadata.namespace", "namespace", report)
    return metadata.namespace.value


def translate_pod(
    pod: schema.Pod | schema_workloads.PodTemplateSpec,
    name: Located[str],
    namespace: str,
    objects: Objects,
    report: Report,
) -> model.Pod:
    """The pod of this name that an object, or a template, describes; the report is for paths from its `spec` on."""
    spec = pod.spec
    labels = tuple(sorted((key.value, value.value) for key, value in pod.metadata.labels.entries))
    for key, value in pod.metadata.labels.entries:
        check_label(key, value, join_path("metadata.labels", key.value), report)
    every = (*spec.init_containers, *spec.containers.value)
    names = tuple(container.name.value for container in every)
    annotations = read_annotations(pod.metadata.annotations.entries, names, report)
    if not spec.containers.value:
        report.error(spec.containers.at, "spec.containers", "empty: a pod has at least one container")
    refuse_twice(
        [
            (container.name, f"{path}.name")
            for path, container in (
                *_number("spec.initContainers", spec.init_containers),
                *_number("spec.containers", spec.containers.value),
            )
        ],
        "container",
        report,
    )
    notes = tuple((key.value, value.value) for key, value in pod.metadata.annotations.entries)
    itself = Self(name.value, namespace, labels, notes, every)
    volumes = translate_volumes(spec.volumes, Projector(itself, objects, report), report)
    host_network = spec.host_network or _is_network(annotations, "host")
    no_network = _is_network(annotations, "none") and not host_network
    registries = translate_pull_secrets(spec, objects, report)
    devices = Devices(annotations.devices, report)
    missing = objects.take_missing()
    context = _Context(itself, spec, volumes, annotations, objects, host_network, devices, missing)
    check_node(spec, report)
    refuse_stdin(spec.init_containers, "spec.initContainers", report)
    refuse_hooks(spec.init_containers, "spec.initContainers", report)
    refuse_probes(spec.init_containers, "spec.initContainers", report)
    containers = _translate_containers("spec.containers", spec.containers.value, context, report)
    if no_network:
        _refuse_host_ports(containers, report)
    return model.Pod(
        name=name.value,
        namespace=namespace,
        hostname=translate_hostname(name.value, namespace, spec, host_network, report),
        subdomain=spec.subdomain.value if spec.subdomain else "",
        host_network=host_network,
        network=None if no_network else _find_network(namespace, annotations),
        aliases=(),
        published=(),
        redirects=(),
        resources=translate_pod_resources(spec.resources, report),
        limits_at=list_limits(spec.resources),
        relabel=annotations.relabel,
        labels=labels,
        init_containers=_find_sidecars(spec, context, report),
        containers=containers,
        volumes=tuple(volumes.values()),
        restart_policy=spec.restart_policy.value if spec.restart_policy else RestartPolicy.ALWAYS,
        grace_sec=_translate_grace(spec.termination_grace_period_seconds, report),
        boot=annotations.boot,
        engine=annotations.engine,
        engine_at=annotations.engine_at,
        requirements=annotations.requirements,
        settings=tuple(annotations.pod),
        at=pod.at,
        name_at=name.at,
        fs_group=translate_fs_group(spec.security_context, volumes.values(), report),
        hosts=translate_hosts(spec.host_aliases, no_network, report),
        resolver=translate_resolver(spec, no_network, report),
        own_users=translate_users(spec, volumes, host_network, report),
        processes=translate_processes(spec, report),
        host_ipc=spec.host_ipc,
        runtime=translate_runtime(spec, report),
        is_critical=translate_priority(spec, report),
        registries=registries,
        sysctls=translate_sysctls(spec, host_network, report),
        deadline_sec=_translate_deadline(spec.active_deadline_seconds, report),
    )


def _refuse_host_ports(containers: Iterable[model.Container], report: Report) -> None:
    for container in containers:
        for port in container.ports:
            if port.host_port is not None:
                report.error(port.at, "", "the pod has no network: nothing can be published", "remove the hostPort")


def _is_network(annotations: Annotations, name: str) -> bool:
    return annotations.network is not None and annotations.network.value == name


def _find_network(namespace: str, annotations: Annotations) -> model.Network:
    name = _NETWORK if namespace == DEFAULT_NAMESPACE else f"{_NETWORK}-{namespace}"
    if annotations.network is not None:
        name = annotations.network.value
    return model.Network(name, own=name == _NETWORK or name.startswith(f"{_NETWORK}-"))


def _number(path: str, items: Iterable[schema.Container]) -> list[tuple[str, schema.Container]]:
    return [(f"{path}[{index}]", item) for index, item in enumerate(items)]


def _translate_grace(grace: Located[int] | None, report: Report) -> int:
    if grace is None:
        return _GRACE_SEC
    if not 0 <= grace.value <= _INT32_MAX:
        message = f"{grace.value} is not between 0 and {_INT32_MAX}"
        report.error(grace.at, "spec.terminationGracePeriodSeconds", message)
    return grace.value


def _translate_deadline(deadline: Located[int] | None, report: Report) -> int | None:
    if deadline is None:
        return None
    if not 1 <= deadline.value <= _INT32_MAX:
        message = f"{deadline.value} is not between 1 and {_INT32_MAX}"
        report.error(deadline.at, "spec.activeDeadlineSeconds", message)
    return deadline.value


def _find_sidecars(spec: schema.PodSpec, context: _Context, report: Report) -> tuple[model.Container, ...]:
    translated = _translate_containers("spec.initContainers", spec.init_containers, context, report)
    return tuple(
        replace(container, sidecar=own.restart_policy is not None and own.restart_policy.value is RestartPolicy.ALWAYS)
        for own, container in zip(spec.init_containers, translated, strict=True)
    )


def _translate_containers(
    path: str, containers: tuple[schema.Container, ...], context: _Context, report: Report
) -> tuple[model.Container, ...]:
    return tuple(
        _translate_container(item_path, container, context, report)
        for item_path, container in _number(path, containers)
    )


def _translate_container(path: str, container: schema.Container, context: _Context, report: Report) -> model.Container:
    check_label_name(container.name, f"{path}.name", "container", report)
    check_image(container.image, f"{path}.image", report)
    environment = Environment(container, context.pod, context.objects, report)
    environment.read(container, path)
    if container.working_dir is not None:
        check_path(container.working_dir, f"{path}.workingDir", report)
    lifecycle = container.lifecycle
    grace = context.spec.termination_grace_period_seconds
    grace_sec = grace.value if grace else _GRACE_SEC
    return model.Container(
        name=container.name.value,
        image=container.image.value,
        pull_policy=container.image_pull_policy or default_pull_policy(container.image.value),
        command=_expand_command(container, path, environment, report),
        args=_expand(container.args, f"{path}.args", environment),
        working_dir=container.working_dir.value if container.working_dir else None,
        env=environment.variables,
        ports=translate_ports(container.ports, f"{path}.ports", context.host_network, report),
        mounts=translate_mounts(container, f"{path}.volumeMounts", context.volumes, environment, report),
        cdi_devices=context.devices.assign(container, path, ends=_ends(container, path)),
        devices=translate_devices(container, path, context.volumes, report),
        resources=translate_resources(container.resources, f"{path}.resources", report),
        limits_at=list_limits(container.resources),
        huge_pages=translate_huge_pages(container.resources, f"{path}.resources", report),
        security=translate_security(
            container.security_context, context.spec.security_context, f"{path}.securityContext", report
        ),
        settings=tuple(context.annotations.containers.get(container.name.value, ())),
        at=container.at,
        image_at=container.image.at,
        stdin=translate_stdin(container, path, report),
        tty=container.tty,
        probes=translate_probes(container, path, environment, report),
        restart_policy=translate_policy(container, context.spec),
        restart_rules=translate_rules(container, path, report),
        post_start=translate_hook(lifecycle.post_start, f"{path}.lifecycle.postStart", container, grace_sec, report)
        if lifecycle
        else None,
        pre_stop=translate_hook(lifecycle.pre_stop, f"{path}.lifecycle.preStop", container, grace_sec, report)
        if lifecycle
        else None,
        stop_signal=translate_stop_signal(container, path, context.spec, report),
        message=translate_message(container, path, report),
        missing=(*context.missing, *context.objects.take_missing()),
        output=context.annotations.outputs.get(container.name.value),
    )


def _ends(container: schema.Container, path: str) -> bool:
    """Whether it comes to its end before the others start."""
    return path.startswith("spec.initContainers") and container.restart_policy is None


def _expand_command(
    container: schema.Container, path: str, environment: Environment, report: Report
) -> tuple[model.Text, ...] | None:
    words = _expand(container.command, f"{path}.command", environment)
    if words and not isinstance(words[0], str):
        hint = "let a shell look it up: [sh, -c, …]"
        report.error(container.command[0].at, f"{path}.command[0]", "refers to what only a running pod knows", hint)
    return words


def _expand(words: tuple[Located[str], ...], path: str, environment: Environment) -> tuple[model.Text, ...] | None:
    return tuple(environment.expand(word, f"{path}[{index}]") for index, word in enumerate(words)) or None
