"""Folders kept in memory with all that is in them: taken from the disk, and laid there again."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Node:
    """A file, a folder or a link (`data` is where it leads); two names of one file have one `number`."""

    mode: int
    data: bytes
    number: int = field(compare=False)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)


# By path from the folder; the folder itself is ''.
Nodes = Mapping[str, Node]


def take(folder: Path) -> dict[str, Node]:
    """What is there."""
    found = {"": _take(str(folder))}
    for parent, folders, files in os.walk(folder):
        start = parent[len(str(folder)) + 1 :]
        for name in (*folders, *files):
            found[f"{start}/{name}" if start else name] = _take(f"{parent}/{name}")
    return found


def lay(folder: Path, nodes: Nodes) -> None:
    """Let just this be there."""
    shutil.rmtree(folder, ignore_errors=True)
    known: dict[int, str] = {}
    for name in sorted(nodes):
        node, path = nodes[name], f"{folder}/{name}".rstrip("/")
        if node.is_folder:
            os.mkdir(path)  # noqa: PTH102 - thousands of these
        elif stat.S_ISLNK(node.mode):
            os.symlink(os.fsdecode(node.data), path)  # noqa: PTH211
            continue
        elif node.number in known:
            os.link(known[node.number], path)
            continue
        else:
            known[node.number] = path
            with open(path, "xb") as file:  # noqa: PTH123
                file.write(node.data)
        os.chmod(path, stat.S_IMODE(node.mode))  # noqa: PTH101


def _take(path: str) -> Node:
    status = os.lstat(path)
    data = b""
    if stat.S_ISLNK(status.st_mode):
        data = os.fsencode(os.readlink(path))  # noqa: PTH115
    elif stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:  # noqa: PTH123
            data = file.read()
    return Node(status.st_mode, data, status.st_ino)
