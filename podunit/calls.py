"""Another program, called for an answer.

In: a command. Out: what it says. It has a process group of its own: what the terminal or timeout(1) sends to all of a
command's processes ends the command, which then says so itself, and not first the program that it waits for.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from podunit.errors import PodunitError


def call(command: Sequence[str], timeout_sec: float) -> subprocess.CompletedProcess[str]:
    """What the program has printed, and its exit status.

    Raises PodunitError if it cannot be run, or is not done in this time; it is killed then.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_sec,
            check=False,
            process_group=0,
        )
    except OSError as error:
        raise PodunitError(f"{command[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise PodunitError(f"{command[0]}: not done after {timeout_sec:g} s") from None


def ask(command: Sequence[str], timeout_sec: float, shown: str) -> str:
    """What the program has printed; PodunitError, with its command line as it may be `shown`, if it has failed too."""
    done = call(command, timeout_sec)
    if done.returncode != 0:
        raise PodunitError(f"{shown}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout
