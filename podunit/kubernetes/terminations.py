"""Where a container writes why it ends.

In: objects of `schema`. Out: `model.Message`, or problems.
"""

from __future__ import annotations

import posixpath

from podunit import model
from podunit.kubernetes import schema
from podunit.kubernetes.naming import check_path
from podunit.kubernetes.schema import TerminationMessagePolicy
from podunit.report import Report

_PATH = "/dev/termination-log"


def translate_message(container: schema.Container, path: str, report: Report) -> model.Message | None:
    """The file of a container that asks for one by either field, with the API's defaults."""
    where, policy = container.termination_message_path, container.termination_message_policy
    if where is None and policy is None:
        return None
    # As the API server does: an empty one is none.
    text = where.value if where and where.value else _PATH
    if where and where.value:
        field = f"{path}.terminationMessagePath"
        check_path(where, field, report)
        if not text.strip("/"):
            report.error(where.at, field, "the root is no file", "name a file")
    mounts = [(mount.mount_path, f"volumeMount at {mount.mount_path.at}") for mount in container.volume_mounts]
    devices = [(device.device_path, f"volumeDevice at {device.device_path.at}") for device in container.volume_devices]
    for other, what in (*mounts, *devices):
        if posixpath.normpath(other.value) == posixpath.normpath(text):
            at = where.at if where else other.at
            message = f"'{text}' is where the container writes why it ends, and the {what}"
            report.error(at, f"{path}.terminationMessagePath", message, "choose another path")
    return model.Message(text, policy is TerminationMessagePolicy.FALLBACK_TO_LOGS_ON_ERROR)
