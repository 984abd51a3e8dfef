"""What is installed: pods and containers, read back from the unit files that podunit has written.

In: file names and texts of the unit directory. Out: `InstalledPod`s. The files are the truth; there is no other record.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping

from podunit.chosen import Engine
from podunit.names import (
    DEFAULT_NAMESPACE,
    parse_container_unit,
    parse_pod,
    pod_unit,
    sandbox_unit,
    slice_unit,
    timer_unit,
)
from podunit.record import record
from podunit.unitfile import list_directives

# Lines begin with a literal, which is found several times as fast as `^`; no directive is in the first line of a file.
_MEMORY_LOW = re.compile(r"\nMemoryLow=(\d+)(?=\n)")
_VOLUMES = re.compile(r"\nVolumes=(.*)")
_IMAGE = re.compile(r"\nImage=(.*)")
_REQUIRES = re.compile(r"\nRequires=(.*)")
_OWNER = re.compile(r"\nOwner=(.*)")
_NAMESPACE = re.compile(r"\nNamespace=(.*)")
_RESTART = re.compile(r"\nRestart=(.*)")
_RUNTIME = re.compile(r"\nRuntimeDirectory=(.*)")
_STATE_DIRECTORY = re.compile(r"\nStateDirectory=(.*)")
_REMOVED = re.compile(
    r"^ExecStopPost=-(?:/bin/sh -c ')?/usr/bin/podman (secret|volume) rm (?:\"\$\$@\" 2> /dev/null' remove )?(.*)$",
    re.MULTILINE,
)
_NETWORK = re.compile(r"^(?: *--n|N)etwork=([\w.-]+)(?= |$)", re.MULTILINE)
_JOB = re.compile(r"\nJob=(.*)")
_WANTS = re.compile(r"\nWants=(.*)")


@record
class InstalledContainer:
    """One container's unit; `image_units` are the units that make its image present.

    `ends` is said of one that is to come to an end: a main container of a pod that is not restarted for ever;
    `keeps_message` of one that leaves a message when it ends, `probed` of one that has probes, `is_bundled` of one that
    crun runs without podman.
    """

    pod: str
    name: str
    unit: str
    image: str
    init: bool
    image_units: tuple[str, ...]
    ends: bool
    keeps_message: bool = False
    probed: bool = False
    is_bundled: bool = False


@record
class Remains:
    """What a pod that was not stopped may leave: podman's names, and folders of its manager's state and runtime."""

    containers: tuple[str, ...]
    secrets: tuple[str, ...]
    volumes: tuple[str, ...]
    state: tuple[str, ...]
    runtime: tuple[str, ...]

    def list_words(self) -> tuple[str, ...]:
        """All of it as `secrets web.a_0`, to be noted."""
        return tuple(f"{kind} {name}" for kind, names in vars(self).items() for name in names)

    @classmethod
    def parse(cls, words: Iterable[str]) -> Remains:
        """What `list_words` has made words of."""
        found = [word.split(" ", 1) for word in words]
        kinds = ("containers", "secrets", "volumes", "state", "runtime")
        return cls(*(tuple(name for it, name in found if it == kind) for kind in kinds))

    def without(self, later: Remains) -> Remains:
        """What the pod no longer has once it is another one."""

        def drop(own: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(name for name in own if name not in others)

        return Remains(
            drop(self.containers, later.containers),
            drop(self.secrets, later.secrets),
            drop(self.volumes, later.volumes),
            drop(self.state, later.state),
            drop(self.runtime, later.runtime),
        )


@record
class InstalledPod:
    """A pod's unit files by name, and its containers in the order in which they start."""

    name: str
    texts: Mapping[str, str]
    containers: tuple[InstalledContainer, ...]

    @property
    def unit(self) -> str:
        """The handle."""
        return pod_unit(self.name)

    @property
    def timer(self) -> str | None:
        """The timer that starts the pod, None for a pod without one."""
        unit = timer_unit(self.name)
        return unit if unit in self.texts else None

    @property
    def boot_unit(self) -> str:
        """What is enabled for the pod to start by itself: its timer or its handle."""
        return self.timer or self.unit

    @property
    def boots(self) -> bool:
        """Whether the pod's YAML wants it, or its timer, to start with the machine."""
        return self._has_remark("Boot=yes")

    @property
    def suspended(self) -> bool:
        """Whether the pod, or its timer, is not to be started by itself."""
        return self._has_remark("Suspended=yes")

    @property
    def runs_once(self) -> bool:
        """Whether the pod is that of a Job, or of a CronJob."""
        return "\nRuns=once\n" in self.texts.get(self.unit, "")

    @property
    def job_unit(self) -> str | None:
        """The service of the Job that runs the pod in its turn, None for a pod that is started by itself."""
        return self._find(_JOB) or None

    @property
    def leads(self) -> bool:
        """Whether the service of the pod's Job comes and goes with this pod, the first of them."""
        return self.job_unit in self.texts

    def _has_remark(self, line: str) -> bool:
        return f"\n{line}\n" in self.texts.get(self.boot_unit, "")

    @property
    def requirements(self) -> tuple[str, ...]:
        """The pods without which it does not start, and with which it stops and restarts."""
        units = (unit for found in _REQUIRES.findall(self.texts.get(self.unit, "")) for unit in found.split())
        return tuple(pod for unit in units if (pod := parse_pod(unit)) and unit == pod_unit(pod))

    @property
    def claims(self) -> tuple[str, ...]:
        """podman's volumes that outlive the pod."""
        found = _VOLUMES.search(self.texts.get(self.unit, ""))
        return tuple(found[1].split()) if found else ()

    @property
    def networks(self) -> tuple[str, ...]:
        """podman's networks that it is on."""
        found = _NETWORK.findall(self.texts.get(sandbox_unit(self.name), ""))
        return tuple(name for name in found if name not in ("host", "none"))

    @property
    def remains(self) -> Remains:
        """What its units remove when they stop."""
        removed = [found for text in self.texts.values() for found in _REMOVED.findall(text)]
        units = (sandbox_unit(self.name), *(container.unit for container in self.containers))
        texts = [self.texts.get(unit, "") for unit in units]
        return Remains(
            containers=(*(f"{self.name}.{container.name}" for container in self.containers), f"{self.name}_sandbox"),
            secrets=tuple(name for kind, names in removed if kind == "secret" for name in names.split()),
            volumes=tuple(name for kind, names in removed if kind == "volume" for name in names.split()),
            state=tuple(name for text in texts for names in _STATE_DIRECTORY.findall(text) for name in names.split()),
            runtime=tuple(name for text in texts for names in _RUNTIME.findall(text) for name in names.split()),
        )

    @property
    def engine(self) -> Engine:
        """What makes its containers' processes."""
        return Engine.CRUN if any(container.is_bundled for container in self.containers) else Engine.PODMAN

    @property
    def makers(self) -> tuple[str, ...]:
        """What makes its processes and its namespaces: units of other makers cannot stop what these have made.

        The engine, and where files hold the sandbox that, and the network that has its address, but for the host's.
        """
        held = "\nType=oneshot\n" in self.texts.get(sandbox_unit(self.name), "")
        return (self.engine, *(("files", *self.networks) if held else ()))

    @property
    def owner(self) -> str:
        """Whose replica it is, as 'Deployment/web', '' for nobody's."""
        return self._find(_OWNER)

    @property
    def namespace(self) -> str:
        """The namespace of the pod's YAML."""
        return self._find(_NAMESPACE) or DEFAULT_NAMESPACE

    @property
    def object_key(self) -> str:
        """What tells the object that it was made of from all others: `Pod.web`, `Deployment.web`."""
        return self.owner.replace("/", ".") if self.owner else f"Pod.{self.name}"

    def _find(self, pattern: re.Pattern[str]) -> str:
        found = pattern.search(self.texts.get(self.unit, "").partition("[X-Podunit]")[2])
        return found[1] if found else ""

    @property
    def memory_low_bytes(self) -> int:
        """How much memory the pod's slice protects, 0 for none."""
        return sum(int(found) for found in _MEMORY_LOW.findall(self.texts.get(slice_unit(self.name), "")))

    @property
    def units(self) -> tuple[str, ...]:
        """The units in which a start can fail, in the order of the start."""
        images = dict.fromkeys(unit for container in self.containers for unit in container.image_units)
        return (sandbox_unit(self.name), *images, *(container.unit for container in self.containers), self.unit)


