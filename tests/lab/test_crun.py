"""Containers that crun runs without podman: as with podman, seen from inside and outside, and nothing else runs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.lab.full_image import FULL, make_full_image
from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, Pods, container, pod, quick, wait_for

CRUN = "    podunit/engine: crun\n"
FOREVER = "sleep 1000 & wait"
WEB = container("a", "httpd -f -p 8080 -h /www & wait", "ports: [{containerPort: 8080, hostPort: 8080}]") + container(
    "b", FOREVER
)
ALL = ("pod@web", "sandbox@web", "container@web.a", "container@web.b")
UP = "active active active active"
DOWN = "inactive inactive inactive inactive"

# What is left of bundles, root file systems and containers of crun's.
_REMAINS = """
ls /run/crun; find /var/lib/podunit/roots -mindepth 2 2> /dev/null || :
grep -l /var/lib/podunit/ /proc/[0-9]*/mountinfo 2> /dev/null | xargs -r grep -h overlay || :
"""


@pytest.fixture(scope="module", autouse=True)
def storage(lab: Laboratory, suite: str) -> Iterator[None]:
    """A file system on which an overlay can write: the lab's root is an overlay itself."""
    if suite == "bookworm":
        pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
    lab.sh("mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit")
    make_full_image(lab)
    yield
    lab.sh(f"podman rmi --force {FULL}; umount /var/lib/podunit")


@pytest.fixture(autouse=True)
def nothing_left(pods: Pods) -> Iterator[None]:
    """Whatever a test does, when its pods are deleted nothing is left of them."""
    yield
    pods.clear()
    wait_for(lambda: pods.lab.sh(_REMAINS).stdout, "", timeout_sec=5)
    left = "find /var/lib/podunit/images /var/lib/podunit/roots /var/lib/podunit/files -mindepth 1 2> /dev/null || :"
    assert pods.lab.sh(left).stdout == ""


def remains(pods: Pods) -> str:
    return pods.remains() + pods.lab.sh(_REMAINS).stdout


def test_a_pod_serves_and_its_stop_leaves_nothing(pods: Pods) -> None:
    pods.apply(pod(WEB, notes=CRUN))
    for _ in range(3):
        assert pods.lab.run("curl", "--silent", "--fail", "localhost:8080").stdout == "podunit test page\n"
        assert pods.state(*ALL) == UP
        pods.systemctl("stop", "pod@web")
        assert pods.state(*ALL) == DOWN
        assert remains(pods) == ""
        pods.systemctl("start", "pod@web")


def test_the_main_process_is_the_payload_and_nothing_else_is_in_its_cgroup(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER) + container("b", "exec sleep 1000"), notes=CRUN))
    assert pods.show("container@web.a", "ControlGroup") == "/pod.slice/pod-web.slice/container@web.a.service"
    main = pods.main_pid("container@web.b")
    cgroup = "/sys/fs/cgroup/pod.slice/pod-web.slice/container@web.b.service"
    assert pods.lab.sh(f"cat {cgroup}/cgroup.procs").stdout.split() == [str(main)]
    assert pods.lab.sh(f"find {cgroup} -mindepth 1 -type d").stdout == ""
    assert pods.lab.sh(f"tr '\\0' ' ' < /proc/{main}/cmdline").stdout == "sleep 1000 "
    # Beside the payload there is nothing, the sandbox included.
    names = pods.lab.sh(
        "cat $(find /sys/fs/cgroup/pod.slice -name cgroup.procs) | xargs -n1 -I% cat /proc/%/comm"
    ).stdout
    assert sorted(names.split()) == ["sh", "sleep", "sleep"]


