"""Three pods are there whatever has ended the machine: one depends on another, of the crun engine; one is a user's.

Looked at from outside of podunit: the pages that they serve, and states of units. A boot in which a pod has to be
started twice is no boot: the machine is *degraded* then, which `VirtualMachine` does not accept.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.pods import IMAGE, Pods
from tests.vm.virtual import VirtualMachine

SLOW_SEC = 400
CUTS = 10
REGISTRY = Path(__file__).parents[1] / "lab/registry.py"
# Ports by pod: what it serves is its own name, and what it was given.
PORTS = {"db": 8081, "web": 8082, "hers": 8083}
PULLED = "127.0.0.1:5000/pulled:1"
LOADED = "localhost/loaded:1"
CHANGING = "[ -e /usr/local/lib/systemd/system/.podunit ] || grep -q second /usr/local/lib/systemd/system/*.service"

MAKE_IMAGES = f"""
head -c 8000000 /dev/urandom > /root/image/big
printf 'FROM {IMAGE}\\nCOPY big /www/big\\n' > /root/image/Containerfile
podman build --quiet --network=none --tag={LOADED} /root/image
podman save --quiet --output=/root/image/archive {LOADED}
podman save --quiet --format=oci-dir --output=/root/image/oci {LOADED}
podman rmi {LOADED}
printf '[[registry]]\\nlocation = "127.0.0.1:5000"\\ninsecure = true\\n' > /etc/containers/registries.conf.d/test.conf
sync
"""
# A layer that another image has would not be loaded. It is known at the stop, and not whole.
LOAD_IN_PART = f"""
podman rmi --ignore {PULLED} {LOADED}
podman load --quiet --input=/root/image/archive &
until set -- /var/lib/containers/storage/overlay/*/diff/www/big && [ -e "$1" ]; do :; done
kill -STOP $!
"""
# The names of all files are on the disk then, and what is in them only if somebody has waited for that.
WRITE_NAMES = "dd if=/dev/zero of=/root/image/zero bs=4k count=1 conv=fsync"
# What podman writes then stays in memory, and a pull by podunit's units waits for the disk as long as one likes.
WRITE_LATE = """
sysctl --quiet vm.dirty_writeback_centisecs=0 vm.dirty_expire_centisecs=360000
mkdir -p /root/late /run/systemd/system/image@.service.d
printf '#!/bin/sh\ncase $1 in --file-system) touch /run/late; exec sleep 1000;; esac; exec /usr/bin/sync "$@"\n' \\
    > /root/late/sync
chmod 755 /root/late/sync
printf '[Service]\nEnvironment=PATH=/root/late:/usr/bin:/bin\n' > /run/systemd/system/image@.service.d/late.conf
systemctl daemon-reload
"""
BIG = "/var/lib/containers/storage/overlay/*/diff/www/big"
CLEAR_IMAGES = f"""
podman rmi --force {PULLED} {LOADED} || :
rm -r /root/image /etc/containers/registries.conf.d/test.conf
"""


def serving(name: str, notes: str, word: str, image: str = IMAGE) -> str:
    return f"""\
apiVersion: v1
kind: Pod
metadata: {{name: {name}, annotations: {{{notes}}}}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: httpd
    image: {image}
    command: [sh, -c, 'mkdir /tmp/www; echo {name} $WORD > /tmp/www/page; exec httpd -f -p 80 -h /tmp/www']
    env: [{{name: WORD, value: {word}}}]
    ports: [{{containerPort: 80, hostPort: {PORTS[name]}}}]
    readinessProbe: {{httpGet: {{path: /page, port: 80}}, timeoutSeconds: 20}}
"""


def write_pods(vm: VirtualMachine, word: str, image: str = IMAGE) -> None:
    db = serving("db", "podunit/engine: crun", word, image)
    vm.write("/root/pods.yaml", f"{db}---\n{serving('web', 'podunit/depends-on: db', word, image)}")


