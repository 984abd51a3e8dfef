"""The podman engine: a pod's sandbox and containers as podman command lines (podman 4.3 and later).

In: the model. Out: argv, as words for `unitfile` to quote. Knows podman-run(1), not the unit graph around it.

Each container joins the namespaces of its pod's sandbox. Where files do not hold it, it is a pause container, to
which podman gives an address, the published ports (reserved, so that a port in use fails the start), /etc/hosts and
/etc/resolv.conf. `--cgroups=split` keeps monitor and payload below the unit that runs podman, and the monitor becomes
that unit's main process: a container's by `--sdnotify=conmon`, in time for the exit status of one that ends at once;
the sandbox's by its PID file, since systemd loses a notification whose sender is gone and not its own child, as
podman is not below a shell. Nor is it without root, where it works in a process of its own: a container's unit then
has a PID file as well, and a second notification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from podunit.chosen import Engine
from podunit.engines.joining import join_container, join_files
from podunit.engines.memory import hold_memory
from podunit.engines.parts import locate_part
from podunit.engines.programs import CATATONIT, PODMAN, container_name, runtime_directory, sandbox_name
from podunit.engines.resolution import list_names, make_resolver, mount_resolver
from podunit.engines.rights import list_rights, verify_user
from podunit.engines.secrets import is_kept, secret_name
from podunit.engines.terminations import mount_message
from podunit.engines.users import make_users, prepare_root, root_directory
from podunit.engines.volumes import claim_path, device_word, hold_claim, list_claims, made_directory, mount_word
from podunit.model import Container, Env, Fact, HugePage, Pod, Port, Protocol, Text
from podunit.record import record
from podunit.scope import Scope
from podunit.unitfile import Specifier, Variable, Word

# What stands in command lines for what only a running pod knows.
FACTS: Mapping[object, Specifier | Variable] = {
    Fact.NODE_NAME: Specifier.HOST_NAME,
    Fact.POD_IP: Variable.POD_IP,
    Fact.HOST_IP: Variable.HOST_IP,
}

# As the kernel's files are called (cgroup-v2.rst).
_HUGE_PAGES = {HugePage.MEBI_2: "2MB", HugePage.GIBI_1: "1GB"}

_PLAIN_PROGRAM = re.compile(r"[A-Za-z0-9_./+-]+")


def sandbox_pid_file(pod: Pod) -> tuple[str | Specifier, ...]:
    """Where podman writes the process ID of the sandbox's monitor."""
    return (Specifier.RUNTIME_DIR, f"/podunit/{sandbox_name(pod)}.pid")


def container_pid_file(pod: Pod, container: Container, scope: Scope) -> tuple[str | Specifier, ...] | None:
    """Where podman writes the process ID of a container's monitor; None where its notification is enough."""
    if scope is Scope.SYSTEM:
        return None
    # Never the sandbox's: that has an underscore before another word.
    return (Specifier.RUNTIME_DIR, f"/podunit/{container_name(pod, container)}_container.pid")


def run_sandbox(pod: Pod, scope: Scope) -> tuple[Word, ...]:
    """Start the pause container and return once it holds the pod's namespaces."""
    name = sandbox_name(pod)
    # What podman has not replaced has containers that refer to it, as after a loss of power.
    remove = f"{PODMAN} container exists {name} && {PODMAN} rm --force --depend {name}"
    again = f'[ $status = 0 ] || {{ {remove} && run "$@"; }}; '
    return (
        *_shield(name, again),
        PODMAN,
        "run",
        f"--name={sandbox_name(pod)}",
        "--replace",
        "--rm",
        "--cgroups=split",
        "--sdnotify=ignore",
        ("--conmon-pidfile=", *sandbox_pid_file(pod)),
        "--detach",
        "--log-driver=none",
        *_network(pod),
        # With podman each container in the host's network has its own.
        *(() if pod.host_network and pod.engine is Engine.PODMAN else list_names(pod)),
        f"--ipc={'host' if pod.host_ipc else 'shareable'}",
        *make_users(pod),
        *(f"--sysctl={name}={value}" for name, value in pod.sysctls),
        *(f"--publish={_publication(port)}" for port in list_published(pod)),
        *hold_memory(pod, scope),
        *(hold_claim(claim) for claim in list_claims(pod)),
        f"--volume={CATATONIT}:/catatonit:ro",
        "--rootfs",
        (Specifier.RUNTIME_DIR, "/" + root_directory(pod, runtime_directory(pod))),
        "/catatonit",
        "-P",
    )


