"""What the tool takes to start: whole processes of podunit beside `python -c 'import typer'`, in turn in one lab.

`python -m tests.bench.startup` boots a lab, installs ten pods of one container, which are not started, and runs each
command several times. Prints a table, or JSON. The ratios count, not the numbers of one machine.
"""

from __future__ import annotations

import argparse
import json
import sys

from tests.bench.clock import divide, measure, middle
from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, pod

_PYTHON = "/opt/podunit/bin/python"
_PODUNIT = "/opt/podunit/bin/podunit"
_PEER = "import typer"
_PODS = 10

# Name → the command, and the ratio that is the goal.
_COMMANDS = {
    "--version": ((_PODUNIT, "--version"), 0.5),
    "--help": ((_PODUNIT, "--help"), 2.0),
    "validate": ((_PODUNIT, "validate", "/root/one.yaml"), 2.0),
    "ps": ((_PODUNIT, "ps"), 3.0),
}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.startup", description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", default="trixie", help="Debian suite of the lab")
    parser.add_argument("--runs", type=int, default=15, help="how often each command is run")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with Laboratory(arguments.suite) as lab:
        Pods(lab).install("---\n".join(pod(container("main", "sleep 9"), f"bench-{one}") for one in range(_PODS)))
        lab.write("/root/one.yaml", pod(container("main", "sleep 9")))
        commands = {_PEER: (_PYTHON, "-c", "import typer"), **{name: argv for name, (argv, _) in _COMMANDS.items()}}
        times = measure(lab, commands, arguments.runs)
    found = {
        name: {"sec": middle(times[name]), "ratio": divide(times, name, _PEER), "goal": goal}
        for name, (_, goal) in _COMMANDS.items()
    }
    if arguments.json:
        print(json.dumps({_PEER: {"sec": middle(times[_PEER])}, **found}, indent=2))
        return 0
    print(f"{'command':<12} {'ms':>8} {'ratio':>8} {'goal':>8}")
    print(f"{_PEER:<12} {middle(times[_PEER]) * 1000:>8.1f} {1:>8.2f}")
    for name, one in found.items():
        print(f"{name:<12} {one['sec'] * 1000:>8.1f} {one['ratio']:>8.2f} {one['goal']:>8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
