"""What is needed for the crun engine, and what of podman's configuration crun is given."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from podunit.bundles import Bundles, _pack, forget_images, require_crun
from podunit.engines import crun
from podunit.errors import PodunitError
from podunit.load import load_files
from podunit.model import Container, Pod
from podunit.report import Report
from podunit.target import parse_target

_ID = "0123456789abcdef"
_RUN = f"/run/containers/storage/overlay-containers/{_ID}/userdata"


def read_pod(tmp_path: Path, container: str, more: str = "") -> tuple[Pod, Container]:
    file = tmp_path / "pod.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, annotations: {podunit/engine: crun}}\n"
        f"spec:\n  containers:\n  - {{name: a, image: example/a, {container}}}\n{more}",
        encoding="utf-8",
    )
    workload = load_files([str(file)], Report())
    assert workload
    return workload.pods[0], workload.pods[0].containers[0]


def make_captured() -> dict[str, Any]:
    """A part of what podman 5.4.2 writes."""
    return {
        "process": {"args": ["/podunit-model"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
        "root": {"path": "/var/lib/containers/storage/overlay/abc/merged", "readonly": True},
        "hostname": "web",
        "annotations": {"org.opencontainers.image.stopSignal": "15"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/podunit-model", "type": "bind", "source": "/usr/libexec/podman/catatonit"},
            {"destination": "/etc/hosts", "type": "bind", "source": f"{_RUN}/hosts"},
            {"destination": "/run/.containerenv", "type": "bind", "source": f"{_RUN}/.containerenv"},
            {"destination": "/srv/data", "type": "bind", "source": "/var/lib/containers/storage/volumes/x/_data"},
        ],
        "linux": {
            "cgroupsPath": "machine.slice:libpod:x",
            "resources": {"pids": {"limit": 2048}},
            "sysctl": {"net.ipv4.ping_group_range": "0 0"},
            "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
            "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
        },
    }


_IMAGE = crun.ImageConfig(entrypoint=("/entry",), arguments=("default",), volumes=("/srv/data",))


def compile_config(pod: Pod, container: Container) -> Any:
    return crun.compile_config(make_captured(), _ID, _IMAGE, "/volumes", {}, pod, container)


def test_what_only_a_running_sandbox_knows_is_marked(tmp_path: Path) -> None:
    pod, container = read_pod(tmp_path, "args: [serve]", "  activeDeadlineSeconds: 9\n")
    config = compile_config(pod, container)
    marks = crun.Marks(pod, container)
    assert config["root"] == {"path": "/run/podunit/web.a_bundle/rootfs", "readonly": True}
    assert config["process"]["args"] == ["/entry", "serve"]
    assert {mount["destination"]: mount["source"] for mount in config["mounts"]} == {
        "/proc": "proc",
        "/etc/hosts": _RUN.replace(_ID, marks.sandbox) + "/hosts",
        "/etc/resolv.conf": _RUN.replace(_ID, marks.sandbox) + "/resolv.conf",
        "/run/.containerenv": "/run/podunit/web.a_bundle/containerenv",
    }
    assert config["linux"] == {
        "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
        "namespaces": [
            {"type": "pid"},
            {"type": "network", "path": f"/proc/{marks.process}/ns/net"},
            {"type": "ipc", "path": f"/proc/{marks.process}/ns/ipc"},
            {"type": "uts", "path": f"/proc/{marks.process}/ns/uts"},
            {"type": "mount"},
        ],
    }
    assert not {"hostname", "annotations"} & config.keys()


def test_what_a_sandbox_without_a_process_has_is_known(tmp_path: Path) -> None:
    pod, container = read_pod(tmp_path, "args: [serve]")
    config = compile_config(pod, container)
    assert {mount["destination"]: mount["source"] for mount in config["mounts"]} == {
        "/proc": "proc",
        "/etc/hosts": "/run/podunit/web_sandbox/hosts",
        "/etc/resolv.conf": "/run/podunit/web_sandbox/resolv.conf",
        "/run/.containerenv": "/run/podunit/web.a_bundle/containerenv",
    }
    assert config["linux"]["namespaces"][:4] == [
        {"type": "pid"},
        {"type": "network", "path": "/run/podunit/web_sandbox/net"},
        {"type": "ipc", "path": "/run/podunit/web_sandbox/ipc"},
        {"type": "uts", "path": "/run/podunit/web_sandbox/uts"},
    ]


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("name: a", ["/entry", "default"]),
        ("args: [x, y]", ["/entry", "x", "y"]),
        ("command: [run]", ["run"]),
        ("command: [run], args: [x]", ["run", "x"]),
    ],
)
def test_the_command_is_the_pods_before_the_images(tmp_path: Path, container: str, expected: list[str]) -> None:
    pod, found = read_pod(tmp_path, container if container != "name: a" else "workingDir: /srv")
    assert compile_config(pod, found)["process"]["args"] == expected


def test_volumes_take_the_place_of_podmans_own_mounts(tmp_path: Path) -> None:
    mounts = "volumeMounts: [{name: v, mountPath: /etc/hosts}, {name: v, mountPath: /srv/data/deep}]"
    pod, container = read_pod(tmp_path, mounts, "  volumes: [{name: v, hostPath: {path: /srv/v}}]\n")
    found = [(mount["destination"], mount["source"]) for mount in compile_config(pod, container)["mounts"]]
    assert found == [
        ("/proc", "proc"),
        ("/run/.containerenv", "/run/podunit/web.a_bundle/containerenv"),
        ("/etc/resolv.conf", "/run/podunit/web_sandbox/resolv.conf"),
        ("/etc/hosts", "/srv/v"),
        ("/srv/data/deep", "/srv/v"),
    ]


def test_an_image_is_a_volume_that_nobody_can_write(tmp_path: Path) -> None:
    volumes = "  volumes: [{name: v, image: {reference: example/files}}]\n"
    pod, container = read_pod(tmp_path, "volumeMounts: [{name: v, mountPath: /v}]", volumes)
    assert not crun.list_container_claims(container)
    assert list(crun.mount_volumes(pod, container, "/volumes", {"example/files": "/images/f"})) == [
        {
            "destination": "/v",
            "type": "overlay",
            "source": "overlay",
            "options": ["lowerdir=/images/f:/run/podunit/web.a_bundle/lower", "private"],
        }
    ]


def test_what_is_mounted_later_comes_in_where_it_is_asked_for(tmp_path: Path) -> None:
    volumes = "  volumes: [{name: v, hostPath: {path: /srv/v}}]\n"
    pod, container = read_pod(tmp_path, "volumeMounts: [{name: v, mountPath: /v}]", volumes)
    assert "rootfsPropagation" not in compile_config(pod, container)["linux"]
    mounts = "volumeMounts: [{name: v, mountPath: /v, mountPropagation: HostToContainer}]"
    pod, container = read_pod(tmp_path, mounts, volumes)
    assert compile_config(pod, container)["linux"]["rootfsPropagation"] == "rslave"


def test_podmans_profile_of_apparmor_is_the_one_that_is_loaded_then(tmp_path: Path) -> None:
    pod, container = read_pod(tmp_path, "args: [serve]")
    captured = make_captured()
    for profile, kept in (("containers-default-0.62.2", False), ("own", True)):
        process = {**captured["process"], "apparmorProfile": profile}
        config = crun.compile_config({**captured, "process": process}, _ID, _IMAGE, "/volumes", {}, pod, container)
        assert (config["process"]["apparmorProfile"] == profile) is kept
        assert crun.is_confined({"process": process}) is not kept


def test_an_empty_claim_is_its_users(tmp_path: Path) -> None:
    mounts = "volumeMounts: [{name: c, mountPath: /c}, {name: d, mountPath: /d}, {name: c, mountPath: /again}]"
    volumes = "  volumes: [{name: c, persistentVolumeClaim: {claimName: kept}}, {name: d, emptyDir: {}}]\n"
    _, container = read_pod(tmp_path, mounts, volumes)
    captured = make_captured()
    captured["process"]["user"] = {"uid": 7, "gid": 8}
    assert crun.own_claims(captured, "/volumes", container) == (("7:8", "/volumes/kept/_data"),)


def test_no_command_line_has_a_secret(tmp_path: Path) -> None:
    secret = "---\n{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {key: geheim}}\n"
    env = "env: [{name: S, valueFrom: {secretKeyRef: {name: s, key: key}}}, {name: P, value: plain}]"
    pod, container = read_pod(tmp_path, env, secret)
    words = crun.make_model(pod, container)
    assert "--env=P=plain" in words
    assert "geheim" not in " ".join(words)
    assert compile_config(pod, container)["process"]["env"] == ["PATH=/bin", "S=geheim"]


def test_podman_4_is_refused(tmp_path: Path) -> None:
    pod, _ = read_pod(tmp_path, "tty: false")
    with pytest.raises(PodunitError, match=r"pod web: podunit/engine: crun needs podman 5 or later, this is 4\.3\.1"):
        require_crun([pod], parse_target("252", "4.3.1"))


def test_images_that_nobody_needs_are_forgotten(tmp_path: Path) -> None:
    for image in ("a" * 64, "b" * 64, "c" * 64 + ".partial"):
        (tmp_path / "images" / image / "etc").mkdir(parents=True)
    bundle = tmp_path / "files/web/bundle/a"
    bundle.mkdir(parents=True)
    # That of the container, and one that is a volume.
    (bundle / "image").write_text("a" * 64 + "\n" + "b" * 64 + "\n", encoding="ascii")
    forget_images(tmp_path)
    assert sorted(folder.name for folder in (tmp_path / "images").iterdir()) == ["a" * 64, "b" * 64]
    (bundle / "image").unlink()
    forget_images(tmp_path)
    assert not (tmp_path / "images").exists()


def test_what_podman_adds_to_a_root_is_packed_with_the_way_to_it(tmp_path: Path) -> None:
    (tmp_path / "srv/made").mkdir(parents=True, mode=0o750)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("app:x:1:\n", encoding="ascii")
    (tmp_path / "etc/mtab").symlink_to("/proc/mounts")
    packed = _pack(tmp_path, ("/etc/passwd", "/etc/group", "/srv/made"))
    with tarfile.open(fileobj=io.BytesIO(packed["upper.tar"])) as archive:
        assert archive.getnames() == ["etc", "etc/group", "srv", "srv/made"]
    (tmp_path / "etc/group").unlink()
    assert _pack(tmp_path, ("/etc/passwd", "/etc/group", "/")) == {}


def test_a_container_that_is_to_come_to_its_end_has_another_bundle(tmp_path: Path) -> None:
    """Its script is another one."""
    pod, container = read_pod(tmp_path, "tty: false")
    bundles = Bundles(tmp_path, "5.4.2")
    images = {container.image: _ID}
    before = bundles._make_key(pod, container, images)
    moved = replace(pod, init_containers=(container,), containers=())
    assert bundles._make_key(moved, container, images) != before == bundles._make_key(pod, container, images)
