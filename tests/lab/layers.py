"""The layers that a lab's root tree is stacked from, made once and kept in a cache folder.

In: this checkout and a Debian suite. Out: names in the cache folder. Each layer is keyed by what it is made
from, made under a temporary name and then renamed, by one process at a time: an interrupted build leaves
nothing that is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.machine import LabError, LabUnavailableError, Machine, require_host

PROJECT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).resolve().parent
_UNUSED_SEC = 7 * 24 * 3600

_PACKAGES = (
    *("systemd", "systemd-sysv", "systemd-container", "dbus", "dbus-user-session"),
    *("podman", "crun", "conmon", "netavark", "aardvark-dns", "catatonit", "uidmap"),
    *("python3", "python3-venv", "busybox-static", "ca-certificates", "curl"),
    *("iproute2", "nftables", "procps"),
)
_SUITES = {
    "trixie": (*_PACKAGES, "passt"),
    "bookworm": (*_PACKAGES, "slirp4netns", "iptables"),
}
SUITES = tuple(_SUITES)

# What makes a machine of the tree. The initrd is Debian's, but has only what a virtual machine needs.
_KERNEL = ("linux-image-cloud-amd64", "apparmor", "initramfs-tools", "udev", "kmod", "e2fsprogs")
_VIRTUAL = _HERE.parent / "vm"
_INITRD = """
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
echo MODULES=list > "$1/etc/initramfs-tools/conf.d/vm"
printf 'virtio_pci\nvirtio_blk\next4\n' > "$1/usr/share/initramfs-tools/modules.d/vm"
"""

_NAMESPACES = (
    *("unshare", "--mount", "--propagation", "private"),
    *("--pid", "--fork", "--kill-child", "--mount-proc"),
)

_INSTALL_DEPENDENCIES = """
python3 -m venv /opt/podunit
/opt/podunit/bin/pip install --quiet --no-cache-dir --no-index --find-links=/mnt "$@"
ln -s /opt/podunit/bin/podunit /opt/podunit/bin/podunit-prober /usr/local/bin/
"""
_INSTALL_PACKAGE = "/opt/podunit/bin/pip install --quiet --no-cache-dir --no-index --no-deps /mnt/*.whl"

_BUILD_IMAGES = """
cp -r /src /tmp/image
cp /usr/bin/busybox /tmp/image/busybox
podman build --quiet --network=none --tag=localhost/podunit-test:latest /tmp/image
podman tag localhost/podunit-test:latest localhost/podunit-test:1 localhost/podunit-test:2
tags=$(podman images --format '{{.Repository}}:{{.Tag}}')
podman save --quiet --multi-image-archive --output=/tmp/images.tar $tags
chmod 644 /tmp/images.tar
"""


@dataclass(frozen=True, slots=True)
class Layers:
    """What a machine is booted from: names in `cache`, the uppermost first, and an archive with the images."""

    cache: Path
    names: tuple[str, ...]
    images: str


def cache_folder() -> Path:
    """Where the layers are kept."""
    own = os.environ.get("PODUNIT_LAB_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "podunit-lab"


def build(suite: str) -> Layers:
    """The layers of a lab with podunit as it is now, made where they are missing."""
    require_host()
    cache = _open_cache()
    tree = _tree(cache, suite)
    return Layers(cache, (*_podunit(cache, tree), tree), _images(cache, tree))


def build_virtual(suite: str) -> Layers:
    """The same for a virtual machine; the last layer has the kernel `boot/vmlinuz` and `boot/initrd`."""
    require_host()
    cache = _open_cache()
    agent, script = _VIRTUAL / "agent.py", _VIRTUAL / "tree.sh"
    packages = (*_SUITES[suite], *_KERNEL)
    scripts = (*_tree_scripts(), agent.read_bytes(), script.read_bytes())
    hooks = (
        f"--essential-hook={_INITRD}",
        f"--customize-hook=upload {shlex.quote(str(agent))} /usr/local/sbin/lab-agent",
        f'--customize-hook=chroot "$1" sh < {shlex.quote(str(script))}',
    )
    tree = _layer(
        cache,
        f"machine-{suite}",
        (*packages, _INITRD, *scripts),
        lambda out: _make_tree(suite, packages, hooks, out),
    )
    return Layers(cache, (*_podunit(cache, tree), tree), _images(cache, _tree(cache, suite)))


def _open_cache() -> Path:
    cache = cache_folder().absolute()
    (cache / "mnt").mkdir(parents=True, exist_ok=True)
    return cache


def _tree_scripts() -> tuple[bytes, ...]:
    return tuple((_HERE / name).read_bytes() for name in ("tree.sh", "crun.py"))


def _tree(cache: Path, suite: str) -> str:
    made_from: tuple[str | bytes, ...] = (*_SUITES[suite], *_tree_scripts())
    return _layer(cache, f"tree-{suite}", made_from, lambda out: _make_tree(suite, _SUITES[suite], (), out))


def _images(cache: Path, tree: str) -> str:
    return _layer(cache, "images", (tree, *_contents(_HERE / "images")), lambda out: _make_images(cache, tree, out))


def _podunit(cache: Path, tree: str) -> tuple[str, str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    requirements: list[str] = project["dependencies"]
    dependencies = _layer(
        cache,
        "dependencies",
        (tree, *requirements),
        lambda out: _make_dependencies(cache, tree, requirements, out),
    )
    parts = ("podunit", "templates", "units", "pyproject.toml", "README.md", "LICENSE")
    sources = [content for part in parts for content in _contents(PROJECT / part)]
    package = _layer(
        cache,
        "package",
        (dependencies, *sources),
        lambda out: _make_package(cache, (dependencies, tree), out),
    )
    return package, dependencies


def clean() -> None:
    """Remove the cache folder with all layers."""
    cache = cache_folder().absolute()
    if cache.exists():
        with _locked(cache):
            shutil.rmtree(cache)


def _layer(cache: Path, kind: str, made_from: Iterable[str | bytes], make: Callable[[Path], None]) -> str:
    digest = hashlib.sha256()
    for part in made_from:
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(content) + content)
    name = f"{kind}-{digest.hexdigest()[:16]}"
    path = cache / name
    if not path.exists():
        with _locked(cache):
            if not path.exists():
                _remove_unused(cache)
                print(f"lab: making {name}", file=sys.stderr, flush=True)
                partial = cache / f"{name}.partial"
                make(partial)
                partial.rename(path)
    os.utime(path)
    return name


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_unused(cache: Path) -> None:
    for path in cache.iterdir():
        # Under the lock, nobody works on what is still partial.
        unused = path.name not in ("lock", "mnt") and time.time() - path.stat().st_mtime > _UNUSED_SEC
        if unused or path.name.endswith(".partial"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _contents(path: Path) -> Iterator[bytes]:
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and file.suffix != ".pyc":
            yield str(file.relative_to(PROJECT)).encode()
            yield file.read_bytes()


def _run(what: str, *argv: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "KILL", *map(str, argv)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"{what} failed:\n{done.stdout.strip()}")


def _make_tree(suite: str, packages: tuple[str, ...], hooks: tuple[str, ...], out: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise LabUnavailableError("a lab needs mmdebstrap: apt-get install mmdebstrap")
    own = [f'--customize-hook=chroot "$1" sh < {shlex.quote(str(_HERE / "tree.sh"))}']
    if suite == "bookworm":
        wrapper = shlex.quote(str(_HERE / "crun.py"))
        own.insert(0, f"--customize-hook=upload {wrapper} /usr/local/sbin/crun.py")
    include = f"--include={','.join(packages)}"
    mmdebstrap = ("mmdebstrap", "--variant=minbase", include, *own, *hooks, suite, str(out))
    _run(f"making the root tree of {suite}", *_NAMESPACES, *mmdebstrap)


def _make_dependencies(cache: Path, tree: str, requirements: list[str], out: Path) -> None:
    wheels = cache / "wheels.partial"
    python = (cache / tree / "usr/bin/python3").readlink().name.removeprefix("python")
    # The tree has no network while a layer is made: the wheels are fetched here, for its Python.
    options = ("--quiet", "--only-binary=:all:", f"--python-version={python}", f"--dest={wheels}")
    _run("fetching the dependencies", _builder(cache), "-m", "pip", "download", *options, *requirements)
    _make_layer(cache, (tree,), wheels, out, _INSTALL_DEPENDENCIES, *requirements)
    shutil.rmtree(wheels)


def _make_package(cache: Path, layers: tuple[str, ...], out: Path) -> None:
    wheel = cache / "wheel.partial"
    options = ("--target=wheel", f"--directory={wheel}")
    _run("building the wheel", _builder(cache), "-m", "hatchling", "build", *options, cwd=PROJECT)
    _make_layer(cache, layers, wheel, out, _INSTALL_PACKAGE)
    shutil.rmtree(wheel)


def _make_layer(cache: Path, layers: tuple[str, ...], given: Path, out: Path, script: str, *argv: str) -> None:
    command = (*_NAMESPACES, "--net", "sh", str(_HERE / "layer.sh"))
    arguments = (str(cache), ":".join(layers), str(given), str(out), "sh", "-ec", script, "layer", *argv)
    _run("installing in the lab's tree", *command, *arguments)


def _make_images(cache: Path, tree: str, out: Path) -> None:
    with Machine(cache, (tree,), "", _HERE / "images") as machine, out.open("wb") as archive:
        try:
            machine.sh(_BUILD_IMAGES)
            machine.sh("podman load --quiet --input=/tmp/images.tar", user="alice")
        except AssertionError as error:
            raise LabError(f"building the images failed: {error}") from None
        machine.copy_out(archive, "var/lib/containers", "home")


def _builder(cache: Path) -> Path:
    """A Python with pip and the build back end; called under the lock."""
    key = hashlib.sha256(f"{sys.version}{sys.base_prefix}".encode()).hexdigest()[:16]
    folder = cache / f"builder-{key}"
    if not folder.exists():
        partial = cache / f"{folder.name}.partial"
        if importlib.util.find_spec("ensurepip") is None:
            raise LabUnavailableError("a lab needs Python's venv: apt-get install python3-venv")
        _run("making a virtual environment", sys.executable, "-m", "venv", partial)
        install = ("-m", "pip", "install", "--quiet", "hatchling>=1.21")
        _run("installing hatchling", partial / "bin/python", *install)
        partial.rename(folder)
    os.utime(folder)
    return folder / "bin/python"