def test_a_container_may_open_its_standard_output_and_nothing_that_it_prints_is_lost(pods: Pods) -> None:
    """As images do whose log files are links to /dev/stdout."""
    opens = "trap '' HUP; echo out > /dev/stdout; echo err > /proc/self/fd/2"
    user = "securityContext: {runAsUser: 1000}"
    last = container("b", "seq 5000; echo last words; exit 3")
    inits = container("i", f"trap 'echo interrupted' INT; kill -INT $$$$; {opens}; seq 5000; echo done", user)
    pods.apply(
        pod(container("a", f"{opens}; {FOREVER}", user) + last, inits=inits, policy="Never", notes=CRUN), check=False
    )

    def read(name: str) -> list[str]:
        return pods.lab.run("podunit", "logs", "web", name).stdout.splitlines()

    wait_for(lambda: " ".join(read("a")), "out err")
    numbers = [str(number) for number in range(1, 5001)]
    assert read("i") == ["interrupted", "out", "err", *numbers, "done"]
    wait_for(lambda: read("b")[-1], "last words")
    assert read("b") == [*numbers, "last words"]
    # Whoever carries it heeds no signal that is for the container.
    pods.systemctl("kill", "--signal=HUP", "--kill-whom=all", "container@web.a")
    pods.lab.run("podunit", "exec", "web", "-c", "a", "--", "sh", "-c", "echo more > /proc/1/fd/1")
    wait_for(lambda: " ".join(read("a")), "out err more")


def test_an_annotation_says_who_opens_it_where_that_does_not_show(pods: Pods) -> None:
    script = "name=/dev/std; echo words > $${name}out || echo refused; " + FOREVER
    notes = CRUN + "    podunit/a.output: pipe\n    podunit/c.output: journal\n"
    shown = container("c", "echo words > /dev/stdout || echo refused; " + FOREVER)
    pods.apply(pod(container("a", script) + container("b", script) + shown, notes=notes))

    def read(name: str) -> str:
        return pods.lab.run("podunit", "logs", "web", name).stdout.splitlines()[-1]

    for name, said in (("a", "words"), ("b", "refused"), ("c", "refused")):
        wait_for(partial(read, name), said)
    names = pods.lab.sh("cat $(find /sys/fs/cgroup/pod.slice -name cgroup.procs) | xargs -I% cat /proc/%/comm").stdout
    assert names.split().count("cat") == 1
    # The next apply looks for itself.
    pods.apply(pod(container("a", FOREVER) + container("b", script) + shown, notes=CRUN))
    wait_for(partial(read, "c"), "words")


def test_what_a_failing_start_says_is_not_lost(pods: Pods) -> None:
    wait = "trap 'echo stopped; exit 4' TERM; echo waiting; sleep 1000 & wait"
    fails = container("i", "seq 5000; echo last words; exit 3", "terminationMessagePolicy: FallbackToLogsOnError")
    missing = container("a", FOREVER).replace("[sh,", "[no-such-program,")
    waits = container("i", wait).replace("trap exit TERM; ", "")
    failing = pod(container("a", FOREVER), "fails", inits=fails, policy="Never", notes=CRUN)
    pods.apply(f"{pod(missing, policy='Never', notes=CRUN)}---\n{failing}", check=False)
    assert "`no-such-program` not found" in pods.lab.run("podunit", "logs", "web").stdout
    assert len(pods.lab.run("podunit", "logs", "fails", "i").stdout.splitlines()) == 5001
    assert pods.show("container@fails.i", "ExecMainStatus") == "3"
    assert "\n    last words\n" in pods.lab.run("podunit", "describe", "fails").stdout
    pods.lab.write("/root/pod.yaml", pod(container("a", FOREVER), "waits", inits=waits, policy="Never", notes=CRUN))
    pods.lab.sh("podunit apply /root/pod.yaml > /run/test/said 2>&1 < /dev/null &")
    pods.lab.wait_until("journalctl --unit=container@waits.i --output=cat | grep -qx waiting")
    pods.systemctl("stop", "pod@waits")
    assert pods.lab.run("podunit", "logs", "waits").stdout == "i | waiting\ni | stopped\n"
    assert pods.state("container@waits.i", "sandbox@waits") == "failed inactive"


@pytest.mark.parametrize(("policy", "code", "active"), [("Never", 0, "inactive"), ("Never", 3, "failed")])
def test_an_exit_status_is_the_services_own(pods: Pods, policy: str, code: int, active: str) -> None:
    pods.apply(pod(container("a", f"exit {code}"), policy=policy, notes=CRUN), check=False)
    pods.wait(active, "container@web.a")
    assert pods.show("container@web.a", "ExecMainStatus") == str(code)
    pods.wait("inactive" if code == 0 else "failed", "pod@web")
    assert pods.lab.sh(_REMAINS).stdout == ""


