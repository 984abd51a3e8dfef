"""What runs after a container's start and before its stop, the signal to stop, and the one grace period for all."""

from __future__ import annotations

import time

from tests.lab.pods import Pods, container, over_engines, pod, quick, quote

MOUNT = "volumeMounts: [{name: log, mountPath: /log}]"
MORE = "  os: {name: linux}\n  volumes: [{name: log, hostPath: {path: /run/test}}]\n"


def lifecycle(**hooks: str) -> str:
    return f"lifecycle: {{{', '.join(f'{name}: {hook}' for name, hook in hooks.items())}}}"


def shell(script: str) -> str:
    return f"{{exec: {{command: [sh, -c, {quote(script)}]}}}}"


def stubborn(name: str, *more: str) -> str:
    """A container that ignores the signal to stop."""
    return container(name, "trap '' TERM; sleep 1000", *more)


def read(pods: Pods, name: str) -> str:
    return " ".join(pods.lab.sh(f"cat /run/test/{name} 2> /dev/null || :").stdout.split())


@over_engines
def test_hooks_run_around_the_life_of_a_container(pods: Pods) -> None:
    hooks = lifecycle(
        postStart=shell("sleep 0.3; echo post $WORD >> /log/web"),
        preStop=shell("echo pre >> /log/web; sleep 0.3; echo done >> /log/web; exit 3"),
        stopSignal="SIGUSR1",
    )
    env = 'env: [{name: WORD, value: "$$a b"}]'
    script = "trap 'echo usr1 >> /log/web; exit 0' USR1; while :; do sleep 0.1; done"
    # Without a trap, it ends by the signal: 128 and 37.
    signalled = container("signalled", "", lifecycle(stopSignal="SIGRTMIN+3", postStart="{sleep: {seconds: 1}}"))
    signalled = signalled.replace("'trap exit TERM; '", '"exec sleep 1000"')
    # A hook before a stop is not for one that ends by itself.
    ended = container("ended", "sleep 0.5", MOUNT, "restartPolicy: Never", lifecycle(preStop=shell("touch /log/ended")))
    text = pod(container("web", script, MOUNT, env, hooks) + signalled + ended, more=MORE)
    pods.install(text.replace("PeriodSeconds: 2", "PeriodSeconds: 20"))
    began = time.monotonic()
    pods.systemctl("start", "pod@web")
    assert time.monotonic() - began > 1
    assert read(pods, "web") == "post $a b"
    pods.systemctl("stop", "container@web.web")
    assert read(pods, "web") == "post $a b pre done usr1"
    assert "preStop: exit status 3" in pods.lab.sh("journalctl --unit=container@web.web --output=cat").stdout
    pods.systemctl("start", "container@web.web")
    pods.systemctl("stop", "container@web.signalled")
    names = ("web", "signalled", "ended")
    assert pods.state(*(f"container@web.{name}" for name in names)) == "active inactive inactive"
    pods.systemctl("stop", "pod@web")
    assert read(pods, "web") == "post $a b pre done usr1 post $a b pre done usr1"
    assert pods.lab.sh("ls /run/test").stdout.split() == ["web"]
    assert pods.remains() == ""


@over_engines
def test_a_hook_that_fails_after_the_start_stops_the_container(pods: Pods) -> None:
    hooks = lifecycle(postStart=shell("echo post >> /log/bad; exit 1"), preStop=shell("echo pre >> /log/bad"))
    bad = container("bad", "echo main >> /log/bad; sleep 1000 & wait", MOUNT, hooks)
    pods.install(pod(bad, more=MORE, notes=quick("bad")))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    pods.lab.wait_until("[ $(systemctl show --value --property=NRestarts container@web.bad) -ge 2 ]")
    assert read(pods, "bad").split()[:3] == ["main", "post", "pre"]
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""
    once = bad + "    restartPolicy: Never\n"
    pods.install(pod(once, more=MORE))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    pods.wait("failed inactive", "container@web.bad", "sandbox@web")
    pods.systemctl("reset-failed")


@over_engines
def test_one_grace_period_is_for_hooks_containers_and_sidecars(pods: Pods) -> None:
    hanging = stubborn("hanging", lifecycle(preStop=shell("sleep 1000")))
    sidecar = stubborn("sidecar", "restartPolicy: Always", lifecycle(preStop="{sleep: {seconds: 1}}"))
    text = pod(hanging, inits=sidecar, more=MORE).replace("PeriodSeconds: 2", "PeriodSeconds: 5")
    pods.install(text)
    pods.systemctl("start", "pod@web")
    began = time.monotonic()
    pods.systemctl("stop", "pod@web")
    # The hook has five seconds, then two more for each; the sidecar's hook has no time left.
    assert 8.5 < time.monotonic() - began < 12
    assert "preStop: exit status 124" in pods.lab.sh("journalctl --unit=container@web.hanging --output=cat").stdout
    assert pods.remains() == ""
    # By itself, the sidecar has all of it: its hook takes one of five seconds.
    pods.systemctl("start", "pod@web")
    began = time.monotonic()
    pods.systemctl("stop", "container@web.sidecar")
    assert 4.5 < time.monotonic() - began < 7.5
    pods.systemctl("kill", "--signal=KILL", "container@web.hanging")


@over_engines
def test_hooks_are_requests_in_the_network_of_the_pod(pods: Pods) -> None:
    server = container("server", "httpd -f -vv -p 8080 & wait", "restartPolicy: Always")
    server += "    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 30}\n"
    # No file is there: any response will do.
    hooks = lifecycle(postStart="{httpGet: {port: 8080, path: /post}}", preStop="{httpGet: {port: 8080, path: /pre}}")
    term = "exec sh -c 'trap \"wget -qO- http://127.0.0.1:8080/term; exit 0\" TERM; sleep 1000 & wait'"
    bad = container("bad", "sleep 1000 & wait", lifecycle(postStart="{httpGet: {port: 9}}"))
    web = container("web", term, hooks)
    pods.install(pod(web, inits=server).replace("PeriodSeconds: 2", "PeriodSeconds: 20"))
    # The other engine's run is in the journal, too.
    since = pods.lab.sh("date +@%s.%N").stdout.strip()
    pods.systemctl("start", "pod@web")
    asked = f"journalctl --since={since} --unit=container@web.server --output=cat | grep -o 'url:.*' || :"
    assert pods.lab.sh(asked).stdout.split() == ["url:/post"]
    assert pods.state("container@web.web", "podunit-prober.service") == "active active"
    began = time.monotonic()
    pods.systemctl("stop", "pod@web")
    assert time.monotonic() - began < 10
    assert pods.lab.sh(asked).stdout.split() == ["url:/post", "url:/pre", "url:/term"]
    assert pods.remains() == ""
    pods.install(pod(bad, notes=quick("bad")))
    assert pods.systemctl("start", "pod@web", check=False).returncode == 1
    pods.lab.wait_until("[ $(systemctl show --value --property=NRestarts container@web.bad) -ge 2 ]")
    said = pods.lab.sh("journalctl --unit=container@web.bad --output=cat").stdout
    assert "httpGet: connection refused" in said
    assert "postStart: exit status 1" in said
    pods.systemctl("stop", "pod@web")
    assert pods.remains() == ""
