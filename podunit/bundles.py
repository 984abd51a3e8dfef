"""Bundles for the crun engine, made while a pod is applied: podman says how it would run each container.

In: the model. Out: files that units read when they start, and copies of images below the state folder. podman is asked
here and never at a start. A container that podman makes and never runs has all that podman adds to what the pod says:
its filter of system calls, capabilities, masked paths, and what the image itself says, users as numbers.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import stat
import tarfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from podunit.calls import ask, call
from podunit.chosen import Engine
from podunit.engines import crun
from podunit.engines.netavark import can_be_held_by_files
from podunit.engines.outputs import explain_pipe
from podunit.engines.podman import verify_image_user
from podunit.engines.programs import PODMAN, runtime_directory
from podunit.engines.pulls import list_wanted
from podunit.engines.resolution import find_resolver
from podunit.engines.secrets import is_apart
from podunit.errors import PodunitError
from podunit.inside import CRUN
from podunit.model import Container, Pod
from podunit.record import record
from podunit.starting import Found, Permissions, is_init, write_start
from podunit.target import Target

_FOLDER = "bundle"
_KEY = "key"
_ADDED = "upper.tar"
_IMAGE_FILE = re.compile(f"{_FOLDER}/[^/]+/image")
_TIMEOUT_SEC = 60
_WANTED = "{{.Id}} {{.OCIConfigPath}} {{.GraphDriver.Data.UpperDir}}"
# That of Debian 12 makes and runs containers otherwise.
_OLDEST_PODMAN = (5,)
# Raised when the same recipe makes another bundle.
_VERSION = 7


def require_crun(pods: Iterable[Pod], target: Target) -> None:
    """Refuse pods of the crun engine where that cannot be."""
    bundled = [pod for pod in pods if pod.engine is Engine.CRUN]
    if bundled and target.podman < _OLDEST_PODMAN:
        pod = bundled[0]
        message = f"pod {pod.name}: {pod.engine_origin.words} needs podman 5 or later, this is {target.podman_text}"
        raise PodunitError(message, f"leave out {pod.engine_origin.remedy}")
    if bundled and not Path(CRUN).exists():
        raise PodunitError(f"there is no {CRUN}", "install crun; on Debian: apt install crun")


@record
class _Captured:
    """What podman says of a container: files of its bundle; `claims` and `confined` as in `starting.Found`."""

    files: dict[str, bytes]
    claims: tuple[tuple[str, str], ...]
    confined: bool


class Bundles:
    """Bundles of the pods of the system, whose state folder is `state`."""

    def __init__(self, state: Path, podman_version: str) -> None:
        self._state = state
        self._images = state / "images"
        self._podman_version = podman_version

    def make(self, pod: Pod) -> dict[str, bytes]:
        """The files of a pod's bundles, by their paths as in `generate_files`: copies images, asks podman."""
        return {
            f"{_FOLDER}/{container.name}/{name}": data
            for container in _list_bundled(pod)
            for name, data in self._make(pod, container).items()
        }

    def foresee(self, pod: Pod) -> dict[str, bytes]:
        """The same without changing anything; of a bundle that is not there, or would be another, only the key."""
        found = {}
        for container in _list_bundled(pod):
            images = _find_images(container)
            key = self._make_key(pod, container, images) if all(images.values()) else b""
            kept = self._read(pod, container)
            names = kept if kept.get(_KEY) == key else {_KEY: key}
            found.update({f"{_FOLDER}/{container.name}/{name}": data for name, data in names.items()})
        return found

    def _make(self, pod: Pod, container: Container) -> dict[str, bytes]:
        images = _find_images(container)
        for name, image in images.items():
            if not image:
                raise PodunitError(f"pod {pod.name}: image {name} is not there", "pull it, or build it")
        image = images[container.image]
        # That of the container first, which is read at a start.
        needed = tuple(dict.fromkeys((image, *images.values())))
        key = self._make_key(pod, container, images)
        kept = self._read(pod, container)
        if kept.get(_KEY) == key:
            for one in needed:
                _copy_image(self._images, one)
            return kept
        config = _read_image(image)
        volumes = set(config.volumes) - {mount.mount_path for mount in container.mounts}
        if container.security.read_only_root and volumes:
            message = f"pod {pod.name}: image {container.image} has volumes, and a root file system that is read only"
            raise PodunitError(message, f"mount an emptyDir at each: {', '.join(sorted(volumes))}")
        if verify := verify_image_user(container):
            _run(*(str(word) for word in verify))
        captured = self._capture(pod, container, config, self._locate(images))
        for one in needed:
            _copy_image(self._images, one)
        root = self._images / image
        found = Found(
            image=str(root),
            root=_own_root(root),
            added=_ADDED in captured.files,
            claims=captured.claims,
            confined=captured.confined,
            pipe=explain_pipe(container, (*config.entrypoint, *config.arguments), root),
            texts=tuple(data.decode() for name, data in captured.files.items() if name.endswith(".json")),
        )
        start = write_start(pod, container, found).encode()
        listed = "".join(f"{one}\n" for one in needed).encode()
        return {**captured.files, crun.START_FILE: start, "image": listed, _KEY: key}

    def _locate(self, images: Mapping[str, str]) -> Mapping[str, str]:
        return {name: str(self._images / image) for name, image in images.items()}

    def _capture(self, pod: Pod, container: Container, image: crun.ImageConfig, images: Mapping[str, str]) -> _Captured:
        name = crun.bundle_name(pod, container)
        try:
            _run(PODMAN, "create", *crun.make_model(pod, container))
            _run(PODMAN, "container", "init", name)
            identity, path, upper = _run(PODMAN, "inspect", f"--format={_WANTED}", name).split()
            captured = json.loads(Path(path).read_text(encoding="utf-8"))
            # The image's own working directory is made for who works there.
            directory = (captured["process"]["cwd"],) if container.working_dir is None else ()
            added = _pack(Path(upper), ("/etc/passwd", "/etc/group", *directory))
            own = {
                f"files/{name}": Path(file).read_bytes()
                for name, file in crun.list_own_files(captured, identity).items()
            }
        finally:
            _run(PODMAN, "rm", "--force", "--ignore", "--volumes", "--time=0", name)
        if captured["process"].get("selinuxLabel"):
            message = f"pod {pod.name}: {pod.engine_origin.words} is not for machines with SELinux"
            raise PodunitError(message, f"leave out {pod.engine_origin.remedy}")
        signal = captured.get("annotations", {}).get("org.opencontainers.image.stopSignal", "15")
        where = ("info", "--format={{.Store.VolumePath}}")
        volumes = _run(PODMAN, *where).strip() if crun.list_container_claims(container) else ""
        config = crun.compile_config(captured, identity, image, volumes, images, pod, container)
        processes = {"config": config, **crun.list_processes(config, container)}
        texts = {f"{name}.json": crun.spell(value) for name, value in processes.items()}
        claims = crun.own_claims(captured, volumes, container)
        files = {**texts, "signal": f"{signal}\n".encode(), **own, **added}
        return _Captured(files, claims, crun.is_confined(captured))

    def _make_key(self, pod: Pod, container: Container, images: Mapping[str, str]) -> bytes:
        """What tells whether a bundle is still the one: all that it is made of."""
        secrets = [(env.name, env.value) for env in container.env if is_apart(env)]
        mounts = list(crun.mount_volumes(pod, container, "", self._locate(images)))
        made_of = (
            _VERSION,
            self._podman_version,
            images[container.image],
            crun.make_model(pod, container),
            secrets,
            mounts,
        )
        hooks = (container.post_start, container.pre_stop)
        # What the configuration does not tell, and the script has to know.
        script = (container.output, is_init(pod, container))
        sandbox = (pod.network is None, can_be_held_by_files(pod), find_resolver(pod, runtime_directory(pod)))
        process = (container.command, container.args, container.working_dir, *sandbox, hooks)
        devices = [(device.volume.path, device.device_path) for device in container.devices]
        text = repr((*made_of, process, container.message, pod.processes, *script, *devices))
        return f"{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()}\n".encode()

    def _read(self, pod: Pod, container: Container) -> dict[str, bytes]:
        folder = self._state / "files" / pod.name / _FOLDER / container.name
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def restore_images(files: Iterable[Mapping[str, bytes]], state: Path) -> None:
    """Copy once more what bundles of an earlier revision need; PodunitError if podman has an image no longer."""
    for own in files:
        for path, data in own.items():
            for image in data.decode(errors="replace").split() if _IMAGE_FILE.fullmatch(path) else ():
                if not (state / "images" / image).is_dir():
                    if not _find_image(image):
                        raise PodunitError(f"image {image[:12]} of an earlier revision is not there any more")
                    _copy_image(state / "images", image)


