"""The volumes of a pod, and where its containers mount them.

In: objects of `schema`. Out: `model.Volume` and `model.Mount`, or problems.
"""

from __future__ import annotations

from podunit import model
from podunit.decode import Located, suggest
from podunit.kubernetes import schema
from podunit.kubernetes.claims import check_nfs, make_volume
from podunit.kubernetes.environment import Environment
from podunit.kubernetes.huge_pages import choose_medium, warn_of_size
from podunit.kubernetes.naming import (
    check_image,
    check_label_name,
    check_object_name,
    check_path,
    default_pull_policy,
    refuse_twice,
)
from podunit.kubernetes.projection import Projector
from podunit.model import Medium, MountPropagation
from podunit.report import Report


def translate_volumes(
    volumes: tuple[schema.Volume, ...], projector: Projector, report: Report
) -> dict[str, model.Volume]:
    """The volumes by name; `projector` makes the files of those that are files."""
    refuse_twice(
        [(volume.name, f"spec.volumes[{index}].name") for index, volume in enumerate(volumes)],
        "volume",
        report,
    )
    found: dict[str, model.Volume] = {}
    for index, volume in enumerate(volumes):
        path = f"spec.volumes[{index}]"
        check_label_name(volume.name, f"{path}.name", "volume", report)
        _check_one_source(volume, path, report)
        found[volume.name.value] = _translate_volume(volume, path, projector, report)
    return found


def _check_one_source(volume: schema.Volume, path: str, report: Report) -> None:
    sources = {
        "hostPath": volume.host_path,
        "emptyDir": volume.empty_dir,
        "configMap": volume.config_map,
        "secret": volume.secret,
        "downwardAPI": volume.downward_api,
        "projected": volume.projected,
        "persistentVolumeClaim": volume.persistent_volume_claim,
        "image": volume.image,
        "nfs": volume.nfs,
    }
    named = [name for name, source in sources.items() if source]
    if len(named) > 1:
        report.error(volume.at, path, f"both {named[0]} and {named[1]}", "keep one of them")


def _translate_volume(volume: schema.Volume, path: str, projector: Projector, report: Report) -> model.Volume:
    name = volume.name.value
    if volume.host_path:
        source = volume.host_path.path
        check_path(source, f"{path}.hostPath.path", report)
        return model.HostPath(name, source.value, volume.host_path.type, volume.at)
    if volume.persistent_volume_claim:
        claim = volume.persistent_volume_claim
        field = f"{path}.persistentVolumeClaim.claimName"
        check_object_name(claim.claim_name, "PersistentVolumeClaim", report, field)
        return make_volume(name, claim.claim_name, claim.read_only, volume.at, field, projector.objects, report)
    if volume.nfs:
        check_nfs(volume.nfs, f"{path}.nfs", report)
        nfs, options = volume.nfs, ("ro",) if volume.nfs.read_only else ()
        return model.NetworkDirectory(name, nfs.server.value, nfs.path.value, options, nfs.read_only, volume.at)
    if volume.config_map:
        return model.Files(name, projector.read_config_map(volume.config_map, f"{path}.configMap"), volume.at)
    if volume.secret:
        return model.Files(name, projector.read_secret(volume.secret, f"{path}.secret"), volume.at)
    if volume.downward_api:
        return model.Files(name, projector.read_downward_api(volume.downward_api, f"{path}.downwardAPI"), volume.at)
    if volume.projected:
        return model.Files(name, projector.read_projected(volume.projected, f"{path}.projected"), volume.at)
    if volume.image:
        image = volume.image.reference
        check_image(image, f"{path}.image.reference", report)
        policy = volume.image.pull_policy or default_pull_policy(image.value)
        return model.ImageVolume(name, image.value, policy, volume.at, image.at)
    # As the API server does: a volume without a source is an emptyDir.
    empty_dir = volume.empty_dir or schema.EmptyDirVolumeSource()
    limit, medium = empty_dir.size_limit, Medium.DISK
    if empty_dir.medium:
        medium = choose_medium(empty_dir.medium, projector.pod.containers, f"{path}.emptyDir.medium", report)
    if limit:
        warn_of_size(limit.at, f"{path}.emptyDir.sizeLimit", medium, report)
    return model.EmptyDir(name, medium, limit.value if limit else None, volume.at)


def translate_mounts(
    container: schema.Container,
    path: str,
    volumes: dict[str, model.Volume],
    environment: Environment,
    report: Report,
) -> tuple[model.Mount, ...]:
    """Where a container mounts volumes; `environment` is for paths with references to variables."""
    mounts = container.volume_mounts
    refuse_twice(
        [(mount.mount_path, f"{path}[{index}].mountPath") for index, mount in enumerate(mounts)],
        "mount at",
        report,
    )
    found = []
    for index, mount in enumerate(mounts):
        item = f"{path}[{index}]"
        check_path(mount.mount_path, f"{item}.mountPath", report)
        if mount.sub_path and mount.sub_path_expr:
            message = "both subPath and subPathExpr"
            report.error(mount.sub_path_expr.at, f"{item}.subPathExpr", message, "keep one of them")
        sub_path = _translate_sub_path(mount.sub_path, f"{item}.subPath", report)
        if mount.sub_path_expr:
            sub_path = _translate_sub_path_expr(mount.sub_path_expr, f"{item}.subPathExpr", environment, report)
        volume = _find_volume(mount.name, f"{item}.name", volumes, report)
        if volume is None:
            continue
        if isinstance(volume, model.BlockDevice):
            message = f"volume '{volume.name}' is a block device, which is not mounted"
            report.error(mount.name.at, f"{item}.name", message, "name it in volumeDevices")
            continue
        if sub_path and isinstance(volume, model.ImageVolume):
            report.error(mount.at, f"{item}.subPath", "podman mounts an image as a whole", "remove the subPath")
        propagation = _translate_propagation(mount, volume, item, container.security_context.privileged, report)
        recursive = _translate_recursive(mount, item, report)
        read_only = mount.read_only or (
            isinstance(volume, model.Claim | model.HostPath | model.NetworkDirectory) and volume.read_only
        )
        # Files are made anew at each start: what a container wrote into them would be lost.
        read_only = read_only or isinstance(volume, model.Files)
        path_inside = mount.mount_path.value
        found.append(model.Mount(volume, path_inside, sub_path, read_only, mount.at, propagation, recursive))
    return tuple(found)


