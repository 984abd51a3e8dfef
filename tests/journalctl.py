"""journalctl, played by a program that prints recorded entries and writes down what it was asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

# Answers the n-th call with the n-th file, and follows for ever where it is asked to.
_PROGRAM = """\
#!{python} -IS
import json, os, signal, sys
folder = {folder!r}
calls = os.path.join(folder, "calls")
number = len(open(calls).readlines()) if os.path.exists(calls) else 0
with open(calls, "a") as stream:
    print(json.dumps(sys.argv[1:]), file=stream)
with open(os.path.join(folder, "pid"), "w") as stream:
    print(os.getpid(), file=stream)
answer = json.load(open(os.path.join(folder, f"answer-{{number}}.json")))
sys.stdout.write(answer["stdout"])
sys.stdout.flush()
sys.stderr.write(answer["stderr"])
if "--follow" in sys.argv and not answer["status"]:
    signal.pause()
sys.exit(answer["status"])
"""


class Journalctl:
    """A folder with the program, what it answers, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers = 0
        program = folder / "journalctl"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)), encoding="utf-8")
        program.chmod(0o755)

    def answer(self, *entries: dict[str, object], stderr: str = "", status: int = 0) -> None:
        """Answer the next call."""
        stdout = "".join(json.dumps(entry) + "\n" for entry in entries)
        file = self._folder / f"answer-{self._answers}.json"
        file.write_text(json.dumps({"stdout": stdout, "stderr": stderr, "status": status}), encoding="utf-8")
        self._answers += 1

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call."""
        return [json.loads(line) for line in (self._folder / "calls").read_text(encoding="utf-8").splitlines()]

    @property
    def was_called(self) -> bool:
        """Whether there was any call."""
        return (self._folder / "calls").exists()

    def is_running(self) -> bool:
        """Whether the last call has not ended."""
        pid = int((self._folder / "pid").read_text(encoding="utf-8"))
        return Path(f"/proc/{pid}").exists()
