"""Where the process begins and ends: which signals and errors end it, and with which status.

The commands are imported when they are needed: that they are understood takes four times as long as to start Python.
"""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper
from types import FrameType

from podunit.cli.version import print_version
from podunit.errors import PodunitError

# Objects made before the garbage collector looks for cycles, of which few are made here: most commands end before that.
_MANY_OBJECTS = 200_000
# signal(7), and what a shell adds to it.
_SIGPIPE_STATUS = 128 + 13


def run() -> None:
    """Run the command line and end the process."""
    gc.set_threshold(_MANY_OBJECTS)
    try:
        _run()
    finally:
        # The interpreter looks for cycles in all that is left before it ends: a fifth of the time of a short command.
        gc.freeze()


def _run() -> None:
    for stream in (sys.stdout, sys.stderr):
        # What the locale cannot show is escaped; a message is never lost for that.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            _answer()
        finally:
            sys.stdout.flush()
    except PodunitError as error:
        _refuse(error)
    except BrokenPipeError:
        # Whoever read this has seen enough. The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_SIGPIPE_STATUS)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _refuse(PodunitError(f"standard output: {(error.strerror or str(error)).lower()}"))


def _answer() -> None:
    # Whatever else is on the command line is for the one who reads it all, this option included.
    if sys.argv[1:] == ["--version"]:
        print_version()
        return
    import signal

    from podunit.cli.main import app

    signal.signal(signal.SIGTERM, _terminate)
    app()


def _refuse(error: PodunitError) -> None:
    from podunit.cli.output import print_error

    print_error(error)
    sys.exit(3)


def _terminate(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
