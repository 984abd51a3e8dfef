"""A signal ends what waits in good order: once, silently, with the status of the signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

# Work that a signal finds in one of its steps, others beside it, and a task that is not to be cut short.
_PROGRAM = """
import asyncio
from podunit.cli.loop import run_loop

async def be_busy():
    while True:
        await asyncio.sleep(0)

async def work():
    others = [asyncio.ensure_future(be_busy()) for _ in range(3)]
    print("begun", flush=True)
    try:
        await be_busy()
    except asyncio.CancelledError:
        await asyncio.sleep(0.3)
        print("seen through", flush=True)
        raise

run_loop(work())
"""


@pytest.mark.parametrize(
    ("number", "expected", "said"), [(signal.SIGTERM, 143, ""), (signal.SIGINT, -signal.SIGINT, "KeyboardInterrupt")]
)
def test_work_is_told_of_a_signal_and_ends_as_it_wants(number: signal.Signals, expected: int, said: str) -> None:
    command = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        if number is signal.SIGTERM:
            process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (expected, "seen through\n")
    assert errors.strip().rpartition("\n")[2] == said
    assert "never retrieved" not in errors


def test_a_result_is_handed_back_and_the_signal_with_it() -> None:
    program = (
        "import signal\nfrom podunit.cli.loop import run_loop\n"
        "async def work(): return 'done'\n"
        "print(run_loop(work()), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "done True\n"


@pytest.mark.parametrize(
    ("number", "expected", "said"), [(signal.SIGTERM, 143, ""), (signal.SIGINT, -signal.SIGINT, "KeyboardInterrupt")]
)
def test_what_is_sent_to_all_processes_of_a_command_is_no_failure_of_a_program_that_it_calls(
    number: signal.Signals, expected: int, said: str
) -> None:
    program = (
        "import asyncio\nfrom podunit.calls import ask\nfrom podunit.cli.loop import run_loop\n"
        "async def work():\n"
        "    script = 'echo begun > /proc/$PPID/fd/1; sleep 1; echo answered'\n"
        "    print(ask(['sh', '-c', script], 20, 'sh'), end='', flush=True)\n"
        "    await asyncio.sleep(20)\n"
        "run_loop(work())\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.killpg(process.pid, number)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (expected, "answered\n")
    assert errors.strip().rpartition("\n")[2] == said
