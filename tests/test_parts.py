"""What a unit does to find and mount parts of volumes, done by the very shell that systemd runs.

Each time in a mount namespace of its own, as the machine's root or as that of a user namespace.
"""

from __future__ import annotations

import csv
import ctypes
import itertools
import json
import os
import shlex
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from podunit.generate import generate_pod
from podunit.model import Pod
from podunit.names import container_unit
from podunit.render import render
from podunit.scope import Scope
from podunit.target import OLDEST
from podunit.unitfile import Value
from tests.sound_pods import ODD_NAMES, read_sound_pod
from tests.systemd_syntax import DIRECTORIES, read_command

_ENTER = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))
_PARTS = "podunit/web.a_parts"


def _can_mount() -> bool:
    try:
        return subprocess.run([*_ENTER, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not _can_mount(), reason="no mount namespace can be made here")


def read(mounts: list[dict[str, object]], volumes: list[dict[str, object]]) -> Pod:
    """A pod whose only container has these mounts; the n-th is mounted at /n."""
    numbered = [{"mountPath": f"/{number}", **mount} for number, mount in enumerate(mounts)]
    container = {"name": "a", "image": "b", "imagePullPolicy": "Never", "volumeMounts": numbered}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"restartPolicy": "Never", "containers": [container], "volumes": volumes},
    }
    return read_sound_pod(json.dumps(pod, ensure_ascii=False))


def list_commands(pod: Pod, directive: str, scope: Scope = Scope.SYSTEM) -> list[list[str]]:
    """The argv of each such command of the container's unit."""
    name = container_unit("web", "a")
    (unit,) = (unit for unit in generate_pod(pod, scope, OLDEST) if unit.name == name)
    found = render(unit).split(f"\n{directive}=")[1:]
    return [read_command(Value(text.removeprefix("-"))) for text in found]


def prepare(pod: Pod, folder: Path, look: str = "") -> tuple[bool, str]:
    """Run what comes before the container, then `look` among what is mounted: whether all went well, and all words."""
    (folder / "runtime" / _PARTS).mkdir(parents=True, exist_ok=True)
    places = {DIRECTORIES["S"]: f"{folder}/state", DIRECTORIES["t"]: f"{folder}/runtime"}
    argvs = list_commands(pod, "ExecStartPre")
    for place, path in places.items():
        argvs = [[word.replace(place, path) for word in argv] for argv in argvs]
    lines = [f"{shlex.join(argv)} || exit" for argv in argvs]
    script = "\n".join([*lines, f"cd {shlex.quote(f'{folder}/runtime/{_PARTS}')}", "set -e", look])
    done = subprocess.run(
        [*_ENTER, "sh", "-c", script], capture_output=True, text=True, check=False, cwd="/", umask=0o022
    )
    return done.returncode == 0, done.stdout + done.stderr


def part_of(volume: Path, part: str, **more: object) -> Pod:
    """A pod with a mount of a part of one host path."""
    return read([{"name": "v", "subPath": part, **more}], [{"name": "v", "hostPath": {"path": str(volume)}}])


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "volume"
    path.mkdir()
    return path


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o700, 0o1777, 0o2770])
def test_a_part_is_made_like_its_volume(mode: int, volume: Path, tmp_path: Path) -> None:
    volume.chmod(mode)
    for part in ("a", "b/c/d"):
        assert prepare(part_of(volume, part), tmp_path) == (True, "")
        assert mode_of(volume / part) == mode
    assert mode_of(volume / "b/c") == mode


def test_a_part_that_is_there_stays_as_it_is_and_is_shown(volume: Path, tmp_path: Path) -> None:
    volume.chmod(0o777)
    (volume / "folder").mkdir(0o700)
    (volume / "folder/x").touch()
    (volume / "file").write_text("kept")
    for part, look, seen in (("folder", "ls 0", "x\n"), ("file", "cat 0", "kept")):
        before = (volume / part).lstat()
        assert prepare(part_of(volume, part), tmp_path, look) == (True, seen)
        assert (volume / part).lstat().st_mode == before.st_mode
        assert (volume / part).lstat().st_mtime_ns == before.st_mtime_ns


def test_what_is_no_file_is_not_opened(volume: Path, tmp_path: Path) -> None:
    os.mkfifo(volume / "fifo")
    assert prepare(part_of(volume, "fifo"), tmp_path, "test -p 0 && echo pipe") == (True, "pipe\n")


def test_a_part_below_a_file_is_refused(volume: Path, tmp_path: Path) -> None:
    (volume / "file").touch()
    said = f"subPath file/part leads through {volume}/file, which is not a directory\n"
    assert prepare(part_of(volume, "file/part"), tmp_path) == (False, said)


@pytest.mark.parametrize("name", [*ODD_NAMES, "--make-rshared", "a,b", '"', '",x="'])
def test_a_part_is_taken_as_it_is_and_podman_mounts_it(name: str, tmp_path: Path) -> None:
    volume = tmp_path / name
    volume.mkdir()
    pod = part_of(volume, f"{name}/{name}")
    assert prepare(pod, tmp_path, "touch 0/it") == (True, "")
    assert [str(path.relative_to(volume)) for path in sorted(volume.rglob("*"))] == [
        name,
        f"{name}/{name}",
        f"{name}/{name}/it",
    ]
    assert list_sources(pod) == ["<runtime>/podunit/web.a_parts/0"]


def list_sources(pod: Pod) -> list[str]:
    """What podman mounts, in the order of the container's mounts."""
    (words,) = list_commands(pod, "ExecStart")
    rows = csv.reader(word.removeprefix("--mount=") for word in words if word.startswith("--mount="))
    return [field.removeprefix("src=") for row in rows for field in row if field.startswith("src=")]


