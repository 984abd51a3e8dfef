"""From the API's objects to the model: defaults filled in, references resolved, everything checked.

In: documents, as objects of `schema`. Out: `model.Pod`, or problems. Knows neither systemd nor podman.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from podunit import model
from podunit.decode import Located, decode, join_path, suggest
from podunit.kubernetes import schema
from podunit.kubernetes.annotations import Annotations, read_annotations
from podunit.kubernetes.naming import (
    check_env_name,
    check_image,
    check_label,
    check_label_name,
    check_pod_name,
    check_port_name,
)
from podunit.kubernetes.rights import translate_pod_resources, translate_resources, translate_security
from podunit.model import Medium, PullPolicy
from podunit.report import Report
from podunit.source import Mapping

# core/v1 PodSpec: the default of terminationGracePeriodSeconds.
_GRACE_SEC = 30
_GRACE_MAX_SEC = 2**31 - 1

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


def read_pod(node: Mapping, report: Report) -> model.Pod | None:
    """The pod that a document of kind Pod describes; None, or something not to be used, if the report has failed."""
    pod = decode(node, schema.Pod, "", report)
    return _translate_pod(pod, report) if pod else None


def _translate_pod(pod: schema.Pod, report: Report) -> model.Pod:
    spec = pod.spec
    check_pod_name(pod.metadata.name, report)
    for key, value in pod.metadata.labels.entries:
        check_label(key, value, join_path("metadata.labels", key.value), report)
    every = (*spec.init_containers, *spec.containers.value)
    names = tuple(container.name.value for container in every)
    annotations = read_annotations(pod.metadata.annotations.entries, names, report)
    if not spec.containers.value:
        report.error(spec.containers.at, "spec.containers", "empty: a pod has at least one container")
    _refuse_twice(
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
    volumes = _translate_volumes(spec.volumes, report)
    return model.Pod(
        name=pod.metadata.name.value,
        hostname=_translate_hostname(pod, report),
        host_network=spec.host_network,
        resources=translate_pod_resources(spec.resources, report),
        relabel=annotations.relabel,
        labels=tuple((key.value, value.value) for key, value in pod.metadata.labels.entries),
        init_containers=_translate_containers(
            "spec.initContainers", spec.init_containers, spec, volumes, annotations, report
        ),
        containers=_translate_containers("spec.containers", spec.containers.value, spec, volumes, annotations, report),
        volumes=tuple(volumes.values()),
        restart_policy=spec.restart_policy,
        grace_sec=_translate_grace(spec.termination_grace_period_seconds, report),
        boot=annotations.boot,
        settings=tuple(annotations.pod),
        at=pod.at,
        name_at=pod.metadata.name.at,
    )


def _number(path: str, items: Iterable[schema.Container]) -> list[tuple[str, schema.Container]]:
    return [(f"{path}[{index}]", item) for index, item in enumerate(items)]


def _refuse_twice(names: Iterable[tuple[Located[str], str]], what: str, report: Report) -> None:
    first: dict[str, Located[str]] = {}
    for name, path in names:
        other = first.setdefault(name.value, name)
        if other is not name:
            report.error(name.at, path, f"a second {what} '{name.value}'", f"the first is at {other.at}")


def _translate_grace(grace: Located[int] | None, report: Report) -> int:
    if grace is None:
        return _GRACE_SEC
    if not 0 <= grace.value <= _GRACE_MAX_SEC:
        message = f"{grace.value} is not between 0 and {_GRACE_MAX_SEC}"
        report.error(grace.at, "spec.terminationGracePeriodSeconds", message)
    return grace.value


def _translate_volumes(volumes: tuple[schema.Volume, ...], report: Report) -> dict[str, model.Volume]:
    _refuse_twice(
        [(volume.name, f"spec.volumes[{index}].name") for index, volume in enumerate(volumes)],
        "volume",
        report,
    )
    found: dict[str, model.Volume] = {}
    for index, volume in enumerate(volumes):
        path, name = f"spec.volumes[{index}]", volume.name.value
        check_label_name(volume.name, f"{path}.name", "volume", report)
        if volume.host_path and volume.empty_dir:
            report.error(volume.at, path, "both hostPath and emptyDir", "keep one of them")
        if volume.host_path:
            source = volume.host_path.path
            _check_path(source, f"{path}.hostPath.path", report)
            found[name] = model.HostPath(name, source.value, volume.host_path.type, volume.at)
        else:
            # As the API server does: a volume without a source is an emptyDir.
            empty_dir = volume.empty_dir or schema.EmptyDirVolumeSource()
            limit = empty_dir.size_limit
            if limit and empty_dir.medium is Medium.DISK:
                report.warning(
                    limit.at,
                    f"{path}.emptyDir.sizeLimit",
                    "not enforced: a directory on disk has no limit of its own",
                    "with 'medium: Memory' it is enforced",
                )
            size_bytes = limit.value if limit else None
            found[name] = model.EmptyDir(name, empty_dir.medium, size_bytes, volume.at)
    return found


def _check_path(path: Located[str], field: str, report: Report) -> None:
    text = path.value
    if not text.startswith("/"):
        report.error(path.at, field, f"'{text[:60]}' is not an absolute path", "start it with '/'")
    elif ".." in text.split("/"):
        report.error(path.at, field, "'..' is not allowed in a path", "write the path without it")
    elif any(ord(char) < 32 or char == "\x7f" for char in text):
        report.error(path.at, field, "a control character is not allowed in a path", "remove it")


def _translate_containers(
    path: str,
    containers: tuple[schema.Container, ...],
    spec: schema.PodSpec,
    volumes: dict[str, model.Volume],
    annotations: Annotations,
    report: Report,
) -> tuple[model.Container, ...]:
    return tuple(
        _translate_container(item_path, container, spec, volumes, annotations, report)
        for item_path, container in _number(path, containers)
    )


def _translate_container(
    path: str,
    container: schema.Container,
    spec: schema.PodSpec,
    volumes: dict[str, model.Volume],
    annotations: Annotations,
    report: Report,
) -> model.Container:
    check_label_name(container.name, f"{path}.name", "container", report)
    check_image(container.image, f"{path}.image", report)
    env, expand = _translate_env(container.env, f"{path}.env", report)
    if container.working_dir is not None:
        _check_path(container.working_dir, f"{path}.workingDir", report)
    return model.Container(
        name=container.name.value,
        image=container.image.value,
        pull_policy=container.image_pull_policy or _default_pull_policy(container.image.value),
        command=tuple(expand(word.value) for word in container.command) or None,
        args=tuple(expand(word.value) for word in container.args) or None,
        working_dir=container.working_dir.value if container.working_dir else None,
        env=env,
        ports=_translate_ports(container.ports, f"{path}.ports", spec.host_network, report),
        mounts=_translate_mounts(container.volume_mounts, f"{path}.volumeMounts", volumes, report),
        resources=translate_resources(container.resources, f"{path}.resources", report),
        security=translate_security(
            container.security_context, spec.security_context, f"{path}.securityContext", report
        ),
        settings=tuple(annotations.containers.get(container.name.value, ())),
        at=container.at,
        image_at=container.image.at,
    )


def _default_pull_policy(image: str) -> PullPolicy:
    # core/v1 Container: Always for the tag latest, said or implied. What is built here ('localhost/…', podman's prefix
    # for images without a registry) cannot be pulled.
    name = image.rpartition("/")[2]
    if "@" in name or image.startswith("localhost/"):
        return PullPolicy.IF_NOT_PRESENT
    tag = name.partition(":")[2]
    return PullPolicy.ALWAYS if tag in ("", "latest") else PullPolicy.IF_NOT_PRESENT


def _translate_env(
    variables: tuple[schema.EnvVar, ...], path: str, report: Report
) -> tuple[tuple[model.Env, ...], Callable[[str], str]]:
    """The variables, and what replaces references to them in a command."""
    known: dict[str, model.Env] = {}

    def expand(text: str) -> str:
        # $(NAME) is a variable's value, $$ is $; an unknown reference stays as it is.
        def replace(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            return known[found[1]].value if found[1] in known else found[0]

        return _REFERENCE.sub(replace, text)

    for index, variable in enumerate(variables):
        name = variable.name.value
        check_env_name(variable.name, f"{path}[{index}].name", report)
        value = expand(variable.value.value) if variable.value else ""
        # The last one counts, and takes the place of the first.
        known[name] = model.Env(name, value, variable.at)
    return tuple(known.values()), expand


def _translate_ports(
    ports: tuple[schema.ContainerPort, ...], path: str, host_network: bool, report: Report
) -> tuple[model.Port, ...]:
    _refuse_twice(
        [(port.name, f"{path}[{index}].name") for index, port in enumerate(ports) if port.name],
        "port",
        report,
    )
    found = []
    for index, port in enumerate(ports):
        item = f"{path}[{index}]"
        if port.name:
            check_port_name(port.name, f"{item}.name", report)
        _check_port(port.container_port, f"{item}.containerPort", report)
        if port.host_port is not None:
            _check_port(port.host_port, f"{item}.hostPort", report)
            if host_network and port.host_port.value != port.container_port.value:
                message = f"with hostNetwork it is the containerPort, {port.container_port.value}"
                report.error(port.host_port.at, f"{item}.hostPort", message)
        host_ip = _translate_host_ip(port, f"{item}.hostIP", report)
        host_port = port.host_port.value if port.host_port else None
        at = port.host_port.at if port.host_port else port.at
        found.append(model.Port(port.container_port.value, port.protocol, host_port, host_ip, at))
    return tuple(found)


def _check_port(port: Located[int], path: str, report: Report) -> None:
    if not 1 <= port.value <= 65535:
        report.error(port.at, path, f"{port.value} is not between 1 and 65535")


def _translate_host_ip(port: schema.ContainerPort, path: str, report: Report) -> str:
    if port.host_ip is None:
        return ""
    if not _is_address(port.host_ip.value):
        hint = "write 127.0.0.1" if port.host_ip.value == "localhost" else ""
        report.error(port.host_ip.at, path, f"'{port.host_ip.value[:60]}' is not an IP address", hint)
        return ""
    if port.host_port is None:
        report.error(port.host_ip.at, path, "no effect without a hostPort", "add a hostPort, or remove this")
    return port.host_ip.value


def _is_address(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    # A zone, as in fe80::1%eth0, is no part of a hostIP.
    return getattr(address, "scope_id", None) is None


def _translate_mounts(
    mounts: tuple[schema.VolumeMount, ...], path: str, volumes: dict[str, model.Volume], report: Report
) -> tuple[model.Mount, ...]:
    _refuse_twice(
        [(mount.mount_path, f"{path}[{index}].mountPath") for index, mount in enumerate(mounts)],
        "mount at",
        report,
    )
    found = []
    for index, mount in enumerate(mounts):
        item = f"{path}[{index}]"
        _check_path(mount.mount_path, f"{item}.mountPath", report)
        sub_path = _translate_sub_path(mount.sub_path, f"{item}.subPath", report)
        volume = volumes.get(mount.name.value)
        if volume is None:
            hint = suggest(mount.name.value, volumes) or (
                f"volumes here: {', '.join(volumes)}" if volumes else "this pod has no spec.volumes"
            )
            message = f"there is no volume '{mount.name.value[:60]}'"
            report.error(mount.name.at, f"{item}.name", message, hint)
            continue
        if sub_path and isinstance(volume, model.EmptyDir) and volume.medium is Medium.MEMORY:
            message = "a volume in memory cannot be mounted in part"
            report.error(mount.at, f"{item}.subPath", message, "remove the subPath, or 'medium: Memory'")
        found.append(model.Mount(volume, mount.mount_path.value, sub_path, mount.read_only, mount.at))
    return tuple(found)


def _translate_sub_path(path: Located[str] | None, field: str, report: Report) -> str:
    if path is None:
        return ""
    parts = path.value.split("/")
    if path.value.startswith("/") or ".." in parts:
        hint = "write it without '..'" if ".." in parts else "write it without '/' at its start"
        report.error(path.at, field, f"'{path.value[:60]}' is not a path below the volume", hint)
    elif any(ord(char) < 32 or char == "\x7f" for char in path.value):
        report.error(path.at, field, "a control character is not allowed in a path", "remove it")
    return "/".join(part for part in parts if part not in ("", "."))


def _translate_hostname(pod: schema.Pod, report: Report) -> str:
    # sethostname(2) takes 64 bytes, but a DNS label ends at 63: the kubelet cuts there too.
    name = pod.metadata.name.value[:63].rstrip("-.")
    hostname = pod.spec.hostname
    if hostname is None:
        return name
    check_label_name(hostname, "spec.hostname", "host", report)
    if pod.spec.host_network:
        report.warning(hostname.at, "spec.hostname", "no effect: with hostNetwork the host's own name holds")
    return hostname.value
