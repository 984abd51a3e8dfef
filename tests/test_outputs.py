"""What `podunit.engines.outputs` promises: who opens its standard output has a pipe, and all others none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from podunit.engines.outputs import explain_pipe
from podunit.load import load_files
from podunit.model import Container, Output
from podunit.report import Report


def read(folder: Path, fields: str = "") -> Container:
    """The one container of a pod."""
    file = folder / "pod.yaml"
    head = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, annotations: {podunit/engine: crun}}\nspec: {containers: "
    file.write_text(f"{head}[{{name: a, image: i, {fields}}}]}}\n", encoding="utf-8")
    workload = load_files([str(file)], Report())
    assert workload
    return workload.pods[0].containers[0]


def make_root(folder: Path, *links: tuple[str, str]) -> Path:
    """The files of an image: links, by their paths and where they lead."""
    root = folder / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hostname").write_text("/dev/stdout", encoding="utf-8")
    for path, target in links:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    return root


def test_most_containers_have_none(tmp_path: Path) -> None:
    root = make_root(tmp_path, ("dev/stdout", "/proc/self/fd/1"), ("var/log/all", "/dev/null"), ("bin/sh", "busybox"))
    assert explain_pipe(read(tmp_path, "command: [sh, -c, 'echo >&2']"), ("/dev/stdouts",), root) == ""


@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/stderr", "/proc/self/fd/1", "/dev/fd/2"])
def test_log_files_of_an_image_may_be_links_to_it(tmp_path: Path, target: str) -> None:
    root = make_root(tmp_path, ("var/log/nginx/access.log", target))
    said = "the image has a link to its output: /var/log/nginx/access.log"
    assert explain_pipe(read(tmp_path), (), root) == said


@pytest.mark.parametrize(
    "fields",
    [
        "command: [sh, -c, 'run > /dev/stdout']",
        "args: [--log=/dev/stdout]",
        "env: [{name: LOG, value: /dev/stdout}]",
    ],
)
def test_the_pod_may_name_it(tmp_path: Path, fields: str) -> None:
    assert explain_pipe(read(tmp_path, fields), (), make_root(tmp_path)) == "its command or a variable has /dev/stdout"


def test_what_the_image_runs_may_name_it(tmp_path: Path) -> None:
    words = ("crond", "-f", "-L", "/proc/1/fd/2")
    assert explain_pipe(read(tmp_path), words, make_root(tmp_path)) == "its command or a variable has /proc/1/fd/2"


def test_an_annotation_is_stronger(tmp_path: Path) -> None:
    root = make_root(tmp_path, ("log", "/dev/stdout"))
    own = read(tmp_path)
    assert explain_pipe(replace(own, output=Output.JOURNAL), (), root) == ""
    (root / "log").unlink()
    assert explain_pipe(replace(own, output=Output.PIPE), (), root) == "asked for"
