"""Programs that the prober runs: what they say, and that none of their processes outlives a timeout."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from podunit.prober.commands import Finished, run
from tests.prober_world import count_descriptors


def shell(script: str, *arguments: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script, "sh", *arguments)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 0", Finished(0, b"")),
        ("echo out; echo err >&2; exit 3", Finished(3, b"out\nerr\n")),
        ("kill -9 $$", Finished(-9, b"")),
        ("cat; echo end", Finished(0, b"end\n")),
    ],
)
def test_a_program_ends_with_its_status_and_its_words(script: str, expected: Finished) -> None:
    assert asyncio.run(run(shell(script))) == expected


def test_who_says_more_than_is_kept_is_not_kept_waiting() -> None:
    found = asyncio.run(run(shell("head -c 3000000 /dev/zero | tr '\\0' x"), kept=10))
    assert found == Finished(0, b"x" * 10)


def test_a_process_in_the_background_keeps_nobody_waiting() -> None:
    began = time.monotonic()
    assert asyncio.run(run(shell("sleep 3 & echo done"))) == Finished(0, b"done\n")
    assert time.monotonic() - began < 2


def test_a_missing_program_is_an_error() -> None:
    before = count_descriptors()
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(run(("/nonexistent/program",)))
    assert count_descriptors() == before


def _is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_timeout_ends_all_processes(tmp_path: Path) -> None:
    # A child that heeds no SIGTERM, in a session of its own, and its child.
    script = 'trap "" TERM; setsid sh -c \'echo $$ > "$0"/a; sleep 60 & echo $! > "$0"/b; wait\' "$1" & wait'
    before = count_descriptors()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await run(shell(script, str(tmp_path)))
        # Reaped, though nobody waits.
        await asyncio.sleep(0.2)

    asyncio.run(give_up())
    pids = [(tmp_path / name).read_text().strip() for name in "ab"]
    assert [_is_running(pid) for pid in pids] == [False, False]
    assert count_descriptors() == before
