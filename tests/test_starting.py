"""The scripts that start crun's containers: the exact text of some, which a shell can read, and what may be in none.

`pytest --update-golden` rewrites the expectations in `golden/starts`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podunit.engines.crun import Marks
from podunit.load import load_files
from podunit.model import Container, Pod
from podunit.report import Report
from podunit.starting import Found, Permissions, write_start

_STARTS = Path(__file__).parent / "golden/starts"
_IMAGE = "/var/lib/podunit/images/0123"

# A container's fields, and what the pod has besides.
_CASES = {
    "plain": ("", ""),
    "init": ("", ""),
    "pipe": ("", ""),
    "init-pipe": ("", ""),
    "devices": (
        "volumeDevices: [{name: d, devicePath: /dev/xvda}], volumeMounts: [{name: i, mountPath: /i}]",
        "  volumes: [{name: d, persistentVolumeClaim: {claimName: disk}}, {name: i, image: {reference: other}}]\n",
    ),
    "all": ("", "  dnsConfig: {options: [{name: edns0}]}\n"),
}
_DISK = """---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec: {volumeMode: Block, local: {path: "/dev/disk/by-label/a b"}, capacity: {storage: 1G}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {volumeMode: Block, volumeName: disk, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1G}}}
"""


def read(tmp_path: Path, name: str) -> tuple[Pod, Container]:
    container, more = _CASES[name]
    file = tmp_path / "pod.yaml"
    kind = "initContainers" if name.startswith("init") else "containers"
    others = "  containers: [{name: b, image: example/b}]\n" if kind == "initContainers" else ""
    file.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, annotations: {podunit/engine: crun}}\n"
        f"spec:\n  {kind}: [{{name: a, image: example/a, {container}}}]\n{others}{more}"
        f"{_DISK if 'disk' in more else ''}",
        encoding="utf-8",
    )
    report = Report()
    workload = load_files([str(file)], report)
    assert workload, report
    pod = workload.pods[0]
    return pod, (*pod.init_containers, *pod.containers)[0]


def find(name: str, pod: Pod, container: Container) -> Found:
    if name == "all":
        marks = Marks(pod, container)
        return Found(
            image=_IMAGE,
            root=Permissions(0o1777, 5, 6),
            added=True,
            claims=(("7:8", "/var/lib/containers/storage/volumes/kept/_data"), ("7:8", "/srv/it's here")),
            confined=True,
            pipe="",
            texts=(marks.sandbox + marks.process, marks.profile + "".join(marks.facts.values())),
        )
    reason = "its command or a variable has /dev/stdout" if "pipe" in name else ""
    return Found(_IMAGE, Permissions(0o555, 0, 0), added=False, claims=(), confined=False, pipe=reason, texts=("{}",))


@pytest.mark.parametrize("name", _CASES)
def test_a_script_is_the_expected_one(name: str, update_golden: bool, tmp_path: Path) -> None:
    pod, container = read(tmp_path, name)
    text = write_start(pod, container, find(name, pod, container))
    expected = _STARTS / f"{name}.sh"
    if update_golden:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_no_file_is_of_no_case() -> None:
    assert {file.stem for file in _STARTS.iterdir()} == set(_CASES)


def test_a_name_in_an_image_is_no_command(tmp_path: Path) -> None:
    pod, container = read(tmp_path, "plain")
    reason = "the image has a link to its output: /a\ntouch /b\r\x85touch /c\udcff"
    found = Found(_IMAGE, Permissions(0o555, 0, 0), added=False, claims=(), confined=False, pipe=reason, texts=())
    comment = "\n# The image has a link to its output: /a?touch /b??touch /c?: systemd gives a service"
    assert comment in write_start(pod, container, found)