def test_a_container_that_ends_at_once_is_restarted_as_it_says(pods: Pods) -> None:
    script = "echo run >> /log/runs; [ $(wc -l < /log/runs) -ge 3 ] || exit 7; " + FOREVER
    mount = "volumeMounts: [{name: log, mountPath: /log}]"
    log = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
    text = pod(container("a", script, mount), policy="OnFailure", more=log, notes=CRUN + quick("a"))
    pods.apply(text, check=False)
    wait_for(lambda: pods.show("container@web.a", "NRestarts"), "2")
    pods.wait("active", "container@web.a")
    assert pods.lab.read("/run/test/runs") == "run\n" * 3


def test_a_kill_at_any_moment_of_a_start_heals_at_the_next(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER) + container("b", FOREVER), notes=CRUN))
    for delay_ms in range(0, 160, 10):
        pods.lab.sh(
            "systemctl stop container@web.a; systemctl start --no-block container@web.a;"
            f" sleep 0.{delay_ms:03}; systemctl kill --signal=KILL container@web.a || :;"
            " systemctl stop container@web.a",
            check=False,
        )
        pods.systemctl("start", "container@web.a")
        assert pods.state("container@web.a") == "active"


def test_a_kill_of_whoever_starts_the_first_process_heals_though_systemd_knows_it_already(pods: Pods) -> None:
    pods.apply(pod(WEB, notes=CRUN + quick("a", "b")))
    pods.systemctl("stop", "pod@web")
    notify = "/usr/bin/systemd-notify"
    pods.lab.write(
        "/run/test/killer",
        '#!/bin/sh\n/run/test/notify "$@" || exit\n'
        "case $(cat /proc/self/cgroup) in *container@web.a*) rm /run/test/armed && kill -KILL $PPID;; esac; exit 0\n",
    )
    pods.lab.sh(
        f"cp {notify} /run/test/notify; chmod +x /run/test/killer; touch /run/test/armed;"
        f" mount --bind /run/test/killer {notify}"
    )
    try:
        pods.systemctl("start", "pod@web", check=False)
        # Over IPv6 nothing says that nobody listens yet.
        pods.lab.wait_until("curl --silent --fail --ipv4 localhost:8080")
    finally:
        pods.lab.sh(f"umount {notify}")
    assert pods.lab.sh("ls /run/test").stdout.split() == ["killer", "notify"]
    assert pods.show("container@web.a", "NRestarts") == "1"
    pods.wait(UP, *ALL)


def test_a_program_that_is_not_there_fails_the_start(pods: Pods) -> None:
    wrong = f"  - {{name: a, image: {IMAGE}, command: [/no/such]}}\n"
    assert pods.apply(pod(wrong, notes=CRUN), check=False).returncode == 1
    assert "/no/such" in pods.lab.run("journalctl", "--unit=container@web.a", "--output=cat").stdout


def test_the_images_own_signal_stops_the_container(pods: Pods) -> None:
    own = f"  - {{name: a, image: {FULL}}}\n"
    pods.apply(pod(own, notes=CRUN))
    pods.systemctl("stop", "container@web.a")
    assert "usr1" in pods.lab.run("podunit", "logs", "web").stdout


def test_an_image_that_is_not_to_be_had_is_refused_where_it_is_named(pods: Pods) -> None:
    pods.apply(pod(f"  - {{name: a, image: {IMAGE}, command: [sleep, '1000']}}\n", notes=CRUN))
    pid = pods.main_pid("container@web.a")
    for image, said in (("127.0.0.1:1/absent:1", "cannot be pulled: "), ("127.0.0.1:1/absent:2", "is not there, and ")):
        policy = "Never" if image.endswith("2") else "Always"
        own = f"{{name: a, image: '{image}', imagePullPolicy: {policy}, command: [sleep, '1000']}}"
        wrong = pod(f"  - {own}\n", notes=CRUN)
        done = pods.apply(wrong, check=False)
        assert done.returncode == 1
        assert f"error: image '{image}' of container 'a' of pod 'web' {said}" in done.stderr
        foretold = pods.lab.run("podunit", "apply", "--dry-run", "/root/pod.yaml", check=False).stderr
        assert (f"image {image}: would be pulled\n" in foretold) == (said == "cannot be pulled: ")
    assert pods.main_pid("container@web.a") == pid


