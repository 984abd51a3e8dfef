"""What several kinds of units say alike, whatever makes their processes: times, systemctl, an administrator's settings.

In: the model. Out: values for `unitfile`.
"""

from __future__ import annotations

from collections.abc import Mapping

from podunit.model import Setting
from podunit.scope import Scope
from podunit.unitfile import Directive, Value

# What a template is given, by name.
Values = Mapping[str, Value | tuple[Value, ...] | tuple[Directive, ...] | bool | None]

SYSTEMCTL = {Scope.SYSTEM: "systemctl", Scope.USER: "systemctl --user"}

# podman stop returns when the grace period is over and the kill is done; below this margin systemd would cut it short.
STOP_MARGIN_SEC = 10

# Time for each command of a start. systemd's 90 s are too short where podman relabels a large directory or makes an
# image's files belong to a user's subordinate IDs; an end there has to be, or a podman that hangs would never be tried
# again. Pulls have units of their own.
START_SEC = 900


def list_settings(settings: tuple[Setting, ...], section: str) -> tuple[Directive, ...]:
    """The directives of a section that the user has asked for."""
    # The value is systemd's own syntax already: the user wrote a directive, specifiers and quotes included.
    return tuple(Directive(s.name, Value(s.value)) for s in settings if s.section == section)
