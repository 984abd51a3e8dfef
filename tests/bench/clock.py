"""The time that commands take, as a whole: each in turn, several times, so that all share what the machine does.

In: a lab, commands by name. Out: seconds of each run. Inside the lab this file runs them: it needs nothing else.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.guest import Guest

Times = Mapping[str, tuple[float, ...]]


def measure(lab: Guest, commands: Mapping[str, Sequence[str]], runs: int, *, timeout_sec: float = 900) -> Times:
    """How long each command takes inside, in seconds, after a run that is not counted; AssertionError if one fails."""
    order = json.dumps({"commands": {name: list(argv) for name, argv in commands.items()}, "runs": runs})
    done = lab.run("python3", "/src/tests/bench/clock.py", input=order, timeout_sec=timeout_sec)
    return {name: tuple(seconds) for name, seconds in json.loads(done.stdout).items()}


def middle(seconds: Sequence[float]) -> float:
    """The median."""
    return statistics.median(seconds)


def divide(times: Times, name: str, peer: str) -> float:
    """The median of the ratios of one command to another, run by run."""
    return statistics.median(own / other for own, other in zip(times[name], times[peer], strict=True))


def _run(argv: list[str]) -> float:
    since = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    taken = time.perf_counter() - since
    if status:
        sys.exit(f"exit status {status}: {' '.join(argv)}")
    return taken


def _main() -> None:
    order = json.load(sys.stdin)
    times: dict[str, list[float]] = {name: [] for name in order["commands"]}
    for turn in range(order["runs"] + 1):
        for name, argv in order["commands"].items():
            taken = _run(argv)
            if turn:
                times[name].append(taken)
    print(json.dumps(times))


if __name__ == "__main__":
    _main()
