"""The unit directory, changed as one transaction: all files or none.

In: file names and texts. Out: a `Change`, and the files. Knows neither pods nor the running systemd. Files that podunit
did not write are never touched: every file of ours begins with one of the marks of `names`.

A transaction is a folder `.podunit` inside the unit directory (systemd skips such a name): `new/` holds what is coming,
`old/` what is replaced or removed, `folders` the pairs of folders elsewhere that change places with the units, `log`
(written last, synced) the names that are new. If it is found with a log, the process before died half-way, and what it
did is undone.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from podunit.errors import PodunitError, advise
from podunit.exchange import Exchange, sync
from podunit.holder import describe_holder
from podunit.names import MARKS
from podunit.record import record
from podunit.unfinished import UNFINISHED, Ask, Task, Unfinished
from podunit.written import digest, dump_written, parse_written

_LOCK_INTERVAL_SEC = 0.1
_TRANSACTION = ".podunit"
# The digests of all files that podunit has written; systemd skips such a name, too.
_RECORD = ".podunit-written"
# What is locked while somebody is at work: any user could lock the directory itself, and let all wait.
_LOCK = ".podunit-lock"
_DISOWNED = "# Written by podunit, which is no longer in charge of it.\n"


@record
class Change:
    """What installing comes to, by file name; each tuple sorted."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the directory is already as it should be."""
        return not (self.created or self.updated or self.removed)

    def join(self, later: Change) -> Change:
        """This change and then another, as one."""
        created = {*self.created, *later.created}
        updated = {*self.updated, *later.updated} - created
        removed = {*self.removed, *later.removed}
        unchanged = {*self.unchanged, *later.unchanged} - created - updated - removed
        return Change(*(tuple(sorted(names)) for names in (created, updated, removed, unchanged)))