def wait_for_pages(vm: VirtualMachine, *words: str) -> str:
    """Wait until each pod serves, all of the system's with the same of these words; which."""
    pages = "; ".join(f"curl --silent --fail --max-time 20 127.0.0.1:{port}/page" for port in PORTS.values())
    vm.wait_until(f"systemctl --quiet is-active pod@db pod@web; {pages}", timeout_sec=SLOW_SEC)
    seen = vm.sh(pages).stdout
    assert seen in {f"db {word}\nweb {word}\nhers own\n" for word in words}, seen
    # The one that depends has waited until the other was ready.
    times = vm.sh("systemctl show --value --property=ActiveEnterTimestampMonotonic pod@db sandbox@web").stdout.split()
    assert int(times[0]) < int(times[1]), times
    assert vm.sh("systemctl list-units --plain --no-legend --state=failed").stdout == ""
    return seen.split()[1]


@pytest.fixture(scope="module")
def pods(vm: VirtualMachine) -> Iterator[Pods]:
    """All three, applied, so that they run and are enabled; and another image, in an archive and for a registry."""
    pods = Pods(vm)
    vm.write("/root/image/registry.py", REGISTRY.read_text())
    vm.sh(MAKE_IMAGES, timeout_sec=SLOW_SEC)
    vm.write("/home/alice/pods.yaml", serving("hers", "", "own"))
    vm.run("podunit", "apply", "pods.yaml", user="alice", timeout_sec=SLOW_SEC)
    yield pods
    vm.run("podunit", "delete", "web", "db", timeout_sec=SLOW_SEC)
    vm.run("podunit", "delete", "hers", user="alice", timeout_sec=SLOW_SEC)
    vm.sh(CLEAR_IMAGES, timeout_sec=SLOW_SEC)
    assert pods.remains() == ""


def apply(vm: VirtualMachine, word: str, image: str = IMAGE) -> None:
    """Apply the system's pods and see them serve this word."""
    write_pods(vm, word, image)
    vm.run("podunit", "apply", "/root/pods.yaml", timeout_sec=SLOW_SEC)
    wait_for_pages(vm, word)


def begin(vm: VirtualMachine, *command: str) -> None:
    """Run a command that the machine's end may end."""
    vm.run("systemd-run", "--quiet", "--collect", *command)


def load_whole(vm: VirtualMachine) -> None:
    """Load the image once more, and look whether all of it is there."""
    vm.run("podman", "load", "--quiet", "--input=/root/image/archive", timeout_sec=SLOW_SEC)
    run = f"podman run --rm --network=none {LOADED} cat /www/big"
    vm.sh(f"{run} | cmp - /root/image/big; podman rmi {LOADED}", timeout_sec=SLOW_SEC)


@pytest.mark.usefixtures("pods")
def test_an_image_that_was_pulled_is_whole_after_a_loss_of_power(vm: VirtualMachine) -> None:
    begin(vm, "--unit=registry", "python3", "/root/image/registry.py", "5000", "/root/image/oci", "", "")
    vm.wait_until("grep -q :1388 /proc/net/tcp", timeout_sec=SLOW_SEC)
    apply(vm, "pulled", PULLED)
    vm.sh(WRITE_NAMES, timeout_sec=SLOW_SEC)
    vm.cut_power()
    wait_for_pages(vm, "pulled")
    vm.sh("podman exec web.httpd cat /www/big | cmp - /root/image/big", timeout_sec=SLOW_SEC)


