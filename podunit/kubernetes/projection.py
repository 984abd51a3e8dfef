"""Volumes of files: ConfigMaps, Secrets, what a pod knows of itself, and several of these in one.

In: volume sources of `schema`, and the objects they name. Out: `model.File`s, or problems.
"""

from __future__ import annotations

from collections.abc import Iterable

from podunit.decode import Located
from podunit.kubernetes import schema
from podunit.kubernetes.downward import Self, read_file_field, read_resource
from podunit.kubernetes.objects import ConfigKind, Objects
from podunit.model import File
from podunit.report import Position, Report

# core/v1: the default of defaultMode.
_MODE = 0o644
_MODE_MAX = 0o777


class Projector:
    """Makes the files of a pod's volumes."""

    def __init__(self, pod: Self, objects: Objects, report: Report) -> None:
        self.pod = pod
        self.objects = objects
        self._report = report

    def read_config_map(self, source: schema.ConfigMapVolumeSource, path: str) -> tuple[File, ...]:
        """The files of a ConfigMap."""
        mode = self._read_mode(source.default_mode, f"{path}.defaultMode", _MODE)
        projection = schema.Projection(source.at, source.name, source.items, source.optional)
        return self._check(self._read_config(ConfigKind.CONFIG_MAP, projection, mode, path, "name"))

    def read_secret(self, source: schema.SecretVolumeSource, path: str) -> tuple[File, ...]:
        """The files of a Secret."""
        mode = self._read_mode(source.default_mode, f"{path}.defaultMode", _MODE)
        projection = schema.Projection(source.at, source.secret_name, source.items, source.optional)
        return self._check(self._read_config(ConfigKind.SECRET, projection, mode, path, "secretName"))

    def read_downward_api(self, source: schema.DownwardAPIVolumeSource, path: str) -> tuple[File, ...]:
        """The files that say what the pod knows of itself."""
        mode = self._read_mode(source.default_mode, f"{path}.defaultMode", _MODE)
        return self._check(self._read_items(source.items, mode, path))

    def read_projected(self, source: schema.ProjectedVolumeSource, path: str) -> tuple[File, ...]:
        """The files of several sources in one volume."""
        mode = self._read_mode(source.default_mode, f"{path}.defaultMode", _MODE)
        files: list[tuple[Position, str, File]] = []
        for index, projection in enumerate(source.sources):
            item = f"{path}.sources[{index}]"
            if sum(map(bool, (projection.config_map, projection.secret, projection.downward_api))) != 1:
                hint = "name one of configMap, secret, downwardAPI"
                self._report.error(projection.at, item, "not one source", hint)
            if projection.config_map:
                kind = ConfigKind.CONFIG_MAP
                files += self._read_config(kind, projection.config_map, mode, f"{item}.configMap", "name")
            if projection.secret:
                files += self._read_config(ConfigKind.SECRET, projection.secret, mode, f"{item}.secret", "name")
            if projection.downward_api:
                files += self._read_items(projection.downward_api.items, mode, f"{item}.downwardAPI")
        return self._check(files)

    def _read_config(
        self, kind: ConfigKind, source: schema.Projection, mode: int, path: str, key: str
    ) -> list[tuple[Position, str, File]]:
        if source.name is None:
            self._report.error(source.at, path, f"'{key}' is missing")
            return []
        found = self.objects.find(kind, source.name, f"{path}.{key}", source.optional, self._report)
        if found is None:
            return []
        secret = kind is ConfigKind.SECRET
        if not source.items:
            return [(source.at, path, File(name, data, mode, secret)) for name, data in sorted(found.data.items())]
        files = []
        for index, item in enumerate(source.items):
            field = f"{path}.items[{index}]"
            own = self._read_mode(item.mode, f"{field}.mode", mode)
            self._check_path(item.path, f"{field}.path")
            data = found.data.get(item.key.value)
            if data is not None:
                files.append((item.path.at, f"{field}.path", File(item.path.value, data, own, secret)))
            elif not source.optional:
                hint = f"it has {', '.join(sorted(found.data)) or 'none'}; it is at {found.name_at}"
                message = f"{kind} '{found.name}' has no key '{item.key.value[:60]}'"
                self._report.error(item.key.at, f"{field}.key", message, hint)
        return files

    def _read_items(
        self, items: tuple[schema.DownwardAPIVolumeFile, ...], mode: int, path: str
    ) -> list[tuple[Position, str, File]]:
        files = []
        for index, item in enumerate(items):
            field = f"{path}.items[{index}]"
            own = self._read_mode(item.mode, f"{field}.mode", mode)
            self._check_path(item.path, f"{field}.path")
            if (item.field_ref is None) == (item.resource_field_ref is None):
                self._report.error(item.at, field, "not one source", "name a fieldRef or a resourceFieldRef")
            text = ""
            if item.field_ref:
                text = read_file_field(item.field_ref, self.pod, f"{field}.fieldRef", self._report)
            elif item.resource_field_ref:
                resource = f"{field}.resourceFieldRef"
                text = read_resource(item.resource_field_ref, self.pod, None, resource, self._report)
            files.append((item.path.at, f"{field}.path", File(item.path.value, text.encode(), own, False)))
        return files

    def _read_mode(self, mode: Located[int] | None, path: str, default: int) -> int:
        if mode is None:
            return default
        if not 0 <= mode.value <= _MODE_MAX:
            hint = "write it in octal: 0644 (in JSON, 420)"
            self._report.error(mode.at, path, f"{mode.value} is not between 0 and {_MODE_MAX} (0777)", hint)
        return mode.value

    def _check_path(self, path: Located[str], field: str) -> None:
        parts = path.value.split("/")
        if path.value.startswith("/") or ".." in parts or not path.value or path.value.startswith(".."):
            message = f"'{path.value[:60]}' is not a path below the volume"
            self._report.error(path.at, field, message, "write it without '/' at its start, and without '..'")
        elif any(ord(char) < 32 or char == "\x7f" for char in path.value):
            self._report.error(path.at, field, "a control character is not allowed in a path", "remove it")

    def _check(self, files: Iterable[tuple[Position, str, File]]) -> tuple[File, ...]:
        """No file twice, nor one where another needs a directory."""
        taken: dict[str, Position] = {}
        kept: dict[str, File] = {}
        for at, field, file in files:
            path = "/".join(part for part in file.path.split("/") if part not in ("", "."))
            parts = path.split("/")
            above = next((one for n in range(1, len(parts)) if (one := "/".join(parts[:n])) in kept), None)
            below = next((one for one in kept if one.startswith(f"{path}/")), None)
            other = path if path in kept else above or below
            if other is not None:
                message = (
                    f"'{path}' is there already" if other == path else f"'{path}' and '{other}' exclude each other"
                )
                self._report.error(at, field, message, f"the first is at {taken[other]}")
                continue
            taken[path] = at
            kept[path] = File(path, file.data, file.mode, file.secret)
        return tuple(kept.values())
