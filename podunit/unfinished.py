"""What is still to be done once files have changed: noted with the change, and struck out as soon as it is done.

In: what systemd is to be asked for pods, and what is left of pods that go. Out: a file beside the units, which tells
the next command what one that died has left. Asks no systemd.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from podunit.exchange import sync
from podunit.private import explained
from podunit.record import record

# Beside the units; systemd skips such a name.
UNFINISHED = ".podunit-unfinished"


@record
class Ask:
    """What is still to be asked of systemd for a pod: units, by what is done with them, in this order.

    `keep` are objects that are staged in the state folder, to be kept with the change.
    The `limits` of those units are to be told to the kernel. Of the units to `wait` for, systemd has been asked before;
    when they are through, what is `left` of the pod that was, as `Remains` has it in words, is to be removed.
    """

    pod: str
    disable: tuple[str, ...] = ()
    enable: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    wait: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def is_asked(self) -> bool:
        """Whether nothing is to be asked of systemd any more."""
        return not (self.disable or self.enable or self.limits or self.stop or self.restart or self.start or self.keep)

    def hand_over(self) -> Ask:
        """What is left of it once systemd has been asked."""
        # Of a pod as a whole the state of its handle tells that it is being restarted.
        alone = tuple(unit for unit in self.restart if unit.startswith("container@"))
        return Ask(self.pod, wait=alone or (self.restart if self.left else ()), left=self.left)


@record
class Doom:
    """A pod that is being deleted, with its units, or '' for objects alone.

    `objects` are kept no longer, by `KIND.NAME`; `claims` are podman's volumes that go as well. What is in `disable`
    was not disabled before its file went.
    """

    pod: str
    units: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()


Task = Ask | Doom


class Unfinished:
    """The notes of one unit directory; whoever writes them holds its lock."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / UNFINISHED

    def read(self) -> dict[str, Task]:
        """What is to be done, by pod."""
        found: dict[str, Task] = {}
        for pod, task in self._read_notes():
            if task:
                found[pod] = task
            else:
                found.pop(pod, None)
        return found

    def _read_notes(self) -> Iterator[tuple[str, Task | None]]:
        """All notes by pod, None for what is done."""
        if not self._file.exists():
            return
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                note = json.loads(line)
            except ValueError:
                # Cut off by the death of its writer, before anything that it was to announce.
                continue
            (kind, values), *_ = note.items()
            if kind == "done":
                yield values, None
                continue
            pod, parts = values.pop("pod"), {name: tuple(value) for name, value in values.items()}
            yield pod, Ask(pod, **parts) if kind == "ask" else Doom(pod, **parts)

    def list_deleted(self) -> frozenset[str]:
        """Pods and owners, by `KIND.NAME`, whose deletion was begun and not seen to its very end."""
        dooms = [task for _, task in self._read_notes() if isinstance(task, Doom)]
        return frozenset(name for doom in dooms for name in (f"Pod.{doom.pod}", *doom.objects))

    def compose(self, tasks: Iterable[Task]) -> str:
        """The text of the notes with these tasks, each in place of an earlier one of its pod."""
        return _dump({**self.read(), **{task.pod: task for task in tasks}}.values())

    def note(self, tasks: Iterable[Task]) -> None:
        """Let these be done by whoever comes next, if this process dies; on the disk on return."""
        if text := _dump(tasks):
            with explained(self._file):
                self._append(text)
                sync(self._file)
                sync(self._file.parent)

    def end(self, pod: str) -> None:
        """Strike out what was to be done for a pod."""
        if self._file.exists():
            with explained(self._file):
                self._append(json.dumps({"done": pod}) + "\n")

    def hand_over(self, ask: Ask) -> None:
        """Let no more be noted of a pod than what is to be waited for: systemd has been asked."""
        rest = ask.hand_over()
        if not rest.wait:
            self.end(ask.pod)
            return
        with explained(self._file):
            self._append(_dump([rest]))

    def clear(self) -> None:
        """Remove the notes, if all of them are done."""
        if self._file.exists() and not self.read():
            with explained(self._file):
                self._file.unlink()
                sync(self._file.parent)

    def _append(self, text: str) -> None:
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(handle, "rb+", buffering=0) as stream:
            size = stream.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(stream.fileno(), 1, size - 1) != b"\n"
            stream.write(("\n" * torn + text).encode())


def _dump(tasks: Iterable[Task]) -> str:
    return "".join(json.dumps({"ask" if isinstance(task, Ask) else "doom": asdict(task)}) + "\n" for task in tasks)
