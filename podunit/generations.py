"""What the machine's pods were: generations, kept for going back.

In: snapshots of pods and of those who own them. Out: the same, later. A generation is what one command has made of the
machine, by a number; the part of it that is one owner's, or one pod's own, is a revision. What is the same in two of
them is kept once: `content/` holds pods and objects by the SHA-256 of what they are, deflated.

All content and then the record are written and synced before anything is changed, and the record says `begun`. It says
how that ended once it has: an interrupted command leaves a whole record that says no more than that it was begun.
Whoever calls holds the lock of the unit directory.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, field, replace
from enum import StrEnum
from pathlib import Path

from podunit.errors import PodunitError
from podunit.exchange import sync
from podunit.private import explained, write_private
from podunit.record import record
from podunit.workload import HISTORY_LIMIT


@record
class Content:
    """A pod as files: the texts of its units by name, and what these read by path."""

    texts: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)


@record
class Snapshot:
    """A pod of its own, or all pods of an owner; its own object is `key`, as Deployment.web.

    `objects` are texts by `KIND.NAME`, those included that it refers to; `places` say where they were read. So many
    generations keep it besides the one that is there.
    """

    key: str
    objects: Mapping[str, str]
    places: Mapping[str, str]
    pods: Mapping[str, Content]
    history_limit: int = HISTORY_LIMIT


class Fate(StrEnum):
    """What became of a revision; `begun` is one whose command was interrupted, or is under way."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    GONE_BACK = "gone back"


@record
class Origin:
    """How a generation came to be; `caller` is who became `user` by sudo, `at` the time as RFC 3339."""

    at: str
    user: str
    command: str
    caller: str = ""
    message: str = ""


@record
class Revision:
    """A snapshot as it is kept: digests of objects and of pods, and of the images by their names, where known."""

    objects: Mapping[str, str]
    places: Mapping[str, str]
    pods: Mapping[str, str]
    history_limit: int = HISTORY_LIMIT
    fate: Fate = Fate.BEGUN
    images: Mapping[str, str] = field(default_factory=dict)


@record
class Generation:
    """One command's, with the revisions of all that it changed by their keys."""

    number: int
    origin: Origin
    revisions: Mapping[str, Revision]