def list_pods(texts: Mapping[str, str]) -> dict[str, InstalledPod]:
    """All pods that have a handle among these files, by name."""
    files: dict[str, dict[str, str]] = {}
    for name, text in texts.items():
        pod = parse_pod(name)
        if pod:
            files.setdefault(pod, {})[name] = text
    return {
        pod: InstalledPod(pod, own, tuple(_list_containers(own)))
        for pod, own in sorted(files.items())
        if pod_unit(pod) in own
    }


def list_reinstalled(before: Mapping[str, InstalledPod], wanted: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What is enabled for pods to start by themselves, where other links are to be made for that.

    `wanted` are the texts of units by pod.
    """
    units = {name: before[name].boot_unit for name in wanted if name in before}
    texts = {unit: (before[name].texts[unit], wanted[name].get(unit)) for name, unit in units.items()}
    differing = {unit: (old, new) for unit, (old, new) in texts.items() if new is not None and old != new}
    return [unit for unit, (old, new) in differing.items() if _list_links(old) != _list_links(new)]


def list_boots(
    before: Mapping[str, InstalledPod], pods: Mapping[str, InstalledPod], enabled: Container[str]
) -> tuple[list[str], list[str]]:
    """What is to be disabled, and what is to be enabled, so that these pods start with the machine as they are to.

    `enabled` are those that are enabled now, of what `list_reinstalled` finds. One that only has more links than before
    is not disabled for that: an administrator's own links stay.
    """
    earlier = {name: before[name].boot_unit if before[name].boots else None for name in pods if name in before}
    later = {name: pod.boot_unit if pod.boots else None for name, pod in pods.items()}
    changed = [name for name in pods if later[name] != earlier.get(name)]
    rests = [unit for name in changed if (unit := earlier.get(name))]
    boots = [unit for name in changed if (unit := later[name])]
    for name, pod in pods.items():
        unit = pod.boot_unit
        if name not in changed and unit in enabled:
            boots.append(unit)
            if _list_links(before[name].texts[unit]) - _list_links(pod.texts[unit]):
                rests.append(unit)
    return rests, boots


def _list_links(text: str) -> frozenset[str]:
    """The directives and words of an [Install] section."""
    lines = (line.partition("=") for line in list_directives(text) if line.startswith("[Install]"))
    return frozenset(f"{name}={word}" for name, _, words in lines for word in words.split())


def _count_inits(text: str) -> int:
    requires = _REQUIRES.search(text)
    return requires[1].count("container@") if requires else 0


def _list_containers(texts: Mapping[str, str]) -> Iterable[InstalledContainer]:
    found = []
    for unit, text in texts.items():
        parsed = parse_container_unit(unit)
        if parsed:
            image, wants = _IMAGE.search(text), _WANTS.search(text)
            wanted = wants[1].split() if wants else []
            images = tuple(name for name in wanted if name.startswith(("image@", "image-pull@", "pull@")))
            init = "\nType=oneshot\n" in text
            # A sidecar is restarted always, whatever its pod is.
            ends = not init and _RESTART.findall(text)[-1:] != ["always"]
            message = "\nTerminationMessagePath=" in text
            probed = "\nRuntimeDirectory=podunit-probes/" in text
            bundled = "\nEngine=crun\n" in text
            shown = image[1] if image else ""
            found.append(InstalledContainer(*parsed, unit, shown, init, images, ends, message, probed, bundled))
    # An init container is required by those that come later: it has fewer requirements than they.
    return sorted(found, key=lambda it: (not it.init, _count_inits(texts[it.unit]), it.name))
