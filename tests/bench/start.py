"""How long pods take to serve and to stop, and what is left running beside them: podunit beside Quadlet, in one lab.

`python -m tests.bench.start` boots a lab and starts and stops, in turn, one container, a pod of two, a pod of five and
50 pods of one at once: as pods of podunit, of each engine, and as Quadlet's `.container`, `.pod` and `.kube`.
Prints a table, or JSON. The ratios count, not the numbers of one machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.lab.guest import Guest
from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE

_QUADLETS = "/etc/containers/systemd"
_SHAPES = {"one": (1, 1), "pod of 2": (1, 2), "pod of 5": (1, 5), "50 pods": (50, 1)}
_ENGINES = ("podman", "crun")
_PEERS = ("container", "pod", "kube")


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod to be: containers that serve, each at a port of its own, which is the host's too."""

    name: str
    ports: tuple[int, ...]

    def script(self, port: int) -> str:
        """What a container runs: it ends on SIGTERM at once."""
        return f"trap exit TERM; httpd -f -p {port} -h / & wait"

    def write_yaml(self, notes: str = "") -> str:
        """The pod as Kubernetes and podman know it."""
        lines = ["apiVersion: v1", "kind: Pod", "metadata:", f"  name: {self.name}", notes, "spec:", "  containers:"]
        for port in self.ports:
            lines += [
                f"  - name: c{port}",
                f"    image: {IMAGE}",
                f"    command: [sh, -c, '{self.script(port)}']",
                f"    ports: [{{containerPort: {port}, hostPort: {port}}}]",
            ]
        return "\n".join(line for line in lines if line) + "\n"

    def list_quadlets(self, kind: str) -> dict[str, str]:
        """The files of Quadlet by name, for a container, a pod or a `.kube`."""
        published = "".join(f"PublishPort={port}:{port}\n" for port in self.ports)
        if kind == "kube":
            return {
                f"{self.name}.kube": f"[Kube]\nYaml={self.name}.yaml\n",
                f"{self.name}.yaml": self.write_yaml(),
            }
        own = {
            f"{self.name}-c{port}.container": f"[Container]\nImage={IMAGE}\nExec=sh -c '{self.script(port)}'\n"
            for port in self.ports
        }
        if kind == "container":
            return {name: text + published for name, text in own.items()}
        return {
            f"{self.name}.pod": f"[Pod]\n{published}",
            **{name: f"{text}Pod={self.name}.pod\n" for name, text in own.items()},
        }

    def list_units(self, kind: str) -> list[str]:
        """What is started and stopped."""
        if kind == "kube":
            return [f"{self.name}.service"]
        if kind == "container":
            return [f"{self.name}-c{port}.service" for port in self.ports]
        return [f"{self.name}-pod.service"] if kind == "pod" else [f"pod@{self.name}.service"]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.start", description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", default="trixie", help="Debian suite of the lab, one that has Quadlet")
    parser.add_argument("--engine", action="append", choices=_ENGINES, help="again for another; default: all")
    parser.add_argument("--shape", action="append", choices=_SHAPES, help="what is started; default: all")
    parser.add_argument("--runs", type=int, default=10, help="how often each is started")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = {}
    with Laboratory(arguments.suite) as lab:
        # An overlay cannot write on the lab's root, which is one.
        lab.sh("mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit")
        for shape in arguments.shape or _SHAPES:
            print(f"bench: {shape}", file=sys.stderr, flush=True)
            found[shape] = _measure(lab, shape, arguments.engine or _ENGINES, arguments.runs)
            if not arguments.json:
                _print(shape, found[shape])
    if arguments.json:
        print(json.dumps(found, indent=2))
    return 0


def _measure(lab: Guest, shape: str, engines: Iterable[str], runs: int) -> dict[str, dict[str, float]]:
    """The medians of each kind, in seconds; processes and memory of one pod."""
    count, size = _SHAPES[shape]
    cases = {}
    quadlets: dict[str, str] = {}
    documents: list[str] = []
    # A published port is one pod's alone.
    port = 20000
    for kind in (*engines, *(peer for peer in _PEERS if peer != "container" or size == 1)):
        pods = [
            Pod(f"{kind}-{size}-{number}", tuple(range(port + number * size, port + (number + 1) * size)))
            for number in range(count)
        ]
        port += count * size
        units = [unit for pod in pods for unit in pod.list_units(kind)]
        cases[kind] = {"units": units, "stop": units, "ports": [port for pod in pods for port in pod.ports]}
        for pod in pods:
            if kind in _PEERS:
                quadlets |= pod.list_quadlets(kind)
            else:
                engine = "" if kind == "podman" else f", podunit/engine: {kind}"
                documents.append(pod.write_yaml(f"  annotations: {{podunit/boot: 'false'{engine}}}"))
    _install(lab, quadlets, documents)
    order = json.dumps({"cases": cases, "runs": runs})
    seen = json.loads(lab.run("python3", "/src/tests/bench/serving.py", input=order, timeout_sec=3600).stdout)
    lab.run("podunit", "delete", "/root/start.yaml", timeout_sec=300)
    lab.sh(f"rm -r {_QUADLETS}; systemctl daemon-reload")
    return {
        kind: {
            "start_sec": statistics.median(own["start"]),
            "stop_sec": statistics.median(own["stop"]),
            "processes": own["processes"] / count,
            "pss_kb": own["pss_kb"] / count,
        }
        for kind, own in seen.items()
    }


def _install(lab: Guest, quadlets: Mapping[str, str], documents: Iterable[str]) -> None:
    lab.sh(f"mkdir -p {_QUADLETS}")
    packed = json.dumps({f"{_QUADLETS}/{name}": text for name, text in quadlets.items()})
    write = "import json, pathlib, sys; [pathlib.Path(n).write_text(t) for n, t in json.load(sys.stdin).items()]"
    lab.run("python3", "-c", write, input=packed)
    lab.write("/root/start.yaml", "---\n".join(documents))
    # Once up, so that images and networks are there; then all begin alike.
    lab.run("podunit", "up", "/root/start.yaml", timeout_sec=300)
    lab.run("podunit", "down", "/root/start.yaml", timeout_sec=300)
    lab.sh("systemctl daemon-reload")


def _print(shape: str, found: Mapping[str, Mapping[str, float]]) -> None:
    names = [kind for kind in _PEERS if kind in found]
    head = "".join(f"{f'to .{name}':>14}" for name in names)
    print(f"{shape:<14} {'start ms':>9} {'stop ms':>9} {'processes':>10} {'PSS kB':>8}   start: {head}")
    for kind, own in found.items():
        ratios = "".join(f"{own['start_sec'] / found[name]['start_sec']:>14.2f}" for name in names)
        name = f".{kind}" if kind in _PEERS else kind
        print(
            f"  {name:<12} {own['start_sec'] * 1000:>9.0f} {own['stop_sec'] * 1000:>9.0f} {own['processes']:>10.1f}"
            f" {own['pss_kb']:>8.0f}          {ratios}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