def test_a_link_inside_the_volume_is_followed(volume: Path, tmp_path: Path) -> None:
    (volume / "a/b").mkdir(parents=True)
    (volume / "a/b/file").write_text("found")
    for name, target in (("relative", "a/b"), ("absolute", volume / "a"), ("up", "a/../a"), ("file", "a/b/file")):
        (volume / name).symlink_to(target)
    for part, look in (("relative", "0/file"), ("absolute/b", "0/file"), ("up", "0/b/file"), ("file", "0")):
        assert prepare(part_of(volume, part), tmp_path, f"cat {look}") == (True, "found")


def test_the_volume_itself_may_be_a_link(volume: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("volume")
    assert prepare(part_of(tmp_path / "link", "part"), tmp_path) == (True, "")
    assert (volume / "part").is_dir()


@pytest.mark.parametrize(
    "target",
    ["/", "..", "../outside", "../volume-2", "../volume/../outside", "../outside/missing", "../volu\nme"],
)
def test_a_link_out_of_the_volume_is_refused_and_makes_nothing(target: str, volume: Path, tmp_path: Path) -> None:
    for name in ("volume-2", "outside", "volu\nme"):
        (tmp_path / name).mkdir()
    (volume / "link").symlink_to(target)
    for part in ("link", "link/below"):
        assert prepare(part_of(volume, part), tmp_path) == (False, f"subPath {part} leads out of its volume\n")
    assert [*(tmp_path / "outside").iterdir(), *(tmp_path / "volume-2").iterdir()] == []


def exchange(one: Path, other: Path) -> None:
    """Swap two names in one step, renameat2(2)."""
    assert ctypes.CDLL(None).renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2) == 0


@pytest.mark.parametrize("last", ["folder", "file"])
def test_a_volume_that_changes_all_the_time_shows_nothing_else(last: str, volume: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret/folder"
    secret.mkdir(parents=True)
    (secret / "it").write_text("secret")
    (tmp_path / "secret/file").write_text("secret")
    (volume / "x/folder").mkdir(parents=True)
    (volume / "x/folder/it").write_text("own")
    (volume / "x/file").write_text("own")
    (volume / "link").symlink_to(tmp_path / "secret")
    (volume / "link-2").symlink_to(tmp_path / "secret" / last)
    over = threading.Event()

    def change() -> None:
        for name, link in itertools.cycle((("x", "link"), (f"x/{last}", "link-2"))):
            for _ in range(2):
                exchange(volume / name, volume / link)
            if over.is_set():
                return

    changer = threading.Thread(target=change)
    changer.start()
    found = set()
    try:
        for _ in range(40):
            done, said = prepare(
                part_of(volume, f"x/{last}"), tmp_path, "cat 0/it 2> /dev/null || cat 0 2> /dev/null || :"
            )
            found.add(said if done else "refused")
    finally:
        over.set()
        changer.join()
    assert found <= {"own", "refused"}
    assert list(secret.iterdir()) == [secret / "it"]


def test_a_part_of_an_empty_dir_is_below_the_state_directory(tmp_path: Path) -> None:
    volume = tmp_path / "state/podunit/volumes/web/v"
    volume.mkdir(parents=True)
    volume.chmod(0o777)
    assert prepare(read([{"name": "v", "subPath": "a/b"}], [{"name": "v", "emptyDir": {}}]), tmp_path) == (True, "")
    assert mode_of(volume / "a/b") == 0o777


def test_a_type_is_checked_before_a_part_is_made(tmp_path: Path) -> None:
    source: dict[str, object] = {"name": "v", "hostPath": {"path": f"{tmp_path}/volume", "type": "DirectoryOrCreate"}}
    assert prepare(read([{"name": "v", "subPath": "part"}], [source]), tmp_path) == (True, "")
    assert (tmp_path / "volume/part").is_dir()
    source = {"name": "v", "hostPath": {"path": f"{tmp_path}/missing", "type": "Directory"}}
    assert not prepare(read([{"name": "v", "subPath": "part"}], [source]), tmp_path)[0]
    assert not (tmp_path / "missing").exists()


def test_each_part_is_mounted_once_whatever_the_volume(tmp_path: Path) -> None:
    names = [("h", "a"), ("h", ""), ("e", "a"), ("h", "./a/"), ("c", "a"), ("m", "a/b"), ("f", "a")]
    mounts: list[dict[str, object]] = [{"name": name, "subPath": part} for name, part in names]
    mounts.append({"name": "h", "subPath": "a", "mountPropagation": "HostToContainer"})
    volumes: list[dict[str, object]] = [
        {"name": "h", "hostPath": {"path": "/srv"}},
        {"name": "e", "emptyDir": {}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "m", "emptyDir": {"medium": "Memory"}},
        {"name": "f", "downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]
    pod = read(mounts, volumes)
    (argv,) = list_commands(pod, "ExecStartPre")
    assert argv[4:] == [
        *("<runtime>/podunit/web.a_parts", "rslave", "/srv", "a", "rslave", "<state>/podunit/volumes/web/e", "a"),
        *("rslave", "data", "a", "rslave", "<runtime>/podunit/web_memory/m", "a/b"),
    ]
    parts = [f"<runtime>/podunit/web.a_parts/{number}" for number in range(4)]
    files = "<runtime>/podunit/web_files/f/a"
    assert list_sources(pod) == [parts[0], "/srv", parts[1], parts[0], parts[2], parts[3], files, parts[0]]


def test_a_user_mounts_where_podman_does() -> None:
    pod = part_of(Path("/srv"), "a")
    for directive in ("ExecStartPre", "ExecStopPost"):
        assert list_commands(pod, directive, Scope.USER)[-1][:4] == ["/usr/bin/podman", "unshare", "/bin/sh", "-c"]
