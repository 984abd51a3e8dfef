"""The unit of one container, whose process podman makes.

In: the model, and what every template of the pod may name. Out: a `UnitFile`; command lines come from the engine, text
from the templates.
"""

from __future__ import annotations

from podunit.cgroups import container_directives, is_memory_limited, oom_directives
from podunit.checks import describe_checks, list_probers
from podunit.engines import nfs, parts, podman, pulls, secrets
from podunit.engines.netavark import is_held_by_files
from podunit.hostpaths import list_host_paths, prepare_paths
from podunit.messages import describe_message
from podunit.model import (
    Container,
    Pod,
    RestartPolicy,
)
from podunit.names import (
    container_unit,
    image_unit,
    pull_unit,
    sandbox_unit,
)
from podunit.restarts import pause_script, restart_directives
from podunit.scope import Scope
from podunit.signals import SIGNALS
from podunit.target import Target
from podunit.unitfile import (
    UnitFile,
    Value,
    command_line,
    escape_text,
    join_units,
    join_words,
    quote_word,
)
from podunit.values import STOP_MARGIN_SEC, SYSTEMCTL, Values, list_settings

# Exit statuses of SIGTERM and SIGKILL.
_TERMINATED, _KILLED = 143, 137


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
    sandbox = sandbox_unit(pod.name)
    inits = [container_unit(pod.name, it.name) for it in earlier if not it.sidecar]
    sidecars = [container_unit(pod.name, it.name) for it in earlier if it.sidecar]
    wanted = pulls.list_images(container)
    images = tuple(image_unit(image, always=always) for image, always in wanted.items())
    pulled = [image_unit(image, always=True) for image, always in wanted.items() if always]
    if pod.registries and wanted:
        images = (pull_unit(pod.name, container.name),)
        pulled = list(images)
    host_paths = (*list_host_paths(container), *nfs.list_mount_points(pod, container))
    run_container = podman.run_init_container if init else podman.run_container
    run = run_container(pod, container, scope, held=is_held_by_files(pod, scope, target))
    pid_file = podman.container_pid_file(pod, container, scope)
    make_secrets, remove_secrets = secrets.make_secrets(pod, container, scope), secrets.remove_secrets(pod, container)
    address_file = podman.address_file(pod) if podman.needs_addresses(container) else None
    verify = podman.verify_image_user(container)
    prober = list_probers(pod, container, init=init)
    unit = container_unit(pod.name, container.name)
    # In a Job the whole pod is run again instead.
    never = init and pod.run is not None
    pause = pause_script(container, target, systemctl=SYSTEMCTL[scope], init=init, never=never)
    return UnitFile(
        unit,
        "init.service.j2" if init else "container.service.j2",
        {
            **shared,
            "container": escape_text(container.name),
            "required_units": join_units(inits) if inits else None,
            "image_units": join_units(images) if images else None,
            "pause": command_line(("/bin/sh", "-c", pause, "pause", unit)) if pause else None,
            "sidecar": container.sidecar,
            "sidecar_units": join_units(sidecars) if sidecars else None,
            "last_sidecar": join_units(sidecars[-1:]) if sidecars else None,
            "missing": quote_word(", ".join(container.missing), expands_variables=True) if container.missing else None,
            "pull_units": tuple(quote_word(unit, expands_variables=True) for unit in pulled),
            "after": join_units([sandbox, *images, *(container_unit(pod.name, it.name) for it in earlier), *prober]),
            **describe_checks(pod, container, unit, init=init),
            "memory_limited": is_memory_limited(pod, container),
            "mounts": join_words(host_paths) if host_paths else None,
            "run": command_line(run),
            "pid_file": quote_word(pid_file, expands_variables=False) if pid_file else None,
            "clean_status": Value(" ".join(map(str, _list_clean(container)))),
            "remove": command_line(podman.remove_container(pod, container), ignore_failure=True),
            "make_secrets": command_line(make_secrets) if make_secrets else None,
            "remove_secrets": command_line(remove_secrets, ignore_failure=True) if remove_secrets else None,
            "address_file": quote_word(address_file, expands_variables=False) if address_file else None,
            "restart": restart_directives(container, target, init=init, never=never),
            "timeout_stop_sec": Value(str(_timeout_stop_sec(pod, init=init))),
            "resources": (*container_directives(pod, container, scope), *oom_directives(pod, scope, target)),
            "prepare": (*((command_line(verify),) if verify else ()), *prepare_paths(container)),
            **_parts(pod, container, scope),
            **describe_message(pod, container, scope),
            "image": escape_text(container.image),
            "limited": pod.run is not None and container.restart_policy is RestartPolicy.ON_FAILURE and not init,
            "unit_settings": list_settings(container.settings, "Unit"),
            "service_settings": list_settings(container.settings, "Service"),
        },
    )


def _parts(pod: Pod, container: Container, scope: Scope) -> Values:
    """What the templates say of the parts of volumes that a container mounts."""
    words = parts.list_parts(pod, container, scope)
    return {
        "parts": command_line(words) if words else None,
        "parts_recursive": parts.has_recursive(container),
        "parts_directory": quote_word(parts.parts_directory(pod, container), expands_variables=False),
        "parts_path": quote_word(parts.locate_parts(pod, container), expands_variables=True),
        "root_shell": command_line(parts.run_as_root(scope)),
        "find_mountpoint": command_line(parts.find_mountpoint()),
    }


def _list_clean(container: Container) -> tuple[int, ...]:
    """Exit statuses of a container that ends by the signal to stop, or is killed."""
    own = 128 + SIGNALS[container.stop_signal] if container.stop_signal else _TERMINATED
    return tuple(dict.fromkeys((own, _TERMINATED, _KILLED)))


def _timeout_stop_sec(pod: Pod, *, init: bool) -> int:
    # In the foreground podman passes the signal on and waits: systemd kills after the grace period. The time has to do
    # for the removal of what is left, too.
    return max(pod.grace_sec, STOP_MARGIN_SEC) if init else pod.grace_sec + STOP_MARGIN_SEC
