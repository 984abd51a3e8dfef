"""A shutdown of the machine is an orderly stop of its pods: hooks, one grace period, sidecars last, no restarts.

Looked at from outside of podunit: what containers have written, on the clock of the machine's uptime, the journal that
is left, and the time until the machine was down.
"""

from __future__ import annotations

import subprocess

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, pod, quick, quote

GRACE_SEC = 6
LOG, ALICES_LOG = "/var/test", "/var/alice"
MOUNT = "volumeMounts: [{name: log, mountPath: /log}]"
SIDECAR = "restartPolicy: Always"
FOREVER = "sleep 1000 & wait"


def note(word: str) -> str:
    return f"read up rest < /proc/uptime; echo {word} $up >> /log/all"


def noted(name: str, *more: str) -> str:
    return container(name, f"{note(name + '+')}; trap '{note(name + '-')}; exit' TERM; {FOREVER}", MOUNT, *more)


def before_stop(hook: str) -> str:
    return f"lifecycle: {{preStop: {hook}}}"


def shell(script: str) -> str:
    return f"{{exec: {{command: [sh, -c, {quote(script)}]}}}}"


def kept(path: str) -> str:
    return f"  volumes: [{{name: log, hostPath: {{path: {path}}}}}]\n"


def patient(text: str, grace_sec: int = GRACE_SEC) -> str:
    return text.replace("PeriodSeconds: 2", f"PeriodSeconds: {grace_sec}", 1)


def late(grace_sec: int) -> str:
    """A pod that has to be killed unless there is a file `heeds`; from the beginning of its stop on, a probe fails."""
    deaf = f"[ -e /log/heeds ] || trap '{note('deaf-')}' TERM; touch /log/alive; while :; do sleep 0.2; done"
    return patient(
        pod(
            noted("polite", before_stop(shell(note("hook") + "; rm /log/alive; sleep 2")))
            + container(
                "deaf",
                deaf,
                MOUNT,
                "livenessProbe: {exec: {command: [test, -e, /log/alive]}, periodSeconds: 1, timeoutSeconds: 20,"
                " failureThreshold: 1, initialDelaySeconds: 1}",
            ),
            "late",
            inits=noted("first", SIDECAR) + noted("second", SIDECAR),
            more=kept(LOG),
            notes=quick("polite", "deaf", "first", "second"),
        ),
        grace_sec,
    )


def expect_order(log: str) -> dict[str, float]:
    """Nobody has started twice, each has stopped in its turn, sidecars after the one that was killed; when it was."""
    lines = [line.split() for line in log.splitlines()]
    words = [word for word, _ in lines]
    assert words[:3] == ["first+", "second+", "polite+"]
    assert sorted(words[3:5]) == ["deaf-", "hook"]
    assert words[5:] == ["polite-", "second-", "first-"]
    at = {word: float(up) for word, up in lines}
    assert at["polite-"] - at["hook"] >= 2
    return at


def expect_no_restart(journal: str) -> str:
    """What the journal says of the pod's stop, from its beginning."""
    _, _, stop = journal.partition("Stopping container@late.deaf.service")
    assert stop
    for unexpected in ("liveness", "Scheduled restart", "Starting container@", "Dependency failed", "preStop:"):
        assert unexpected not in stop, stop
    return stop


ASKING = patient(
    pod(
        container("asking", FOREVER, before_stop("{httpGet: {port: 8080, path: /stops}}")),
        "asking",
        inits=container("server", "httpd -f -vv -p 8080 & wait", SIDECAR),
    )
)
CRASHING = pod(container("crash", "exit 3"), "crashing", notes=quick("crash"))
STARTING = pod(container("after", FOREVER), "starting", inits=container("init", "trap : TERM; " + FOREVER))
ALICES = patient(pod(noted("polite", before_stop(shell(note("hook") + "; sleep 1"))), "hers", more=kept(ALICES_LOG)))


def test_a_shutdown_is_an_orderly_stop_within_one_grace_period(suite: str) -> None:
    with Laboratory(suite) as lab:
        pods = Pods(lab)
        lab.sh(f"mkdir {LOG} {ALICES_LOG}; chown alice {ALICES_LOG}; mkdir -p /var/log/journal; journalctl --flush")
        pods.install("---\n".join((late(GRACE_SEC), ASKING, CRASHING, STARTING)))
        pods.systemctl("start", "pod@late", "pod@asking")
        pods.systemctl("start", "--no-block", "pod@crashing", "pod@starting")
        if suite != "bookworm":
            # There a lab cannot run a user's containers.
            lab.write("/home/alice/pod.yaml", ALICES)
            lab.run("podunit", "apply", "pod.yaml", user="alice")
        pods.wait("activating", "container@starting.init")
        pods.lab.wait_until("[ $(systemctl show --value --property=NRestarts container@crashing.crash) -ge 2 ]")
        took_sec = lab.shut_down()
        log = (lab.left / LOG[1:] / "all").read_text()
        if suite != "bookworm":
            hers = (lab.left / ALICES_LOG[1:] / "all").read_text()
            assert hers.split()[::2] == ["polite+", "hook", "polite-"]
        journal = subprocess.run(
            ["journalctl", f"--directory={lab.left}/var/log/journal", "--output=short-monotonic", "--no-pager"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    at = expect_order(log)
    # The one grace period of the pod; what podman and the rest of the machine do takes its time.
    assert GRACE_SEC - 0.5 <= at["second-"] - at["hook"] <= at["first-"] - at["hook"] < GRACE_SEC + 4
    assert took_sec < 2 * GRACE_SEC + 5
    stop = expect_no_restart(journal)
    assert "Stopped container@starting.init.service" in stop
    # Which of two pods is stopped first is for systemd to say; nothing but its stop asks for this.
    assert "url:/stops" in journal
    assert "Failed to list jobs" not in journal
