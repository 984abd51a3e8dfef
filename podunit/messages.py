"""What the templates say of the message that a container leaves when it ends.

In: the model. Out: values for `unitfile`.
"""

from __future__ import annotations

from collections.abc import Mapping

from podunit.engines.terminations import keep_message, make_message
from podunit.model import Container, Pod
from podunit.scope import Scope
from podunit.unitfile import Value, command_line, escape_text


def describe_message(pod: Pod, container: Container, scope: Scope) -> Mapping[str, Value | None]:
    """Values by name; `message_path` is None for a container that leaves none."""
    if container.message is None:
        return {"message_path": None}
    return {
        "message_path": escape_text(container.message.path),
        "make_message": command_line(make_message(pod, container, scope)),
        "keep_message": command_line(keep_message(pod, container, scope), ignore_failure=True),
    }
