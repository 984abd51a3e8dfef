"""What the prober has found out about a container: whether it has started and is ready, and each probe's last result.

In: names. Out: what the prober has written beside the container's registration. Knows nothing of how probes work.
"""

from __future__ import annotations

from podunit.installed import InstalledContainer
from podunit.prober.states import Known, read_state
from podunit.scope import Scope


def read_known(pod: str, container: str, scope: Scope) -> Known | None:
    """What is known of a container that is probed; None for one that is not."""
    folder = scope.runtime_directory / f"podunit-probes/{pod}.{container}"
    # At first there is no result.
    return read_state(folder) or (Known("", started=False, ready=False) if folder.is_dir() else None)


def find_known(container: InstalledContainer, scope: Scope) -> Known | None:
    """As `read_known`, of an installed container: one whose probes are gone may have left what was known."""
    return read_known(container.pod, container.name, scope) if container.probed else None
