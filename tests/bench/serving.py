"""Units that are started and stopped in turn, seen from outside: when they serve, what runs, how much memory it takes.

In: on standard input, units and ports by name. Out: JSON. Runs inside a lab and needs nothing else; `start` runs it.

A case is up when each of its ports has answered a request, whatever its units say of themselves; it is down when
`systemctl stop` has returned and none does.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_PERIOD_SEC = 0.002
# podman holds a published port by a socket at which nobody answers, until the network is whole: what hangs is tried
# again.
_PATIENCE_SEC = 0.05
_LIMIT_SEC = 120
# The payload's own processes. What podman shares between pods is nobody's.
_PAYLOAD = ("sh", "httpd")
_SHARED = ("aardvark-dns",)
_SETTLE_SEC = 1


def main() -> None:
    """Start and stop every case so often, in turn."""
    order = json.load(sys.stdin)
    found: dict[str, dict[str, Any]] = {name: {"start": [], "stop": []} for name in order["cases"]}
    for turn in range(order["runs"] + 1):
        for name, case in order["cases"].items():
            before = _list_processes()
            start = _start(case["units"], case["ports"])
            if not turn:
                time.sleep(_SETTLE_SEC)
                found[name].update(_weigh(before))
            stop = _stop(case["stop"], case["ports"])
            if turn:
                found[name]["start"].append(start)
                found[name]["stop"].append(stop)
    print(json.dumps(found))


def _start(units: list[str], ports: list[int]) -> float:
    since = time.perf_counter()
    command = subprocess.Popen(["systemctl", "start", *units])
    left = set(ports)
    while left:
        left = {port for port in left if not _answers(port)}
        if left:
            time.sleep(_PERIOD_SEC)
        if time.perf_counter() - since > _LIMIT_SEC:
            sys.exit(f"{units}: nobody serves at {sorted(left)}")
    taken = time.perf_counter() - since
    if command.wait():
        sys.exit(f"{units}: not started")
    return taken


def _stop(units: list[str], ports: list[int]) -> float:
    since = time.perf_counter()
    subprocess.run(["systemctl", "stop", *units], check=True)
    while any(_answers(port) for port in ports):
        time.sleep(_PERIOD_SEC)
        if time.perf_counter() - since > _LIMIT_SEC:
            sys.exit(f"{units}: not stopped")
    return time.perf_counter() - since


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SEC) as stream:
            stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return stream.recv(16).startswith(b"HTTP/1.")
    except OSError:
        return False


def _list_processes() -> set[int]:
    return {int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()}


def _weigh(before: set[int]) -> dict[str, float]:
    """How many processes there are beside the payload that were not there before, and their PSS in kB."""
    own = Path("/proc/self/ns/pid").readlink()
    count, pss_kb = 0, 0
    for pid in _list_processes() - before:
        folder = Path(f"/proc/{pid}")
        try:
            comm, space = (folder / "comm").read_text().strip(), (folder / "ns/pid").readlink()
            lines = (folder / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        if comm in _SHARED or (comm in _PAYLOAD and space != own):
            continue
        # A thread of the kernel has no memory.
        found = [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
        if found:
            count, pss_kb = count + 1, pss_kb + found[0]
    return {"processes": count, "pss_kb": pss_kb}


if __name__ == "__main__":
    main()
