"""The environment of a container: its variables, and references to them in its command.

In: objects of `schema`, and the ConfigMaps and Secrets they refer to. Out: `model.Env`, or problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from podunit import model
from podunit.decode import Located
from podunit.kubernetes import schema
from podunit.kubernetes.downward import Self, read_field, read_resource
from podunit.kubernetes.naming import check_env_name
from podunit.kubernetes.objects import Config, ConfigKind, Objects
from podunit.kubernetes.schema_environment import EnvFromSource, EnvVar, EnvVarSource
from podunit.model import Fact, Text
from podunit.report import Position, Report

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


# execve(2): MAX_ARG_STRLEN, less `=` and the end.
_MAX_BYTES = 32 * 4096 - 2


class Environment:
    """The variables of a container as they come to be known, by name; the last one of a name counts."""

    def __init__(self, container: schema.Container, pod: Self, objects: Objects, report: Report) -> None:
        self._container = container.name.value
        self._pod = pod
        self._objects = objects
        self._report = report
        self._known: dict[str, model.Env] = {}

    @property
    def variables(self) -> tuple[model.Env, ...]:
        """All variables."""
        return tuple(self._known.values())

    def read(self, container: schema.Container, path: str) -> None:
        """Take in what the container says: whole objects first, then the single variables."""
        for index, source in enumerate(container.env_from):
            self._read_source(source, f"{path}.envFrom[{index}]")
        for index, variable in enumerate(container.env):
            item = f"{path}.env[{index}]"
            check_env_name(variable.name, f"{item}.name", self._report)
            self._add(self._read_variable(variable, item))

    def expand(self, word: Located[str], path: str) -> Text:
        """A word of a command with its references `$(NAME)` replaced; `$$` is `$`, an unknown one stays as it is."""
        text, secret = self._expand(word.value)
        if secret:
            hint = "let the program read the variable, or a file of a volume"
            self._report.error(word.at, path, "a secret would be in the command line, for every user to see", hint)
        return text

    def _add(self, variable: model.Env | None) -> None:
        if variable is None:
            return
        text = variable.value if isinstance(variable.value, str) else ""
        if "\0" in text:
            message = f"the value of '{variable.name}' has a NUL, which no variable can hold"
            self._report.error(variable.at, "", message, "use a volume")
        elif len(text.encode("utf-8", "surrogateescape")) + len(variable.name) > _MAX_BYTES:
            message = f"the value of '{variable.name}' is longer than a variable can be, {_MAX_BYTES} bytes"
            self._report.error(variable.at, "", message, "use a volume")
        # The last one counts, and takes the place of the first.
        self._known[variable.name] = variable

    def _read_source(self, source: EnvFromSource, path: str) -> None:
        refs = [
            (kind, key, ref)
            for kind, key, ref in (
                (ConfigKind.CONFIG_MAP, "configMapRef", source.config_map_ref),
                (ConfigKind.SECRET, "secretRef", source.secret_ref),
            )
            if ref
        ]
        if len(refs) != 1:
            self._report.error(source.at, path, "not one source", "name a configMapRef or a secretRef")
            return
        ((kind, key, ref),) = refs
        found = self._find(kind, ref.name, source.at, f"{path}.{key}", ref.optional)
        if found is None:
            return
        for name in sorted(found.texts):
            whole = f"{source.prefix.value if source.prefix else ''}{name}"
            check_env_name(Located(whole, (source.prefix or ref.name or source).at), f"{path}.prefix", self._report)
            self._add(_make(whole, found, name, source.at))

    def _read_variable(self, variable: EnvVar, path: str) -> model.Env | None:
        source = variable.value_from
        if source is None:
            text, secret = self._expand(variable.value.value) if variable.value else ("", False)
            if secret and not isinstance(text, str):
                message = "a secret and what only a running pod knows cannot be in one variable"
                self._report.error(variable.at, f"{path}.value", message, "use two variables")
            return model.Env(variable.name.value, text, secret, variable.at)
        if variable.value and variable.value.value:
            self._report.error(variable.value.at, f"{path}.value", "both value and valueFrom", "keep one of them")
        refs = (source.config_map_key_ref, source.secret_key_ref, source.field_ref, source.resource_field_ref)
        if sum(ref is not None for ref in refs) != 1:
            hint = "name one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef"
            self._report.error(source.at, f"{path}.valueFrom", "not one source", hint)
            return None
        return self._read_reference(variable.name.value, source, f"{path}.valueFrom")

    def _read_reference(self, name: str, source: EnvVarSource, path: str) -> model.Env | None:
        if source.field_ref:
            text = read_field(source.field_ref, self._pod, f"{path}.fieldRef", self._report)
            return model.Env(name, text, False, source.at)
        if source.resource_field_ref:
            field = f"{path}.resourceFieldRef"
            value = read_resource(source.resource_field_ref, self._pod, self._container, field, self._report)
            return model.Env(name, value, False, source.at)
        kind = ConfigKind.CONFIG_MAP if source.config_map_key_ref else ConfigKind.SECRET
        ref = source.config_map_key_ref or source.secret_key_ref
        assert ref is not None
        field = f"{path}.{'configMapKeyRef' if kind is ConfigKind.CONFIG_MAP else 'secretKeyRef'}"
        found = self._find(kind, ref.name, source.at, field, ref.optional)
        if found is None:
            return None
        if ref.key.value not in found.texts:
            if not ref.optional:
                hint = f"it has {', '.join(sorted(found.texts)) or 'none'}; it is at {found.name_at}"
                message = f"{kind} '{found.name}' has no key '{ref.key.value[:60]}'"
                self._report.error(ref.key.at, f"{field}.key", message, hint)
            return None
        return _make(name, found, ref.key.value, source.at)

    def _find(
        self, kind: ConfigKind, name: Located[str] | None, at: Position, path: str, optional: bool
    ) -> Config | None:
        if name is None:
            self._report.error(at, path, "'name' is missing")
            return None
        return self._objects.find(kind, name, f"{path}.name", optional, self._report)

    def _expand(self, text: str) -> tuple[Text, bool]:
        pieces: list[str | Fact] = []
        secret = False
        for piece, variable in _split(text, self._known):
            if variable is None:
                pieces.append(piece)
            else:
                secret = secret or variable.secret
                pieces += (variable.value,) if isinstance(variable.value, str) else variable.value
        if not any(isinstance(piece, Fact) for piece in pieces):
            return "".join(pieces), secret
        return tuple(piece for piece in pieces if piece), secret


def _make(name: str, found: Config, key: str, at: Position) -> model.Env:
    # A Secret may hold any bytes: they come out as they went in.
    value = found.data[key].decode("utf-8", "surrogateescape")
    return model.Env(name, value, found.kind is ConfigKind.SECRET, at)


def _split(text: str, known: Mapping[str, model.Env]) -> Iterator[tuple[str, model.Env | None]]:
    end = 0
    for found in _REFERENCE.finditer(text):
        yield text[end : found.start()], None
        if found[0] == "$$":
            yield "$", None
        elif found[1] in known:
            yield "", known[found[1]]
        else:
            yield found[0], None
        end = found.end()
    yield text[end:], None