def test_the_image_may_go_while_its_container_runs(pods: Pods) -> None:
    pods.lab.sh(f"podman tag {FULL} localhost/going:1")
    pods.lab.sh("echo 'FROM localhost/podunit-test:1' > /root/going; echo 'RUN echo here > /own' >> /root/going")
    pods.lab.sh("podman build --quiet --network=none --tag=localhost/going:1 -f /root/going", timeout_sec=120)
    going = "  - {name: a, image: 'localhost/going:1', command: [sh, -c, 'trap exit TERM; sleep 1000 & wait']}\n"
    pods.apply(pod(going, notes=CRUN))
    pods.lab.sh("podman rmi --force localhost/going:1")
    assert pods.lab.run("podunit", "exec", "web", "--", "cat", "/own").stdout == "here\n"
    pods.systemctl("restart", "pod@web")
    assert pods.lab.run("podunit", "exec", "web", "--", "cat", "/own").stdout == "here\n"


def test_commands_that_look_into_a_pod(pods: Pods) -> None:
    env = "env: [{name: WORD, value: hello}]"
    pods.apply(pod(container("a", "echo started; " + FOREVER, env), notes=CRUN))
    inside = pods.lab.run(
        "podunit", "exec", "web", "--", "sh", "-c", "echo $WORD; cat /proc/self/cgroup; exit 5", check=False
    )
    assert inside.returncode == 5
    assert inside.stdout.startswith("hello\n")
    assert "\n0::/\n" in inside.stdout
    assert pods.lab.run("podunit", "exec", "web", "-i", "--", "cat", input="given").stdout == "given"
    assert pods.lab.run("podunit", "logs", "web", "a").stdout.endswith("started\n")
    assert "running" in pods.lab.run("podunit", "ps").stdout
    assert "container@web.a" in pods.lab.run("podunit", "describe", "web").stdout
    pods.lab.run("podunit", "top", "--once", check=False)


def test_commands_of_hooks_and_probes_have_what_the_container_has(pods: Pods) -> None:
    look = "cd /proc/self; grep -hE '^(0::|Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp)' cgroup status; echo $WORD $OLDPWD"
    quoted = look.replace("'", "''")
    asks = f"{{exec: {{command: [sh, -c, '{{ {quoted}; }} > /log/NAME']}}}}"
    hooks = f"lifecycle: {{postStart: {asks.replace('NAME', 'post')}, preStop: {asks.replace('NAME', 'pre')}}}"
    fields = (
        "volumeMounts: [{name: log, mountPath: /log}]",
        "env: [{name: WORD, value: hello}]",
        "workingDir: /www",
        "securityContext: {runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: {drop: [CHOWN]}}",
        hooks,
        f"livenessProbe: {asks.replace('NAME', 'probe')}",
    )
    log = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
    pods.lab.sh("chmod 1777 /run/test")
    pods.apply(pod(container("a", f"{{ {look}; }} > /log/main; {FOREVER}", *fields), more=log, notes=CRUN))
    pods.lab.wait_until("[ -s /run/test/probe ]")
    pods.systemctl("stop", "pod@web")
    seen = [pods.lab.read(f"/run/test/{name}") for name in ("main", "post", "probe", "pre")]
    assert seen[0].startswith("0::/\n")
    assert seen == [seen[0]] * 4


def test_fifty_starts_and_stops_leave_nothing(pods: Pods) -> None:
    pods.apply(pod(container("a", FOREVER), notes=CRUN))
    before = pods.lab.sh("wc -l < /proc/1/mountinfo").stdout
    for _ in range(50):
        pods.systemctl("restart", "container@web.a")
    assert pods.lab.sh("wc -l < /proc/1/mountinfo").stdout == before
    assert pods.lab.sh("find /run/crun -mindepth 1 -maxdepth 1 -name 'web.*'").stdout == "/run/crun/web.a\n"
    pods.systemctl("stop", "pod@web")
    assert remains(pods) == ""


