"""Images before an apply changes anything: pulled by their own units, or nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, UNITS, Pods, container, pod, wait_for

_REGISTRY = "127.0.0.1:5000"
_ABSENT = "127.0.0.1:1/absent:1"
_SERVE = "busybox httpd -f -p 8080 -h /www & wait"
_PORT = "ports: [{containerPort: 8080, hostPort: 8080}]"
# All that an apply changes but what runs: files, links, and what podunit keeps, without notes of pulls that go on.
_FILES = (
    f"find {UNITS} /etc/systemd/system /var/lib/podunit ! -path '*/registries*' ! -path '*/pulls/*'"
    " \\( -type f -o -type l \\) -exec sha256sum {} + | sort"
)

_LEFT_PULL = (
    "ls /run/systemd/transient | grep ^pull@ && { systemctl --no-pager --lines=20 status 'pull@*'"
    "; systemctl list-jobs --no-pager; }"
)


@pytest.fixture
def pods(pods: Pods, lab: Laboratory) -> Iterator[Pods]:
    """With a registry on which anything is the test's image, slow at what is asked of /slow."""
    lab.write(
        "/etc/containers/registries.conf.d/test.conf",
        f'[[registry]]\nlocation = "{_REGISTRY}"\ninsecure = true\n',
    )
    lab.sh(
        f"podman save --quiet --format oci-dir --output /root/oci {IMAGE};"
        " systemd-run --quiet --unit=registry python3 /src/tests/lab/registry.py 5000 /root/oci '' /root/seen"
    )
    lab.wait_until("grep -q :1388 /proc/net/tcp")
    yield pods
    pods.clear()
    lab.sh(
        "systemctl stop registry; rm -rf /root/oci /root/seen /etc/containers/registries.conf.d/test.conf;"
        f" podman images --format '{{{{.Repository}}}}:{{{{.Tag}}}}' | grep ^{_REGISTRY} | xargs -r podman rmi --force"
    )


def serve(image: str, *more: str) -> str:
    return pod(container("a", _SERVE, _PORT, *more).replace(IMAGE, image))


@pytest.mark.parametrize(
    ("image", "policy", "said"),
    [
        (_ABSENT, "IfNotPresent", "cannot be pulled: "),
        (_ABSENT, "Always", "connection refused"),
        ("localhost/absent:1", "Never", "is not there, and is never pulled"),
    ],
)
def test_a_running_pod_goes_on_when_its_new_image_is_not_to_be_had(
    pods: Pods, image: str, policy: str, said: str
) -> None:
    pods.apply(serve(IMAGE))
    before, pid = pods.lab.sh(_FILES).stdout, pods.payload_pid("web.a")
    done = pods.apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {v: '1'}\n---\n"
        + serve(image, f"imagePullPolicy: {policy}")
        + "---\n"
        + pod(container("a", _SERVE), "other"),
        check=False,
    )
    assert done.returncode == 1, done
    assert f"/root/pod.yaml:18:12: error: image '{image}' of container 'a' of pod 'web' " in done.stderr
    assert said in done.stderr
    assert "\n  hint: nothing was changed; " in done.stderr
    assert done.stdout == ""
    assert pods.lab.sh(_FILES).stdout == before
    assert (pods.payload_pid("web.a"), pods.state("pod@web")) == (pid, "active")
    assert pods.lab.sh("curl -s http://127.0.0.1:8080/").stdout == "podunit test page\n"
    assert pods.lab.sh("systemctl list-units --all --plain --no-legend 'image*absent*' 'pull@*'").stdout == ""


def test_a_first_apply_leaves_nothing_if_an_image_is_not_to_be_had(pods: Pods) -> None:
    pods.lab.sh(f"podunit uninstall; rm -rf {UNITS}/* /var/lib/podunit/objects; systemctl daemon-reload")
    before = pods.lab.sh(_FILES).stdout
    done = pods.apply(serve(_ABSENT) + "---\n" + pod(container("a", _SERVE), "other"), check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "connection refused" in done.stderr
    assert pods.lab.sh(_FILES).stdout == before
    assert pods.lab.sh(f"ls {UNITS}").stdout == ""
    # Not by its own unit, which is not there.
    pods.apply(serve(f"{_REGISTRY}/first:1"))
    assert pods.lab.sh("curl -s http://127.0.0.1:8080/").stdout == "podunit test page\n"


def test_images_are_pulled_side_by_side_and_foretold(pods: Pods) -> None:
    names = ("one", "two", "three")
    text = "---\n".join(
        pod(container("a", _SERVE).replace(IMAGE, f"{_REGISTRY}/slow/{name}:1"), name) for name in names
    )
    pods.lab.write("/root/pod.yaml", text)
    foretold = pods.lab.run("podunit", "apply", "--dry-run", "/root/pod.yaml").stderr
    assert all(f"image {_REGISTRY}/slow/{name}:1: would be pulled\n" in foretold for name in names)
    plan = json.loads(pods.lab.run("podunit", "diff", "-o", "json", "/root/pod.yaml", check=False).stdout)
    assert plan["pulls"] == [f"{_REGISTRY}/slow/{name}:1" for name in names]
    assert pods.lab.sh("podman images | grep slow || echo none").stdout == "none\n"
    done = pods.apply(text)
    for name in names:
        assert f"waiting for pod '{name}': pulling image {_REGISTRY}/slow/{name}:1\n" in done.stderr
    # The registry has kept the first one waiting until the last one was asked for as well.
    assert pods.lab.sh("cat /root/seen").stdout == "3 at once\n"
    assert pods.lab.run("podunit", "diff", "/root/pod.yaml").stdout == ""


def test_whatever_ends_an_apply_while_it_pulls_all_is_as_before(pods: Pods) -> None:
    pods.apply(serve(IMAGE))
    before, pid = pods.lab.sh(_FILES).stdout, pods.payload_pid("web.a")
    pods.lab.write(
        "/root/pod.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\n"
        "stringData: {.dockerconfigjson: '{\"auths\": {}}'}\n---\n"
        + serve(f"{_REGISTRY}/stuck:1")
        + "  imagePullSecrets: [{name: key}]\n",
    )
    pods.lab.sh("touch /run/test/stuck")
    ways = {
        "podunit apply --timeout 2": "3",
        "podunit apply --atomic --timeout 2": "3",
        "timeout --signal=TERM --preserve-status 2 podunit apply": "143",
        "timeout --signal=INT --preserve-status 2 podunit apply": "130",
        "timeout --signal=KILL 2 podunit apply": "137",
    }
    for command, status in ways.items():
        done = pods.lab.sh(f"{command} /root/pod.yaml || echo $?")
        assert done.stdout == f"{status}\n", done
        if status != "137":
            assert "nothing was changed" in done.stderr
            # Nothing of a pull is left, of which a failure shows what it waits for.
            wait_for(lambda: pods.lab.sh(_LEFT_PULL, check=False).stdout, "")
            assert pods.lab.sh(_FILES).stdout == before
        assert (pods.payload_pid("web.a"), pods.state("pod@web")) == (pid, "active")
    assert pods.lab.sh(f"{_FILES} | grep -v /files/web_new/").stdout == before
    pods.lab.sh("rm /run/test/stuck; podunit apply /root/pod.yaml")
    assert pods.lab.sh("podman inspect --format={{.ImageName}} web.a").stdout == f"{_REGISTRY}/stuck:1\n"
    assert pods.lab.run("podunit", "diff", "/root/pod.yaml").stdout == ""
    assert pods.lab.sh("find /var/lib/podunit -name '*_new'").stdout == ""
