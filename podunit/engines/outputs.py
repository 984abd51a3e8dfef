"""Whether a container of crun's opens its standard output, and is not content to have it.

In: the model, and the files of an image. Out: a reason. systemd gives a service a socket of the journal's, and a socket
cannot be opened: not as /dev/stdout, nor by links that lead there. Who does that needs a pipe, and a process that reads
from it; all others write into the journal themselves, under their own names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from podunit.model import Container, Output

_NAME = re.compile(r"/dev/std(out|err)\b|/dev/fd/[12]\b|/proc/[^/ ]+/fd/[12]\b")
# The container has its own of these.
_MOUNTED = ("dev", "proc", "sys")


def explain_pipe(container: Container, words: Iterable[str], root: Path) -> str:
    """Why the container needs a pipe, '' if it does not, as far as can be seen; `words` are what the image runs.

    Log files of many images are links to /dev/stdout; else the pod's own words are looked at. The annotation
    `podunit/CONTAINER.output` is stronger than both.
    """
    if container.output is not None:
        return "asked for" if container.output is Output.PIPE else ""
    own = (*(container.command or ()), *(container.args or ()), *(env.value for env in container.env))
    texts = (piece for text in own for piece in ((text,) if isinstance(text, str) else text) if isinstance(piece, str))
    if found := next((found for text in (*texts, *words) if (found := _NAME.search(text))), None):
        return f"its command or a variable has {found[0]}"
    link = next((link for link in _list_links(root) if _NAME.fullmatch(str(link.readlink()))), None)
    return f"the image has a link to its output: /{link.relative_to(root)}" if link else ""


def _list_links(root: Path) -> Iterable[Path]:
    for folder, names, files in os.walk(root):
        if folder == str(root):
            names[:] = [name for name in names if name not in _MOUNTED]
        names.sort()
        yield from (path for name in sorted(files) if (path := Path(folder, name)).is_symlink())
