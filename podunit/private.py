"""Files that only their owner may read, below a folder of podunit's own; and what is said where that cannot be.

In: paths and bytes. Out: files that are on the disk, or a `PodunitError`.
"""

from __future__ import annotations

import os
from pathlib import Path

from podunit.errors import PodunitError, advise


def write_private(file: Path, data: bytes) -> None:
    """Write a file, and wait until its data is on the disk."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(handle)


class explained:  # noqa: N801 - a context manager, used as a word
    """Turn the system's errors into ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            # Of a file in an open folder it says the last name alone.
            where = error.filename if os.path.isabs(error.filename or "") else self._path  # noqa: PTH117
            hint = advise(error)
            raise PodunitError(f"{where}: {(error.strerror or str(error)).lower()}", hint) from None
