"""PersistentVolumeClaims and PersistentVolumes: which directory of the host, or which of podman's volumes, a claim is.

In: documents of these kinds. Out: entries of `Objects`, which volumes are translated with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from podunit import model
from podunit.decode import Located, decode, join_path
from podunit.kubernetes.naming import check_object_name, check_path, is_address
from podunit.kubernetes.objects import Claim, Objects, PersistentVolume, VolumeMode
from podunit.kubernetes.schema import Bytes, HostPathVolumeSource, NFSVolumeSource, ObjectMeta
from podunit.kubernetes.selectors import LabelSelector, check_rules
from podunit.kubernetes.verdicts import ignored_fields, refused_fields
from podunit.model import HostPathType
from podunit.record import record
from podunit.report import Position, Report
from podunit.source import Mapping as Node

# Before spec.storageClassName there was this.
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"

_SERVER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_OPTION = re.compile(r"[a-zA-Z][\w.:/=@-]*")


@record
class StorageList:
    """The one resource of core/v1 VolumeResourceRequirements."""

    storage: Located[Bytes] | None = None


@record
class VolumeResourceRequirements:
    """core/v1 VolumeResourceRequirements."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("VolumeResourceRequirements")

    requests: StorageList = field(default_factory=StorageList)


@record
class PersistentVolumeClaimSpec:
    """core/v1 PersistentVolumeClaimSpec."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("PersistentVolumeClaimSpec")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("PersistentVolumeClaimSpec")

    access_modes: tuple[Located[str], ...] = ()
    resources: VolumeResourceRequirements = field(default_factory=VolumeResourceRequirements)
    volume_mode: Located[VolumeMode] | None = None
    volume_name: Located[str] | None = None
    selector: LabelSelector | None = None


@record
class PersistentVolumeClaim:
    """core/v1 PersistentVolumeClaim."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("PersistentVolumeClaim")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: PersistentVolumeClaimSpec
    at: Position


@record
class LocalVolumeSource:
    """core/v1 LocalVolumeSource."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("LocalVolumeSource")

    path: Located[str]


@record
class ObjectReference:
    """The part of core/v1 ObjectReference that a claimRef has."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("ObjectReference")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("ObjectReference")

    name: Located[str]
    api_version: Located[str] | None = None
    kind: Located[str] | None = None
    namespace: Located[str] | None = None


@record
class PersistentVolumeSpec:
    """core/v1 PersistentVolumeSpec."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("PersistentVolumeSpec")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("PersistentVolumeSpec")

    at: Position
    access_modes: tuple[Located[str], ...] = ()
    claim_ref: ObjectReference | None = None
    host_path: HostPathVolumeSource | None = None
    local: LocalVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    mount_options: tuple[Located[str], ...] = ()
    volume_mode: Located[VolumeMode] | None = None


@record
class PersistentVolumeObject:
    """core/v1 PersistentVolume."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("PersistentVolume")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: PersistentVolumeSpec
    at: Position


def read_claim(node: Node, objects: Objects, report: Report) -> None:
    """Take a PersistentVolumeClaim in."""
    found = decode(node, PersistentVolumeClaim, "", report)
    if not found:
        return
    spec = found.spec
    check_object_name(found.metadata.name, "PersistentVolumeClaim", report)
    check_claim(found.metadata, spec, report)
    objects.add_claim(make_claim(found.metadata.name, spec), report)


def make_claim(name: Located[str], spec: PersistentVolumeClaimSpec) -> Claim:
    """A claim of this name."""
    mode = spec.volume_mode.value if spec.volume_mode else VolumeMode.FILESYSTEM
    return Claim(name, spec.volume_name, mode, spec.selector)


def check_claim(metadata: ObjectMeta, spec: PersistentVolumeClaimSpec, report: Report) -> None:
    """What a claim asks for; the report is for paths from its `metadata` and `spec` on."""
    _check_class(metadata, report)
    if spec.selector:
        check_rules(spec.selector, "spec.selector", report)
        if spec.volume_name:
            message = f"both this and volumeName, at {spec.volume_name.at}"
            report.error(spec.selector.at, "spec.selector", message, "keep one of them")
    if size := spec.resources.requests.storage:
        hint = "the file system's own quota, or a PersistentVolume on one of that size, would"
        report.warning(size.at, "spec.resources.requests.storage", "nothing keeps the volume to this size", hint)


def read_volume(node: Node, objects: Objects, report: Report) -> None:
    """Take a PersistentVolume in."""
    found = decode(node, PersistentVolumeObject, "", report)
    if not found:
        return
    spec = found.spec
    check_object_name(found.metadata.name, "PersistentVolume", report)
    _check_class(found.metadata, report)
    sources = [source for source in (spec.host_path, spec.local, spec.nfs) if source]
    if len(sources) != 1:
        report.error(spec.at, "spec", "not one source", "name a hostPath, a local or an nfs")
        return
    path = sources[0].path
    if spec.nfs:
        check_nfs(spec.nfs, "spec.nfs", report)
    else:
        check_path(path, f"spec.{'hostPath' if spec.host_path else 'local'}.path", report)
    _check_options(spec, report)
    mode = spec.volume_mode.value if spec.volume_mode else VolumeMode.FILESYSTEM
    # core/v1 LocalVolumeSource: it is there already.
    kind = spec.host_path.type if spec.host_path else HostPathType.DIRECTORY
    if mode is VolumeMode.BLOCK:
        _check_device(path, spec, report)
    owner = spec.claim_ref.name.value if spec.claim_ref else None
    server = spec.nfs.server.value if spec.nfs else ""
    options = tuple(option.value for option in spec.mount_options)
    if spec.nfs and spec.nfs.read_only:
        options = ("ro", *options)
    labels = {key.value: value.value for key, value in found.metadata.labels.entries}
    volume = PersistentVolume(found.metadata.name, path.value, kind, mode, owner, server, options, labels)
    objects.add_volume(volume, report)


