"""What `podunit.holder` promises: the name of whoever holds a lock, or nothing."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from podunit.holder import describe_holder


def test_the_command_that_holds_a_lock_is_named(tmp_path: Path) -> None:
    assert describe_holder(tmp_path) == ""
    script = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        said = describe_holder(tmp_path)
        other.stdin.close()
    assert said.startswith("python")
    assert said.endswith(f"{tmp_path} (process {other.pid})")
    assert describe_holder(tmp_path) == ""


def test_a_command_is_named_as_it_was_typed(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    inode = tmp_path.stat().st_ino
    locks = tmp_path / "locks"
    lines = (f"1: POSIX  ADVISORY  WRITE 11 00:1f:{inode} 0 EOF", f"2: FLOCK  ADVISORY  WRITE 12 00:1f:{inode} 0 EOF")
    locks.write_text("\n".join(lines))
    for words in (["python3", "/opt/bin/podunit", "apply", "my file"], ["/bin/podunit", "apply", "my file"]):
        (tmp_path / "12/cmdline").write_text("\0".join(words) + "\0")
        assert describe_holder(tmp_path, locks, tmp_path) == "podunit apply 'my file' (process 12)"
    (tmp_path / "12/cmdline").unlink()
    assert describe_holder(tmp_path, locks, tmp_path) == ""


def test_a_lock_of_ones_own_is_named_too(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert describe_holder(tmp_path).endswith(f"(process {os.getpid()})")
    os.close(handle)
