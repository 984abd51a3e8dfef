"""From the model to unit files: which units a pod needs, and how they hang together.

In: `Workload`. Out: `UnitFile`s, in the order in which a reader wants them. The graph is explained in docs/units.md;
command lines come from the engine, text from the templates.
"""

from __future__ import annotations

from collections.abc import Mapping

from podunit import __version__, bundled, containers
from podunit.cgroups import slice_directives
from podunit.chosen import Engine
from podunit.engines import memory, netavark, nfs, podman, probes, programs, pulls, resolution, secrets, volumes
from podunit.engines.stops import stop_file
from podunit.model import (
    EmptyDir,
    Files,
    Medium,
    NetworkDirectory,
    Pod,
    RestartPolicy,
)
from podunit.names import (
    DEFAULT_NAMESPACE,
    PARENT_SLICE,
    again_unit,
    container_unit,
    containers_target,
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
from podunit.restarts import can_fail, find_codes
from podunit.rules import FailureAction
from podunit.runs import Schedule
from podunit.scope import Scope
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
from podunit.values import START_SEC, STOP_MARGIN_SEC, SYSTEMCTL, Values, list_settings
from podunit.workload import Workload

# What makes the unit of a container, by the engine that makes its process.
_MAKERS = {Engine.PODMAN: containers.make_container, Engine.CRUN: bundled.make_container}

_WANTED_BY = {Scope.SYSTEM: "multi-user.target", Scope.USER: "default.target"}


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
        units.insert(0, make_job(pod, turns, Value(SYSTEMCTL[scope])))
    if shared["again_unit"]:
        units.append(UnitFile(again_unit(pod.name), "pod-again.service.j2", shared))
    units += [_nfs(pod, volume, shared) for volume in nfs.list_network_directories(pod)]
    units += _pulls(pod, scope, shared)
    make_container = _MAKERS[pod.engine]
    for index, container in enumerate(pod.init_containers):
        earlier = pod.init_containers[:index]
        units.append(make_container(pod, container, scope, target, shared, earlier, init=not container.sidecar))
    units += [
        make_container(pod, container, scope, target, shared, pod.init_containers, init=False)
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
    for container in (*pod.init_containers, *pod.containers) if pod.engine is Engine.PODMAN else ():
        for name, data in secrets.list_secret_files(pod, container):
            found[f"env/{container.name}/{name}"] = data
    # An apply pulls what bundles are made of, and no start does.
    return {**found, **(dict(pulls.list_auth_files(pod)) if pod.engine is Engine.PODMAN else {})}


def _name_units(pod: Pod, scope: Scope) -> Values:
    """What every template of a pod may name."""
    mains = [container_unit(pod.name, container.name) for container in pod.containers]
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
    needed = [requirement.pod for requirement in pod.requirements]
    again = (limit > 0 or ignores) and (not retries or bool(ending) or late) and turns is None
    return {
        "pod": escape_text(pod.name),
        "slice": join_units([slice_unit(pod.name)]),
        "slice_in_script": quote_unit_in_script(slice_unit(pod.name)),
        "pod_unit": join_units([pod_unit(pod.name)]),
        "mend_unit": join_units([mend_unit(pod.name)]),
        "stop_unit": join_units([stop_unit(pod.name)]),
        "sandbox_unit": join_units([sandbox_unit(pod.name)]),
        "has_grace": pod.grace_sec > 0,
        "stop_file": quote_word(stop_file(pod), expands_variables=True),
        "containers_target": join_units([containers_target(pod.name)]),
        "containers": join_units(mains),
        "members": join_units([*mains, *reversed(inits)]),
        "systemctl": Value(SYSTEMCTL[scope]),
        "retries": retries,
        "runs": pod.run is not None,
        "keeps_up": keeps_up,
        "can_fail": keeps_up and any(can_fail(container, init=init) for container, init in work),
        "start_can_fail": any((init and pod.run) or can_fail(container, init=init) for container, init in work),
        "requirements": join_units(map(pod_unit, needed)) if needed else None,
        "requirement_mends": join_units(map(mend_unit, needed)) if needed else None,
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
            "slice_settings": (*slice_directives(pod, scope), *list_settings(pod.settings, "Slice")),
        },
    )


def _handle(pod: Pod, scope: Scope, target: Target, shared: Values) -> UnitFile:
    ready = probes.wait_until_ready(pod, pod_unit(pod.name), container_unit, SYSTEMCTL[scope])
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
            "unit_settings": list_settings(pod.settings, "Unit"),
            "install_settings": list_settings(pod.settings, "Install"),
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
    held = netavark.is_held_by_files(pod, scope, target)
    kept = [volume for volume in pod.volumes if isinstance(volume, EmptyDir) and volume.medium is Medium.DISK]
    remove_memory = memory.remove_memory(pod, scope)
    files = [volume for volume in pod.volumes if isinstance(volume, Files)]
    addresses = any(podman.needs_addresses(container) for container in (*pod.init_containers, *pod.containers))
    made = [volumes.made_directory(pod)] if files or addresses else []
    made += memory.list_directories(pod, scope)
    door = netavark.find_door(pod) if held else podman.find_door(pod, scope)
    # A user's ports are held by a process, without rules.
    published = scope is Scope.SYSTEM and podman.list_published(pod)
    publish_again = netavark.connect_again(pod) if held else podman.publish_again(pod)
    return UnitFile(
        sandbox_unit(pod.name),
        "held-sandbox.service.j2" if held else "sandbox.service.j2",
        {
            **shared,
            "runtime_directories": join_words((programs.runtime_directory(pod), *made)),
            "closed": bool(made),
            "state_directories": join_words([volumes.volumes_directory(pod)]) if kept else None,
            "empty_volumes": command_line(volumes.remove_volumes(pod, scope)),
            "make_volumes": command_line(volumes.make_volumes(pod, kept, scope)),
            "make_files": tuple(map(command_line, volumes.make_files(pod, files, scope))),
            "make_memory": tuple(map(command_line, memory.make_memory(pod, scope))),
            "remove_memory": command_line(remove_memory, ignore_failure=True) if remove_memory else None,
            "write_addresses": command_line(podman.write_addresses(pod, door)) if addresses else None,
            "network_unit": join_units([network_unit(pod.network.name)])
            if pod.network and pod.network.own and not pod.host_network
            else None,
            "redirect_ports": command_line(podman.redirect_ports(pod, door)) if pod.redirects else None,
            "timeout_start_sec": Value(str(START_SEC)),
            "timeout_stop_sec": Value(str(pod.grace_sec + STOP_MARGIN_SEC)),
            "publish_again": command_line(publish_again) if published else None,
            "remove_volumes": command_line(volumes.remove_volumes(pod, scope), ignore_failure=True),
            **(_held_by_files(pod) if held else _held_by_podman(pod, scope)),
        },
    )


def _held_by_files(pod: Pod) -> Values:
    parameters = netavark.set_parameters(pod)
    resolver = resolution.make_resolver(pod, programs.runtime_directory(pod))
    assert pod.network
    return {
        "network": None if pod.host_network else escape_text(pod.network.name),
        "prepare": (command_line(resolver),) if resolver else (),
        "make": command_line(("make", *netavark.make_sandbox(pod))),
        "remove": command_line(("remove", *netavark.remove_sandbox(pod))),
        "shared_memory": Value(netavark.SHARED_MEMORY),
        "set_parameters": command_line(parameters) if parameters else None,
    }


def _held_by_podman(pod: Pod, scope: Scope) -> Values:
    return {
        "prepare": tuple(map(command_line, podman.prepare_sandbox(pod))),
        "network_target": Value("network.target") if scope is Scope.SYSTEM else None,
        "run": command_line(podman.run_sandbox(pod, scope)),
        "pid_file": quote_word(podman.sandbox_pid_file(pod), expands_variables=False),
        "podman": Value(programs.PODMAN),
        "remove": command_line(("remove", programs.sandbox_name(pod))),
    }


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
        if pod.engine is Engine.PODMAN and pod.registries and pulls.list_images(container)
    ]
