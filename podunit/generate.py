"""From the model to unit files: which units a pod needs, and how they hang together.

In: `Workload`. Out: `UnitFile`s, in the order in which a reader wants them. The graph is explained in docs/units.md;
command lines come from the engine, text from the templates.
"""

from __future__ import annotations

from collections.abc import Mapping

from podunit import __version__
from podunit.cgroups import container_directives, is_memory_limited, oom_directives, slice_directives
from podunit.engines import nfs, parts, podman, probes, pulls, secrets, volumes
from podunit.engines.stops import run_post_start, stop_container, stop_file
from podunit.hostpaths import list_host_paths, prepare_paths
from podunit.messages import describe_message
from podunit.model import (
    DEFAULT_NAMESPACE,
    Container,
    EmptyDir,
    Files,
    NetworkDirectory,
    Pod,
    RestartPolicy,
    Setting,
)
from podunit.names import (
    PARENT_SLICE,
    PROBER_SERVICE,
    PROBER_SOCKET,
    again_unit,
    container_unit,
    containers_target,
    image_unit,
    job_unit,
    mend_unit,
    mount_unit,
    network_unit,
    pod_unit,
    pull_unit,
    sandbox_unit,
    slice_unit,
    start_unit,
    stop_unit,
    timer_unit,
)
from podunit.probes import Exec, Sleep
from podunit.restarts import can_fail, find_codes, pause_script, restart_directives
from podunit.rules import FailureAction
from podunit.runs import Schedule
from podunit.scope import Scope
from podunit.signals import SIGNALS
from podunit.target import Target
from podunit.turns import done_file, judge_failures, make_job
from podunit.unitfile import (
    Directive,
    Specifier,
    UnitFile,
    Value,
    command_line,
    escape_text,
    join_units,
    join_words,
    quote_unit_in_script,
    quote_word,
)
from podunit.workload import Workload

# podman stop returns when the grace period is over and the kill is done; below this margin systemd would cut it short.
_STOP_MARGIN_SEC = 10

# Exit statuses of SIGTERM and SIGKILL.
_TERMINATED, _KILLED = 143, 137

# Time for each command of a start. systemd's 90 s are too short where podman relabels a large directory or makes an
# image's files belong to a user's subordinate IDs; an end there has to be, or a podman that hangs would never be tried
# again. Pulls have units of their own.
_START_SEC = 900

_WANTED_BY = {Scope.SYSTEM: "multi-user.target", Scope.USER: "default.target"}
# What a template is given, by name.
Values = Mapping[str, Value | tuple[Value, ...] | tuple[Directive, ...] | bool | None]

_SYSTEMCTL = {Scope.SYSTEM: "systemctl", Scope.USER: "systemctl --user"}


def generate(workload: Workload, scope: Scope, target: Target) -> tuple[UnitFile, ...]:
    """All units of all pods; the static ones of `units/` are not among them."""
    units = tuple(unit for pod in workload.pods for unit in generate_pod(pod, scope, target))
    low = sum(find_memory_low(pod, scope) for pod in workload.pods)
    return (*units, generate_parent(low)) if low else units


def generate_parent(memory_low_bytes: int) -> UnitFile:
    """The slice above those of all pods: what it protects, no pod's slice can otherwise."""
    return UnitFile(PARENT_SLICE, "parent.slice.j2", {"memory_low": Value(str(memory_low_bytes))})


def find_memory_low(pod: Pod, scope: Scope) -> int:
    """How much memory the pod's slice protects, 0 for none."""
    return sum(int(line.value.text) for line in slice_directives(pod, scope) if line.name == "MemoryLow")


