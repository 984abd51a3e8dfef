"""The volumes of a pod, and where its containers mount them.

In: objects of `schema`. Out: `model.Volume` and `model.Mount`, or problems.
"""

from __future__ import annotations

from podunit import model
from podunit.decode import Located, suggest
from podunit.kubernetes import schema
from podunit.kubernetes.naming import check_label_name, check_path, refuse_twice
from podunit.model import Medium
from podunit.report import Report


def translate_volumes(volumes: tuple[schema.Volume, ...], report: Report) -> dict[str, model.Volume]:
    refuse_twice(
        [(volume.name, f"spec.volumes[{index}].name") for index, volume in enumerate(volumes)],
        "volume",
        report,
    )
    found: dict[str, model.Volume] = {}
    for index, volume in enumerate(volumes):
        path, name = f"spec.volumes[{index}]", volume.name.value
        check_label_name(volume.name, f"{path}.name", "volume", report)
        if volume.host_path and volume.empty_dir:
            report.error(volume.at, path, "both hostPath and emptyDir", "keep one of them")
        if volume.host_path:
            source = volume.host_path.path
            check_path(source, f"{path}.hostPath.path", report)
            found[name] = model.HostPath(name, source.value, volume.host_path.type, volume.at)
        else:
            # As the API server does: a volume without a source is an emptyDir.
            empty_dir = volume.empty_dir or schema.EmptyDirVolumeSource()
            limit = empty_dir.size_limit
            if limit and empty_dir.medium is Medium.DISK:
                report.warning(
                    limit.at,
                    f"{path}.emptyDir.sizeLimit",
                    "not enforced: a directory on disk has no limit of its own",
                    "with 'medium: Memory' it is enforced",
                )
            size_bytes = limit.value if limit else None
            found[name] = model.EmptyDir(name, empty_dir.medium, size_bytes, volume.at)
    return found


def translate_mounts(
    mounts: tuple[schema.VolumeMount, ...], path: str, volumes: dict[str, model.Volume], report: Report
) -> tuple[model.Mount, ...]:
    refuse_twice(
        [(mount.mount_path, f"{path}[{index}].mountPath") for index, mount in enumerate(mounts)],
        "mount at",
        report,
    )
    found = []
    for index, mount in enumerate(mounts):
        item = f"{path}[{index}]"
        check_path(mount.mount_path, f"{item}.mountPath", report)
        sub_path = _translate_sub_path(mount.sub_path, f"{item}.subPath", report)
        volume = volumes.get(mount.name.value)
        if volume is None:
            hint = suggest(mount.name.value, volumes) or (
                f"volumes here: {', '.join(volumes)}" if volumes else "this pod has no spec.volumes"
            )
            message = f"there is no volume '{mount.name.value[:60]}'"
            report.error(mount.name.at, f"{item}.name", message, hint)
            continue
        if sub_path and isinstance(volume, model.EmptyDir) and volume.medium is Medium.MEMORY:
            message = "a volume in memory cannot be mounted in part"
            report.error(mount.at, f"{item}.subPath", message, "remove the subPath, or 'medium: Memory'")
        found.append(model.Mount(volume, mount.mount_path.value, sub_path, mount.read_only, mount.at))
    return tuple(found)


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