def list_unneeded_images(state: Path, gone: Collection[Path] = ()) -> tuple[Path, ...]:
    """Copies of images in this state folder that no bundle needs, those in `gone` aside, and no container that runs.

    If none is needed, the folder of them all.
    """
    images = state / "images"
    if not images.is_dir():
        return ()
    files = (file for file in state.glob(f"files/*/{_FOLDER}/*/image") if not any(map(file.is_relative_to, gone)))
    needed = {image for file in files for image in file.read_text(encoding="ascii").split()}
    copies = sorted(images.iterdir())
    found = [folder for folder in copies if folder.name not in needed and not _is_mounted(folder)]
    return tuple(found) if len(found) < len(copies) else (images,)


def forget_images(state: Path) -> None:
    """Remove copies of images in this state folder that no bundle needs, and no container that runs."""
    for folder in list_unneeded_images(state):
        shutil.rmtree(folder)


def _list_bundled(pod: Pod) -> tuple[Container, ...]:
    return (*pod.init_containers, *pod.containers) if pod.engine is Engine.CRUN else ()


def _find_images(container: Container) -> dict[str, str]:
    """The IDs of a container's image and of those that are its volumes, by how the pod names them; '' if not there."""
    return {image: _find_image(image) for image in dict.fromkeys(image for image, _, _ in list_wanted(container))}