def generate_pod(pod: Pod, scope: Scope, target: Target) -> tuple[UnitFile, ...]:
    """Slice, handle and its helpers, sandbox, init containers and containers of one pod."""
    shared = _name_units(pod, scope)
    units = [
        _slice(pod, scope),
        _handle(pod, scope, target, shared),
        UnitFile(stop_unit(pod.name), "pod-stop.service.j2", shared),
        UnitFile(mend_unit(pod.name), "pod-mend.service.j2", shared),
        _sandbox(pod, scope, target, shared),
    ]
    if pod.schedule:
        units[:0] = _timer(pod, pod.schedule, shared)
    if pod.run and (turns := pod.run.turns) and pod.name == f"{turns.job}-0":
        units.insert(0, make_job(pod, turns, Value(_SYSTEMCTL[scope])))
    if shared["again_unit"]:
        units.append(UnitFile(again_unit(pod.name), "pod-again.service.j2", shared))
    units += [_nfs(pod, volume, shared) for volume in nfs.list_network_directories(pod)]
    units += _pulls(pod, scope, shared)
    for index, container in enumerate(pod.init_containers):
        earlier = pod.init_containers[:index]
        units.append(_container(pod, container, scope, target, shared, earlier, init=not container.sidecar))
    units += [
        _container(pod, container, scope, target, shared, pod.init_containers, init=False)
        for container in pod.containers
    ]
    return tuple(units)


def generate_files(pod: Pod) -> Mapping[str, bytes]:
    """What a pod's units read when they start, by its path below `podunit/files/POD` of the state directory."""
    found = {
        f"volumes/{volume.name}/{file.path}": file.data
        for volume in pod.volumes
        if isinstance(volume, Files)
        for file in volume.files
    }
    for container in (*pod.init_containers, *pod.containers):
        for name, data in secrets.list_secret_files(pod, container):
            found[f"env/{container.name}/{name}"] = data
    return {**found, **dict(pulls.list_auth_files(pod))}


def _name_units(pod: Pod, scope: Scope) -> Values:
    """What every template of a pod may name."""
    containers = [container_unit(pod.name, container.name) for container in pod.containers]
    inits = [container_unit(pod.name, container.name) for container in pod.init_containers]
    ending = [container_unit(pod.name, it.name) for it in pod.init_containers if not it.sidecar]
    retries = pod.restart_policy is not RestartPolicy.NEVER
    work = [(it, True) for it in pod.init_containers if not it.sidecar] + [(it, False) for it in pod.containers]
    keeps_up = pod.run is None and any(find_codes(container, init=init) for container, init in work)
    limit = pod.run.backoff_limit if pod.run else 0
    job_deadline_sec = pod.run.deadline_sec if pod.run else None
    deadline_sec = min((sec for sec in (pod.deadline_sec, job_deadline_sec) if sec is not None), default=None)
    # What is too late by the pod's own deadline is one failure; by the Job's it is the end.
    late = deadline_sec is not None and deadline_sec != job_deadline_sec
    # A container is restarted in its pod under OnFailure; an init container that fails, fails the start of the pod.
    rules = pod.run.rules if pod.run else ()
    ignores = any(rule.action is FailureAction.IGNORE for rule in rules)
    turns = pod.run.turns if pod.run else None
    again = (limit > 0 or ignores) and (not retries or bool(ending) or late) and turns is None
    return {
        "pod": escape_text(pod.name),
        "slice": join_units([slice_unit(pod.name)]),
        "slice_in_script": quote_unit_in_script(slice_unit(pod.name)),
        "pod_unit": join_units([pod_unit(pod.name)]),
        "stop_unit": join_units([stop_unit(pod.name)]),
        "mend_unit": join_units([mend_unit(pod.name)]),
        "sandbox_unit": join_units([sandbox_unit(pod.name)]),
        "stop_file": quote_word(stop_file(pod), expands_variables=True)
        if pod.grace_sec and any(it.sidecar for it in pod.init_containers)
        else None,
        "containers_target": join_units([containers_target(pod.name)]),
        "containers": join_units(containers),
        "members": join_units([*containers, *reversed(inits)]),
        "systemctl": Value(_SYSTEMCTL[scope]),
        "retries": retries,
        "runs": pod.run is not None,
        "keeps_up": keeps_up,
        "can_fail": keeps_up and any(can_fail(container, init=init) for container, init in work),
        "start_can_fail": any((init and pod.run) or can_fail(container, init=init) for container, init in work),
        "mend_verb": Value("restart" if retries and pod.run is None else "stop"),
        "again_unit": join_units([again_unit(pod.name)]) if again else None,
        "again_file": quote_word((Specifier.RUNTIME_DIR, f"/podunit-again-{pod.name}"), expands_variables=True),
        "tries_file": quote_word((Specifier.RUNTIME_DIR, f"/podunit-tries-{pod.name}"), expands_variables=True),
        "init_units": join_units(ending) if ending else None,
        "limit": Value(str(limit)),
        "deadline_sec": Value(str(deadline_sec)) if deadline_sec is not None else None,
        "late": late,
        "rules": judge_failures(pod.name, rules),
        "job_unit": join_units([job_unit(turns.job)]) if turns else None,
        "done_file": done_file(pod, turns) if turns else None,
        # The start, and the restarts.
        "starts": Value(str(limit + 1)),
    }


