"""What tests do in a machine, whatever it is made of: commands, scripts, files.

In: a way to execute a command inside. Out: what it printed, or AssertionError with all that is known.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from subprocess import CompletedProcess

_USERS = {"root": 0, "alice": 1000}

# How much longer than an idle machine one may take that has other things to do.
PATIENCE = 3

# timeout(1)'s.
_NOT_DONE = 124


class Guest(ABC):
    """A machine with podunit in it."""

    @abstractmethod
    def execute(
        self, argv: Sequence[str], user: str, env: Mapping[str, str], given: str | None, timeout_sec: float
    ) -> CompletedProcess[str]:
        """Run a command inside with a login's environment and `given` as its input; it ends by itself in this time."""

    def run(
        self,
        *argv: str,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
        user: str | None = None,
        timeout_sec: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> CompletedProcess[str]:
        """Run a command inside, as root or as `user` with a login's environment; what it printed.

        Raises AssertionError, with the output, on an exit status other than 0 if `check`, and after killing the
        command when the time is over, that of an idle machine several times.
        """
        timeout_sec *= PATIENCE
        limited = ("timeout", "--kill-after=2", str(timeout_sec), *argv)
        # More than the time: for output that something else still holds open.
        done = self.execute(limited, user or "root", env or {}, input, timeout_sec + 10)
        if done.returncode == _NOT_DONE or (check and done.returncode != 0):
            how = f"exit status {done.returncode}"
            if done.returncode == _NOT_DONE:
                how = f"not done after {timeout_sec} s\n--- processes\n{self._list_processes()}"
            command = " ".join(argv)
            raise AssertionError(f"in the lab: {command}\n{how}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}")
        return CompletedProcess(argv, done.returncode, done.stdout, done.stderr)

    def _list_processes(self) -> str:
        how = ("ps", "--forest", "-eo", "pid,user,stat,wchan:20,cgroup:60,args")
        return self.execute(how, "root", {}, None, 60).stdout

    def sh(
        self,
        script: str,
        *,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
        user: str | None = None,
        timeout_sec: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> CompletedProcess[str]:
        """Run a shell script inside that ends at its first failing command; otherwise as `run`."""
        return self.run("sh", "-ec", script, input=input, check=check, user=user, timeout_sec=timeout_sec, env=env)

    def write(self, path: str, text: str) -> None:
        """Write a file inside, and the folders it needs."""
        self.run("sh", "-ec", 'mkdir -p "$(dirname "$1")"; cat > "$1"', "write", path, input=text)

    def read(self, path: str) -> str:
        """The text of a file inside."""
        return self.run("cat", path).stdout

    def wait_until(self, script: str, timeout_sec: float = 15) -> None:
        """Wait for a shell script inside to exit with 0, as long as `run`; AssertionError with its last output."""
        loop = 'until last=$(sh -ec "$1" 2>&1); do printf "%s\\n" "$last" > "$2"; sleep 0.05; done'
        last = f"/tmp/wait-{secrets.token_hex(4)}"
        try:
            self.run("sh", "-c", loop, "wait", script, last, timeout_sec=timeout_sec)
        except AssertionError:
            seen = self.run("cat", last, check=False).stdout
            raise AssertionError(
                f"in the lab, not true after {timeout_sec * PATIENCE} s: {script}\n--- last\n{seen}"
            ) from None
        finally:
            self.run("rm", "-f", last)


def log_in(user: str, env: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What env(1) gives to a command of a user, and the words before the command that make it that user's."""
    home = "/root" if user == "root" else f"/home/{user}"
    uid = _USERS[user]
    variables = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": home,
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }
    become: list[str] = []
    if uid != 0:
        variables["XDG_RUNTIME_DIR"] = f"/run/user/{uid}"
        variables["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path=/run/user/{uid}/bus"
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
    variables |= env
    given = ["--ignore-environment", f"--chdir={home}", *(f"{name}={value}" for name, value in variables.items())]
    return given, become