def translate_devices(
    container: schema.Container, path: str, volumes: dict[str, model.Volume], report: Report
) -> tuple[model.Device, ...]:
    """The block devices that a container gets."""
    devices, list_path = container.volume_devices, f"{path}.volumeDevices"
    paths = [(device.device_path, f"{list_path}[{index}].devicePath") for index, device in enumerate(devices)]
    refuse_twice(paths, "device at", report)
    mounted = {mount.mount_path.value: mount for mount in container.volume_mounts}
    found = []
    for index, device in enumerate(devices):
        item = f"{list_path}[{index}]"
        check_path(device.device_path, f"{item}.devicePath", report)
        if ":" in device.device_path.value:
            message = "podman takes no path of a device with a ':'"
            report.error(device.device_path.at, f"{item}.devicePath", message, "write the path without it")
        if mount := mounted.get(device.device_path.value):
            message = "a volume is mounted there already"
            report.error(device.device_path.at, f"{item}.devicePath", message, f"the mount is at {mount.at}")
        volume = _find_volume(device.name, f"{item}.name", volumes, report)
        if isinstance(volume, model.BlockDevice):
            found.append(model.Device(volume, device.device_path.value, device.at))
        elif volume:
            message = f"volume '{volume.name}' is no block device"
            hint = "name it in volumeMounts, or let it be the claim of a PersistentVolume with 'volumeMode: Block'"
            report.error(device.name.at, f"{item}.name", message, hint)
    return tuple(found)


def _find_volume(
    name: Located[str], path: str, volumes: dict[str, model.Volume], report: Report
) -> model.Volume | None:
    volume = volumes.get(name.value)
    if volume is None:
        hint = suggest(name.value, volumes) or (
            f"volumes here: {', '.join(volumes)}" if volumes else "this pod has no spec.volumes"
        )
        report.error(name.at, path, f"there is no volume '{name.value[:60]}'", hint)
    return volume


def _translate_sub_path_expr(expr: Located[str], field: str, environment: Environment, report: Report) -> str:
    text = environment.expand(expr, field)
    if not isinstance(text, str):
        hint = "use a variable that is known before the pod starts"
        report.error(expr.at, field, "refers to what only a running pod knows", hint)
        return ""
    return _translate_sub_path(Located(text, expr.at), field, report)


def _translate_propagation(
    mount: schema.VolumeMount, volume: model.Volume, item: str, privileged: bool, report: Report
) -> MountPropagation:
    asked, path = mount.mount_propagation, f"{item}.mountPropagation"
    if asked is None or asked.value is MountPropagation.NONE:
        return MountPropagation.NONE
    if asked.value is MountPropagation.BIDIRECTIONAL and not privileged:
        hint = "add 'privileged: true' to the container's securityContext"
        report.error(asked.at, path, "only a privileged container may mount for others", hint)
    elif not isinstance(volume, model.HostPath):
        # An emptyDir on disk is removed with all that is in it, even with what is mounted there.
        message = "only with a hostPath: podman cannot do it with other volumes, and podunit removes an emptyDir whole"
        report.error(asked.at, path, message, "use a hostPath of type DirectoryOrCreate")
    return asked.value


def _translate_recursive(mount: schema.VolumeMount, item: str, report: Report) -> bool:
    # Where podunit runs it is possible: IfPossible is as good as Enabled.
    asked, path, propagation = mount.recursive_read_only, f"{item}.recursiveReadOnly", mount.mount_propagation
    if asked is None or asked.value is schema.RecursiveReadOnly.DISABLED:
        return False
    if not mount.read_only:
        report.error(asked.at, path, f"'{asked.value}' needs 'readOnly: true'", "add it, or write Disabled")
    elif propagation and propagation.value is not MountPropagation.NONE:
        message = f"'{asked.value}' needs 'mountPropagation: None': what is mounted later could be written to"
        report.error(asked.at, path, message, f"the mountPropagation is at {propagation.at}")
    return True


def _translate_sub_path(path: Located[str] | None, field: str, report: Report) -> str:
    if path is None:
        return ""
    parts = path.value.split("/")
    if path.value.startswith("/") or ".." in parts:
        hint = "write it without '..'" if ".." in parts else "write it without '/' at its start"
        report.error(path.at, field, f"'{path.value[:60]}' is not a path below the volume", hint)
    elif any(ord(char) < 32 or char == "\x7f" for char in path.value):
        report.error(path.at, field, "a control character is not allowed in a path", "remove it")
    return "/".join(part for part in parts if part not in ("", "."))
