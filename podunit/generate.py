"""From the model to unit files: which units a pod needs, and how they hang together.

In: `Workload`. Out: `UnitFile`s, in the order in which a reader wants them. The graph is explained in docs/units.md;
command lines come from the engine, text from the templates.
"""

from __future__ import annotations

from collections.abc import Mapping

from podunit.engines import podman
from podunit.model import Container, EmptyDir, HostPath, Pod, PullPolicy, RestartPolicy, Setting, Workload
from podunit.names import (
    container_unit,
    containers_target,
    image_unit,
    mend_unit,
    pod_unit,
    sandbox_unit,
    slice_unit,
    stop_unit,
)
from podunit.scope import Scope
from podunit.unitfile import Directive, UnitFile, Value, command_line, escape_text, join_units, join_words

# podman stop returns when the grace period is over and the kill is done; below this margin systemd would cut it short.
_STOP_MARGIN_SEC = 10

_MAIN_RESTART = {
    RestartPolicy.ALWAYS: "always",
    RestartPolicy.ON_FAILURE: "on-failure",
    RestartPolicy.NEVER: "no",
}

# A oneshot refuses Restart=always (systemd.service(5)); an init container that has succeeded is not run again anyway.
_INIT_RESTART = {
    RestartPolicy.ALWAYS: "on-failure",
    RestartPolicy.ON_FAILURE: "on-failure",
    RestartPolicy.NEVER: "no",
}

_WANTED_BY = {Scope.SYSTEM: "multi-user.target", Scope.USER: "default.target"}
# What a template is given, by name.
Values = Mapping[str, Value | tuple[Value, ...] | tuple[Directive, ...] | bool | None]

_SYSTEMCTL = {Scope.SYSTEM: "systemctl", Scope.USER: "systemctl --user"}


def generate(workload: Workload, scope: Scope) -> tuple[UnitFile, ...]:
    """All units of all pods; the static ones of `units/` are not among them."""
    return tuple(unit for pod in workload.pods for unit in generate_pod(pod, scope))


def generate_pod(pod: Pod, scope: Scope) -> tuple[UnitFile, ...]:
    """Slice, handle and its helpers, sandbox, init containers and containers of one pod."""
    shared = _name_units(pod, scope)
    units = [
        _slice(pod),
        _handle(pod, scope, shared),
        UnitFile(stop_unit(pod.name), "pod-stop.service.j2", shared),
        UnitFile(mend_unit(pod.name), "pod-mend.service.j2", shared),
        _sandbox(pod, scope, shared),
    ]
    done: list[str] = []
    for container in pod.init_containers:
        units.append(_container(pod, container, shared, tuple(done), init=True))
        done.append(container_unit(pod.name, container.name))
    units += [_container(pod, container, shared, tuple(done), init=False) for container in pod.containers]
    return tuple(units)


def _name_units(pod: Pod, scope: Scope) -> Values:
    """What every template of a pod may name."""
    containers = [container_unit(pod.name, container.name) for container in pod.containers]
    inits = [container_unit(pod.name, container.name) for container in pod.init_containers]
    retries = pod.restart_policy is not RestartPolicy.NEVER
    return {
        "pod": escape_text(pod.name),
        "slice": join_units([slice_unit(pod.name)]),
        "pod_unit": join_units([pod_unit(pod.name)]),
        "stop_unit": join_units([stop_unit(pod.name)]),
        "mend_unit": join_units([mend_unit(pod.name)]),
        "sandbox_unit": join_units([sandbox_unit(pod.name)]),
        "containers_target": join_units([containers_target(pod.name)]),
        "containers": join_units(containers),
        "members": join_units([*containers, *reversed(inits)]),
        "systemctl": Value(_SYSTEMCTL[scope]),
        "retries": retries,
        "mend_verb": Value("restart" if retries else "stop"),
    }


def _slice(pod: Pod) -> UnitFile:
    return UnitFile(
        slice_unit(pod.name),
        "pod.slice.j2",
        {"pod": escape_text(pod.name), "slice_settings": _settings(pod.settings, "Slice")},
    )


def _handle(pod: Pod, scope: Scope, shared: Values) -> UnitFile:
    return UnitFile(
        pod_unit(pod.name),
        "pod.service.j2",
        {
            **shared,
            "wanted_by": Value(_WANTED_BY[scope]),
            "boot": Value("yes" if pod.boot else "no"),
            "unit_settings": _settings(pod.settings, "Unit"),
            "install_settings": _settings(pod.settings, "Install"),
        },
    )


def _sandbox(pod: Pod, scope: Scope, shared: Values) -> UnitFile:
    volumes = [f"{podman.volumes_directory(pod)}/{v.name}" for v in pod.volumes if isinstance(v, EmptyDir)]
    return UnitFile(
        sandbox_unit(pod.name),
        "sandbox.service.j2",
        {
            **shared,
            "runtime_directory": join_words([podman.runtime_directory(pod)]),
            "state_directories": join_words(volumes) if volumes else None,
            "run": command_line(podman.run_sandbox(pod)),
            "remove": command_line(podman.remove_sandbox(pod), ignore_failure=True),
            "remove_volumes": command_line(podman.remove_volumes(pod, scope), ignore_failure=True),
        },
    )


def _container(pod: Pod, container: Container, shared: Values, inits: tuple[str, ...], *, init: bool) -> UnitFile:
    sandbox = sandbox_unit(pod.name)
    images = (
        ()
        if container.pull_policy is PullPolicy.NEVER
        else (image_unit(container.image, always=container.pull_policy is PullPolicy.ALWAYS),)
    )
    host_paths = [mount.volume.path for mount in container.mounts if isinstance(mount.volume, HostPath)]
    run = podman.run_init_container if init else podman.run_container
    restart = (_INIT_RESTART if init else _MAIN_RESTART)[pod.restart_policy]
    return UnitFile(
        container_unit(pod.name, container.name),
        "init.service.j2" if init else "container.service.j2",
        {
            **shared,
            "container": escape_text(container.name),
            "required_units": join_units([*images, *inits]) if images or inits else None,
            "after": join_units([sandbox, *images, *inits]),
            "mounts": join_words(host_paths) if host_paths else None,
            "run": command_line(run(pod, container)),
            "stop": command_line(podman.stop_container(pod, container)),
            "remove": command_line(podman.remove_container(pod, container), ignore_failure=True),
            "restart": Value(restart),
            "timeout_stop_sec": Value(str(pod.grace_sec + _STOP_MARGIN_SEC)),
            "memory_max": _optional(container.memory_max_bytes),
            "cpu_quota": None if container.cpu_milli is None else Value(_percent(container.cpu_milli)),
            "image": escape_text(container.image),
            "unit_settings": _settings(container.settings, "Unit"),
            "service_settings": _settings(container.settings, "Service"),
        },
    )


def _settings(settings: tuple[Setting, ...], section: str) -> tuple[Directive, ...]:
    # The value is systemd's own syntax already: the user wrote a directive, specifiers and quotes included.
    return tuple(Directive(s.name, Value(s.value)) for s in settings if s.section == section)


def _optional(number: int | None) -> Value | None:
    return None if number is None else Value(str(number))


def _percent(cpu_milli: int) -> str:
    # 1000 thousandths of a CPU are 100 %.
    whole, tenth = divmod(cpu_milli, 10)
    return f"{whole}.{tenth}%" if tenth else f"{whole}%"
