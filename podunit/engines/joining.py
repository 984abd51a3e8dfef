"""How a container of podman's joins the sandbox of its pod, as options of podman-run(1): namespaces, memory, names.

In: the model. Out: words for `unitfile` to quote. Who joins a process of podman's has the files of names and the
shared memory with it. Of files that hold namespaces podman knows no more than that, and so the rest is mounted, unless
the container mounts something else there itself.
"""

from __future__ import annotations

from podunit.engines.programs import runtime_directory, sandbox_directory, sandbox_name
from podunit.engines.resolution import RESOLVER, find_resolver, list_names
from podunit.engines.users import join_users
from podunit.model import Container, Pod, Processes
from podunit.unitfile import Word

_NAMESPACES = {"network": "net", "ipc": "ipc", "uts": "uts"}
_FILES = {"/etc/hosts": "hosts", "/etc/hostname": "hostname", RESOLVER: "resolv.conf", "/dev/shm": "shm"}


def join_container(pod: Pod) -> tuple[Word, ...]:
    """Join the pause container, or the host where that is what the pod asks for."""
    sandbox = f"container:{sandbox_name(pod)}"
    return (
        f"--network={'host' if pod.host_network else sandbox}",
        f"--ipc={'host' if pod.host_ipc else sandbox}",
        f"--uts={'host' if pod.host_network else sandbox}",
        *(
            ()
            if pod.processes is Processes.OWN
            else (f"--pid={'host' if pod.processes is Processes.HOST else sandbox}",)
        ),
        *join_users(pod),
        *(list_names(pod) if pod.host_network else ()),
    )


def join_files(pod: Pod, container: Container) -> tuple[Word, ...]:
    """Join namespaces that files hold."""
    directory = sandbox_directory(pod)
    # As podman's own are.
    options = ",ro=true,nosuid,nodev,noexec" if container.security.read_only_root else ""
    taken = {mount.mount_path.rstrip("/") for mount in container.mounts}
    if find_resolver(pod, runtime_directory(pod)):
        taken.add(RESOLVER)
    return (
        *(
            f"--{kind}=host" if pod.host_network and kind != "ipc" else (f"--{kind}=ns:", *directory, f"/{file}")
            for kind, file in _NAMESPACES.items()
        ),
        "--no-hosts",
        *(
            ("--mount=type=bind,src=", *directory, f"/{file},dst={path}{options}")
            for path, file in _FILES.items()
            if path not in taken
        ),
        # podman would say its own name of the container, but for the host's.
        *(() if pod.host_network else (f"--env=HOSTNAME={pod.hostname}",)),
    )
