"""The signals that stop a container, by the names of the Kubernetes API, with Linux' numbers (signal(7))."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG"
    " XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)
_OTHER_NAMES = {"SIGIOT": 6, "SIGCLD": 17, "SIGPOLL": 29}
# glibc keeps 32 and 33 for itself.
_MIN, _MAX, _MIDDLE = 34, 64, 15

SIGNALS: Mapping[str, int] = {
    **{f"SIG{name}": number for number, name in enumerate(_NAMES.split(), 1)},
    **_OTHER_NAMES,
    **{f"SIGRTMIN{f'+{step}' if step else ''}": _MIN + step for step in range(_MIDDLE + 1)},
    **{f"SIGRTMAX{f'-{step}' if step else ''}": _MAX - step for step in range(_MIDDLE)},
}