def check_nfs(source: NFSVolumeSource, path: str, report: Report) -> None:
    """A server, and a path that it exports."""
    check_path(source.path, f"{path}.path", report)
    server = source.server.value
    if not _SERVER.fullmatch(server) and not is_address(server):
        report.error(source.server.at, f"{path}.server", f"'{server[:60]}' is not the name or address of a server")


def _check_options(spec: PersistentVolumeSpec, report: Report) -> None:
    for index, option in enumerate(spec.mount_options):
        path = f"spec.mountOptions[{index}]"
        if not spec.nfs:
            hint = "mount it on the host with this option, by a mount unit or fstab(5)"
            report.error(option.at, path, "no effect: what is on the host is mounted already", hint)
        elif not _OPTION.fullmatch(option.value):
            message = f"'{option.value[:60]}' is not an option of a mount"
            report.error(option.at, path, message, "write it as in nfs(5): vers=4.2")


def _check_device(path: Located[str], spec: PersistentVolumeSpec, report: Report) -> None:
    if spec.nfs:
        hint = "remove the volumeMode, or write Filesystem"
        report.error(path.at, "spec.nfs", "a directory is no block device, which volumeMode asks for", hint)
        return
    field = "hostPath" if spec.host_path else "local"
    if ":" in path.value:
        hint = "name another link to the device; 'ls -l /dev/disk/*' lists them"
        report.error(path.at, f"spec.{field}.path", "podman takes no path of a device with a ':'", hint)
    if spec.host_path and spec.host_path.type not in (HostPathType.UNSET, HostPathType.BLOCK_DEVICE):
        message = f"'{spec.host_path.type}' is no block device, which volumeMode asks for"
        report.error(path.at, "spec.hostPath.type", message, "write BlockDevice, or remove it")


def find_volume(claim: Located[str], path: str, objects: Objects, report: Report) -> PersistentVolume | None:
    """What a claim is bound to; None for a volume that podman keeps."""
    known = objects.claims.get(claim.value)
    for volume in objects.volumes.values():
        if volume.claim == claim.value or (known and known.volume and known.volume.value == volume.name.value):
            if known and known.mode is not volume.mode:
                message = f"claim '{claim.value}' is of volumeMode {known.mode}, its PersistentVolume of {volume.mode}"
                report.error(claim.at, path, message, f"write the same; the volume is at {volume.name.at}")
            return volume
    if known and known.selector:
        return _select_volume(known, claim.at, path, objects, report)
    if known and known.volume:
        objects.miss(f"PersistentVolume '{known.volume.value}' for claim '{claim.value}'", claim.at, path, report)
    elif known and known.mode is VolumeMode.BLOCK:
        message = f"claim '{claim.value}' asks for a block device, and no PersistentVolume is kept for it"
        hint = "add one with 'volumeMode: Block', and this claim's name as its claimRef"
        report.error(claim.at, path, message, hint)
    return None


def _select_volume(claim: Claim, at: Position, path: str, objects: Objects, report: Report) -> PersistentVolume | None:
    """The one volume that has the labels. A cluster takes one of several, and remembers which: here nobody does."""
    name = claim.name.value
    where = f"the selector is at {claim.selector.at}" if claim.selector else ""
    named = {other.volume.value for other in objects.claims.values() if other.volume}
    found = [one for one in objects.volumes.values() if claim.selects(one) and one.name.value not in named]
    if not found:
        objects.miss(f"PersistentVolume with the labels that claim '{name}' selects", at, path, report)
        return None
    if len(found) > 1:
        names = ", ".join(sorted(one.name.value for one in found))
        hint = f"name one as its volumeName, or write labels that one alone has; {where}"
        report.error(at, path, f"claim '{name}' selects several PersistentVolumes: {names}", hint)
        return None
    for other in objects.claims.values():
        if other is not claim and other.selects(found[0]):
            volume, other_name = found[0].name.value, other.name.value
            message = f"claims '{name}' and '{other_name}' select the same PersistentVolume '{volume}'"
            report.error(at, path, message, f"write labels that one of them alone selects; {where}")
            return None
    return found[0]


def _check_class(metadata: ObjectMeta, report: Report) -> None:
    for key, _ in metadata.annotations.entries:
        if key.value == _CLASS_ANNOTATION:
            message = "an old spelling of spec.storageClassName, which has no effect here"
            hint = "there is one class of storage here: directories of this machine"
            report.warning(key.at, join_path("metadata.annotations", key.value), message, hint)


def make_volume(
    name: str, claim: Located[str], read_only: bool, at: Position, path: str, objects: Objects, report: Report
) -> model.Volume:
    """A pod's volume that is a claim."""
    bound = find_volume(claim, path, objects, report)
    if bound is None:
        return model.Claim(name, claim.value, read_only, at)
    if bound.mode is VolumeMode.BLOCK:
        return model.BlockDevice(name, bound.path, read_only, at)
    if bound.server:
        read_only = read_only or "ro" in bound.options
        return model.NetworkDirectory(name, bound.server, bound.path, bound.options, read_only, at)
    return model.HostPath(name, bound.path, bound.type, at, read_only)