def _find_image(image: str) -> str:
    """The ID of an image, '' if it is not there."""
    exists = call([PODMAN, "image", "exists", image], _TIMEOUT_SEC)
    return _run(PODMAN, "image", "inspect", "--format={{.Id}}", image).strip() if exists.returncode == 0 else ""


def _read_image(image: str) -> crun.ImageConfig:
    found: Any = json.loads(_run(PODMAN, "image", "inspect", "--format={{json .Config}}", image))
    return crun.ImageConfig(
        entrypoint=tuple(found.get("Entrypoint") or ()),
        arguments=tuple(found.get("Cmd") or ()),
        volumes=tuple(found.get("Volumes") or ()),
    )


def _pack(upper: Path, paths: Collection[str]) -> dict[str, bytes]:
    """An archive of what podman has added to a root file system: users that the image lacks, and directories."""
    members: dict[str, None] = {}
    for path in paths:
        way = PurePosixPath(path.lstrip("/"))
        for part in (*reversed(way.parents[:-1]), way):
            file = upper / part
            if file.is_symlink() or not (file.is_dir() or file.is_file()):
                break
            members[str(part)] = None
    if not any((upper / name).is_file() or f"/{name}" in paths for name in members):
        return {}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in members:
            archive.add(upper / name, name, recursive=False)
    return {_ADDED: packed.getvalue()}


def _own_root(folder: Path) -> Permissions:
    status = folder.stat()
    return Permissions(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def _copy_image(images: Path, image: str) -> None:
    """A copy of an image's files: whatever becomes of the image, containers that run and those to come have it."""
    target = images / image
    if target.is_dir():
        return
    images.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = images / f"{image}.partial"
    if partial.exists():
        shutil.rmtree(partial)
    where = _run(PODMAN, "image", "mount", image).strip()
    try:
        _run("cp", "--archive", "--reflink=auto", "--no-target-directory", where, str(partial))
    finally:
        _run(PODMAN, "image", "unmount", image)
    # As podman does for each container.
    mtab = partial / "etc/mtab"
    if not mtab.is_symlink() and not mtab.exists() and mtab.parent.is_dir() and not mtab.parent.is_symlink():
        mtab.symlink_to("/proc/mounts")
    _run("sync", "--file-system", str(partial))
    partial.rename(target)


def _is_mounted(folder: Path) -> bool:
    """Whether any process has an overlay of these files."""
    wanted = f"lowerdir={folder}"
    for file in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            if wanted in file.read_text(encoding="utf-8", errors="replace"):
                return True
        except OSError:
            # It has ended.
            continue
    return False


def _run(*words: str) -> str:
    # The other words may be a user's own business.
    return ask(words, _TIMEOUT_SEC, " ".join(words[:2]))
