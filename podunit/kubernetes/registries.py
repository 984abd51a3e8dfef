"""Credentials for registries, of the Secrets that a pod names in `imagePullSecrets`.

In: objects of `schema`, and the Secrets they name. Out: files as in containers-auth.json(5), or problems, which never
quote what is in a Secret.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from podunit.kubernetes import schema
from podunit.kubernetes.naming import refuse_twice
from podunit.kubernetes.objects import Config, ConfigKind, Objects
from podunit.report import Report

# core/v1 SecretTypeDockerConfigJson and SecretTypeDockercfg: the key of each, the newer one first.
_JSON, _OLD = ".dockerconfigjson", ".dockercfg"


def translate_pull_secrets(spec: schema.PodSpec, objects: Objects, report: Report) -> tuple[bytes, ...]:
    """The files of credentials with which the pod's images are pulled, in the order of the Secrets."""
    path = "spec.imagePullSecrets"
    named = [(secret.name, f"{path}[{index}].name") for index, secret in enumerate(spec.image_pull_secrets)]
    refuse_twice(named, "Secret", report)
    found = []
    for name, field in named:
        secret = objects.find(ConfigKind.SECRET, name, field, False, report)
        if secret is None:
            continue
        auths = _read_auths(secret)
        if auths is None:
            message = f"Secret '{name.value}' holds no credentials for registries"
            hint = f"it has a key '{_JSON}', of type kubernetes.io/dockerconfigjson; it is at {secret.name_at}"
            report.error(name.at, field, message, hint)
            continue
        found.append(json.dumps({"auths": auths}, indent=2, sort_keys=True).encode())
    return tuple(found)


def _read_auths(secret: Config) -> dict[str, Mapping[str, str]] | None:
    """The credentials by registry, as podman reads them; None if the Secret has none."""
    try:
        entries = json.loads(secret.data[_JSON])["auths"] if _JSON in secret.data else json.loads(secret.data[_OLD])
        return {registry: _normalise(entry) for registry, entry in entries.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _normalise(entry: Mapping[str, str]) -> dict[str, str]:
    # Docker's files may have user and password apart, which podman does not read.
    if "auth" not in entry and "username" in entry:
        pair = f"{entry['username']}:{entry['password']}"
        return {"auth": base64.b64encode(pair.encode()).decode()}
    if not isinstance(entry.get("auth", ""), str):
        raise TypeError("auth is no string")
    return {name: entry[name] for name in ("auth", "identitytoken") if name in entry}
