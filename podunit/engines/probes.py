"""Probes: how a container's unit tells the prober of them and of hooks, and waits for what it finds.

In: the model. Out: argv, as words for `unitfile` to quote, and directories. What the prober does is its own business:
the two meet at a directory for each container, which is there while the container runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from podunit.chosen import Engine
from podunit.engines.programs import container_name, runtime_directory, sandbox_name
from podunit.inside import bundle_path
from podunit.model import Container, Pod
from podunit.probes import HttpGet, Probes, Registration, write_registration
from podunit.unitfile import Specifier, Word

# Time for what is no probe: the prober's own start, and the stop of a container that has not started in time.
_STARTUP_MARGIN_SEC = 60

# What an earlier run has left is in nobody's way: systemd removes the directory while the prober may write there.
_REGISTER = (
    'directory=$1 prober=$2 pipes=$3; shift 3; umask 077; cd "$directory" && printf "%s\\n" "$@" > new && '
    'rm -f $pipes && for pipe in $pipes; do mkfifo "$pipe" || exit; done && mv new probes.json || exit; '
    '[ -p "$prober" ] || { echo "podunit-prober.socket is not active" >&2; exit 1; }; '
    'echo "${directory##*/}" > "$prober"'
)
_TELL_RESTART = '[ ! -s "$reason" ] || { systemd-notify --status="restarted: $(cat "$reason")"; rm -f "$reason"; }'

# systemd forgets a status at the next start, and the directory of probes goes with the container.
_TELL_REASON = '[ ! -s "$1" ] || { systemd-notify --status="$(cat "$1")"; cat "$1" > "$2"; }'

# Open for both before the question: the answer may come before somebody reads.
_ASK = (
    'answer="podunit-prober.socket is not active"; umask 077; '
    'rm -f "$1/$3" && mkfifo "$1/$3" && exec 3<> "$1/$3" || exit; '
    '[ ! -p "$2" ] || { echo "${1##*/}/$3" > "$2"; read -r answer <&3; }; '
    '[ "$answer" = ok ] || { echo "httpGet: $answer" >&2; exit 1; }'
)

# A container that ends meanwhile is nothing to wait for: how it ended is for its service to judge. The prober writes
# for as long as the verdict holds, and is waited for again if it is restarted.
_WAIT = (
    "[ $MAINPID ] || exit; while kill -0 $MAINPID; do "
    'timeout 1 sh -c "read -r _ < \\$1" read "$1" && exit; done 2> /dev/null; exit 0'
)

# While a container restarts there is no pipe; one that has been stopped, or is done, is nothing to wait for. systemd
# runs this even while it stops the unit, since the end of the command before is none that failed.
_WAIT_READY = (
    'case $(SYSTEMCTL list-jobs --plain --no-legend "$1") in *" stop "*|*" restart "*) exit;; esac; shift; '
    'while [ $# -gt 0 ]; do until { read -r _ < "$1"; } 2> /dev/null; do '
    'case $(SYSTEMCTL is-active "$2") in inactive|failed) break;; esac; sleep 0.5; done; shift 2; done'
)


def has_probes(container: Container) -> bool:
    """Whether anything is checked."""
    return container.probes != Probes()


def asks_prober(pod: Pod, container: Container) -> bool:
    """Whether the prober runs a hook."""
    return isinstance(container.post_start, HttpGet) or _asks_before_stop(pod, container)


def probes_directory(pod: Pod, container: Container) -> str:
    """Where a container's unit and the prober meet, below the runtime directory of the manager."""
    return f"podunit-probes/{pod.name}.{container.name}"


def register_hooks(pod: Pod, container: Container, unit: str) -> tuple[Word, ...] | None:
    """Tell the prober of the hooks before the first of them runs, and of no probes yet; None if it runs none then."""
    hook = container.post_start
    if hook is None or not (isinstance(hook, HttpGet) or _asks_before_stop(pod, container)):
        return None
    registration = replace(_make_registration(pod, container, unit), probes=Probes())
    if isinstance(hook, HttpGet):
        registration = replace(registration, post_start=hook)
    return _register(pod, container, registration, "")


def register_probes(pod: Pod, container: Container, unit: str) -> tuple[Word, ...] | None:
    """Tell the prober what to check of this unit, and make the pipes by which it says what it has found.

    None if it knows all there is to know.
    """
    probes = container.probes
    if probes == Probes() and (register_hooks(pod, container, unit) or not _asks_before_stop(pod, container)):
        return None
    pipes = " ".join(name for name, probe in (("started", probes.startup), ("ready", probes.readiness)) if probe)
    return _register(pod, container, _make_registration(pod, container, unit), pipes)


