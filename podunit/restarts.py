"""When a container starts again, in the words of systemd.service(5): after which exit status, and how soon.

In: the model. Out: `Directive`s of a container's service, and what systemd before 254 needs beside them.
"""

from __future__ import annotations

from podunit.model import Container, RestartPolicy
from podunit.signals import SIGNALS
from podunit.target import Target
from podunit.unitfile import Directive, Value

# The kubelet's back-off: 10 s, doubled from one restart to the next, up to 5 min. systemd's steps: 19.7, 39, 77, 152 s.
# The first is longer than until pod-mend@.service starts a pod again, whose containers then wait for an init container
# that is retried: nobody would need it otherwise, and it would stop.
_FIRST_SEC, _STEPS, _MAX_SEC = 10, 5, 300

# The systemd that knows RestartSteps= and RestartMaxDelaySec=.
_KNOWS_STEPS = 254

_CODES = frozenset(range(256))
_FAILURES = _CODES - {0}


def restart_directives(
    container: Container, target: Target, *, init: bool, never: bool, direct: bool = False
) -> tuple[Directive, ...]:
    """Restart= and what goes with it; `never` stands above what the container says.

    `direct` is for units whose main process is the container's own, which may end by a signal.
    """
    codes = frozenset[int]() if never else find_codes(container, init=init)
    found = [Directive(name, Value(value)) for name, value in _restart(codes, init=init, direct=direct)]
    if codes and not _sets_pause(container):
        found.append(Directive("RestartSec", Value(str(_FIRST_SEC))))
        if target.systemd >= _KNOWS_STEPS:
            found.append(Directive("RestartSteps", Value(str(_STEPS))))
            found.append(Directive("RestartMaxDelaySec", Value(str(_MAX_SEC))))
    return tuple(found)


def pause_script(container: Container, target: Target, *, systemctl: str, init: bool, never: bool) -> str | None:
    """A shell script that waits before a start for what RestartSec= lacks of the back-off; $1 is the unit.

    None where nothing has to wait, or systemd does it by itself.
    """
    if target.systemd >= _KNOWS_STEPS or never or not find_codes(container, init=init) or _sets_pause(container):
        return None
    pauses = []
    pause_sec = _FIRST_SEC
    for restarts in range(2, _STEPS + 1):
        pause_sec *= 2
        pauses.append(f"{restarts}) sec={pause_sec - _FIRST_SEC};;")
    return (
        'trap "exit 0" TERM; '
        f'case $({systemctl} show --property=NRestarts --value "$1") in ""|0|1) exit;; '
        f"{' '.join(pauses)} *) sec={_MAX_SEC - _FIRST_SEC};; esac; sleep $sec & wait"
    )


def find_codes(container: Container, *, init: bool) -> frozenset[int]:
    """The exit codes after which the container starts again; an init container that has succeeded is done."""
    codes = {
        RestartPolicy.ALWAYS: _CODES,
        RestartPolicy.ON_FAILURE: _FAILURES,
        RestartPolicy.NEVER: frozenset[int](),
    }[container.restart_policy]
    for rule in container.restart_rules:
        named = frozenset(rule.codes)
        codes |= _CODES - named if rule.negated else named & _CODES
    return codes & _FAILURES if init else codes


def can_fail(container: Container, *, init: bool) -> bool:
    """Whether there is a failure after which the container is not started again."""
    return not find_codes(container, init=init) >= _FAILURES


def _restart(codes: frozenset[int], *, init: bool, direct: bool) -> tuple[tuple[str, str], ...]:
    # A oneshot refuses Restart=always, systemd.service(5).
    every, always = (_FAILURES, "on-failure") if init else (_CODES, "always")
    if codes == every:
        return (("Restart", always),)
    if codes == _FAILURES:
        return (("Restart", "on-failure"),)
    if len(codes) <= len(every) // 2:
        forced = (("RestartForceExitStatus", _list(codes, direct=direct)),) if codes else ()
        return (("Restart", "no"), *forced)
    return (("Restart", always), ("RestartPreventExitStatus", _list(every - codes, direct=direct)))


def _list(codes: frozenset[int], *, direct: bool) -> str:
    # What is a number to Kubernetes is a signal to systemd.
    signals = [name for name, number in SIGNALS.items() if 128 + number in codes] if direct else []
    return " ".join((*map(str, sorted(codes)), *signals))


def _sets_pause(container: Container) -> bool:
    """Whether an annotation says how soon: nothing is added to it."""
    return any(setting.section == "Service" and setting.name == "RestartSec" for setting in container.settings)
