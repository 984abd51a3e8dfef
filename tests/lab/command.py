"""The command `tests/lab/lab`: arguments, messages, signals and exit status."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType
from typing import NoReturn

from tests.lab import layers
from tests.lab.laboratory import LabError, Laboratory, running

_COMMAND = "tests/lab/lab"


def main() -> int:
    """Run the command line; its exit status."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _end)
    arguments = _parse()
    try:
        match arguments.verb:
            case "run":
                return _run(arguments.suite, arguments.keep, arguments.command)
            case "enter":
                return Laboratory.find(arguments.id).call(arguments.command)
            case "end":
                Laboratory.find(arguments.id).end()
            case "build":
                layers.build(arguments.suite)
            case "clean":
                if labs := running():
                    raise LabError(f"labs are running: {', '.join(labs)}; first: {_COMMAND} end ID")
                layers.clean()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 125
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_COMMAND, description="A clean, booted systemd with podunit in it.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    run = verbs.add_parser("run", help="boot a lab, run a command in it as root, end the lab")
    run.add_argument("--keep", action="store_true", help="leave the lab running")
    build = verbs.add_parser("build", help="make the cached parts ahead")
    for verb in (run, build):
        verb.add_argument("--suite", choices=layers.SUITES, default="trixie", help="default: %(default)s")

    enter = verbs.add_parser("enter", help="run a command in a lab that was kept")
    end = verbs.add_parser("end", help="end a lab that was kept")
    for verb in (enter, end):
        verb.add_argument("id", metavar="ID")
    for verb in (run, enter):
        verb.add_argument("command", nargs="+", metavar="-- COMMAND")
    verbs.add_parser("clean", help="remove all cached parts")
    return parser.parse_args()


def _run(suite: str, keep: bool, command: list[str]) -> int:
    with Laboratory(suite, keep=keep) as lab:
        status = lab.call(command)
    if keep:
        print(f"lab: {lab.id} is running", file=sys.stderr)
        print(f"  enter: {_COMMAND} enter {lab.id} -- COMMAND", file=sys.stderr)
        print(f"  end:   {_COMMAND} end {lab.id}", file=sys.stderr)
    return status