class Generations:
    """The folder `generations` of the state folder; it is made when something is first kept."""

    def __init__(self, state_folder: Path) -> None:
        self._state = state_folder
        self._path = state_folder / "generations"
        self._content = self._path / "content"
        self._images = self._path / "images"

    def read(self) -> tuple[Generation, ...]:
        """All that are kept, the first one first."""
        with explained(self._path):
            files = [file for file in self._list(self._path) if file.suffix == ".json" and file.stem.isdecimal()]
            return tuple(_parse(file) for file in sorted(files, key=lambda file: int(file.stem)))

    def begin(self, origin: Origin, snapshots: Iterable[Snapshot]) -> Generation:
        """Keep these as the next generation, which has not come about."""
        with explained(self._path):
            known = [int(file.stem) for file in self._list(self._path) if file.stem.isdecimal()]
            for folder in (self._path, self._content):
                self._make_folder(folder)
            revisions = {one.key: self._keep(one) for one in snapshots}
            # Only then may a record name them.
            sync(self._content)
            generation = Generation(max(known, default=0) + 1, origin, revisions)
            self._write(generation)
            return generation

    def conclude(
        self, generation: Generation, fates: Mapping[str, Fate], images: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Say what became of its revisions, with the digests of their images, and let go of what is too old."""
        revisions = {
            key: replace(one, fate=fates.get(key, one.fate), images=images.get(key, one.images))
            for key, one in generation.revisions.items()
        }
        with explained(self._path):
            self._write(replace(generation, revisions=revisions))
            self._note_images(images)
        self.trim()

    def load(self, key: str, revision: Revision) -> Snapshot:
        """The snapshot that a revision is."""
        with explained(self._content):
            objects = {name: self._read_content(digest).decode() for name, digest in revision.objects.items()}
            pods = {pod: _parse_content(self._read_content(digest)) for pod, digest in revision.pods.items()}
            return Snapshot(key, objects, revision.places, pods, revision.history_limit)

    def list_excess(self) -> tuple[Generation, ...]:
        """What `trim` drops: generations with those of their revisions that are beyond the limits."""
        left: Counter[str] = Counter()
        newest: dict[str, int] = {}
        found = []
        for generation in reversed(self.read()):
            excess = {}
            for key, revision in generation.revisions.items():
                if newest.setdefault(key, revision.history_limit) < left[key]:
                    excess[key] = revision
                left[key] += 1
            if excess:
                found.append(replace(generation, revisions=excess))
        return tuple(reversed(found))

    def trim(self) -> None:
        """Drop what is beyond the limits, and all content that no generation has."""
        self._drop({(one.number, key) for one in self.list_excess() for key in one.revisions})

    def forget(self, kept: Collection[str]) -> None:
        """Drop all revisions but those of these keys: their pods are gone, and so are the secrets of these."""
        self._drop({(one.number, key) for one in self.read() for key in one.revisions if key not in kept})

    def read_images(self) -> dict[str, list[str]]:
        """The IDs of all images that pods have run, by their names, whether the generation is still kept or not."""
        with explained(self._images):
            try:
                found: dict[str, list[str]] = json.loads(self._images.read_bytes())
            except (FileNotFoundError, ValueError):
                # Only what is known here is ever removed.
                return {}
            return found

    def forget_images(self, names: Collection[str]) -> None:
        """These images are not there any more."""
        known = self.read_images()
        with explained(self._images):
            if left := {name: known[name] for name in known if name not in names}:
                self._write_images(left)
            else:
                self._images.unlink(missing_ok=True)

    def _note_images(self, images: Mapping[str, Mapping[str, str]]) -> None:
        old = self.read_images()
        new = {name: list(ids) for name, ids in old.items()}
        for name, number in (pair for own in images.values() for pair in own.items()):
            if number not in new.setdefault(name, []):
                new[name].append(number)
        if new != old:
            self._write_images(new)

    def _write_images(self, images: Mapping[str, list[str]]) -> None:
        fresh = self._images.with_suffix(".new")
        write_private(fresh, json.dumps(images, indent=1, sort_keys=True).encode())
        fresh.rename(self._images)
        sync(self._path)

    def clear(self) -> None:
        """Drop all there is."""
        with explained(self._path):
            if self._path.exists():
                shutil.rmtree(self._path)

    def list_unused(self) -> tuple[Path, ...]:
        """Content that no generation has, and what was half-written by somebody who died."""
        with explained(self._path):
            revisions = [one for generation in self.read() for one in generation.revisions.values()]
            used = {digest for one in revisions for digest in (*one.objects.values(), *one.pods.values())}
            content = [file for file in self._list(self._content) if file.name not in used]
            return (*content, *(file for file in self._list(self._path) if file.suffix == ".new"))

    def is_same(self, revision: Revision, snapshot: Snapshot) -> bool:
        """Whether a revision has just the pods of a snapshot."""
        return revision.pods == {pod: _digest(_dump_content(content)) for pod, content in snapshot.pods.items()}

    def list_past(self, key: str, there: Snapshot) -> tuple[Past, ...]:
        """The history of a pod, or of an owner, the first revision first."""
        found = [(one, one.revisions[key]) for one in self.read() if key in one.revisions]
        same = [one.number for one, revision in found if self.is_same(revision, there)]
        return tuple(Past(one, revision, one.number == max(same, default=0)) for one, revision in found)

    def choose(self, past: Iterable[Past], there: Snapshot) -> Past | None:
        """The last revision that came up and is not what is there."""
        fits = [one for one in past if one.revision.fate is Fate.DONE and not self.is_same(one.revision, there)]
        return fits[-1] if fits else None

    def _drop(self, gone: Collection[tuple[int, str]]) -> None:
        with explained(self._path):
            generations = self.read()
            for generation in generations if gone else ():
                left = {key: one for key, one in generation.revisions.items() if (generation.number, key) not in gone}
                if left == generation.revisions:
                    continue
                # The last one stays, so that no number comes twice.
                if left or generation is generations[-1]:
                    self._write(replace(generation, revisions=left))
                else:
                    self._find(generation.number).unlink()
            for file in self.list_unused():
                file.unlink()

    def _keep(self, snapshot: Snapshot) -> Revision:
        objects = {name: self._keep_content(text.encode()) for name, text in snapshot.objects.items()}
        pods = {pod: self._keep_content(_dump_content(content)) for pod, content in snapshot.pods.items()}
        return Revision(objects, snapshot.places, pods, snapshot.history_limit)

    def _keep_content(self, data: bytes) -> str:
        digest = _digest(data)
        file = self._content / digest
        if not file.exists():
            fresh = file.with_suffix(".new")
            write_private(fresh, zlib.compress(data))
            fresh.rename(file)
        return digest

    def _read_content(self, digest: str) -> bytes:
        return zlib.decompress((self._content / digest).read_bytes())

    def _write(self, generation: Generation) -> None:
        file = self._find(generation.number)
        fresh = file.with_suffix(".new")
        write_private(fresh, _dump(generation))
        fresh.rename(file)
        sync(self._path)

    def _find(self, number: int) -> Path:
        return self._path / f"{number}.json"

    def _make_folder(self, path: Path) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)

    @staticmethod
    def _list(folder: Path) -> list[Path]:
        return sorted(folder.iterdir()) if folder.exists() else []


@record
class Past:
    """One generation in the history of a pod, or of an owner; `current` is the last one that is what is there."""

    generation: Generation
    revision: Revision
    current: bool


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _dump(generation: Generation) -> bytes:
    document = {
        "schemaVersion": 1,
        **asdict(generation.origin),
        "revisions": {key: asdict(one) for key, one in generation.revisions.items()},
    }
    return json.dumps(document, indent=1, sort_keys=True).encode()


def _parse(file: Path) -> Generation:
    try:
        found = json.loads(file.read_bytes())
        revisions = {key: Revision(**{**one, "fate": Fate(one["fate"])}) for key, one in found["revisions"].items()}
        origin = Origin(**{name: found[name] for name in ("at", "user", "command", "caller", "message")})
    except (ValueError, KeyError, TypeError):
        raise PodunitError(f"{file} is no record of podunit's", "remove it: only its generation is lost") from None
    return Generation(int(file.stem), origin, revisions)


def _dump_content(content: Content) -> bytes:
    files = {path: base64.b64encode(data).decode() for path, data in content.files.items()}
    return json.dumps({"units": dict(content.texts), "files": files}, indent=0, sort_keys=True).encode()


def _parse_content(data: bytes) -> Content:
    found = json.loads(data)
    return Content(found["units"], {path: base64.b64decode(text) for path, text in found["files"].items()})
