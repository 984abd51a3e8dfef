"""podunit's own annotations: `podunit/boot`, `podunit/network` and their like, and systemd directives.

In: the annotations of a pod. Out: settings for the pod, and for each container by its name. Keys of others are theirs.
`podunit/Unit.After` is the pod's, `podunit/Slice.MemoryHigh` its slice's, `podunit/nginx.Service.IOWeight` that of
container nginx, `podunit/nginx.devices` names its devices, and `podunit/nginx.output` says what its standard output is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from podunit.chosen import Engine
from podunit.decode import Located, join_path, suggest
from podunit.directives import is_malformed_span, list_directives, list_newer_directives, list_owned_directives
from podunit.kubernetes.naming import check_object_name
from podunit.model import Output, Relabel, Requirement, Setting
from podunit.report import Position, Report

_PREFIX = "podunit/"
_POD_SECTIONS = ("Unit", "Install", "Slice")
_CONTAINER_SECTIONS = ("Unit", "Service")
_MANUALS = {
    "Unit": "systemd.unit",
    "Install": "systemd.unit",
    "Slice": "systemd.resource-control",
    "Service": "systemd.service, systemd.exec, systemd.resource-control",
}
_WORDS = ("boot", "depends-on", "engine", "network", "relabel")
_DEVICES = "devices"
_OUTPUT = "output"
# podman's own rule; `container:…` and its like would be something else.
_NETWORK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(slots=True)
class Annotations:
    """What the annotations of a pod say."""

    boot: bool = True
    engine: Engine = Engine.PODMAN
    engine_at: Position | None = None
    relabel: Relabel = Relabel.NONE
    network: Located[str] | None = None
    requirements: tuple[Requirement, ...] = ()
    pod: list[Setting] = field(default_factory=list)
    containers: dict[str, list[Setting]] = field(default_factory=dict)
    devices: dict[str, Located[str]] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)


def read_annotations(
    entries: tuple[tuple[Located[str], Located[str]], ...], containers: tuple[str, ...], report: Report
) -> Annotations:
    """The meaning of all annotations that begin with `podunit/`; every other is nobody's business here."""
    found = Annotations()
    # In whatever order they are written, units are the same.
    for key, value in sorted(entries, key=lambda entry: entry[0].value):
        if key.value.startswith(_PREFIX):
            path = join_path("metadata.annotations", key.value)
            _read(key, value, path, containers, found, report)
    if found.engine is Engine.PODMAN:
        for key, value in entries:
            if key.value.startswith(_PREFIX) and key.value.endswith(f".{_OUTPUT}") and value.value == Output.JOURNAL:
                path = join_path("metadata.annotations", key.value)
                hint = "leave it out, or add podunit/engine: crun"
                report.error(value.at, path, "podman gives each container pipes, whose other ends it reads", hint)
    return found


def _read(
    key: Located[str],
    value: Located[str],
    path: str,
    containers: tuple[str, ...],
    found: Annotations,
    report: Report,
) -> None:
    word = key.value.removeprefix(_PREFIX)
    *owner, section, directive = word.split(".") if "." in word else (word, "")
    if word == "boot":
        if value.value not in ("true", "false"):
            hint = 'write "false", and the pod is not started at boot'
            report.error(value.at, path, f"'{value.value[:60]}' is not one of true, false", hint)
        found.boot = value.value != "false"
    elif word == "depends-on":
        found.requirements = _read_requirements(value, path, report)
    elif word == "engine":
        if value.value in list(Engine):
            found.engine, found.engine_at = Engine(value.value), value.at
        else:
            report.error(value.at, path, f"'{value.value[:60]}' is not one of {', '.join(Engine)}")
    elif word == "network":
        if not _NETWORK.fullmatch(value.value):
            hint = "write host, none, or the name of a network of podman's"
            report.error(value.at, path, f"'{value.value[:60]}' is not the name of a network", hint)
        found.network = value
    elif word == "relabel":
        if value.value in list(Relabel):
            found.relabel = Relabel(value.value)
        else:
            report.error(value.at, path, f"'{value.value[:60]}' is not one of {', '.join(Relabel)}")
    elif "." not in word:
        _refuse_word(key, path, word, report)
    elif directive == _DEVICES and not owner and section not in _POD_SECTIONS:
        if _check_container(key, path, section, containers, report):
            found.devices[section] = value
    elif directive == _OUTPUT and not owner and section not in _POD_SECTIONS:
        if value.value not in list(Output):
            report.error(value.at, path, f"'{value.value[:60]}' is not one of {', '.join(Output)}")
        elif _check_container(key, path, section, containers, report):
            found.outputs[section] = Output(value.value)
    elif len(owner) > 1:
        hint = "a container's name has no dot"
        report.error(key.at, path, "not of the form [CONTAINER.]SECTION.DIRECTIVE", hint)
    elif owner and not _check_container(key, path, owner[0], containers, report):
        pass
    elif not owner and section in containers:
        _refuse_container_word(key, path, section, directive, report)
    elif section not in (allowed := _CONTAINER_SECTIONS if owner else _POD_SECTIONS):
        _refuse_section(key, path, section, allowed, bool(owner), report)
    elif _check_directive(key, path, section, directive, report):
        target = found.containers.setdefault(owner[0], []) if owner else found.pod
        target.extend(_list_settings(section, directive, value, path, report))


