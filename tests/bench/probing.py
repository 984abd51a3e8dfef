"""What probing costs: podunit's probes beside podman's healthchecks of the same containers, in turn in one lab.

`python -m tests.bench.probing` boots a lab, starts containers that serve a page, and reads from the cgroups what all
of the lab has used: once with nothing probed, once with each way of probing. Prints a table, or JSON.

CPU is in seconds per hour, less what the same containers use without probes. Memory is what stays between checks: the
prober's PSS, and by how much of its own, without the files that it shares with others, it grows for each probe; podman
keeps nothing. The ratios count, not the numbers of one machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable

from tests.lab.laboratory import Laboratory

_IMAGE = "localhost/podunit-test:1"
_PER_POD = 10
_PERIOD_SEC = 10

# All that the lab has used, in microseconds: the topmost cgroups keep what ended processes have used.
_USAGE = "cat /sys/fs/cgroup/*/cpu.stat | awk '/^usage_usec/ { sum += $2 } END { print sum }'"
_MEMORY = (
    "awk '/^(Pss|Anonymous):/ { print $2 }'"
    " /proc/$(systemctl show --value --property=MainPID podunit-prober.service)/smaps_rollup"
)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.probing", description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", default="trixie", help="Debian suite of the lab")
    parser.add_argument("--http", type=int, default=200, help="containers with an HTTP probe")
    parser.add_argument("--exec", type=int, default=20, help="containers with a command as their probe")
    parser.add_argument("--seconds", type=int, default=60, help="how long each way is measured")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = {}
    if not arguments.json:
        print("probes            CPU s/h podunit   CPU s/h podman   ratio   kB prober   kB per probe", flush=True)
    with Laboratory(arguments.suite) as lab:
        for kind, count in (("exec", arguments.exec), ("http", arguments.http)):
            if not count:
                continue
            own = _measure_podunit(lab, kind, count, arguments.seconds)
            peer = _measure_podman(lab, kind, count, arguments.seconds)
            found[kind] = {"podunit": own, "podman": peer, "probes": count}
            if not arguments.json:
                ratio = own["cpu_sec_per_hour"] / peer["cpu_sec_per_hour"]
                print(
                    f"{count:>4} {kind:<12} {own['cpu_sec_per_hour']:>15.1f} {peer['cpu_sec_per_hour']:>16.1f}"
                    f" {ratio:>7.3f} {own['pss_kb']:>11.0f} {own['kb_per_probe']:>14.1f}",
                    flush=True,
                )
    if arguments.json:
        print(json.dumps(found, indent=2))
    return 0


def _measure_podunit(lab: Laboratory, kind: str, count: int, seconds: int) -> dict[str, float]:
    _say(f"podunit: {count} containers without probes")
    _apply(lab, kind, count, probed=False)
    idle = _use(lab, seconds)
    _delete(lab)
    _say(f"podunit: {count} containers, {kind} probes every {_PERIOD_SEC} s")
    _apply(lab, kind, min(count, _PER_POD), probed=True)
    few = min(count, _PER_POD)
    time.sleep(_PERIOD_SEC + 2)
    _, base_kb = map(int, lab.sh(_MEMORY).stdout.split())
    _apply(lab, kind, count, probed=True)
    time.sleep(_PERIOD_SEC + 2)
    busy = _use(lab, seconds)
    pss_kb, own_kb = map(int, lab.sh(_MEMORY).stdout.split())
    _delete(lab)
    return {
        "cpu_sec_per_hour": (busy - idle) * 3600,
        "pss_kb": pss_kb,
        "kb_per_probe": (own_kb - base_kb) / (count - few) if count > few else 0.0,
    }


def _measure_podman(lab: Laboratory, kind: str, count: int, seconds: int) -> dict[str, float]:
    _say(f"podman: {count} containers without healthchecks")
    _run(lab, kind, count, probed=False)
    idle = _use(lab, seconds)
    _remove(lab)
    _say(f"podman: {count} containers, {kind} healthchecks every {_PERIOD_SEC} s")
    _run(lab, kind, count, probed=True)
    time.sleep(_PERIOD_SEC + 2)
    busy = _use(lab, seconds)
    _remove(lab)
    return {"cpu_sec_per_hour": (busy - idle) * 3600}


def _use(lab: Laboratory, seconds: int) -> float:
    """CPU seconds per second."""
    before, since = int(lab.sh(_USAGE).stdout), time.monotonic()
    time.sleep(seconds)
    after = int(lab.sh(_USAGE).stdout)
    return (after - before) / 1e6 / (time.monotonic() - since)


def _ports(count: int) -> Iterable[tuple[int, list[int]]]:
    """Pods by number, with the ports of their containers."""
    for first in range(0, count, _PER_POD):
        yield first // _PER_POD, [8000 + number for number in range(min(_PER_POD, count - first))]


def _apply(lab: Laboratory, kind: str, count: int, *, probed: bool) -> None:
    documents = []
    for number, ports in _ports(count):
        containers = []
        for port in ports:
            check = (
                f"httpGet: {{port: {port}, path: /page}}" if kind == "http" else "exec: {command: [test, -e, /page]}"
            )
            probe = (
                f"\n    livenessProbe: {{{check}, periodSeconds: {_PERIOD_SEC}, timeoutSeconds: 5}}" if probed else ""
            )
            script = f"echo yes > /page; exec httpd -f -p {port} -h /"
            name = f"  - name: c{port}\n    image: {_IMAGE}\n    command: [sh, -c, '{script}']"
            containers.append(name + probe)
        documents.append(
            f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: bench-{number}\n  annotations: {{podunit/boot: 'false'}}\n"
            "spec:\n  terminationGracePeriodSeconds: 0\n  containers:\n" + "\n".join(containers)
        )
    lab.write("/root/bench.yaml", "\n---\n".join(documents) + "\n")
    lab.run("podunit", "up", "/root/bench.yaml", timeout_sec=900)


def _delete(lab: Laboratory) -> None:
    lab.run("podunit", "delete", "/root/bench.yaml", timeout_sec=900)


def _run(lab: Laboratory, kind: str, count: int, *, probed: bool) -> None:
    for number, ports in _ports(count):
        lab.run("podman", "pod", "create", f"--name=bench-{number}")
        for port in ports:
            command = f"wget -q -O /dev/null http://127.0.0.1:{port}/page" if kind == "http" else "test -e /page"
            check = (
                f"--health-cmd={command}",
                f"--health-interval={_PERIOD_SEC}s",
                "--health-timeout=5s",
            )
            script = f"echo yes > /page; exec httpd -f -p {port} -h /"
            lab.run(
                *("podman", "run", "--detach", f"--name=bench-{number}-{port}", f"--pod=bench-{number}"),
                *(check if probed else ()),
                *(_IMAGE, "sh", "-c", script),
            )


def _remove(lab: Laboratory) -> None:
    lab.sh("podman pod rm --all --force --time=0", timeout_sec=900)


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