def _slice(pod: Pod, scope: Scope) -> UnitFile:
    return UnitFile(
        slice_unit(pod.name),
        "pod.slice.j2",
        {
            "pod": escape_text(pod.name),
            "slice_settings": (*slice_directives(pod, scope), *_settings(pod.settings, "Slice")),
        },
    )


def _handle(pod: Pod, scope: Scope, target: Target, shared: Values) -> UnitFile:
    ready = probes.wait_until_ready(pod, container_unit, _SYSTEMCTL[scope])
    return UnitFile(
        pod_unit(pod.name),
        "pod.service.j2",
        {
            **shared,
            "wait_until_ready": command_line(ready) if ready else None,
            # What runs to its end is started by hand, or by its timer.
            "wanted_by": None if pod.run else Value(_WANTED_BY[scope]),
            "owner": escape_text(str(pod.owner)) if pod.owner else None,
            "namespace": escape_text(pod.namespace) if pod.namespace != DEFAULT_NAMESPACE else None,
            "boot": Value("yes" if pod.boot and pod.run is None else "no"),
            "suspended": pod.run is not None and pod.run.suspended,
            "version": Value(__version__),
            "systemd_version": Value(str(target.systemd)),
            "podman_version": Value(target.podman_text),
            "claims": join_words(claims) if (claims := volumes.list_claims(pod)) else None,
            "unit_settings": _settings(pod.settings, "Unit"),
            "install_settings": _settings(pod.settings, "Install"),
        },
    )


def _timer(pod: Pod, schedule: Schedule, shared: Values) -> list[UnitFile]:
    """The timer, and what it starts if that is not the pod itself."""
    checks = schedule.replaces or schedule.deadline_sec is not None
    started = start_unit(pod.name) if checks else pod_unit(pod.name)
    condition = ("systemd-analyze", "calendar", f"--base-time=-{schedule.deadline_sec}s", *schedule.calendars)
    values = {
        **shared,
        "calendars": tuple(Directive("OnCalendar", Value(calendar)) for calendar in schedule.calendars),
        "started": join_units([started]),
        "boot": Value("yes" if pod.boot and not schedule.suspended else "no"),
        "suspended": schedule.suspended,
        "verb": Value("restart" if schedule.replaces else "start"),
        "replaces": schedule.replaces,
        "deadline": Value(str(schedule.deadline_sec)) if schedule.deadline_sec is not None else None,
        "condition": command_line(condition),
    }
    units = [UnitFile(timer_unit(pod.name), "cronjob.timer.j2", values)]
    if checks:
        units.append(UnitFile(start_unit(pod.name), "cronjob.service.j2", values))
    return units


