"""The unit of one container that crun runs: systemd is the direct parent of its first process.

In: the model, and what every template of the pod may name. Out: a `UnitFile`; what scripts have to know comes from the
engine, their text from the template.
"""

from __future__ import annotations

from podunit.cgroups import container_directives, oom_directives
from podunit.checks import describe_checks, list_probers
from podunit.engines import crun, nfs, podman
from podunit.engines.volumes import device_rights
from podunit.hostpaths import list_host_paths, prepare_paths
from podunit.messages import describe_message
from podunit.model import Container, Device, Pod, RestartPolicy
from podunit.names import container_unit, sandbox_unit
from podunit.restarts import pause_script, restart_directives
from podunit.scope import Scope
from podunit.target import Target
from podunit.unitfile import (
    Directive,
    UnitFile,
    Value,
    command_line,
    escape_text,
    join_units,
    join_words,
    quote_word,
)
from podunit.values import STOP_MARGIN_SEC, SYSTEMCTL, Values, list_settings


def make_container(
    pod: Pod,
    container: Container,
    scope: Scope,
    target: Target,
    shared: Values,
    earlier: tuple[Container, ...],
    *,
    init: bool,
) -> UnitFile:
    """The service of a container; `earlier` are those that start before it, and an `init` one comes to its end."""
    assert scope is Scope.SYSTEM, "refused where its engine is named"
    unit = container_unit(pod.name, container.name)
    inits = [container_unit(pod.name, it.name) for it in earlier if not it.sidecar]
    sidecars = [container_unit(pod.name, it.name) for it in earlier if it.sidecar]
    before = [container_unit(pod.name, it.name) for it in earlier]
    # In a Job the whole pod is run again instead.
    never = init and pod.run is not None
    pause = pause_script(container, target, systemctl=SYSTEMCTL[scope], init=init, never=never)
    host_paths = (*list_host_paths(container), *nfs.list_mount_points(pod, container))
    address_file = podman.address_file(pod) if podman.needs_addresses(container) else None
    return UnitFile(
        unit,
        "bundled-init.service.j2" if init else "bundled.service.j2",
        {
            **shared,
            "container": escape_text(container.name),
            "required_units": join_units(inits) if inits else None,
            "sidecar": container.sidecar,
            "sidecar_units": join_units(sidecars) if sidecars else None,
            "last_sidecar": join_units(sidecars[-1:]) if sidecars else None,
            "limited": pod.run is not None and container.restart_policy is RestartPolicy.ON_FAILURE and not init,
            "pause": command_line(("/bin/sh", "-c", pause, "pause", unit)) if pause else None,
            "after": join_units([sandbox_unit(pod.name), *before, *list_probers(pod, container, init=init)]),
            **describe_checks(pod, container, unit, init=init),
            **describe_message(pod, container, scope),
            "mounts": join_words(host_paths) if host_paths else None,
            "runtime_directory": join_words([f"podunit/{crun.bundle_name(pod, container)}"]),
            "state_directory": join_words([crun.root_directory(pod, container)]),
            "prepare": prepare_paths(container),
            "address_file": quote_word(address_file, expands_variables=False) if address_file else None,
            "devices": tuple(map(_allow, container.devices)),
            "start": quote_word(crun.start_file(pod, container, scope), expands_variables=True),
            "remove": command_line(crun.remove_container(pod, container), ignore_failure=True),
            # A signal is what an init container's first process has as crun's exit status.
            "restart": restart_directives(container, target, init=init, never=never, direct=not init),
            "timeout_stop_sec": Value(str(max(1, pod.grace_sec) if init else pod.grace_sec + STOP_MARGIN_SEC)),
            "resources": (*container_directives(pod, container, scope), *oom_directives(pod, scope, target)),
            "image": escape_text(container.image),
            "unit_settings": list_settings(container.settings, "Unit"),
            "service_settings": list_settings(container.settings, "Service"),
        },
    )


def _allow(device: Device) -> Directive:
    path = quote_word(device.volume.path, expands_variables=False)
    return Directive("DeviceAllow", Value(f"{path.text} {device_rights(device)}"))