def ask_prober(pod: Pod, container: Container, hook: str) -> tuple[Word, ...]:
    """Have the prober run a hook that it has been told of, and wait for what it says; a failure is a status of 1."""
    directory = (Specifier.RUNTIME_DIR, f"/{probes_directory(pod, container)}")
    return ("/bin/sh", "-c", _ASK, "ask", directory, (Specifier.RUNTIME_DIR, "/podunit-prober"), hook)


def _asks_before_stop(pod: Pod, container: Container) -> bool:
    # Without a grace period there is no hook.
    return isinstance(container.pre_stop, HttpGet) and pod.grace_sec > 0


def _make_registration(pod: Pod, container: Container, unit: str) -> Registration:
    return Registration(
        pod=pod.name,
        container=container.name,
        unit=unit,
        engine_name=container_name(pod, container),
        sandbox_name="" if pod.host_network else sandbox_name(pod),
        grace_sec=pod.grace_sec,
        probes=container.probes,
        pre_stop=container.pre_stop,
        bundle=bundle_path(container_name(pod, container)) if pod.engine is Engine.CRUN else "",
    )


def _register(pod: Pod, container: Container, registration: Registration, pipes: str) -> tuple[Word, ...]:
    directory = (Specifier.RUNTIME_DIR, f"/{probes_directory(pod, container)}")
    prober = (Specifier.RUNTIME_DIR, "/podunit-prober")
    words: tuple[Word, ...] = (directory, prober, pipes, *write_registration(registration))
    if not can_be_stopped(container):
        return ("/bin/sh", "-c", _REGISTER, "register", *words)
    script = f"reason=$1; shift; {_REGISTER} || exit; {_TELL_RESTART}"
    return ("/bin/sh", "-c", script, "register", _last_reason(pod, container), *words)


def can_be_stopped(container: Container) -> bool:
    """Whether there is a probe whose failure is the end of the container."""
    return bool(container.probes.startup or container.probes.liveness)


def tell_reason(pod: Pod, container: Container) -> tuple[Word, ...] | None:
    """Make it the status of a unit that has ended why a probe had it stopped, and keep that for the next start.

    None where no probe does that.
    """
    if not can_be_stopped(container):
        return None
    reason = (Specifier.RUNTIME_DIR, f"/{probes_directory(pod, container)}/reason")
    return ("/bin/sh", "-c", _TELL_REASON, "tell", reason, _last_reason(pod, container))


def _last_reason(pod: Pod, container: Container) -> tuple[str | Specifier, ...]:
    # A container's name has no underscore, and what else is there belongs to podman.
    return (Specifier.RUNTIME_DIR, f"/{runtime_directory(pod)}/{container.name}_reason")


def wait_until_started(pod: Pod, container: Container) -> tuple[Word, ...] | None:
    """Wait for the startup probe; None where there is none."""
    if container.probes.startup is None:
        return None
    return ("/bin/sh", "-c", _WAIT, "wait", (Specifier.RUNTIME_DIR, f"/{probes_directory(pod, container)}/started"))


def wait_until_ready(
    pod: Pod, handle: str, find_unit: Callable[[str, str], str], systemctl: str
) -> tuple[Word, ...] | None:
    """Wait for all readiness probes of a pod; None where there are none.

    `find_unit` knows the unit of a pod's container, and `handle` is that of the pod, which waits.
    """
    probed = [it for it in (*pod.init_containers, *pod.containers) if it.probes.readiness]
    if not probed:
        return None
    words: list[Word] = []
    for it in probed:
        words += [(Specifier.RUNTIME_DIR, f"/{probes_directory(pod, it)}/ready"), find_unit(pod.name, it.name)]
    return ("/bin/sh", "-c", _WAIT_READY.replace("SYSTEMCTL", systemctl), "wait", handle, *words)


def startup_timeout_sec(container: Container) -> int:
    """How long `wait_until_started` may take, if every check takes as long as it may; 0 without a startup probe."""
    probe = container.probes.startup
    if probe is None:
        return 0
    return (
        probe.initial_delay_sec + probe.failure_threshold * (probe.period_sec + probe.timeout_sec) + _STARTUP_MARGIN_SEC
    )
