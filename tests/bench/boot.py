"""How long a machine takes to boot with enabled pods: podunit beside Quadlet with the same pods.

`python -m tests.bench.boot` boots labs, each with 0, 20 or 100 pods of one container: of podunit, put there by `podunit
apply --root`, and of Quadlet as `.container`, `.pod` and `.kube`. Prints a table, or JSON. The ratios count, not the
numbers of one machine; a lab has no hardware to find, so nearly all of its boot is the pods'.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench.start import Pod
from tests.lab import layers
from tests.lab.machine import Machine

_KINDS = ("podunit", "container", "pod", "kube")
_PODUNIT = Path(sys.executable).with_name("podunit")
_PATIENCE_SEC = 900
_INSTALL = "[Install]\nWantedBy=multi-user.target\n"
# Prints when default.target was reached, when the last of the units was up, and how long generators took: seconds.
_LOOK = """
import json, subprocess, sys, time
def show(*words):
    done = subprocess.run(["systemctl", "show", *words], capture_output=True, text=True, check=True)
    return [dict(line.split("=", 1) for line in part.splitlines()) for part in done.stdout.split("\\n\\n")]
units = sys.argv[1:]
while True:
    seen = show("--property=ActiveState,ActiveEnterTimestampMonotonic", "default.target", *units)
    if all(one["ActiveState"] == "active" for one in seen):
        break
    time.sleep(0.5)
(own,) = show()
since = int(own["UserspaceTimestampMonotonic"])
times = [(int(one["ActiveEnterTimestampMonotonic"]) - since) / 1e6 for one in seen]
made = int(own["GeneratorsFinishTimestampMonotonic"]) - int(own["GeneratorsStartTimestampMonotonic"])
blamed = subprocess.run(["systemd-analyze", "blame"], capture_output=True, text=True, check=True).stdout.split()[1::2]
print(json.dumps({"boot": times[0], "up": max(times), "generators": made / 1e6, "blamed": blamed}))
"""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.boot", description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", default="trixie", help="Debian suite of the lab, one that has Quadlet")
    parser.add_argument("--pods", action="append", type=int, help="how many; again for another; default: 0, 20, 100")
    parser.add_argument("--kind", action="append", choices=_KINDS, help="again for another; default: all")
    parser.add_argument("--runs", type=int, default=3, help="how often each boots")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    made = layers.build(arguments.suite)
    found = {}
    for count in arguments.pods or (0, 20, 100):
        print(f"bench: {count} pods", file=sys.stderr, flush=True)
        kinds = tuple(arguments.kind or _KINDS) if count else ("podunit",)
        runs: dict[str, list[Mapping[str, float]]] = {kind: [] for kind in kinds}
        for _ in range(arguments.runs):
            for kind in kinds:
                runs[kind].append(_boot(made, kind, count))
        found[count] = {kind: _sum_up(own) for kind, own in runs.items()}
        if not arguments.json:
            _print(count, found[count])
    if arguments.json:
        print(json.dumps(found, indent=2))
    return 0


def _boot(made: layers.Layers, kind: str, count: int) -> Mapping[str, float]:
    """One boot of a lab with these pods, enabled."""
    pods = [Pod(f"web-{number}", (20000 + number,)) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), kind, pods)
        names = [folder, *made.names]
        # A hundred pods take longer than the boot of a lab may.
        with Machine(made.cache, names, made.images, layers.PROJECT, boot_timeout_sec=_PATIENCE_SEC) as lab:
            units = [unit for pod in pods for unit in _list_units(pod, kind)]
            found = json.loads(lab.run("python3", "-c", _LOOK, *units, timeout_sec=_PATIENCE_SEC).stdout)
            # What takes time at a boot is the pods' own; this one has no process.
            assert {unit for unit in found.pop("blamed") if unit.startswith("podunit")} <= {"podunit-stop.service"}
            return {name: float(seconds) for name, seconds in found.items()}


def _list_units(pod: Pod, kind: str) -> list[str]:
    """What is active when the containers of a pod run."""
    if kind == "podunit":
        return [f"container@{pod.name}.c{port}.service" for port in pod.ports]
    return pod.list_units("kube" if kind == "kube" else "container")


def _write(root: Path, kind: str, pods: list[Pod]) -> None:
    """The files of these pods as a layer below which the rest of the system is."""
    if not pods:
        return
    if kind == "podunit":
        file = root / "root/pods.yaml"
        file.parent.mkdir(mode=0o700)
        file.write_text("---\n".join(pod.write_yaml() for pod in pods))
        (root / "usr").mkdir()
        versions = ("--systemd", "257", "--podman", "5.4.2")
        command = (str(_PODUNIT), "--system", "apply", "--root", str(root), *versions, str(file))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return
    folder = root / "etc/containers/systemd"
    folder.mkdir(parents=True)
    for pod in pods:
        for name, text in pod.list_quadlets(kind).items():
            # The containers of a .pod come with it.
            enabled = name.endswith(f".{kind}")
            (folder / name).write_text(f"{text}{_INSTALL if enabled else ''}")


def _sum_up(runs: list[Mapping[str, float]]) -> dict[str, float]:
    return {f"{name}_sec": statistics.median(run[name] for run in runs) for name in runs[0]}


def _print(count: int, found: Mapping[str, Mapping[str, float]]) -> None:
    peers = [kind for kind in found if kind != "podunit"]
    head = "".join(f"{f'to .{name}':>14}" for name in peers)
    print(f"{f'{count} pods':<14} {'boot s':>8} {'all up s':>9} {'generators ms':>14}   all up: {head}")
    for kind, own in found.items():
        ratios = "".join(f"{own['up_sec'] / found[name]['up_sec']:>14.2f}" for name in peers)
        print(
            f"  {kind:<12} {own['boot_sec']:>8.2f} {own['up_sec']:>9.2f} {own['generators_sec'] * 1000:>14.0f}"
            f"            {ratios}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
