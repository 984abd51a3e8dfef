"""The fields of the Kubernetes API that say where the variables of a container come from (core/v1).

In: nothing. Out: dataclasses for `decode`, as in `schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar

from podunit.decode import Located, Parsed
from podunit.kubernetes.quantity import parse_divisor
from podunit.kubernetes.verdicts import refused_fields
from podunit.record import record
from podunit.report import Position

Divisor = Annotated[Fraction, Parsed(parse_divisor)]


@record
class KeySelector:
    """core/v1 ConfigMapKeySelector and SecretKeySelector."""

    key: Located[str]
    name: Located[str] | None = None
    optional: bool = False


@record
class ObjectFieldSelector:
    """core/v1 ObjectFieldSelector."""

    field_path: Located[str]
    api_version: Located[str] | None = None


@record
class ResourceFieldSelector:
    """core/v1 ResourceFieldSelector."""

    resource: Located[str]
    container_name: Located[str] | None = None
    divisor: Located[Divisor] | None = None


@record
class EnvVarSource:
    """core/v1 EnvVarSource."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("EnvVarSource")

    at: Position
    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None


@record
class EnvVar:
    """core/v1 EnvVar."""

    name: Located[str]
    at: Position
    value: Located[str] | None = None
    value_from: EnvVarSource | None = None


@record
class EnvSource:
    """core/v1 ConfigMapEnvSource and SecretEnvSource."""

    name: Located[str] | None = None
    optional: bool = False


@record
class EnvFromSource:
    """core/v1 EnvFromSource."""

    at: Position
    prefix: Located[str] | None = None
    config_map_ref: EnvSource | None = None
    secret_ref: EnvSource | None = None