def test_another_image_is_another_bundle_and_the_same_is_none(pods: Pods) -> None:
    text = pod(container("a", FOREVER), notes=CRUN)
    pods.apply(text)
    main = pods.main_pid("container@web.a")
    assert "unchanged" in pods.apply(text).stdout
    assert pods.lab.run("podunit", "diff", "/root/pod.yaml").returncode == 0
    assert pods.main_pid("container@web.a") == main
    pods.lab.write("/root/pod.yaml", text.replace(IMAGE, FULL))
    assert pods.lab.run("podunit", "diff", "/root/pod.yaml", check=False).returncode == 1
    assert pods.main_pid("container@web.a") == main
    pods.lab.run("podunit", "apply", "/root/pod.yaml")
    assert pods.main_pid("container@web.a") != main


def test_an_init_container_and_volumes_that_podman_keeps(pods: Pods) -> None:
    mounts = "volumeMounts: [{name: kept, mountPath: /kept}, {name: memory, mountPath: /memory}]"
    claim = "{name: kept, persistentVolumeClaim: {claimName: kept}}"
    volumes = f"  volumes: [{claim}, {{name: memory, emptyDir: {{medium: Memory}}}}]\n"
    inits = container("fill", "echo one >> /kept/file; echo two > /memory/file; echo filled", mounts)
    main = container("a", "cat /kept/file /memory/file; " + FOREVER, mounts)
    pods.apply(pod(main, inits=inits, more=volumes, notes=CRUN))
    for runs in (1, 2):
        assert pods.lab.run("podunit", "exec", "web", "--", "cat", "/kept/file", "/memory/file").stdout == (
            "one\n" * runs + "two\n"
        )
        # Of the init container no process and no file is left, while its unit is active.
        assert pods.state("container@web.fill") == "active"
        assert pods.lab.sh("ls /run/crun | grep web; ls /var/lib/podunit/roots/web.fill").stdout == "web.a\n"
        assert "filled" in pods.lab.run("podunit", "logs", "web", "fill").stdout
        if runs == 1:
            pods.systemctl("restart", "pod@web")
    pods.lab.run("podunit", "delete", "web", "--volumes")


def test_an_init_container_that_fails_is_tried_again_and_stops_when_asked(pods: Pods) -> None:
    mount = "volumeMounts: [{name: log, mountPath: /log}]"
    log = "  volumes: [{name: log, hostPath: {path: /run/test}}]\n"
    inits = container("first", "echo run >> /log/runs; [ $(wc -l < /log/runs) -ge 3 ] || exit 7", mount)
    inits += container("second", "[ -e /log/go ] || sleep 1000 & wait", mount)
    text = pod(container("a", FOREVER), inits=inits, more=log, notes=CRUN + quick("first"))
    pods.lab.write("/run/test/go", "")
    pods.apply(text, check=False)
    pods.wait("active active", "container@web.a", "pod@web")
    # Twice for the start that fails, once by itself, and perhaps once more for the start that succeeds.
    assert pods.lab.read("/run/test/runs").count("run") in (3, 4)
    pods.systemctl("stop", "pod@web")
    pods.lab.sh("rm /run/test/go")
    pods.systemctl("start", "--no-block", "pod@web")
    pods.wait("activating", "container@web.second")
    pods.lab.wait_until("pgrep -f 'sleep 1000'")
    pods.systemctl("stop", "pod@web")
    assert remains(pods) == ""


def test_containers_that_share_their_processes(pods: Pods) -> None:
    more = "  shareProcessNamespace: true\n"
    both = container("a", "sleep 1111 & wait") + container("b", "sleep 2222 & wait")
    pods.apply(pod(both, more=more, notes=CRUN + quick("a")))
    seen = pods.lab.run("podunit", "exec", "web", "-c", "a", "--", "ps").stdout
    assert "sleep 1111" in seen
    assert "sleep 2222" in seen
    main = pods.main_pid("container@web.a")
    pods.systemctl("kill", "--kill-whom=main", "--signal=KILL", "container@web.a")
    wait_for(lambda: str(pods.main_pid("container@web.a") not in (0, main)), "True")
    pods.wait("active active", "container@web.a", "container@web.b")
    # Those of the container that has ended have ended with it.
    assert pods.lab.sh("pgrep -fc '^sleep 1111'").stdout == "1\n"