def _network(pod: Pod) -> tuple[Word, ...]:
    if pod.host_network:
        return ("--network=host", "--uts=host")
    if pod.network is None:
        return ("--network=none", f"--hostname={pod.hostname}")
    names = dict.fromkeys((pod.name, *pod.aliases))
    aliases = (f"--network-alias={name}" for name in names)
    return (f"--network={pod.network.name}", *aliases, f"--hostname={pod.hostname}")


def prepare_sandbox(pod: Pod) -> tuple[tuple[Word, ...], ...]:
    """What has to be there before the sandbox, beside volumes on disk."""
    resolver = make_resolver(pod, runtime_directory(pod))
    root = prepare_root(pod, runtime_directory(pod), tuple(claim_path(claim) for claim in list_claims(pod)))
    return tuple(command for command in (root, resolver) if command)


def list_published(pod: Pod) -> tuple[Port, ...]:
    """The ports that podman has to publish on the host."""
    own = (port for container in (*pod.init_containers, *pod.containers) for port in container.ports)
    return tuple(port for port in (*own, *pod.published) if port.host_port is not None and not pod.host_network)


def publish_again(pod: Pod) -> tuple[Word, ...]:
    """Make the rules for published ports once more, which a reload of the firewall has dropped."""
    return (PODMAN, "network", "reload", sandbox_name(pod))


def run_container(pod: Pod, container: Container, scope: Scope, *, held: bool) -> tuple[Word, ...]:
    """Start a container and return once its process runs; the monitor stays. Its sandbox is `held` by files or not."""
    pid_file = container_pid_file(pod, container, scope)
    return (
        *(
            ()
            if pid_file is None
            else _shield(container_name(pod, container), "[ $status = 0 ] && exec systemd-notify --ready; ")
        ),
        *_run(pod, container, held=held),
        "--sdnotify=conmon",
        *(() if pid_file is None else (("--conmon-pidfile=", *pid_file),)),
        "--detach",
        "--log-driver=journald",
        f"--stop-timeout={pod.grace_sec}",
        *((f"--stop-signal={container.stop_signal}",) if container.stop_signal else ()),
        *_payload(pod, container, scope),
    )


def run_init_container(pod: Pod, container: Container, scope: Scope, *, held: bool) -> tuple[Word, ...]:
    """Run a container to its end, in the foreground, and exit with its status."""
    # As with other containers its monitor writes into the journal, and podman, attached to no output, not once more.
    # The unit's own output would be a socket, which a container cannot open as /dev/stdout.
    return (
        *_run(pod, container, held=held),
        "--sdnotify=ignore",
        "--log-driver=journald",
        "--attach=stdin",
        f"--stop-timeout={pod.grace_sec}",
        *_payload(pod, container, scope),
    )


def remove_container(pod: Pod, container: Container) -> tuple[Word, ...]:
    """Remove what a killed monitor left behind; nothing if the container removed itself."""
    # podman fails once at a container whose monitor was killed, and knows then that it has ended.
    script = f'try() {{ {PODMAN} rm --force --ignore --time=0 "$1"; }}; try "$1" 2> /dev/null || try "$1"'
    return ("/bin/sh", "-c", script, "remove", container_name(pod, container))


def verify_image_user(container: Container) -> tuple[Word, ...] | None:
    """What fails before the start of a container that may not run as its image's root; None where nothing has to."""
    return verify_user(PODMAN, container.image) if container.security.verifies_user else None


def _shield(container: str, after: str) -> tuple[Word, ...]:
    """What to put before podman's words, so that it finishes in spite of SIGTERM, and what it made is removed then.

    `after` is what the shell does next, with podman's $status and a function `run` that does all that once more.
    """
    stop = f'[ "$stopped" ] && {{ wait $!; exec {PODMAN} rm --force --time=0 {container}; }}; '
    script = f'trap stopped=1 TERM; run() {{ "$@" & wait $!; status=$?; {stop}}}; run "$@"; {after}exit $status'
    return ("/bin/sh", "-c", script, "run")


def _run(pod: Pod, container: Container, *, held: bool) -> tuple[Word, ...]:
    return (
        PODMAN,
        *(() if pod.runtime is None else (f"--runtime={pod.runtime}",)),
        "run",
        f"--name={container_name(pod, container)}",
        "--replace",
        "--rm",
        "--cgroups=split",
        *(join_files(pod, container) if held else join_container(pod)),
        "--pull=never",
    )