class UnitDirectory:
    """A directory of systemd's search path, for as long as it is locked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Whether what somebody has left half-done was undone when this was locked.
        self.has_recovered = False

    def read(self) -> dict[str, str]:
        """The files that podunit has written, by name."""
        if not self.path.is_dir():
            return {}
        # Thousands of them: a scan knows what each is, without another look. Hidden files are no units.
        with os.scandir(self.path) as entries:
            files = sorted(
                (entry.name, entry.path)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
            )
        texts = ((name, _read_own(path)) for name, path in files)
        return {name: text for name, text in texts if text is not None}

    def plan(
        self, texts: Mapping[str, str], removed: tuple[str, ...] = (), installed: Mapping[str, str] | None = None
    ) -> Change:
        """What would change; PodunitError if a file of somebody else is in the way.

        `installed` is what `read` has just said, to whom has asked.
        """
        if installed is None:
            installed = self.read()
        for name in texts:
            if name not in installed and os.path.lexists(self.path / name):
                raise PodunitError(
                    f"{self.path / name} is there already, and podunit did not write it",
                    "move it away, or give the pod another name",
                )
        return Change(
            created=tuple(sorted(name for name in texts if name not in installed)),
            updated=tuple(sorted(name for name in texts if name in installed and installed[name] != texts[name])),
            removed=tuple(sorted(name for name in removed if name in installed)),
            unchanged=tuple(sorted(name for name in texts if installed.get(name) == texts[name])),
        )

    def write(
        self,
        change: Change,
        texts: Mapping[str, str],
        exchanges: Sequence[Exchange] = (),
        tasks: Sequence[Task] = (),
    ) -> None:
        """Make the change, and these exchanges with it; on any error all is as before.

        The tasks, which the change brings with it, are noted in the same step.
        """
        if change.is_empty and not exchanges and not any(isinstance(task, Ask) and task.keep for task in tasks):
            return
        with _explained(self.path, "; nothing was changed"):
            self._write(*self._add_tasks(*self._add_record(change, texts), tasks), exchanges)

    @property
    def unfinished(self) -> Unfinished:
        """What is still to be done once the files have changed."""
        return Unfinished(self.path)

    def read_written(self) -> dict[str, str]:
        """The digests of the files that podunit has written last, by name; of what it no longer owns there is none."""
        file = self.path / _RECORD
        return parse_written(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def _add_record(self, change: Change, texts: Mapping[str, str]) -> tuple[Change, Mapping[str, str]]:
        """The change with that of the record, a file as any other."""
        old = self.read_written()
        coming = {name: texts[name] for name in (*change.created, *change.updated)}
        gone = {*change.removed, *(name for name, text in coming.items() if not text.startswith(MARKS))}
        coming = {name: text for name, text in coming.items() if name not in gone}
        new = {name: found for name, found in old.items() if name not in gone}
        new.update((name, digest(text)) for name, text in coming.items())
        # What somebody else has deleted stays on record as long as anything of podunit's is there.
        if gone and not coming and not self.read().keys() - gone:
            new = {}
        if new == old:
            return change, texts
        word = "removed" if not new else "updated" if (self.path / _RECORD).exists() else "created"
        change = replace(change, **{word: (*getattr(change, word), _RECORD)})
        return change, {**texts, _RECORD: dump_written(new)}

    def _add_tasks(
        self, change: Change, texts: Mapping[str, str], tasks: Sequence[Task]
    ) -> tuple[Change, Mapping[str, str]]:
        if not tasks:
            return change, texts
        word = "updated" if (self.path / UNFINISHED).exists() else "created"
        change = replace(change, **{word: (*getattr(change, word), UNFINISHED)})
        return change, {**texts, UNFINISHED: self.unfinished.compose(tasks)}

    def _write(self, change: Change, texts: Mapping[str, str], exchanges: Sequence[Exchange]) -> None:
        staged = self.path / _TRANSACTION
        try:
            self._stage(staged, change, texts, exchanges)
            for name in (*change.created, *change.updated):
                (staged / "new" / name).rename(self.path / name)
            for name in change.removed:
                (self.path / name).unlink()
            for exchange in exchanges:
                exchange.make()
            # Not before: a loss of power would find on the disk what has changed by then, and time for that.
            for folder in dict.fromkeys((self.path, *(exchange.folder.parent for exchange in exchanges))):
                sync(folder)
            (staged / "log").unlink()
        except BaseException:
            with _explained(self.path, "; a change is half-done: mend this, and the next command undoes it"):
                self.recover()
            raise
        _discard(staged)

    @property
    def is_unsettled(self) -> bool:
        """Whether a change is under way, or was left half-done by somebody who died."""
        return (self.path / _TRANSACTION / "log").exists()

    def disown(self) -> tuple[str, ...]:
        """Take podunit's mark off all its files, which are the administrator's own then; their names."""
        texts = {name: _DISOWNED + text.partition("\n")[2] for name, text in self.read().items()}
        self.write(Change(updated=tuple(texts)), texts)
        return tuple(texts)

    def recover(self) -> bool:
        """Undo what a process that died has left half-done; whether there was anything to undo."""
        staged = self.path / _TRANSACTION
        try:
            created = (staged / "log").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            shutil.rmtree(staged, ignore_errors=True)
            return False
        folders = [Path(line) for line in (staged / "folders").read_text(encoding="utf-8").splitlines()]
        for folder, successor in zip(folders[::2], folders[1::2], strict=True):
            Exchange(folder, successor).undo()
        for name in created:
            (self.path / name).unlink(missing_ok=True)
        for file in (staged / "old").iterdir():
            # A second link, so that dying here loses nothing.
            fresh = staged / f"again-{file.name}"
            fresh.unlink(missing_ok=True)
            os.link(file, fresh)
            fresh.rename(self.path / file.name)
        sync(self.path)
        (staged / "log").unlink()
        _discard(staged)
        return True

    def _stage(self, staged: Path, change: Change, texts: Mapping[str, str], exchanges: Sequence[Exchange]) -> None:
        for folder in ("new", "old"):
            (staged / folder).mkdir(parents=True)
        for name in (*change.created, *change.updated):
            file = staged / "new" / name
            file.write_text(texts[name], encoding="utf-8")
            file.chmod(0o644)
            sync(file)
        for name in (*change.updated, *change.removed):
            os.link(self.path / name, staged / "old" / name)
        folders = staged / "folders"
        pairs = "".join(f"{exchange.folder}\n{exchange.successor}\n" for exchange in exchanges)
        folders.write_text(pairs, encoding="utf-8")
        log = staged / "log.partial"
        log.write_text("".join(f"{name}\n" for name in change.created), encoding="utf-8")
        # All of it is there before the log says so, whatever a loss of power leaves.
        for path in (log, folders, staged / "new", staged / "old", staged):
            sync(path)
        log.rename(staged / "log")
        sync(staged)


def _discard(staged: Path) -> None:
    """Remove what is left of a transaction whose log is gone: only rubbish, which the next command removes as well."""
    with suppress(OSError):
        # After a loss of power the log is there again, with all that it needs, or gone for good.
        sync(staged)
        shutil.rmtree(staged)


@asynccontextmanager
async def hold(path: Path, say: Callable[[str], None]) -> AsyncIterator[UnitDirectory]:
    """As `locked`, but waits for whoever is at work there, after saying so once."""
    with ExitStack() as stack:
        said = False
        while True:
            try:
                directory = stack.enter_context(locked(path))
            except BlockingIOError:
                if not said:
                    say(f"waiting for {describe_holder(path / _LOCK) or 'another podunit'}, which is at work in {path}")
                said = True
                await asyncio.sleep(_LOCK_INTERVAL_SEC)
            else:
                break
        if directory.has_recovered:
            say(f"undone: a change of the units in {path}, which was interrupted")
        yield directory


@contextmanager
def locked(path: Path) -> Iterator[UnitDirectory]:
    """The unit directory, made if it is missing, with nobody else at work in it; BlockingIOError if somebody is."""
    directory = UnitDirectory(path)
    with _explained(path, "; nothing was changed"):
        path.mkdir(parents=True, exist_ok=True)
    handle = _lock(path / _LOCK)
    try:
        with _explained(path, ""):
            directory.has_recovered = directory.recover()
        yield directory
    finally:
        with suppress(OSError):
            if not (path / _RECORD).exists():
                # Nothing is podunit's here.
                (path / _LOCK).unlink()
        os.close(handle)


def _lock(file: Path) -> int:
    """Lock a file that its owner alone may open, made if it is missing; the handle, or BlockingIOError."""
    while True:
        with _explained(file.parent, "; nothing was changed"):
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who had it before may have removed it.
            if file.exists() and file.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


@contextmanager
def _explained(path: Path, outcome: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Of a file in an open folder it says the last name alone.
        where = error.filename if os.path.isabs(error.filename or "") else path  # noqa: PTH117
        hint = advise(error)
        raise PodunitError(f"{where}: {(error.strerror or str(error)).lower()}{outcome}", hint) from None


def _read_own(path: str) -> str | None:
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - thousands of these
            data = stream.read()
    except FileNotFoundError:
        # Somebody who holds the lock has just removed it.
        return None
    text = data.decode("utf-8", "surrogateescape")
    return text if text.startswith(MARKS) else None