def test_why_a_container_has_ended(pods: Pods) -> None:
    bad = container(
        "a",
        "echo because > /dev/termination-log; exit 3",
        "restartPolicy: Never",
        "terminationMessagePath: /dev/termination-log",
    )
    bad += container(
        "b", "echo last words; exit 3", "restartPolicy: Never", "terminationMessagePolicy: FallbackToLogsOnError"
    )
    pods.apply(pod(bad, notes=CRUN), check=False)
    pods.wait("failed failed", "container@web.a", "container@web.b")
    said = pods.lab.run("podunit", "describe", "web").stdout
    assert "because" in said
    assert "last words" in said


def test_a_pod_in_the_network_of_the_host(pods: Pods) -> None:
    web = container(
        "a",
        "httpd -f -p 8080 -h /www & wait",
        "ports: [{containerPort: 8080}]",
        "readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}",
        "lifecycle: {postStart: {exec: {command: [sh, -c, hostname > /name]}}}",
    )
    both = web + container("b", FOREVER)
    inits = container("i", "touch /dev/shm/made")
    pods.apply(pod(both, inits=inits, more="  hostNetwork: true\n", notes=CRUN))
    kinds = "for kind in net uts ipc; do readlink /proc/%s/ns/$kind; done"
    for _ in range(2):
        assert pods.lab.run("curl", "--silent", "--fail", "localhost:8080").stdout == "podunit test page\n"
        assert (pods.state(*ALL), pods.show("sandbox@web", "MainPID")) == (UP, "0")
        own, a, b = (
            pods.lab.sh(kinds % pid).stdout.split()
            for pid in (1, pods.main_pid("container@web.a"), pods.main_pid("container@web.b"))
        )
        assert (a[:2], a[2] != own[2], a) == (own[:2], True, b)
        seen = pods.lab.run("podunit", "exec", "web", "-c", "b", "--", "ls", "/dev/shm").stdout
        assert seen == "made\n"
        said = pods.lab.run("podunit", "exec", "web", "-c", "a", "--", "cat", "/name", "/etc/hostname").stdout
        assert said == pods.lab.sh("hostname; hostname").stdout
        pods.systemctl("stop", "pod@web")
        assert pods.state(*ALL) == DOWN
        assert remains(pods) == ""
        pods.systemctl("start", "pod@web")
    for engine, main in (("podman", "conmon\n"), ("crun", "sh\n")):
        text = pod(both, inits=inits, more="  hostNetwork: true\n", notes=CRUN.replace("crun", engine))
        assert f"changed, engine {engine} instead of" in pods.apply(text).stdout
        assert pods.lab.run("curl", "--silent", "--fail", "localhost:8080").stdout == "podunit test page\n"
        assert pods.lab.read(f"/proc/{pods.main_pid('container@web.a')}/comm") == main


def test_pods_of_both_engines_find_each_other(pods: Pods) -> None:
    serve = container("a", "httpd -f -p 8080 -h /www & wait")
    pods.apply(f"{pod(serve, notes=CRUN)}---\n{pod(serve, name='other')}")
    for here, there in (("web", "other"), ("other", "web")):
        ask = f"podunit exec {here} -- wget -qO - http://{there}:8080/"
        pods.lab.wait_until(ask)
        assert pods.lab.sh(ask).stdout == "podunit test page\n"
    addresses = [
        pods.lab.sh(f"podunit exec {name} -- ip -oneline -4 address show eth0").stdout.split()[3]
        for name in ("web", "other")
    ]
    assert len(set(addresses)) == 2


def test_a_network_of_which_podman_gives_all_addresses_is_made_anew_when_nobody_uses_it(pods: Pods) -> None:
    pods.apply(pod(WEB, notes=CRUN))
    pods.systemctl("stop", "pod@web")
    pods.lab.sh("podman network rm podunit; podman network create --label=podunit podunit")
    pods.lab.sh(f"podman run --name=user --detach --network=podunit {IMAGE} sleep 1000")
    failed = pods.lab.run("podunit", "start", "web", check=False)
    assert (failed.returncode, "podman gives all addresses of network podunit" in failed.stderr) == (1, True)
    pods.lab.sh("podman rm --force --time=0 user")
    pods.systemctl("start", "pod@web")
    pods.lab.wait_until("curl --silent --fail localhost:8080")