def _payload(pod: Pod, container: Container, scope: Scope) -> tuple[Word, ...]:
    words: list[Word] = [f"--label={key}={value}" for key, value in pod.labels]
    words += [_variable(pod, container, index, env) for index, env in enumerate(container.env)]
    words += ["--interactive"] if container.stdin else []
    words += ["--tty"] if container.tty else []
    if container.working_dir is not None:
        words.append(f"--workdir={container.working_dir}")
    words += list_rights(container.security)
    words += mount_resolver(pod, container, runtime_directory(pod))
    words += [mount_word(pod, mount, locate_part(pod, container, mount), scope) for mount in container.mounts]
    words += mount_message(pod, container, scope)
    words += [device_word(device) for device in container.devices]
    words += [f"--device={name}" for name in container.cdi_devices]
    words += [f"--cgroup-conf=hugetlb.{_HUGE_PAGES[size]}.max={most}" for size, most in container.huge_pages]
    arguments = container.args or ()
    if container.command:
        program, *first = container.command
        assert isinstance(program, str), "refused where it was read"
        words.append(f"--entrypoint={_entrypoint(program)}")
        arguments = (*first, *arguments)
    return (*words, container.image, *(_word(text) for text in arguments))


def _variable(pod: Pod, container: Container, index: int, env: Env) -> Word:
    if is_kept(env):
        return f"--secret={secret_name(pod, container, index)},type=env,target={env.name}"
    return name_variable(env)


def name_variable(env: Env) -> Word:
    """A variable that may be read by others."""
    value = _word(env.value)
    return f"--env={env.name}={value}" if isinstance(value, str) else (f"--env={env.name}=", *value)


def _word(text: Text) -> Word:
    return text if isinstance(text, str) else tuple(FACTS[it] if isinstance(it, Fact) else it for it in text)


def _entrypoint(program: str) -> str:
    # podman takes a value that is JSON for an array as one, and an empty value for none: spell those as an array.
    return program if _PLAIN_PROGRAM.fullmatch(program) and program != "null" else json.dumps([program])


@record
class Door:
    """A way into a pod's network: shell that defines `enter`, which runs a command there, and what it finds as $1."""

    script: str
    word: Word


def find_door(pod: Pod, scope: Scope) -> Door:
    """The way into the network of the sandbox."""
    user = "" if scope is Scope.SYSTEM else "--user --preserve-credentials "
    enter = f'enter() {{ nsenter {user}--net --target "$pid" "$@"; }}'
    return Door(f'pid=$({PODMAN} inspect --format "{{{{.State.Pid}}}}" "$1") && {enter}', sandbox_name(pod))


def write_addresses(pod: Pod, door: Door) -> tuple[Word, ...]:
    """Write the addresses of pod and host where the containers' units read them as variables."""
    # The host's is where its packets leave, if it has such a way: podman's bridges have addresses too.
    script = (
        'first() { set -- $("$@" hostname -I) 127.0.0.1; echo "$1"; }; '
        "leave() { set -- $(ip -o route get 192.0.2.1 2> /dev/null); while [ $# -gt 1 ]; do "
        '[ "$1" = src ] && echo "$2" && return; shift; done; first; }; '
        f'{door.script} && printf "POD_IP=%s\\nHOST_IP=%s\\n" "$(first enter)" "$(leave)" > "$2"'
    )
    return ("/bin/sh", "-c", script, "addresses", door.word, address_file(pod))


def redirect_ports(pod: Pod, door: Door) -> tuple[Word, ...]:
    """Let the pod answer at the ports of Services which it listens on under other numbers."""
    rules = [f"{it.protocol.lower()} dport {it.port} redirect to :{it.target_port};" for it in pod.redirects]
    others = f"chain others {{ type nat hook prerouting priority dstnat; {' '.join(rules)} }};"
    # The pod's own way to itself passes no prerouting.
    own = " ".join(f"fib daddr type local {rule}" for rule in rules)
    table = f"table inet podunit {{ {others} chain own {{ type nat hook output priority -100; {own} }}; }}"
    return ("/bin/sh", "-c", f'{door.script} && enter nft "$2"', "redirect", door.word, table)


def address_file(pod: Pod) -> tuple[str | Specifier, ...]:
    """The file of variables that `write_addresses` makes; no volume has a name with a dot."""
    return (Specifier.RUNTIME_DIR, f"/{made_directory(pod)}/addresses.env")


def needs_addresses(container: Container) -> bool:
    """Whether a container's command line needs what only a running pod knows of the network."""
    texts = (*(env.value for env in container.env), *(container.command or ()), *(container.args or ()))
    return any(piece in (Fact.POD_IP, Fact.HOST_IP) for text in texts if not isinstance(text, str) for piece in text)


def _publication(port: Port) -> str:
    host = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    suffix = "" if port.protocol is Protocol.TCP else f"/{port.protocol.lower()}"
    return f"{host + ':' if host else ''}{port.host_port}:{port.container_port}{suffix}"
