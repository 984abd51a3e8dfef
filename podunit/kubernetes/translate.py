"""From the API's objects to the model: defaults filled in, references resolved, everything checked.

In: documents, as objects of `schema`. Out: `model.Pod`, or problems. Knows neither systemd nor podman.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podunit import model
from podunit.decode import Located, decode, join_path
from podunit.kubernetes import schema, schema_jobs
from podunit.kubernetes.annotations import Annotations, read_annotations
from podunit.kubernetes.downward import Self
from podunit.kubernetes.environment import Environment
from podunit.kubernetes.naming import (
    check_image,
    check_label,
    check_label_name,
    check_object_name,
    check_path,
    refuse_twice,
)
from podunit.kubernetes.objects import Objects
from podunit.kubernetes.ports import translate_ports
from podunit.kubernetes.projection import Projector
from podunit.kubernetes.rights import translate_pod_resources, translate_resources, translate_security
from podunit.kubernetes.volumes import translate_mounts, translate_volumes
from podunit.model import PullPolicy, RestartPolicy
from podunit.report import Report
from podunit.source import Mapping

_NAMESPACE = "default"
# podunit's own network.
_NETWORK = "podunit"

# core/v1 PodSpec: the default of terminationGracePeriodSeconds.
_GRACE_SEC = 30
_GRACE_MAX_SEC = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Context:
    """What the containers of one pod share."""

    pod: Self
    spec: schema.PodSpec
    volumes: dict[str, model.Volume]
    annotations: Annotations
    objects: Objects
    host_network: bool


def read_pod(node: Mapping, objects: Objects, report: Report) -> model.Pod | None:
    """The pod that a document of kind Pod describes; None, or something not to be used, if the report has failed."""
    pod = decode(node, schema.Pod, "", report)
    if pod is None:
        return None
    check_object_name(pod.metadata.name, "pod", report)
    return translate_pod(pod, pod.metadata.name, objects, report)


def translate_pod(
    pod: schema.Pod | schema_jobs.PodTemplateSpec, name: Located[str], objects: Objects, report: Report
) -> model.Pod:
    """The pod of this name that an object, or a template, describes; the report is for paths from its `spec` on."""
    spec = pod.spec
    labels = tuple((key.value, value.value) for key, value in pod.metadata.labels.entries)
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
    itself = Self(name.value, _NAMESPACE, labels, notes, every)
    volumes = translate_volumes(spec.volumes, Projector(itself, objects, report), report)
    host_network = spec.host_network or _is_network(annotations, "host")
    no_network = _is_network(annotations, "none") and not host_network
    context = _Context(itself, spec, volumes, annotations, objects, host_network)
    containers = _translate_containers("spec.containers", spec.containers.value, context, report)
    if no_network:
        _refuse_host_ports(containers, report)
    return model.Pod(
        name=name.value,
        namespace=_NAMESPACE,
        hostname=_translate_hostname(name.value, spec, host_network, report),
        host_network=host_network,
        network=None if no_network else _find_network(annotations),
        aliases=(),
        published=(),
        redirects=(),
        resources=translate_pod_resources(spec.resources, report),
        relabel=annotations.relabel,
        labels=labels,
        init_containers=_translate_containers("spec.initContainers", spec.init_containers, context, report),
        containers=containers,
        volumes=tuple(volumes.values()),
        restart_policy=spec.restart_policy.value if spec.restart_policy else RestartPolicy.ALWAYS,
        grace_sec=_translate_grace(spec.termination_grace_period_seconds, report),
        boot=annotations.boot,
        settings=tuple(annotations.pod),
        at=pod.at,
        name_at=name.at,
    )


def _refuse_host_ports(containers: Iterable[model.Container], report: Report) -> None:
    for container in containers:
        for port in container.ports:
            if port.host_port is not None:
                report.error(port.at, "", "the pod has no network: nothing can be published", "remove the hostPort")


def _is_network(annotations: Annotations, name: str) -> bool:
    return annotations.network is not None and annotations.network.value == name


def _find_network(annotations: Annotations) -> model.Network:
    if annotations.network is None or annotations.network.value == _NETWORK:
        return model.Network(_NETWORK, own=True)
    return model.Network(annotations.network.value, own=False)


def _number(path: str, items: Iterable[schema.Container]) -> list[tuple[str, schema.Container]]:
    return [(f"{path}[{index}]", item) for index, item in enumerate(items)]


def _translate_grace(grace: Located[int] | None, report: Report) -> int:
    if grace is None:
        return _GRACE_SEC
    if not 0 <= grace.value <= _GRACE_MAX_SEC:
        message = f"{grace.value} is not between 0 and {_GRACE_MAX_SEC}"
        report.error(grace.at, "spec.terminationGracePeriodSeconds", message)
    return grace.value


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
    return model.Container(
        name=container.name.value,
        image=container.image.value,
        pull_policy=container.image_pull_policy or _default_pull_policy(container.image.value),
        command=_expand_command(container, path, environment, report),
        args=_expand(container.args, f"{path}.args", environment),
        working_dir=container.working_dir.value if container.working_dir else None,
        env=environment.variables,
        ports=translate_ports(container.ports, f"{path}.ports", context.host_network, report),
        mounts=translate_mounts(container.volume_mounts, f"{path}.volumeMounts", context.volumes, environment, report),
        resources=translate_resources(container.resources, f"{path}.resources", report),
        security=translate_security(
            container.security_context, context.spec.security_context, f"{path}.securityContext", report
        ),
        settings=tuple(context.annotations.containers.get(container.name.value, ())),
        at=container.at,
        image_at=container.image.at,
    )


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


def _default_pull_policy(image: str) -> PullPolicy:
    # core/v1 Container: Always for the tag latest, said or implied. What is built here ('localhost/…', podman's prefix
    # for images without a registry) cannot be pulled.
    name = image.rpartition("/")[2]
    if "@" in name or image.startswith("localhost/"):
        return PullPolicy.IF_NOT_PRESENT
    tag = name.partition(":")[2]
    return PullPolicy.ALWAYS if tag in ("", "latest") else PullPolicy.IF_NOT_PRESENT


def default_hostname(pod: str) -> str:
    """The host name of a pod that asks for none."""
    # sethostname(2) takes 64 bytes, but a DNS label ends at 63: the kubelet cuts there too.
    return pod[:63].rstrip("-.")


def _translate_hostname(name: str, spec: schema.PodSpec, host_network: bool, report: Report) -> str:
    hostname = spec.hostname
    if hostname is None:
        return default_hostname(name)
    check_label_name(hostname, "spec.hostname", "host", report)
    if host_network:
        report.warning(hostname.at, "spec.hostname", "no effect: with hostNetwork the host's own name holds")
    return hostname.value
