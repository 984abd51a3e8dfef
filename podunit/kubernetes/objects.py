"""What pods refer to by name: ConfigMaps and Secrets, which are read here, claims and volumes.

In: documents of these kinds. Out: entries of `Objects`, which pods are translated with. Knows no pod.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from podunit.decode import Located, decode, join_path, suggest
from podunit.kubernetes import schema
from podunit.kubernetes.naming import check_object_name
from podunit.kubernetes.selectors import LabelSelector, matches
from podunit.model import HostPathType
from podunit.record import record
from podunit.report import Position, Report
from podunit.source import Mapping as Node

# k8s.io/apimachinery validation.IsConfigMapKey, and core/v1 MaxSecretSize.
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_MAX_BYTES = 1024 * 1024


class ConfigKind(StrEnum):
    """The kinds of objects that hold configuration."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"


class VolumeMode(StrEnum):
    """`volumeMode` of a PersistentVolume, and of a claim: what containers get."""

    FILESYSTEM = "Filesystem"
    BLOCK = "Block"


@record
class Config:
    """A ConfigMap's or a Secret's data; `texts` are the keys that may become variables. An `immutable` one stays so."""

    kind: ConfigKind
    name: str
    data: Mapping[str, bytes]
    texts: frozenset[str]
    at: Position
    name_at: Position
    immutable: bool = False


@record
class Claim:
    """A PersistentVolumeClaim, and the PersistentVolume that it wants, if it wants one: by its name, or its labels."""

    name: Located[str]
    volume: Located[str] | None
    mode: VolumeMode
    selector: LabelSelector | None = None

    def selects(self, volume: PersistentVolume) -> bool:
        """Whether a volume that is kept for no claim has the labels that the claim asks for."""
        if self.selector is None or volume.claim is not None or volume.mode is not self.mode:
            return False
        return matches(self.selector, volume.labels)


@record
class PersistentVolume:
    """A directory or device of the host under a name, and the claim that it is kept for, if it is.

    With a `server` it is a directory of that one's, mounted with `options`.
    """

    name: Located[str]
    path: str
    type: HostPathType
    mode: VolumeMode
    claim: str | None
    server: str = ""
    options: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Objects:
    """What pods may refer to, by kind and name.

    With `more` there may be others that are not known here: one that is missing is then only a warning, and kept for
    `take_missing`.
    """

    more: bool = False
    configs: dict[tuple[ConfigKind, str], Config] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    volumes: dict[str, PersistentVolume] = field(default_factory=dict)
    _missing: list[str] = field(default_factory=list)

    def add_claim(self, claim: Claim, report: Report) -> None:
        """Take a claim in; a second one of the name is a problem."""
        _check_second(self.claims.setdefault(claim.name.value, claim), claim, "PersistentVolumeClaim", report)

    def add_volume(self, volume: PersistentVolume, report: Report) -> None:
        """Take a volume in; a second one of the name is a problem."""
        _check_second(self.volumes.setdefault(volume.name.value, volume), volume, "PersistentVolume", report)

    def add(self, config: Config, report: Report) -> None:
        """Take a ConfigMap or Secret in; a second one of the name is a problem."""
        first = self.configs.setdefault((config.kind, config.name), config)
        if first is not config:
            hint = f"the first is at {first.name_at}"
            report.error(config.name_at, "metadata.name", f"a second {config.kind} '{config.name}'", hint)

    def find(self, kind: ConfigKind, name: Located[str], path: str, optional: bool, report: Report) -> Config | None:
        """The object of this name; None if there is none, which is a problem unless it is optional."""
        found = self.configs.get((kind, name.value))
        if found is not None or optional:
            return found
        hint = suggest(name.value, [known for of_kind, known in self.configs if of_kind is kind])
        self.miss(f"{kind} '{name.value[:60]}'", name.at, path, report, hint)
        return None

    def miss(self, what: str, at: Position, path: str, report: Report, hint: str = "") -> None:
        """Say that `what` is referred to, and is not here."""
        if self.more:
            hint = hint or "an apply needs it, in its files or from an earlier one; units made without it do not start"
            report.warning(at, path, f"there is no {what} in these files", hint)
            self._missing.append(what)
        else:
            report.error(at, path, f"there is no {what}", hint or "name its file as well, or apply it before")

    def take_missing(self) -> tuple[str, ...]:
        """What has been missed since the last call."""
        missing = tuple(dict.fromkeys(self._missing))
        self._missing.clear()
        return missing


def read_config_map(node: Node, objects: Objects, report: Report) -> None:
    """Take a ConfigMap in."""
    found = decode(node, schema.ConfigMap, "", report)
    if not found:
        return
    check_object_name(found.metadata.name, "ConfigMap", report)
    data: dict[str, bytes] = {}
    for key, text in found.data.entries:
        _check_key(key, "data", report)
        data[key.value] = text.value.encode()
    texts = frozenset(data)
    for key, binary in found.binary_data.entries:
        _check_key(key, "binaryData", report)
        if key.value in data:
            report.error(key.at, join_path("binaryData", key.value), "this key is in data as well", "keep one of them")
        data[key.value] = binary.value
    objects.add(_make(ConfigKind.CONFIG_MAP, found, data, texts, report), report)


def read_secret(node: Node, objects: Objects, report: Report) -> None:
    """Take a Secret in."""
    found = decode(node, schema.Secret, "", report)
    if not found:
        return
    check_object_name(found.metadata.name, "Secret", report)
    data: dict[str, bytes] = {}
    for key, binary in found.data.entries:
        _check_key(key, "data", report)
        data[key.value] = binary.value
    for key, text in found.string_data.entries:
        # core/v1 Secret: stringData wins over data.
        _check_key(key, "stringData", report)
        data[key.value] = text.value.encode()
    objects.add(_make(ConfigKind.SECRET, found, data, frozenset(data), report), report)


def _check_second(first: Claim | PersistentVolume, own: Claim | PersistentVolume, what: str, report: Report) -> None:
    if first is not own:
        hint = f"the first is at {first.name.at}"
        report.error(own.name.at, "metadata.name", f"a second {what} '{own.name.value}'", hint)


def _make(
    kind: ConfigKind,
    found: schema.ConfigMap | schema.Secret,
    data: Mapping[str, bytes],
    texts: frozenset[str],
    report: Report,
) -> Config:
    name = found.metadata.name
    size = sum(len(value) for value in data.values())
    if size > _MAX_BYTES:
        report.error(name.at, "", f"{size} bytes of data, a {kind} holds at most {_MAX_BYTES}", "split it")
    return Config(kind, name.value, data, texts, found.at, name.at, found.immutable)


def _check_key(key: Located[str], path: str, report: Report) -> None:
    if not _KEY.fullmatch(key.value) or key.value in (".", "..") or key.value.startswith(".."):
        hint = "use letters, digits, '-', '_' and '.', at most 253 characters"
        report.error(key.at, join_path(path, key.value), f"'{key.value[:60]}' is not a valid key", hint)