def _sandbox(pod: Pod, scope: Scope, target: Target, shared: Values) -> UnitFile:
    memory = volumes.list_memory_volumes(pod)
    kept = [volume for volume in pod.volumes if isinstance(volume, EmptyDir) and volume not in memory]
    files = [volume for volume in pod.volumes if isinstance(volume, Files)]
    addresses = any(podman.needs_addresses(container) for container in (*pod.init_containers, *pod.containers))
    made = (volumes.made_directory(pod),) if files or addresses else ()
    return UnitFile(
        sandbox_unit(pod.name),
        "sandbox.service.j2",
        {
            **shared,
            "runtime_directories": join_words([podman.runtime_directory(pod), *made]),
            "closed": bool(made),
            "state_directories": join_words([volumes.volumes_directory(pod)]) if kept else None,
            "empty_volumes": command_line(volumes.remove_volumes(pod, scope)),
            "make_volumes": command_line(volumes.make_volumes(pod, kept, scope)),
            "make_files": tuple(map(command_line, volumes.make_files(pod, files, scope))),
            "prepare": tuple(map(command_line, podman.prepare_sandbox(pod))),
            "write_addresses": command_line(podman.write_addresses(pod, scope)) if addresses else None,
            "network_unit": join_units([network_unit(pod.network.name)])
            if pod.network and pod.network.own and not pod.host_network
            else None,
            "network_target": Value("network.target") if scope is Scope.SYSTEM else None,
            "redirect_ports": command_line(podman.redirect_ports(pod, scope)) if pod.redirects else None,
            "timeout_start_sec": Value(str(_START_SEC)),
            "timeout_stop_sec": Value(str(pod.grace_sec + _STOP_MARGIN_SEC)),
            "run": command_line(podman.run_sandbox(pod, target.podman)),
            "shielded": podman.needs_shield(pod, target.podman),
            "pid_file": quote_word(podman.sandbox_pid_file(pod), expands_variables=False),
            # A user's ports are held by a process, without rules.
            "publish_again": command_line(podman.publish_again(pod))
            if scope is Scope.SYSTEM and podman.list_published(pod)
            else None,
            "remove": command_line(podman.remove_sandbox(pod), ignore_failure=True),
            "remove_volumes": command_line(volumes.remove_volumes(pod, scope), ignore_failure=True),
            "remove_memory_volumes": command_line(volumes.remove_memory_volumes(pod), ignore_failure=True)
            if memory
            else None,
        },
    )


def _nfs(pod: Pod, volume: NetworkDirectory, shared: Values) -> UnitFile:
    where = nfs.mount_point(pod, volume)
    return UnitFile(
        mount_unit(where),
        "nfs.mount.j2",
        {
            **shared,
            "volume": escape_text(volume.name),
            "what": escape_text(nfs.mount_what(volume)),
            "where": escape_text(where),
            "options": escape_text(",".join(volume.options)) if volume.options else None,
        },
    )


def _pulls(pod: Pod, scope: Scope, shared: Values) -> list[UnitFile]:
    """What pulls the images of each container, in a pod that has credentials for that."""
    return [
        UnitFile(
            pull_unit(pod.name, container.name),
            "pull.service.j2",
            {
                **shared,
                "container": escape_text(container.name),
                "pull": command_line(pulls.pull_images(pod, container, scope)),
            },
        )
        for container in (*pod.init_containers, *pod.containers)
        if pod.registries and pulls.list_images(container)
    ]


