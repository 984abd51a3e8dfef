"""Whether a pod's users are its own (`hostUsers: false`), and what such a pod cannot have.

In: objects of `schema`, and the pod's volumes. Out: a flag of `model.Pod`, or problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from podunit.decode import Located
from podunit.engines.users import USER_COUNT
from podunit.kubernetes import schema
from podunit.model import BlockDevice, ImageVolume, MountPropagation, NetworkDirectory, Volume
from podunit.report import Report

# Volumes whose IDs the kernel does not map, and what those are.
_UNMAPPED: Mapping[type[Volume], str] = {
    ImageVolume: "podman does not map the IDs in an image that is a volume",
    NetworkDirectory: "the kernel does not map the IDs of NFS",
    BlockDevice: "a device is not theirs",
}


def translate_users(spec: schema.PodSpec, volumes: Mapping[str, Volume], host_network: bool, report: Report) -> bool:
    """Whether the pod has users of its own, by the rules of the API and of the kernel."""
    if spec.host_users is None or spec.host_users.value:
        return False
    at = spec.host_users.at
    shared = {"hostNetwork": host_network, "hostPID": spec.host_pid and spec.host_pid.value, "hostIPC": spec.host_ipc}
    for name, is_shared in shared.items():
        if is_shared:
            message = f"with {name} its users would have to be the host's"
            report.error(at, "spec.hostUsers", message, f"remove it, or {name}")
    for index, volume in enumerate(spec.volumes):
        kind = type(volumes[volume.name.value])
        if reason := _UNMAPPED.get(kind):
            report.error(
                volume.at,
                f"spec.volumes[{index}]",
                f"not with users of the pod's own: {reason}",
                "remove it, or hostUsers",
            )
    for path, identity in _list_ids(spec):
        if identity.value >= USER_COUNT:
            message = f"{identity.value} is none of the pod's own {USER_COUNT} IDs"
            report.error(identity.at, path, message, f"write one below, or remove hostUsers, at {at}")
    for path, container in _list_containers(spec):
        for index, mount in enumerate(container.volume_mounts):
            asked = mount.mount_propagation
            if asked and asked.value is MountPropagation.BIDIRECTIONAL:
                message = "not with users of the pod's own: the kernel lets them mount nothing for the host"
                report.error(
                    asked.at, f"{path}.volumeMounts[{index}].mountPropagation", message, "write HostToContainer"
                )
    return True


def _list_containers(spec: schema.PodSpec) -> Iterator[tuple[str, schema.Container]]:
    for name, containers in (("initContainers", spec.init_containers), ("containers", spec.containers.value)):
        for index, container in enumerate(containers):
            yield f"spec.{name}[{index}]", container


def _list_ids(spec: schema.PodSpec) -> Iterator[tuple[str, Located[int]]]:
    own, path = spec.security_context, "spec.securityContext"
    found = [(f"{path}.runAsUser", own.run_as_user), (f"{path}.runAsGroup", own.run_as_group)]
    found += [(f"{path}.fsGroup", own.fs_group)]
    found += [(f"{path}.supplementalGroups[{index}]", one) for index, one in enumerate(own.supplemental_groups)]
    for where, container in _list_containers(spec):
        context = container.security_context
        found += [(f"{where}.securityContext.runAsUser", context.run_as_user)]
        found += [(f"{where}.securityContext.runAsGroup", context.run_as_group)]
    yield from ((field, identity) for field, identity in found if identity)
