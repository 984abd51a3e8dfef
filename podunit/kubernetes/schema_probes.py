"""The fields of probes that podunit reads, by name and shape (Kubernetes API reference, v1).

In: nothing. Out: dataclasses for `decode`. `schema.Container` has them as fields; what they mean is for `probes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar

from podunit.decode import Located, Parsed
from podunit.kubernetes.verdicts import refused_fields
from podunit.probes import Scheme
from podunit.record import record
from podunit.report import Position


def _keep(text: str) -> str:
    return text


# util/intstr IntOrString: a number, or the name of a port.
PortOrName = Annotated[str, Parsed(_keep, ("str", "int"))]


class GrpcMode(StrEnum):
    """`mode` of a GRPCAction."""

    TLS = "TLS"
    PLAINTEXT = "Plaintext"


@record
class ExecAction:
    """core/v1 ExecAction."""

    at: Position
    command: tuple[Located[str], ...] = ()


@record
class HTTPHeader:
    """core/v1 HTTPHeader."""

    name: Located[str]
    value: Located[str]


@record
class HTTPGetAction:
    """core/v1 HTTPGetAction."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("HTTPGetAction")

    port: Located[PortOrName]
    path: Located[str] | None = None
    host: Located[str] | None = None
    scheme: Scheme = Scheme.HTTP
    http_headers: tuple[HTTPHeader, ...] = ()


@record
class TCPSocketAction:
    """core/v1 TCPSocketAction."""

    port: Located[PortOrName]
    host: Located[str] | None = None


@record
class GRPCAction:
    """core/v1 GRPCAction."""

    port: Located[int]
    service: Located[str] | None = None
    mode: GrpcMode = GrpcMode.PLAINTEXT


@record
class Probe:
    """core/v1 Probe."""

    at: Position
    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_seconds: Located[int] | None = None
    period_seconds: Located[int] | None = None
    timeout_seconds: Located[int] | None = None
    success_threshold: Located[int] | None = None
    failure_threshold: Located[int] | None = None
    termination_grace_period_seconds: Located[int] | None = None
