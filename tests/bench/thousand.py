"""What a thousand pods of two containers cost: podunit beside Quadlet's generator over the same pods, in one lab.

`python -m tests.bench.thousand` boots a lab and measures whole processes, in turn. Nothing is started: the pods are
installed as files, and stay stopped. Prints a table, or JSON. The ratios count, not the numbers of one machine.

`generator` is Quadlet's, over `.pod` and `.container` files: systemd runs it at each boot and each daemon-reload.
`compile` writes all units into a folder below /run that is not there yet, as the generator does. `rewrite` is an apply
that changes every pod: it plans, writes to the disk as one transaction, and reloads systemd. `apply` changes nothing,
as nothing has; `look` is the part of it that finds that out: the comparison of all files, without any start.
"""

from __future__ import annotations

import argparse
import json
import sys

from tests.bench.clock import Times, measure, middle
from tests.lab.guest import Guest
from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, UNITS

_PODUNIT = "/opt/podunit/bin/podunit"
_PODS = "/root/pods"
_QUADLETS = "/root/quadlets"
_SEARCHED = "/etc/containers/systemd"
# A folder for each run: the shell's number is new each time.
_GENERATOR = (
    *("/bin/sh", "-c", f'mkdir -p "/run/generated/$$"; QUADLET_UNIT_DIRS={_QUADLETS} exec "$0" "/run/generated/$$"'),
    "/usr/lib/systemd/system-generators/podman-system-generator",
)
_COMPILE = ("/bin/sh", "-c", f'exec {_PODUNIT} compile {_PODS} --output "/run/compiled/$$"')
_RELOAD = ("/usr/bin/systemctl", "daemon-reload")
_PEER = "generator"

# Name → the ratio to Quadlet's generator that is the goal, and what is measured.
_GOALS = {"compile": 1.5, "look": 0.1}
_COMMANDS = {
    "compile": _COMPILE,
    "apply": (_PODUNIT, "apply", _PODS),
    "diff": (_PODUNIT, "diff", _PODS),
    "ps": (_PODUNIT, "ps"),
    "import typer": ("/opt/podunit/bin/python", "-c", "import typer"),
}
# argv: where the units are, where the pods are, how often.
_LOOK = """
import json, sys, time
from pathlib import Path
from podunit.settled import look
units, pods, runs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
taken = []
for _ in range(runs + 1):
    since = time.perf_counter()
    look(units, Path("/var/lib/podunit"), [pods], [])
    taken.append(time.perf_counter() - since)
print(json.dumps(taken[1:]))
"""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.thousand", description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", default="trixie", help="Debian suite of the lab, one that has Quadlet")
    parser.add_argument("--pods", type=int, default=1000, help="how many pods")
    parser.add_argument("--runs", type=int, default=5, help="how often each command is run")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with Laboratory(arguments.suite) as lab:
        times = _measure(lab, arguments.pods, arguments.runs)
    found = {
        name: {"sec": middle(own), "ratio": middle(own) / middle(times[_PEER]), "goal": _GOALS.get(name)}
        for name, own in times.items()
    }
    if arguments.json:
        print(json.dumps({"pods": arguments.pods, "commands": found}, indent=2))
        return 0
    print(f"{'command':<20} {'ms':>9} {'ratio':>8} {'goal':>6}")
    for name, one in found.items():
        print(f"{name:<20} {(one['sec'] or 0) * 1000:>9.1f} {one['ratio'] or 0:>8.2f} {one['goal'] or '':>6}")
    return 0


def _measure(lab: Guest, pods: int, runs: int) -> Times:
    _say(f"{pods} pods, as files")
    lab.run("python3", "-c", _WRITE, str(pods), IMAGE, _PODS, _QUADLETS)
    times = {"reload, bare": measure(lab, {"it": _RELOAD}, runs)["it"]}
    lab.sh(f"mkdir -p {_SEARCHED}; cp {_QUADLETS}/* {_SEARCHED}/")
    times["reload, Quadlet"] = measure(lab, {"it": _RELOAD}, runs)["it"]
    lab.sh(f"rm -r {_SEARCHED}; systemctl daemon-reload")
    _say("podunit: installing, without a start")
    lab.sh(f"mkdir -p {UNITS}; cp /src/units/* {UNITS}/; podunit compile {_PODS} -o {UNITS}; systemctl daemon-reload")
    times["reload, podunit"] = measure(lab, {"it": _RELOAD}, runs)["it"]
    # A comment in each file: other bytes, and every unit is written again.
    _say("podunit: an apply that writes all")
    rewrite = f"sed -i 's/^Description=/Description=A /' {UNITS}/*bench*; {_PODUNIT} apply {_PODS}"
    clean = f"sed -i 's/^Description=/Description=A /' {UNITS}/*bench*"
    both = measure(lab, {"all": ("/bin/sh", "-c", rewrite), "sed": ("/bin/sh", "-c", clean)}, 1)
    times["rewrite"] = (both["all"][0] - both["sed"][0],)
    # What it remembers needs files that did not change just before.
    lab.wait_until(f"podunit apply {_PODS} > /dev/null; test -e /var/lib/podunit/settled.json", timeout_sec=300)
    _say("podunit and Quadlet's generator, in turn")
    found = measure(lab, {_PEER: _GENERATOR, **_COMMANDS}, runs)
    looked = lab.run("/opt/podunit/bin/python", "-c", _LOOK, UNITS, _PODS, str(runs), timeout_sec=300)
    return {**found, "look": tuple(json.loads(looked.stdout)), **times}


# argv: how many pods, their image, the folder for YAML, the folder for Quadlet's files.
_WRITE = """
import pathlib, sys
count, image, pods, quadlets = int(sys.argv[1]), sys.argv[2], *map(pathlib.Path, sys.argv[3:])
for folder in (pods, quadlets):
    folder.mkdir(parents=True)
for number in range(count):
    name = f"bench-{number:04}"
    containers = {"httpd": ["httpd", "-f", "-p", "8080"], "clock": ["sleep", "infinity"]}
    lines = ["apiVersion: v1", "kind: Pod", "metadata:", f"  name: {name}", "spec:", "  containers:"]
    for container, command in containers.items():
        words = ", ".join(f'"{word}"' for word in command)
        lines += [f"    - name: {container}", f"      image: {image}", f"      command: [{words}]"]
        unit = f"[Container]\\nPod={name}.pod\\nImage={image}\\nExec={' '.join(command)}\\n"
        (quadlets / f"{name}-{container}.container").write_text(unit)
    (pods / f"{name}.yaml").write_text("\\n".join(lines) + "\\n")
    (quadlets / f"{name}.pod").write_text("[Pod]\\n")
"""


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
