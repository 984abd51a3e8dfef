"""How a container is stopped: its hook, the signal, what is left of the grace period, the kill.

In: the model. Out: argv, as words for `unitfile` to quote. One grace period is for all that a pod does to stop: a hook
takes its time from it, and sidecars have what the containers before them have left. Each has two seconds at least, as
with the kubelet.
"""

from __future__ import annotations

from podunit.chosen import Engine
from podunit.engines.hooks import run_hook
from podunit.engines.programs import PODMAN, container_name, runtime_directory
from podunit.inside import bundle_path
from podunit.model import Container, Pod
from podunit.probes import POST_START_SEC, HttpGet, Sleep
from podunit.unitfile import Specifier, Word

# What the prober may take to begin and to answer, beyond the request.
_ANSWER_SEC = 60

# Hundredths of a second, on a clock that nobody sets.
_STOP = (
    'read_clock() { read -r up rest < "$1"; now=${up%.*}${up#*.}; }; '
    "look() { read_clock /proc/uptime; left=$(((end - now + 99) / 100)); }; "
    'name=$1 grace=$2 begin=$3; shift 3; read_clock /proc/uptime; [ ! -s "$begin" ] || read_clock "$begin"; '
    "end=$((now + grace * 100)); "
    '[ $# = 0 ] || { look; [ $left -lt 1 ] || TIMEOUT $left "$@" || echo "preStop: exit status $?" >&2; }; '
    "look; [ $left -gt 2 ] || left=2; "
)
_END = f'exec {PODMAN} stop --ignore --time=$left "$name"'

# Who asks for the stop of a container of crun's is its unit. The signal is that of the pod or the image, by its bundle.
_KILL = (
    'signal=; read -r signal < "$name/signal"; { [ $left != 0 ] && kill "-${signal:-15}" "$MAINPID" && '
    'timeout $left tail --pid="$MAINPID" --sleep-interval=0.02 -f /dev/null; } 2> /dev/null || '
    'kill -KILL "$MAINPID" 2> /dev/null; exit 0'
)

# The words of the hook come first, so many; then those of the stop. systemd would kill where a command after the start
# has failed, and not call for ExecStop=.
_POST_START = (
    "count=$1 words= number=1; shift; "
    'while [ $number -le $count ]; do words="$words \\"\\${$number}\\""; number=$((number + 1)); done; '
    'eval "$words" && exit; echo "postStart: exit status $?" >&2; shift $count; "$@"; exit 1'
)


def run_post_start(pod: Pod, container: Container) -> tuple[Word, ...] | None:
    """Run the hook after a start, and if it fails stop the container and fail; None without a hook."""
    if container.post_start is None:
        return None
    hook = run_hook(pod, container, container.post_start, "postStart")
    if isinstance(container.post_start, Sleep):
        return hook
    if isinstance(container.post_start, HttpGet):
        # For a prober that ends meanwhile.
        hook = ("timeout", str(POST_START_SEC + _ANSWER_SEC), *hook)
    return ("/bin/sh", "-c", _POST_START, "postStart", str(len(hook)), *hook, *stop_container(pod, container))


def stop_container(pod: Pod, container: Container) -> tuple[Word, ...]:
    """Run the hook, send the stop signal, wait for the rest of the grace period, then kill."""
    bundled = pod.engine is Engine.CRUN
    name = bundle_path(container_name(pod, container)) if bundled else container_name(pod, container)
    # Without a grace period there is no time for anything, hooks included.
    if not pod.grace_sec or not (container.pre_stop or container.sidecar):
        if bundled:
            return ("/bin/sh", "-c", f"name=$1 left=$2; {_KILL}", "stop", name, str(pod.grace_sec))
        return (PODMAN, "stop", "--ignore", name)
    begin = stop_file(pod) if container.sidecar else ""
    hook = run_hook(pod, container, container.pre_stop, "preStop") if container.pre_stop else ()
    # crun hands the signal on to the command, which may not heed it; podman is ended by it.
    timeout, end = ("timeout --kill-after=1", _KILL) if bundled else ("timeout", _END)
    script = _STOP.replace("TIMEOUT", timeout) + end
    return ("/bin/sh", "-c", script, "stop", name, str(pod.grace_sec), begin, *hook)


def stop_file(pod: Pod) -> tuple[str | Specifier, ...]:
    """Where the pod's stop writes the time of /proc/uptime when it begins, as long as there is a sandbox."""
    return (Specifier.RUNTIME_DIR, f"/{runtime_directory(pod)}/stop_began")
