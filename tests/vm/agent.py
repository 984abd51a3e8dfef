#!/usr/bin/python3
"""Runs commands in the virtual machine. Each line in is a request, each line out an answer, in JSON; the first line out
says that the machine has booted, and which boot it is.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import IO

PORT = "/dev/virtio-ports/agent"


def main() -> None:
    # The port can be opened once.
    with open(PORT, "rb+", buffering=0) as port:  # noqa: PTH123 - of a device
        requests = open(port.fileno(), "rb", closefd=False)  # noqa: SIM115 - of a descriptor
        answer(port, {"boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip()})
        while line := requests.readline():
            request = json.loads(line)
            answer(port, {"id": request["id"], **run(request["argv"], request["input"])})


def run(argv: list[str], given: str) -> dict[str, object]:
    # Files, not pipes: those are open as long as anything that the command has left running.
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        stdin.write(given.encode())
        stdin.seek(0)
        status = subprocess.run(argv, stdin=stdin, stdout=out, stderr=err, check=False).returncode
        return {"status": status, "stdout": read(out), "stderr": read(err)}


def read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="backslashreplace")


def answer(port: IO[bytes], fields: dict[str, object]) -> None:
    left = json.dumps(fields).encode() + b"\n"
    while left:
        left = left[port.write(left) :]


if __name__ == "__main__":
    main()