@pytest.mark.usefixtures("pods")
def test_an_image_is_pulled_anew_after_a_loss_of_power_that_has_ended_its_pull(vm: VirtualMachine) -> None:
    apply(vm, "first")
    vm.sh(f"podman rmi --force --ignore {PULLED} {LOADED}; {WRITE_LATE}", timeout_sec=SLOW_SEC)
    registry = ("--unit=registry", "python3", "/root/image/registry.py", "5000", "/root/image/oci", "", "")
    begin(vm, *registry)
    vm.wait_until("grep -q :1388 /proc/net/tcp", timeout_sec=SLOW_SEC)
    write_pods(vm, "pulled", PULLED)
    begin(vm, "podunit", "apply", "/root/pods.yaml")
    vm.wait_until("test -e /run/late", timeout_sec=SLOW_SEC)
    vm.sh(WRITE_NAMES, timeout_sec=SLOW_SEC)
    vm.cut_power()
    wait_for_pages(vm, "first")
    # To podman it is there.
    vm.sh(f"podman image exists {PULLED}; ! test -s {BIG}", timeout_sec=SLOW_SEC)
    begin(vm, *registry)
    vm.wait_until("grep -q :1388 /proc/net/tcp", timeout_sec=SLOW_SEC)
    apply(vm, "pulled", PULLED)
    vm.sh("podman exec web.httpd cat /www/big | cmp - /root/image/big", timeout_sec=SLOW_SEC)


@pytest.mark.usefixtures("pods")
def test_an_image_can_be_loaded_after_a_loss_of_power_that_has_ended_its_load(vm: VirtualMachine) -> None:
    apply(vm, "first")
    vm.sh(LOAD_IN_PART, timeout_sec=SLOW_SEC)
    vm.sh(WRITE_NAMES, timeout_sec=SLOW_SEC)
    vm.cut_power()
    wait_for_pages(vm, "first")
    assert vm.run("podman", "image", "exists", LOADED, check=False).returncode == 1
    load_whole(vm)


@pytest.mark.usefixtures("pods")
def test_all_pods_serve_after_a_shutdown_that_a_loss_of_power_has_ended(vm: VirtualMachine) -> None:
    apply(vm, "first")
    # A container has stopped then, and its sandbox has not.
    vm.shut_down_until("Stopped container@web.httpd")
    vm.cut_power()
    wait_for_pages(vm, "first")


@pytest.mark.usefixtures("pods")
def test_all_pods_serve_after_a_reboot_and_after_a_loss_of_power(vm: VirtualMachine) -> None:
    apply(vm, "first")
    vm.reboot()
    wait_for_pages(vm, "first")
    vm.cut_power()
    wait_for_pages(vm, "first")


@pytest.mark.usefixtures("pods")
def test_all_pods_serve_after_a_loss_of_power_that_has_ended_an_apply(vm: VirtualMachine) -> None:
    apply(vm, "first")
    write_pods(vm, "second")
    begin(vm, "podunit", "apply", "/root/pods.yaml")
    vm.wait_until(CHANGING, timeout_sec=SLOW_SEC)
    vm.cut_power()
    wait_for_pages(vm, "first", "second")
    apply(vm, "second")


@pytest.mark.usefixtures("pods")
def test_ten_losses_of_power_in_a_row(soak: int, vm: VirtualMachine) -> None:
    chance = random.Random(soak)
    apply(vm, "first")
    words = ["first"]
    for number in range(CUTS):
        what, seconds = chance.choice(["nothing", "apply", "load", "shutdown", "boot"]), chance.uniform(0, 30)
        if what == "apply":
            words.append(f"word{number}")
            write_pods(vm, words[-1])
            begin(vm, "podunit", "apply", "/root/pods.yaml")
        elif what == "load":
            begin(vm, "sh", "-c", f"podman rmi --ignore {PULLED} {LOADED}; podman load --input=/root/image/archive")
        elif what == "shutdown":
            vm.shut_down_until("Stopping pod@")
        time.sleep(seconds)
        since = time.monotonic()
        vm.cut_power(*([2 * seconds] if what == "boot" else []))
        words = [wait_for_pages(vm, *words)]
        took = time.monotonic() - since
        print(f"cut {number}: {what}, after {seconds:.1f} s; all served in {took:.0f} s: {words[0]}", flush=True)
    # As docs/boot.md says of a loss of power while somebody loads an image.
    vm.run("podman", "system", "check", "--repair", timeout_sec=SLOW_SEC)
    load_whole(vm)