def _read_requirements(value: Located[str], path: str, report: Report) -> tuple[Requirement, ...]:
    names = tuple(dict.fromkeys(value.value.replace(",", " ").split()))
    if not names:
        report.error(value.at, path, "empty: name the pods, with commas between them")
    for name in names:
        if "/" in name:
            hint = "name each of its pods, such as db-0: a pod is what can be ready"
            report.error(value.at, path, f"'{name[:60]}' is not the name of a pod", hint)
        else:
            check_object_name(Located(name, value.at), "pod", report, path)
    return tuple(Requirement(name, value.at) for name in names)


def _refuse_word(key: Located[str], path: str, word: str, report: Report) -> None:
    hint = suggest(_PREFIX + word, [_PREFIX + known for known in _WORDS]) or (
        f"known are {', '.join(_PREFIX + known for known in _WORDS)}, and directives such as podunit/Unit.After"
    )
    report.error(key.at, path, f"unknown annotation '{key.value[:60]}'", hint)


def _refuse_container_word(key: Located[str], path: str, container: str, word: str, report: Report) -> None:
    words = (_DEVICES, _OUTPUT)
    known = [f"{_PREFIX}{container}.{own}" for own in words]
    others = f"known are {', '.join(known)}, and directives such as {_PREFIX}{container}.Service.Nice"
    # What all have in common makes any two of them alike.
    hint = suggest(key.value, known) if suggest(word, words) else others
    report.error(key.at, path, f"unknown annotation '{key.value[:60]}'", hint)


def _check_container(key: Located[str], path: str, container: str, containers: tuple[str, ...], report: Report) -> bool:
    if container in containers:
        return True
    message = f"there is no container '{container[:60]}' in this pod"
    hint = suggest(container, containers) or f"containers here: {', '.join(containers)}"
    report.error(key.at, path, message, hint)
    return False


def _refuse_section(
    key: Located[str], path: str, section: str, allowed: tuple[str, ...], of_container: bool, report: Report
) -> None:
    owner = "a container" if of_container else "a pod"
    hint = suggest(section, allowed) or f"{owner} has {', '.join(allowed)}"
    if not of_container and suggest(section, ["Service"]):
        hint = "name the container: podunit/CONTAINER.Service.DIRECTIVE"
    report.error(key.at, path, f"{owner} has no section '{section[:60]}'", hint)


def _check_directive(key: Located[str], path: str, section: str, directive: str, report: Report) -> bool:
    allowed = list_directives(section)
    if directive in allowed:
        return True
    if directive in list_owned_directives(section):
        report.error(
            key.at,
            path,
            f"'{directive}' is podunit's own to set",
            "the pod hangs together by it; other directives are yours",
        )
    elif directive in list_newer_directives(section):
        report.error(
            key.at,
            path,
            f"systemd 252 does not know '{directive}'",
            "'systemctl edit' adds it on a machine with a newer one",
        )
    else:
        message = f"'{directive[:60]}' is no directive of section {section}"
        hint = suggest(directive, allowed) or f"see man {_MANUALS[section]}"
        report.error(key.at, path, message, hint)
    return False


def _list_settings(section: str, directive: str, value: Located[str], path: str, report: Report) -> list[Setting]:
    # A directive may be given more than once: each line of the text is one.
    settings = []
    for line in value.value.split("\n"):
        if _CONTROL.search(line):
            report.error(value.at, path, "a control character has no place in a unit file", "remove it")
        elif line.rstrip().endswith("\\"):
            report.error(value.at, path, "a line ends with a backslash: it would join the next line", "remove it")
        elif line.strip() and is_malformed_span(directive, line.strip()):
            hint = "write seconds, or units as in man systemd.time: 10, 1min 30s, 500ms, infinity"
            report.error(value.at, path, f"'{line.strip()[:60]}' is not a time span", hint)
        elif line.strip():
            settings.append(Setting(section, directive, line.strip(), value.at))
    if not settings:
        settings.append(Setting(section, directive, "", value.at))
    return settings
