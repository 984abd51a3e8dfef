"""What a loss of power may leave of a file system: a simple model, stricter than what file systems for disks promise.

In: the calls of a process, each with the tree that it found. Out: trees that may be there after a loss of power before
the next call. The data of a file may be lost until the file is synced; then it is as it was when it was synced last, or
empty. So may be what a call has done to names, until a folder that has one of these names is synced; a rename is lost
as a whole. What is synced can be reached: the folders above are written with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.trees import Node, Nodes

# A name in a folder, which is known by a number of its own.
_Name = tuple[int, str]


@dataclass(frozen=True)
class _Step:
    """What one call has done to names: what each was, and what it is."""

    names: dict[_Name, tuple[int | None, int | None]]

    @property
    def folders(self) -> set[int]:
        return {folder for folder, _ in self.names}


class Disk:
    """A file system on which a process is at work."""

    def __init__(self, nodes: Nodes) -> None:
        self._count = itertools.count()
        self._known: dict[int, int] = {}
        self._nodes: dict[int, Node] = {}
        self._synced: dict[int, bytes] = {}
        self._pending: list[_Step] = []
        self._names: dict[_Name, int] = {}
        self._root = -1
        self._see(nodes)
        self._synced = {number: node.data for number, node in self._nodes.items()}
        self._pending.clear()

    def go_on(self, synced: Sequence[str], nodes: Nodes) -> None:
        """A call was made: it has synced what has these names in the tree, which is now this."""
        self._see(nodes)
        for path in synced:
            if path not in nodes:
                continue
            number = self._known[nodes[path].number]
            self._synced[number] = self._nodes[number].data
            if nodes[path].is_folder:
                self._settle(number)
            for parent in self._list_parents(number):
                self._settle_name(parent)

    def lose(self) -> Iterator[Nodes]:
        """What may be there after a loss of power now: nothing lost, all that is not synced, and each of it alone."""
        torn = [number for number, node in self._nodes.items() if node.data != self._synced.get(number, b"")]
        yield self._build((), ())
        yield self._build(self._pending, torn)
        for number in torn:
            yield self._build((), (number,))
        for index, step in enumerate(self._pending):
            yield self._build(self._list_dependent(index, step), ())

    def _see(self, nodes: Nodes) -> None:
        """Know all files of a tree, each by a number that comes only once, and what has happened to names."""
        live = {node.number for node in nodes.values()}
        self._known = {inode: number for inode, number in self._known.items() if inode in live}
        for node in nodes.values():
            if node.number not in self._known:
                self._known[node.number] = next(self._count)
            self._nodes[self._known[node.number]] = node
        self._root = self._known[nodes[""].number]
        names: dict[_Name, int] = {}
        for path, node in nodes.items():
            if path:
                parent, _, name = path.rpartition("/")
                names[self._known[nodes[parent].number], name] = self._known[node.number]
        old = self._names
        # What is in a folder that is gone went before it.
        changed = {key: (old.get(key), names.get(key)) for key in {**old, **names} if old.get(key) != names.get(key)}
        if changed:
            self._pending.append(_Step(changed))
        self._names = names

    def _settle(self, folder: int) -> None:
        self._pending = [step for step in self._pending if folder not in step.folders]

    def _settle_name(self, name: _Name) -> None:
        self._pending = [step for step in self._pending if name not in step.names]

    def _list_parents(self, number: int) -> list[_Name]:
        """The names of the folders on the way to a file; its own is not settled with it."""
        parents = {child: key for key, child in self._names.items() if self._nodes[child].is_folder}
        found = []
        own = next(key for key, child in self._names.items() if child == number) if number != self._root else None
        key = own if own and self._nodes[number].is_folder else parents.get(own[0]) if own else None
        while key:
            found.append(key)
            key = parents.get(key[0])
        return found

    def _list_dependent(self, index: int, step: _Step) -> list[_Step]:
        """This step with all later ones that cannot have happened without it."""
        lost, names = [step], set(step.names)
        made = {new for _, new in step.names.values() if new is not None}
        for later in self._pending[index + 1 :]:
            if names & later.names.keys() or made & later.folders:
                lost.append(later)
                names |= later.names.keys()
                made |= {new for _, new in later.names.values() if new is not None}
        return lost

    def _build(self, lost: Sequence[_Step], torn: Sequence[int]) -> Nodes:
        names = dict(self._names)
        for step in reversed(lost):
            for key, (old, _) in step.names.items():
                if old is None:
                    names.pop(key, None)
                else:
                    names[key] = old
        children: dict[int, list[tuple[str, int]]] = {}
        for (folder, name), number in names.items():
            children.setdefault(folder, []).append((name, number))
        found: dict[str, Node] = {}

        def walk(path: str, number: int) -> None:
            node = self._nodes[number]
            data = self._synced.get(number, b"") if number in torn else node.data
            found[path] = Node(node.mode, data, number)
            for name, child in children.get(number, ()):
                walk(f"{path}/{name}" if path else name, child)

        walk("", self._root)
        return found
