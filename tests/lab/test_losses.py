"""A pod starts in spite of what a loss of power leaves, which is made by hand here: tests/vm has real ones.

Looked at from outside of podunit: states, what failed meanwhile, and what is left.
"""

from __future__ import annotations

from tests.lab.pods import BY_PROCESS, IMAGE, Pods, container, pod

FOREVER = "sleep 1000 & wait"

# As after a loss of power while podman started them: they are in its database, and are not what it removes at a boot.
_LEAVE = f"""
podman create --quiet --rm --name=web_sandbox --ipc=shareable {IMAGE}
podman create --quiet --rm --name=web.a --network=container:web_sandbox --ipc=container:web_sandbox {IMAGE}
"""


def test_a_pod_replaces_a_sandbox_to_which_containers_refer(pods: Pods) -> None:
    pods.install(pod(container("a", FOREVER), more=BY_PROCESS))
    pods.lab.sh(_LEAVE)
    pods.systemctl("start", "pod@web")
    assert pods.state("pod@web", "sandbox@web", "container@web.a") == "active active active"
    # Nothing had to be mended: the start was the first.
    assert pods.state("pod-mend@web") == "inactive"
    assert pods.show("pod-mend@web", "ExecMainStartTimestamp") == ""
    assert pods.lab.run("podman", "ps", "--format={{.Names}}").stdout.split() == ["web_sandbox", "web.a"]