def test_a_network_of_somebody_elses_serves_if_its_range_ends_early(pods: Pods) -> None:
    pods.apply(pod(WEB, notes=CRUN))
    pods.systemctl("stop", "pod@web")
    # What is known of the network is told by times, of which the shell sees the seconds.
    pods.lab.sh(
        "sleep 1; podman network rm podunit;"
        " podman network create --subnet=10.77.0.0/29 --ip-range=10.77.0.0/30 podunit"
    )
    try:
        pods.systemctl("start", "pod@web")
        pods.lab.wait_until("curl --silent --fail localhost:8080")
        seen = pods.lab.sh("podunit exec web -c a -- ip -oneline -4 address show eth0").stdout.split()[3]
        assert seen in ("10.77.0.4/29", "10.77.0.5/29", "10.77.0.6/29")
    finally:
        pods.systemctl("stop", "pod@web")
        pods.lab.sh("podman network rm podunit")


def test_the_firewall_is_that_of_containers_conf(pods: Pods) -> None:
    own = "/etc/containers/containers.conf.d/firewall.conf"
    pods.lab.write(own, '[network]\nfirewall_driver = "none"\n')
    try:
        pods.lab.sh("rm -rf /run/podunit-networks")
        pods.apply(pod(WEB, notes=CRUN))
        assert "dnat" not in pods.lab.sh("nft list ruleset").stdout
        pods.systemctl("stop", "pod@web")
    finally:
        pods.lab.sh(f"rm -r {own} /run/podunit-networks")
    pods.systemctl("start", "pod@web")
    assert "dnat" in pods.lab.sh("nft list ruleset").stdout


def test_the_option_or_the_file_chooses_the_engine_and_a_move_is_told(pods: Pods) -> None:
    template = pod(container("a", FOREVER)).partition("metadata:")[2].replace("  name: web\n", "  labels: {app: web}\n")
    indented = "\n".join(f"    {line}" if line.strip() else line for line in f"metadata:{template}".splitlines())
    pods.lab.write(
        "/root/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n"
        f"  selector: {{matchLabels: {{app: web}}}}\n  template:\n{indented}\n",
    )

    def apply(*options: str, status: int = 0) -> str:
        done = pods.lab.run("podunit", *options, "/root/web.yaml", check=False)
        assert done.returncode == status, done.stderr
        return done.stdout

    containers = "podman ps --all --format '{{.Names}}' | sort"
    assert apply("apply", "--engine", "crun") == "pod web-0: created, started\n"
    first = pods.main_pid("container@web-0.a")
    assert pods.lab.sh(containers).stdout == ""
    # What is kept of it says the engine, too.
    pods.lab.run("podunit", "scale", "deployment/web", "--replicas", "2")
    assert pods.lab.sh(containers).stdout == ""
    moved = "engine podman instead of crun"
    assert f"pod web-0: changed, {moved}, " in apply("diff", status=1)
    assert f"pod web-0: changed, {moved}, " in apply("apply", "--dry-run")
    pods.lab.write("/etc/podunit/podunit.toml", 'engine = "cron"\n')
    assert apply("apply", status=1) == ""
    pods.lab.write("/etc/podunit/podunit.toml", 'engine = "crun"\n')
    assert apply("apply") == "pod web-0: unchanged\npod web-1: stopped, deleted\n"
    assert pods.main_pid("container@web-0.a") == first
    pods.lab.sh("rm /etc/podunit/podunit.toml")
    assert f"pod web-0: changed, {moved}, " in apply("apply")
    assert pods.lab.sh(containers).stdout == "web-0.a\n"
    assert pods.lab.sh("ls /run/crun | grep web || :").stdout == ""
    assert pods.state("pod@web-0", "container@web-0.a") == "active active"
    assert "pod web-0: changed, engine crun instead of podman, " in apply("up", "--engine", "crun")
    assert pods.lab.sh(containers).stdout == ""
    pods.lab.run("podunit", "delete", "deployment/web")