def _container(
    pod: Pod,
    container: Container,
    scope: Scope,
    target: Target,
    shared: Values,
    earlier: tuple[Container, ...],
    *,
    init: bool,
) -> UnitFile:
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
    run = podman.run_init_container(pod, container, scope) if init else podman.run_container(pod, container, scope)
    pid_file = podman.container_pid_file(pod, container, scope)
    make_secrets, remove_secrets = secrets.make_secrets(pod, container, scope), secrets.remove_secrets(pod, container)
    address_file = podman.address_file(pod) if podman.needs_addresses(container) else None
    verify = podman.verify_image_user(container)
    prober = [PROBER_SOCKET] if not init and probes.has_probes(container) else []
    if probes.asks_prober(pod, container):
        # At a shutdown what runs hooks stops later than who asks for them.
        prober = [PROBER_SOCKET, PROBER_SERVICE]
    unit = container_unit(pod.name, container.name)
    hooks = probes.register_hooks(pod, container, unit)
    checks = probes.register_probes(pod, container, unit)
    started = probes.wait_until_started(pod, container)
    post_start = run_post_start(pod, container)
    # In a Job the whole pod is run again instead.
    never = init and pod.run is not None
    pause = pause_script(container, target, systemctl=_SYSTEMCTL[scope], init=init, never=never)
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
            "pull_units": tuple(quote_word(unit, expands_variables=True) for unit in pulled),
            "silent": init and container.tty,
            "after": join_units([sandbox, *images, *(container_unit(pod.name, it.name) for it in earlier), *prober]),
            "prober_socket": join_units([PROBER_SOCKET]),
            "probes_directory": join_words([probes.probes_directory(pod, container)]) if prober else None,
            "register_hooks": command_line(hooks) if hooks else None,
            "register_probes": command_line(checks) if checks else None,
            "wait_until_started": command_line(started) if started else None,
            "memory_limited": is_memory_limited(pod, container),
            "mounts": join_words(host_paths) if host_paths else None,
            "run": command_line(run),
            "pid_file": quote_word(pid_file, expands_variables=False) if pid_file else None,
            "post_start": command_line(post_start) if post_start else None,
            "has_hook": bool(container.pre_stop and pod.grace_sec),
            "clean_status": Value(" ".join(map(str, _list_clean(container)))),
            "stop": command_line(stop_container(pod, container)),
            "remove": command_line(podman.remove_container(pod, container), ignore_failure=True),
            "make_secrets": command_line(make_secrets) if make_secrets else None,
            "remove_secrets": command_line(remove_secrets, ignore_failure=True) if remove_secrets else None,
            "address_file": quote_word(address_file, expands_variables=False) if address_file else None,
            "timeout_start_sec": Value(_timeout_start(container)),
            "restart": restart_directives(container, target, init=init, never=never),
            "timeout_stop_sec": Value(str(_timeout_stop_sec(pod, init=init))),
            "resources": (*container_directives(pod, container, scope), *oom_directives(pod, scope, target)),
            "prepare": (*((command_line(verify),) if verify else ()), *prepare_paths(container)),
            **_parts(pod, container, scope),
            **describe_message(pod, container, scope, init=init),
            "image": escape_text(container.image),
            "limited": pod.run is not None and container.restart_policy is RestartPolicy.ON_FAILURE and not init,
            "unit_settings": _settings(container.settings, "Unit"),
            "service_settings": _settings(container.settings, "Service"),
        },
    )


def _parts(pod: Pod, container: Container, scope: Scope) -> Values:
    """What the templates say of the parts of volumes that a container mounts."""
    words = parts.list_parts(pod, container)
    return {
        "parts": command_line(words) if words else None,
        "parts_directory": quote_word(parts.parts_directory(pod, container), expands_variables=False),
        "parts_path": quote_word(parts.locate_parts(pod, container), expands_variables=True),
        "root_shell": command_line(parts.run_as_root(scope)),
        "find_mountpoint": command_line(parts.find_mountpoint()),
    }


def _settings(settings: tuple[Setting, ...], section: str) -> tuple[Directive, ...]:
    # The value is systemd's own syntax already: the user wrote a directive, specifiers and quotes included.
    return tuple(Directive(s.name, Value(s.value)) for s in settings if s.section == section)


def _list_clean(container: Container) -> tuple[int, ...]:
    """Exit statuses of a container that ends by the signal to stop, or is killed."""
    own = 128 + SIGNALS[container.stop_signal] if container.stop_signal else _TERMINATED
    return tuple(dict.fromkeys((own, _TERMINATED, _KILLED)))


def _timeout_start(container: Container) -> str:
    if isinstance(container.post_start, Exec):
        # As on Kubernetes, a command has all the time it wants.
        return "infinity"
    pause_sec = container.post_start.seconds if isinstance(container.post_start, Sleep) else 0
    return str(max(_START_SEC, probes.startup_timeout_sec(container), pause_sec + _STOP_MARGIN_SEC))


def _timeout_stop_sec(pod: Pod, *, init: bool) -> int:
    # In the foreground podman passes the signal on and waits: systemd kills after the grace period. The time has to do
    # for the removal of what is left, too.
    return max(pod.grace_sec, _STOP_MARGIN_SEC) if init else pod.grace_sec + _STOP_MARGIN_SEC
