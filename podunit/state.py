"""What podunit keeps beside the units: objects that were applied, files that units read at their start, and messages.

In: texts and bytes. Out: files below one folder that only its owner may enter, changed as a whole or not at all.
Whoever calls holds the lock of the unit directory.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from podunit.exchange import Exchange, begin, list_content, settle, sync
from podunit.private import explained, write_private
from podunit.scope import Scope

# What is to be kept, until it is.
_STAGED = ".new"


def find_state_folder(scope: Scope) -> Path:
    """podunit's own folder of the system or of a user, the same whatever systemd is there."""
    return Path("/var/lib/podunit") if scope is Scope.SYSTEM else Path.home() / ".local/state/podunit"


class StateFolder:
    """The folder; it is made when something is first kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._objects = path / "objects"
        self._files = path / "files"
        self._ends = path / "ends"
        self._places = path / "places.json"

    @property
    def path(self) -> Path:
        """The folder itself, which may not be there."""
        return self._path

    def read_objects(self) -> dict[str, Path]:
        """The files of all objects, by `KIND.NAME`."""
        with explained(self._objects):
            return {file.name.removesuffix(".json"): file for file in _list(self._objects) if file.suffix == ".json"}

    def stage_objects(self, texts: Mapping[str, str], places: Mapping[str, str]) -> tuple[str, ...]:
        """Write objects, by `KIND.NAME`, and where they were read beside those that are kept, if any of that differs.

        What is to be committed: paths below the folder. A place is as `/srv/web.yaml:1:1`, or '' for no file.
        """
        words = self.compare_objects(texts)
        staged = {f"objects/{name}.json": text for name, text in texts.items() if words[name] != "unchanged"}
        old = self.read_places()
        kept = self._choose_places(places, {*self.read_objects(), *texts})
        if kept and kept != old:
            staged[self._places.name] = _dump_places(kept)
        with explained(self._path):
            for name, text in staged.items():
                self._make_folder(self._objects)
                write_private(self._path / f"{name}{_STAGED}", text.encode())
            if staged:
                self._sync_objects()
        return tuple(staged)

    def commit_objects(self, staged: Collection[str]) -> None:
        """Keep what was staged, each in place of an earlier one; what is not staged any more is kept already."""
        with explained(self._path):
            for name in staged:
                fresh = self._path / f"{name}{_STAGED}"
                if fresh.exists():
                    fresh.rename(self._path / name)
            if staged:
                self._sync_objects()

    def compare_objects(self, texts: Mapping[str, str]) -> dict[str, str]:
        """What keeping these objects comes to, each in place of an earlier one: 'created', 'changed' or 'unchanged'."""
        words = {}
        with explained(self._objects):
            for name, text in texts.items():
                file = self._objects / f"{name}.json"
                old = file.read_text(encoding="utf-8") if file.exists() else None
                words[name] = "created" if old is None else "unchanged" if old == text else "changed"
        return words

    def read_places(self) -> dict[str, str]:
        """Where objects were read when they were applied, by `KIND.NAME`: `/srv/web.yaml:1:1`."""
        try:
            found = json.loads(self._places.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # Only an addition to what is known of a pod.
            return {}
        return {str(name): str(place) for name, place in found.items()}

    def keep_places(self, places: Mapping[str, str]) -> None:
        """Keep where objects were read, '' for no file, and forget those of objects that are not kept."""
        kept = self._choose_places(places, self.read_objects())
        if kept == self.read_places():
            return
        with explained(self._places):
            if kept:
                self._make_folder(self._objects)
                fresh = self._places.with_name(f"{self._places.name}{_STAGED}")
                write_private(fresh, _dump_places(kept).encode())
                fresh.rename(self._places)
            else:
                self._places.unlink()
            sync(self._path)

    def forget_objects(self, names: Iterable[str]) -> tuple[str, ...]:
        """Keep these objects no longer; those that were there."""
        gone = []
        with explained(self._objects):
            for name in names:
                file = self._objects / f"{name}.json"
                if file.exists():
                    file.unlink()
                    gone.append(name)
            if gone:
                sync(self._objects)
        # Also of those that somebody has forgotten who died then.
        self.keep_places({})
        return tuple(gone)

    def compare_files(self, files: Mapping[str, Mapping[str, bytes]]) -> dict[str, frozenset[str]]:
        """The paths that differ from those in use, of pods where any does."""
        with explained(self._files):
            present = {folder.name for folder in _list(self._files)}
            old = {pod: self._read_files(pod) if pod in present else {} for pod in files}
        return {pod: paths for pod, own in files.items() if (paths := _compare(old[pod], own))}

    def stage_files(self, files: Mapping[str, Mapping[str, bytes]]) -> dict[str, frozenset[str]]:
        """Write the files of pods beside those that are in use; the paths that differ, of pods where any does."""
        changed = self.compare_files(files)
        with explained(self._files):
            for pod in changed:
                staged = self._find_exchange(pod).successor
                settle(self._files / pod)
                shutil.rmtree(staged, ignore_errors=True)
                self._make_folder(staged)
                for path, data in files[pod].items():
                    file = staged / path
                    self._make_folder(file.parent)
                    write_private(file, data)
                begin(staged)
                for folder in (*(path for path in staged.rglob("*") if path.is_dir()), staged, self._files):
                    sync(folder)
        return changed

    def list_exchanges(self, pods: Iterable[str]) -> tuple[Exchange, ...]:
        """What puts the staged files of pods in the place of those in use; what runs keeps the files it has."""
        return tuple(self._find_exchange(pod) for pod in pods)

    def commit_files(self, pods: Iterable[str]) -> None:
        """The exchanges of these pods are made; what they have replaced stays until `discard_files`."""
        with explained(self._files):
            for pod in pods:
                settle(self._files / pod)
                if not (self._files / pod).exists():
                    continue
                sync(self._files / pod)
                if not list_content(self._files / pod):
                    shutil.rmtree(self._files / pod)

    def discard_files(self) -> None:
        """Remove what has been replaced, and what was staged by somebody who died."""
        with explained(self._files):
            for folder in self._files.glob("*_*"):
                shutil.rmtree(folder)
            for file in (*self._path.glob(f"*{_STAGED}"), *self._objects.glob(f"*{_STAGED}")):
                file.unlink()

    def forget_files(self, pods: Iterable[str]) -> None:
        """Remove the files of pods, and the messages of their containers."""
        with explained(self._files):
            for pod in pods:
                for folder in (self._files / pod, *self._files.glob(f"{pod}_*"), self._ends / pod):
                    if folder.exists():
                        shutil.rmtree(folder)
                        sync(folder.parent)

    def remove_empty(self) -> None:
        """Remove the folders in which nothing is, the last of all this one."""
        for folder, _, _ in os.walk(self._path, topdown=False):
            # Somebody keeps something in it, or has mounted it.
            with suppress(OSError):
                Path(folder).rmdir()

    def list_left(self, pods: Collection[str]) -> tuple[Path, ...]:
        """What is here of other pods than these, but for what `discard_files` removes."""
        with explained(self._path):
            folders = [*_list(self._files), *_list(self._ends)]
            # An underscore is in no pod's name.
            return tuple(folder for folder in folders if folder.name not in pods and "_" not in folder.name)

    def read_message(self, pod: str, container: str) -> str | None:
        """What a container has left at its last end, None for one that has not ended."""
        file = self._ends / pod / container / "last"
        with explained(file):
            try:
                return file.read_bytes().decode(errors="replace")
            except FileNotFoundError:
                return None

    def read_files(self, pod: str) -> dict[str, bytes]:
        """What the units of a pod read, by path."""
        with explained(self._files):
            return self._read_files(pod) if (self._files / pod).is_dir() else {}

    def read_object(self, name: str) -> str | None:
        """The text of an object, by `KIND.NAME`; None for one that is not kept."""
        file = self._objects / f"{name}.json"
        with explained(file):
            return file.read_text(encoding="utf-8") if file.exists() else None

    def _choose_places(self, places: Mapping[str, str], objects: Collection[str]) -> dict[str, str]:
        every = {**self.read_places(), **places}
        return {name: place for name, place in every.items() if place and name in objects}

    def _sync_objects(self) -> None:
        for folder in (self._objects, self._path):
            sync(folder)

    def _make_folder(self, path: Path) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        for folder in (*reversed(path.relative_to(self._path).parents), path.relative_to(self._path)):
            (self._path / folder).mkdir(mode=0o700, exist_ok=True)

    def _find_exchange(self, pod: str) -> Exchange:
        # An underscore is in no pod's name.
        return Exchange(self._files / pod, self._files / f"{pod}_new")

    def _read_files(self, pod: str) -> dict[str, bytes]:
        folder = self._files / pod
        return {str(file.relative_to(folder)): file.read_bytes() for file in list_content(folder)}


def _list(folder: Path) -> list[Path]:
    """What is in a folder, sorted, nothing if it is not there; an error for who may not look, which glob() hides."""
    return sorted(folder.iterdir()) if folder.exists() else []


def _dump_places(places: Mapping[str, str]) -> str:
    return json.dumps(places, indent=2, sort_keys=True)


def _compare(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> frozenset[str]:
    return frozenset(path for path in (*old, *new) if old.get(path) != new.get(path))
