"""What the inputs mean, in Kubernetes' words: pods, containers, volumes, with every default filled in.

Front ends build these objects, `engines` and `generate` read them. Nothing here knows YAML, systemd's syntax or
podman's options. Every object carries the `Position` it came from, so that a problem found late still points at it.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from podunit.chosen import Engine, Origin, find_origin
from podunit.probes import Hook, Probes
from podunit.record import record
from podunit.report import Position
from podunit.rules import RestartRule
from podunit.runs import Run, Schedule
from podunit.security import Security


class RestartPolicy(StrEnum):
    """`restartPolicy` of a Pod or a Container."""

    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    NEVER = "Never"


class PullPolicy(StrEnum):
    """`imagePullPolicy` of a Container, `pullPolicy` of an image that is a volume."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Protocol(StrEnum):
    """`protocol` of a ContainerPort."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class HostPathType(StrEnum):
    """`type` of a HostPathVolumeSource: what has to be there, or is made."""

    UNSET = ""
    DIRECTORY_OR_CREATE = "DirectoryOrCreate"
    DIRECTORY = "Directory"
    FILE_OR_CREATE = "FileOrCreate"
    FILE = "File"
    SOCKET = "Socket"
    CHAR_DEVICE = "CharDevice"
    BLOCK_DEVICE = "BlockDevice"


class MountPropagation(StrEnum):
    """`mountPropagation` of a VolumeMount: whose later mounts below it are seen."""

    NONE = "None"
    HOST_TO_CONTAINER = "HostToContainer"
    BIDIRECTIONAL = "Bidirectional"


class Medium(StrEnum):
    """`medium` of an EmptyDirVolumeSource; in a pod, `HugePages` is one of the two sizes."""

    DISK = ""
    MEMORY = "Memory"
    HUGE_PAGES = "HugePages"
    HUGE_PAGES_2MI = "HugePages-2Mi"
    HUGE_PAGES_1GI = "HugePages-1Gi"


class HugePage(StrEnum):
    """A size of pages that are larger than those of the machine, as the API writes it."""

    MEBI_2 = "2Mi"
    GIBI_1 = "1Gi"


class Processes(StrEnum):
    """Which processes a container sees: `hostPID` and `shareProcessNamespace` of a Pod."""

    OWN = "own"
    POD = "pod"
    HOST = "host"


class Relabel(StrEnum):
    """Annotation `podunit/relabel`: how SELinux labels host paths for the containers (podman's :z and :Z)."""

    NONE = "none"
    SHARED = "shared"
    PRIVATE = "private"


class Output(StrEnum):
    """Annotation `podunit/CONTAINER.output`: the journal's socket, or a pipe, which can be opened as well."""

    JOURNAL = "journal"
    PIPE = "pipe"


class Fact(StrEnum):
    """What only a running pod has, as the API names it; an engine fills it in when a container starts."""

    NODE_NAME = "spec.nodeName"
    POD_IP = "status.podIP"
    HOST_IP = "status.hostIP"


# Text, or pieces of it around facts.
Text = str | tuple[str | Fact, ...]


@record
class Env:
    """One environment variable of a container, its references already expanded.

    A secret one is a str, in which surrogates stand for bytes that are not UTF-8; it must not be readable by others.
    """

    name: str
    value: Text
    secret: bool
    at: Position


@record
class Port:
    """A container's port; published on the host when `host_port` is set.

    `host_ip` '' means every address; `name` '' is none.
    """

    container_port: int
    protocol: Protocol
    host_port: int | None
    host_ip: str
    at: Position
    name: str = ""


@record
class Redirect:
    """A port under which a Service is reached, where the pod itself listens on another, the target."""

    port: int
    protocol: Protocol
    target_port: int


@record
class HostPath:
    """A file or directory of the host, `read_only` for all containers."""

    name: str
    path: str
    type: HostPathType
    at: Position
    read_only: bool = False


@record
class EmptyDir:
    """A directory that the pod's containers share, made empty when the pod starts and removed when it stops.

    `size_bytes` limits one in memory, None for no limit.
    """

    name: str
    medium: Medium
    size_bytes: int | None
    at: Position


@record
class File:
    """A file of a volume: its path below the volume, its bytes, its mode, and whether others may not read it."""

    path: str
    data: bytes
    mode: int
    secret: bool


@record
class Files:
    """A volume of files that are known ahead (ConfigMaps, Secrets, what a pod knows of itself), made when it starts."""

    name: str
    files: tuple[File, ...]
    at: Position


@record
class Claim:
    """A named volume that outlives the pod; `claim` is the PersistentVolumeClaim's name."""

    name: str
    claim: str
    read_only: bool
    at: Position


@record
class ImageVolume:
    """The files of an image, which nobody changes."""

    name: str
    image: str
    pull_policy: PullPolicy
    at: Position
    image_at: Position


@record
class BlockDevice:
    """A block device of the host, which no container mounts, but some may have."""

    name: str
    path: str
    read_only: bool
    at: Position


@record
class NetworkDirectory:
    """A directory of an NFS server, mounted with these options; `read_only` for all containers."""

    name: str
    server: str
    path: str
    options: tuple[str, ...]
    read_only: bool
    at: Position


Volume = BlockDevice | NetworkDirectory | HostPath | EmptyDir | Files | Claim | ImageVolume


@record
class Mount:
    """A volume at a path inside one container; a `recursive` one is read-only with all that is mounted below it."""

    volume: Volume
    mount_path: str
    sub_path: str
    read_only: bool
    at: Position
    propagation: MountPropagation = MountPropagation.NONE
    recursive: bool = False


@record
class Device:
    """A block device at a path inside one container."""

    volume: BlockDevice
    device_path: str
    at: Position


@record
class Setting:
    """A systemd directive that the user asked for by an annotation: section, name and value, as systemd spells them."""

    section: str
    name: str
    value: str
    at: Position


@record
class Resources:
    """Limits and requests; memory in bytes, CPU in thousandths of one, None for none."""

    memory_limit_bytes: int | None
    cpu_limit_milli: int | None
    memory_request_bytes: int | None
    cpu_request_milli: int | None


@record
class Message:
    """Where a container writes why it ends; with `falls_back` its log says so where a failure has left nothing."""

    path: str
    falls_back: bool


@record
class Container:
    """One container; `command` and `args` are None where the image's own hold.

    `cdi_devices` are names of the Container Device Interface, such as nvidia.com/gpu=0. A `sidecar` is an init
    container that goes on. `restart_policy` holds where none of the `restart_rules` does. Without a `stop_signal` that
    of the image holds. The `message` that it leaves is None for one whose end nobody has asked about. Of
    `huge_pages` it may have so many bytes of each size; `limits_at` are the places of the limits of memory and cpu.
    Without what is `missing`, such as ConfigMap 'web', it must not start. Its standard `output` is None where the
    engine finds out what that has to be.
    """

    name: str
    image: str
    pull_policy: PullPolicy
    command: tuple[Text, ...] | None
    args: tuple[Text, ...] | None
    working_dir: str | None
    env: tuple[Env, ...]
    ports: tuple[Port, ...]
    mounts: tuple[Mount, ...]
    resources: Resources
    security: Security
    settings: tuple[Setting, ...]
    at: Position
    image_at: Position
    stdin: bool = False
    tty: bool = False
    sidecar: bool = False
    devices: tuple[Device, ...] = ()
    probes: Probes = field(default_factory=Probes)
    restart_policy: RestartPolicy = RestartPolicy.ALWAYS
    restart_rules: tuple[RestartRule, ...] = ()
    cdi_devices: tuple[str, ...] = ()
    post_start: Hook | None = None
    pre_stop: Hook | None = None
    stop_signal: str | None = None
    message: Message | None = None
    huge_pages: tuple[tuple[HugePage, int], ...] = ()
    limits_at: tuple[tuple[str, Position], ...] = ()
    missing: tuple[str, ...] = ()
    output: Output | None = None


@record
class Resolver:
    """What /etc/resolv.conf says: beside what the host's does, or instead of it."""

    replaces_host: bool
    nameservers: tuple[str, ...]
    searches: tuple[str, ...]
    options: tuple[str, ...]


@record
class Network:
    """A bridge network by its name; one of podunit's `own` is made when it is needed."""

    name: str
    own: bool


@record
class Owner:
    """Whose pod it is: a controller's or a job's, by kind and name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def key(self) -> str:
        """Its object's among those that are kept: `Deployment.web`."""
        return f"{self.kind}.{self.name}"


@record
class Requirement:
    """Another pod, by its name, that has to be ready before the pod starts."""

    pod: str
    at: Position


@record
class Pod:
    """A pod. `boot` tells whether it starts with the machine; `settings` are the handle's and the slice's.

    `resources` are the pod's own, None where it has none beside those of its containers. `network` is the bridge that
    it is on, None for none at all; there `aliases` are its names beside its own, and `subdomain`, '' for none, is the
    headless Service below which it has a name. `published` are host ports, and `redirects` ports, that it has from
    Services.

    `fs_group` owns its emptyDir volumes, None for root's; with `own_users` all IDs are the pod's own; `sysctls` are
    names with dots, and values; `hosts` names, and their addresses; without a `resolver` the host's holds, without a
    `runtime` podman's default.
    `registries` are files as in containers-auth.json(5), whose credentials are tried one after the other.
    After `deadline_sec` the pod has failed, None for never.
    `engine_at` is where its engine is named, None for nowhere.
    `owner` is None for a pod that is nobody's, `run` for one that is not of a Job, `schedule` for one that is not of a
    CronJob.
    """

    name: str
    namespace: str
    hostname: str
    subdomain: str
    host_network: bool
    network: Network | None
    aliases: tuple[str, ...]
    published: tuple[Port, ...]
    redirects: tuple[Redirect, ...]
    resources: Resources | None
    relabel: Relabel
    labels: tuple[tuple[str, str], ...]
    init_containers: tuple[Container, ...]
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...]
    restart_policy: RestartPolicy
    grace_sec: int
    boot: bool
    settings: tuple[Setting, ...]
    at: Position
    name_at: Position
    fs_group: int | None = None
    own_users: bool = False
    sysctls: tuple[tuple[str, str], ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    resolver: Resolver | None = None
    processes: Processes = Processes.OWN
    host_ipc: bool = False
    runtime: str | None = None
    is_critical: bool = False
    deadline_sec: int | None = None
    owner: Owner | None = None
    run: Run | None = None
    schedule: Schedule | None = None
    limits_at: tuple[tuple[str, Position], ...] = ()
    registries: tuple[bytes, ...] = ()
    engine: Engine = Engine.PODMAN
    engine_at: Position | None = None
    requirements: tuple[Requirement, ...] = ()

    @property
    def engine_origin(self) -> Origin:
        """How its engine was chosen."""
        return find_origin(self.engine, self.engine_at or self.at, self.at.file)
