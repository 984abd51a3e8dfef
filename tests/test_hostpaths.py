"""What `podunit.hostpaths` promises: its commands check and make paths, as the very shell does that systemd runs."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from podunit.hostpaths import list_host_paths, prepare_paths
from podunit.model import HostPathType, Pod
from tests.sound_pods import ODD_NAMES, read_sound_pod
from tests.systemd_syntax import read_command


def read(mounts: list[dict[str, object]], volumes: list[dict[str, object]]) -> Pod:
    """A pod whose only container has these mounts; the n-th is mounted at /n."""
    numbered = [{"mountPath": f"/{number}", **mount} for number, mount in enumerate(mounts)]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "a", "image": "b", "volumeMounts": numbered}], "volumes": volumes},
    }
    return read_sound_pod(json.dumps(pod, ensure_ascii=False))


def list_commands(pod: Pod) -> list[list[str]]:
    """The argv of each command."""
    (container,) = pod.containers
    return [read_command(value) for value in prepare_paths(container)]


def prepare(pod: Pod) -> tuple[bool, str]:
    """Run the commands as systemd does, one after the other until one fails: whether all went well, and their words."""
    said = ""
    for argv in list_commands(pod):
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/", umask=0o022)
        assert done.stdout == ""
        said += done.stderr
        if done.returncode:
            return False, said
    return True, said


def host_path(path: object, kind: str = "") -> Pod:
    """A pod with a mount of one host path."""
    return read([{"name": "v"}], [{"name": "v", "hostPath": {"path": str(path), "type": kind}}])


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Types


def make_directory(path: Path) -> None:
    path.mkdir()


def make_file(path: Path) -> None:
    path.write_text("kept", encoding="utf-8")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        # Its name may be longer than an address of a socket.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            server.bind(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)


def make_device(kind: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        try:
            os.mknod(path, kind | 0o600, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("making a device is not permitted here")

    return make


_KINDS: dict[HostPathType, tuple[Callable[[Path], None], str]] = {
    HostPathType.DIRECTORY: (make_directory, "a directory"),
    HostPathType.FILE: (make_file, "a file"),
    HostPathType.SOCKET: (make_socket, "a socket"),
    HostPathType.CHAR_DEVICE: (make_device(stat.S_IFCHR), "a character device"),
    HostPathType.BLOCK_DEVICE: (make_device(stat.S_IFBLK), "a block device"),
}
over_all_kinds = pytest.mark.parametrize("kind", _KINDS)


@over_all_kinds
def test_what_is_there_is_fine_and_stays(kind: HostPathType, tmp_path: Path) -> None:
    _KINDS[kind][0](tmp_path / "it")
    before = (tmp_path / "it").lstat()
    assert prepare(host_path(tmp_path / "it", kind)) == (True, "")
    after = (tmp_path / "it").lstat()
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)


@over_all_kinds
def test_a_link_to_it_is_as_good(kind: HostPathType, tmp_path: Path) -> None:
    _KINDS[kind][0](tmp_path / "it")
    (tmp_path / "link").symlink_to("it")
    assert prepare(host_path(tmp_path / "link", kind)) == (True, "")


@over_all_kinds
def test_what_is_missing_stays_missing(kind: HostPathType, tmp_path: Path) -> None:
    said = f"hostPath {tmp_path}/it is not {_KINDS[kind][1]}\n"
    assert prepare(host_path(tmp_path / "it", kind)) == (False, said)
    assert list(tmp_path.iterdir()) == []


@over_all_kinds
def test_what_is_something_else_is_refused(kind: HostPathType, tmp_path: Path) -> None:
    make = make_directory if kind is not HostPathType.DIRECTORY else make_file
    make(tmp_path / "it")
    assert prepare(host_path(tmp_path / "it", kind)) == (False, f"hostPath {tmp_path}/it is not {_KINDS[kind][1]}\n")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert not prepare(host_path(tmp_path / "dangling", kind))[0]


def test_a_directory_is_made(tmp_path: Path) -> None:
    pod = host_path(tmp_path / "a/b", "DirectoryOrCreate")
    assert prepare(pod) == (True, "")
    # As the kubelet makes it.
    assert mode_of(tmp_path / "a/b") == 0o755
    (tmp_path / "a/b").chmod(0o700)
    (tmp_path / "a/b/file").touch()
    assert prepare(pod) == (True, "")
    assert mode_of(tmp_path / "a/b") == 0o700
    assert (tmp_path / "a/b/file").exists()


def test_a_directory_is_not_made_over_a_file(tmp_path: Path) -> None:
    make_file(tmp_path / "it")
    done, said = prepare(host_path(tmp_path / "it", "DirectoryOrCreate"))
    assert not done
    assert str(tmp_path / "it") in said
    assert (tmp_path / "it").read_text(encoding="utf-8") == "kept"


def test_a_file_is_made(tmp_path: Path) -> None:
    pod = host_path(tmp_path / "it", "FileOrCreate")
    assert prepare(pod) == (True, "")
    assert (tmp_path / "it").read_bytes() == b""
    assert mode_of(tmp_path / "it") == 0o644
    make_file(tmp_path / "it")
    assert prepare(pod) == (True, "")
    assert (tmp_path / "it").read_text(encoding="utf-8") == "kept"


def test_a_file_is_not_made_over_a_directory_nor_a_directory_for_it(tmp_path: Path) -> None:
    make_directory(tmp_path / "it")
    assert not prepare(host_path(tmp_path / "it", "FileOrCreate"))[0]
    done, said = prepare(host_path(tmp_path / "a/b", "FileOrCreate"))
    assert not done
    assert str(tmp_path / "a/b") in said
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_without_a_type_nothing_is_checked() -> None:
    assert list_commands(host_path("/no/such/path")) == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_path_is_taken_as_it_is(name: str, tmp_path: Path) -> None:
    for kind in ("Directory", "File"):
        said = prepare(host_path(tmp_path / name, kind))[1]
        assert said.startswith("hostPath ")
    for kind, check in (("FileOrCreate", "File"), ("DirectoryOrCreate", "Directory")):
        folder = tmp_path / kind
        folder.mkdir()
        assert prepare(host_path(folder / name, kind)) == (True, "")
        assert [path.name for path in folder.iterdir()] == [name]
        assert prepare(host_path(folder / name, check)) == (True, "")


# The whole


def test_each_command_is_there_once() -> None:
    pod = read([{"name": "v"}, {"name": "v"}], [{"name": "v", "hostPath": {"path": "/srv", "type": "Directory"}}])
    assert [argv[3:] for argv in list_commands(pod)] == [["hostPath", "/srv"]]


def test_volumes_that_are_no_host_paths_are_not_waited_for() -> None:
    volumes: list[dict[str, object]] = [
        {"name": "b", "hostPath": {"path": "/srv/b"}},
        {"name": "a", "hostPath": {"path": "/srv/a"}},
        {"name": "c", "emptyDir": {}},
        {"name": "unused", "hostPath": {"path": "/srv/unused"}},
    ]
    mounts: list[dict[str, object]] = [{"name": name} for name in ("b", "c", "a", "b")]
    (container,) = read(mounts, volumes).containers
    assert list_host_paths(container) == ("/srv/b", "/srv/a")
