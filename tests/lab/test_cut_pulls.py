"""Pulls that a loss of power has ended: what is left of them is removed before the next one.

Here the power is on: what a cut leaves is put there by hand, a note of another boot and a layer with an empty file.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, Pods, container, only_podman, pod, wait_for

PULLED = "127.0.0.1:5000/pulled:1"
NOTES = "/var/lib/podunit/pulls"
# As of another boot.
NOTE = "0f0f0f0f-0000-4000-8000-0f0f0f0f0f0f.7"
SERVE = "busybox httpd -f -p 8080 -h /www & wait"
PAGE = "curl --silent --fail http://127.0.0.1:8080/page"
WEB = pod(container("a", SERVE, "ports: [{containerPort: 8080, hostPort: 8080}]").replace(IMAGE, PULLED))
# The layer that the image shares with others is whole.
BREAK = 'for file in "$(podman info --format {{.Store.GraphRoot}})"/overlay/*/diff/www/page; do : > "$file"; done'
# As when the power has gone before podman has written down that there is an image.
FORGET_IMAGE = f"""
import json
from pathlib import Path
storage = Path("/var/lib/containers/storage")
file = storage / "overlay-images/images.json"
images = json.loads(file.read_text())
file.write_text(json.dumps([image for image in images if "{PULLED}" not in image.get("names", [])]))
"""
MENDED = "journalctl --quiet --output=cat --unit=image-mend.service"


@pytest.fixture
def registry(lab: Laboratory) -> Iterator[None]:
    """A registry on which anything is an image with a layer of its own, and gives out nothing while it is stuck."""
    lab.write(
        "/etc/containers/registries.conf.d/test.conf", '[[registry]]\nlocation = "127.0.0.1:5000"\ninsecure = true\n'
    )
    lab.write("/root/image/Containerfile", f"FROM {IMAGE}\nCOPY page /www/page\n")
    lab.write("/root/image/page", "whole\n")
    lab.sh(
        "cd /root/image; podman build --quiet --network=none --tag=localhost/made:1 .;"
        " podman save --quiet --format=oci-dir --output=oci localhost/made:1; podman rmi localhost/made:1;"
        " systemd-run --quiet --unit=registry python3 /src/tests/lab/registry.py 5000 /root/image/oci '' ''"
    )
    lab.wait_until("grep -q :1388 /proc/net/tcp")
    yield
    lab.sh("systemctl stop registry; rm -r /root/image /etc/containers/registries.conf.d/test.conf")


@pytest.fixture
def pods(pods: Pods, registry: None) -> Iterator[Pods]:
    """With that registry; of what they have pulled nothing is left."""
    # A pull that was stopped as it began leaves a note, which means nothing before the next boot.
    pods.lab.sh(f"rm -f {NOTES}/*")
    yield pods
    pods.clear()
    pods.lab.sh("podman rmi --force $(podman images --format '{{.Repository}}:{{.Tag}}' | grep ^127) || :")
    assert pods.lab.sh(f"ls {NOTES}").stdout == ""


def plant(pods: Pods, text: str) -> None:
    pods.lab.write(f"{NOTES}/{NOTE}", text)


@only_podman
def test_an_image_that_was_not_yet_on_the_disk_is_pulled_anew(pods: Pods) -> None:
    pods.apply(WEB + "---\n" + pod(container("a", "sleep 1000 & wait"), "other"))
    pid = pods.payload_pid("other.a")
    assert pods.lab.sh(PAGE).stdout == "whole\n"
    pods.lab.run("podunit", "down", "web")
    pods.lab.sh(BREAK)
    plant(pods, f"{PULLED} \n")
    # What another image is for does not wait for that.
    pods.systemctl("restart", "pod@other")
    assert pods.lab.sh(f"ls {NOTES}").stdout == f"{NOTE}\n"
    pods.systemctl("start", "pod@web")
    assert pods.lab.sh(PAGE).stdout == "whole\n"
    assert pods.payload_pid("other.a") not in (0, pid)
    assert f"in a pull of image {PULLED}: what that has left is removed\n" in pods.lab.sh(MENDED).stdout
    assert pods.lab.sh("podman images --all --quiet --filter=dangling=true").stdout == ""


@only_podman
def test_a_layer_without_an_image_is_pulled_anew(pods: Pods) -> None:
    pods.apply(WEB + "---\n" + pod(container("a", "sleep 1000 & wait"), "other"))
    pid = pods.payload_pid("other.a")
    pods.lab.run("podunit", "down", "web")
    pods.lab.sh(BREAK)
    pods.lab.run("python3", "-", input=FORGET_IMAGE)
    # podman would take the layer for whole.
    pods.lab.run("podman", "pull", "--quiet", PULLED)
    assert pods.lab.sh(f"podman run --rm --network=none {PULLED} cat /www/page").stdout == ""
    pods.lab.run("python3", "-", input=FORGET_IMAGE)
    plant(pods, f"{PULLED} \n")
    pods.systemctl("start", "pod@web")
    assert pods.lab.sh(PAGE).stdout == "whole\n"
    assert pods.payload_pid("other.a") == pid


@only_podman
def test_a_name_has_again_the_image_of_before_the_pull(pods: Pods) -> None:
    pods.apply(WEB)
    pods.lab.run("podunit", "down", "web")
    before = pods.lab.sh(f"podman image inspect --format={{{{.Id}}}} {IMAGE}").stdout.strip()
    plant(pods, f"{PULLED} {before}\n")
    # Without a registry there is no other.
    pods.lab.run("systemctl", "stop", "registry")
    pods.systemctl("start", "pod@web")
    assert pods.lab.sh("podman container inspect --format={{.Image}} web.a").stdout == f"{before}\n"
    # If it has not become another there was nothing to be unwritten.
    pods.lab.run("podunit", "down", "web")
    plant(pods, f"{PULLED} {before}\n")
    pods.systemctl("start", "pod@web")
    assert pods.lab.sh("podman container inspect --format={{.Image}} web.a").stdout == f"{before}\n"
    pods.lab.sh("systemd-run --quiet --unit=registry python3 /src/tests/lab/registry.py 5000 /root/image/oci '' '';")


@only_podman
def test_nothing_is_removed_after_pulls_that_fail(pods: Pods) -> None:
    pods.apply(pod(container("a", "sleep 1000 & wait")))
    before = pods.lab.sh(MENDED).stdout
    boot = pods.lab.read("/proc/sys/kernel/random/boot_id").strip()
    absent = "127.0.0.1:1/absent:1"
    assert pods.apply(WEB.replace(PULLED, absent), check=False).returncode == 1
    assert pods.lab.sh(f"ls {NOTES}").stdout == ""

    # While podman pulls there is a note; a stop ends it with the pull, and a kill does not.
    stuck, unit = "127.0.0.1:5000/stuck/one:1", r"image@127.0.0.1:5000-stuck-one:1.service"
    pods.lab.run("touch", "/run/test/stuck")
    for how in ("stop", "kill --signal=KILL"):
        pods.systemctl("start", "--no-block", unit)
        pods.lab.wait_until("ss -Htn state established dport = :5000 | grep -q .")
        assert pods.lab.sh(f"cat {NOTES}/{boot}.*").stdout == f"{stuck} \n"
        pods.lab.sh(f"systemctl {how} '{unit}'")
        wait_for(lambda: pods.show(unit, "ActiveState"), "inactive")
        assert len(pods.lab.sh(f"ls {NOTES}").stdout.split()) == (0 if how == "stop" else 1)
    pods.lab.run("rm", "/run/test/stuck")
    pods.apply(WEB.replace(PULLED, stuck))
    assert pods.lab.sh(PAGE).stdout == "whole\n"
    assert pods.lab.sh(MENDED).stdout == before
    # That of the pull that was killed, of which nothing is known, is for a loss of power that may come.
    pods.lab.sh(f"rm {NOTES}/{boot}.*")


@only_podman
def test_a_first_apply_removes_what_is_left_by_itself(pods: Pods) -> None:
    pods.apply(WEB)
    pods.lab.run("podunit", "uninstall")
    assert pods.show("image-mend.service", "LoadState") == "not-found"
    pods.lab.sh(BREAK)
    plant(pods, f"{PULLED} \n")
    pods.apply(WEB)
    assert pods.lab.sh(PAGE).stdout == "whole\n"


def test_a_users_pull_is_mended_in_the_users_own_storage(lab: Laboratory, suite: str, registry: None) -> None:
    if suite == "bookworm":
        pytest.skip("a lab cannot run rootless containers of podman 4.3 in the cgroup of their unit")
    notes = "/home/alice/.local/state/podunit/pulls"
    lab.write("/tmp/web.yaml", WEB)
    lab.run("podunit", "--user", "apply", "/tmp/web.yaml", user="alice")
    lab.run("podunit", "--user", "down", "web", user="alice")
    lab.sh(f"podman unshare sh -c '{BREAK}'; mkdir -p {notes}; echo '{PULLED} ' > {notes}/{NOTE}", user="alice")
    lab.run("systemctl", "--user", "start", "pod@web", user="alice")
    assert lab.sh(PAGE).stdout == "whole\n"
    assert lab.sh(f"ls {notes}; ls {NOTES} 2> /dev/null || :").stdout == ""
    lab.run("podunit", "--user", "delete", "web", user="alice")
    lab.run("podman", "rmi", PULLED, user="alice")
