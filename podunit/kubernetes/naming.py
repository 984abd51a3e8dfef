"""What Kubernetes takes as a name: of pods, containers, ports, labels, variables; and as a path.

In: a string with its place. Out: nothing, or a problem at that place. The patterns are those of
k8s.io/apimachinery/pkg/util/validation, so that what passes here passes `kubectl apply`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from podunit.decode import Located
from podunit.model import PullPolicy
from podunit.report import Report

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_PORT_NAME = re.compile(r"(?=[0-9-]*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*")
_ENV_NAME = re.compile(r"[ -<>-~]+")

# The reference grammar of containers/image and distribution: domain, path, tag, digest.
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = rf"(?:{_HOST}(?:\.{_HOST})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PATH}(?:/{_PATH})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
    r"(?:@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9A-Fa-f]{32,})?"
)

_SUBDOMAIN_HINT = "use lower-case letters, digits, '-' and '.', with a letter or digit at both ends"
_LABEL_HINT = "use lower-case letters, digits and '-', with a letter or digit at both ends"


def check_object_name(name: Located[str], what: str, report: Report, path: str = "metadata.name") -> None:
    """A DNS subdomain: the name of a pod and of most other objects (`what`)."""
    if len(name.value) > 253:
        report.error(name.at, path, f"{len(name.value)} characters, at most 253 are allowed")
    elif not _SUBDOMAIN.fullmatch(name.value):
        report.error(name.at, path, f"'{name.value}' is not a valid name of a {what}", _SUBDOMAIN_HINT)


def check_domain(name: Located[str], path: str, what: str, report: Report) -> None:
    """A DNS subdomain, of at most 253 characters: `what` in a sentence."""
    if len(name.value) > 253 or not _SUBDOMAIN.fullmatch(name.value):
        report.error(name.at, path, f"'{name.value[:60]}' is not a valid {what}", _SUBDOMAIN_HINT)


def is_address(text: str) -> bool:
    """Whether this is an IP address, without a zone such as fe80::1%eth0 has."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None


def check_label_name(name: Located[str], path: str, what: str, report: Report) -> None:
    """A DNS label: the name of a container or a volume (`what`)."""
    if len(name.value) > 63:
        report.error(name.at, path, f"{len(name.value)} characters, at most 63 are allowed")
    elif not _LABEL.fullmatch(name.value):
        report.error(name.at, path, f"'{name.value}' is not a valid name of a {what}", _LABEL_HINT)


def check_port_name(name: Located[str], path: str, report: Report) -> None:
    """An IANA service name: the name of a port."""
    if len(name.value) > 15 or not _PORT_NAME.fullmatch(name.value):
        hint = "use at most 15 lower-case letters, digits and single '-', with a letter among them"
        report.error(name.at, path, f"'{name.value}' is not a valid name of a port", hint)


def check_env_name(name: Located[str], path: str, report: Report) -> None:
    """The name of an environment variable: printable ASCII without '='."""
    if not _ENV_NAME.fullmatch(name.value):
        hint = "use printable ASCII characters, without '='"
        report.error(name.at, path, f"'{name.value}' is not a valid name of a variable", hint)


def check_image(image: Located[str], path: str, report: Report) -> None:
    """An image reference: `nginx`, `quay.io/org/app:1.2`, `localhost/app@sha256:…`."""
    if not _IMAGE.fullmatch(image.value):
        hint = "write it as 'registry/name:tag', the name in lower case"
        if "://" in image.value:
            hint = f"remove '{image.value.partition('://')[0]}://'"
        report.error(image.at, path, f"'{image.value[:60]}' is not an image reference", hint)


def default_pull_policy(image: str) -> PullPolicy:
    """core/v1 Container: Always for the tag latest, said or implied.

    What is built here ('localhost/…', podman's prefix for images without a registry) cannot be pulled.
    """
    name = image.rpartition("/")[2]
    if "@" in name or image.startswith("localhost/"):
        return PullPolicy.IF_NOT_PRESENT
    tag = name.partition(":")[2]
    return PullPolicy.ALWAYS if tag in ("", "latest") else PullPolicy.IF_NOT_PRESENT


def check_label(key: Located[str], value: Located[str], path: str, report: Report) -> None:
    """A label: a qualified name, and at most 63 characters of one."""
    prefix, slash, name = key.value.rpartition("/")
    prefix_is_good = len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix) if slash else True
    if not prefix_is_good or len(name) > 63 or not _QUALIFIED.fullmatch(name):
        hint = "use letters, digits, '-', '_' and '.', at most 63, and a DNS name with '/' before them if you like"
        report.error(key.at, path, f"'{key.value[:60]}' is not a valid key of a label", hint)
    if len(value.value) > 63 or not (value.value == "" or _QUALIFIED.fullmatch(value.value)):
        hint = "use at most 63 letters, digits, '-', '_' and '.'; what is longer is for an annotation"
        report.error(value.at, path, f"'{value.value[:60]}' is not a valid value of a label", hint)


def check_path(path: Located[str], field: str, report: Report) -> None:
    """An absolute path without `..`."""
    text = path.value
    if not text.startswith("/"):
        report.error(path.at, field, f"'{text[:60]}' is not an absolute path", "start it with '/'")
    elif ".." in text.split("/"):
        report.error(path.at, field, "'..' is not allowed in a path", "write the path without it")
    elif any(ord(char) < 32 or char == "\x7f" for char in text):
        report.error(path.at, field, "a control character is not allowed in a path", "remove it")


def refuse_twice(names: Iterable[tuple[Located[str], str]], what: str, report: Report) -> None:
    """No name twice in a list; each comes with its path."""
    first: dict[str, Located[str]] = {}
    for name, path in names:
        other = first.setdefault(name.value, name)
        if other is not name:
            report.error(name.at, path, f"a second {what} '{name.value}'", f"the first is at {other.at}")
