"""The fields of a pod about names, by name and shape (Kubernetes API reference, v1): a part of `schema`.

In: nothing. Out: dataclasses for `decode`.
"""

from __future__ import annotations

from enum import StrEnum

from podunit.decode import Located
from podunit.record import record


@record
class HostAlias:
    """core/v1 HostAlias."""

    ip: Located[str]
    hostnames: tuple[Located[str], ...] = ()


class DNSPolicy(StrEnum):
    """`dnsPolicy` of a Pod."""

    CLUSTER_FIRST_WITH_HOST_NET = "ClusterFirstWithHostNet"
    CLUSTER_FIRST = "ClusterFirst"
    DEFAULT = "Default"
    NONE = "None"


@record
class PodDNSConfigOption:
    """core/v1 PodDNSConfigOption."""

    name: Located[str]
    value: Located[str] | None = None


@record
class PodDNSConfig:
    """core/v1 PodDNSConfig."""

    nameservers: tuple[Located[str], ...] = ()
    searches: tuple[Located[str], ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()
