"""Which systemd and podman units are written for: nothing newer than they know goes into a unit.

In: versions as the programs print them. Out: a `Target`. The default is the oldest that is supported, so that the same
input gives the same bytes on every host.
"""

from __future__ import annotations

import re

from podunit.errors import PodunitError
from podunit.record import record

_NUMBERS = re.compile(r"\d+(?:\.\d+){0,2}")


@record
class Target:
    """A host: the versions of systemd, as 252, and podman, as (4, 3, 1), and what units cannot be the same for.

    `labels` if SELinux labels what is there; `full_networks` are those of which podman gives all addresses.
    """

    systemd: int = 252
    podman: tuple[int, ...] = (4, 3, 1)
    labels: bool = False
    full_networks: frozenset[str] = frozenset()

    @property
    def podman_text(self) -> str:
        """podman's version as it is written."""
        return ".".join(map(str, self.podman))


OLDEST = Target()


def parse_target(
    systemd: str, podman: str, *, labels: bool = False, full_networks: frozenset[str] = frozenset()
) -> Target:
    """The target of versions such as '257.13-1~deb13u1' and '5.4.2'; PodunitError if one is too old, or none."""
    target = Target(_parse(systemd, "systemd")[0], _parse(podman, "podman"), labels, full_networks)
    if target.systemd < OLDEST.systemd:
        raise PodunitError(f"systemd {target.systemd} is too old", f"podunit needs {OLDEST.systemd} or later")
    # Debian's 4.3.1 is what is tested; 4.3 of others does as well.
    if target.podman[:2] < OLDEST.podman[:2]:
        raise PodunitError(f"podman {target.podman_text} is too old", "podunit needs 4.3 or later")
    return target


def _parse(text: str, program: str) -> tuple[int, ...]:
    found = _NUMBERS.match(text)
    if not found:
        raise PodunitError(f"'{text}' is not a version of {program}", "write it as 257, or 5.4.2")
    return tuple(int(part) for part in found[0].split("."))
