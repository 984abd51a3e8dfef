"""What a pod is called and which names it knows: host name, /etc/hosts, /etc/resolv.conf.

In: objects of `schema` and `dns`. Out: parts of `model.Pod`, or problems.
"""

from __future__ import annotations

import re

from podunit.decode import Located
from podunit.kubernetes import dns, schema
from podunit.kubernetes.naming import check_domain, check_label_name, is_address
from podunit.model import Resolver
from podunit.report import Report

# uname(2): what the kernel keeps of a name.
_HOSTNAME_MAX = 64

# What a cluster has that nobody has configured.
_DOMAIN = "svc.cluster.local"

# One word, without what resolv.conf(5) takes for a comment.
_WORD = re.compile(r"[!-~]+")

_NO_NETWORK = "no effect: the pod has no network"

# resolv.conf(5) and the API's validation.
_NAMESERVERS_MAX = 3
_SEARCHES_MAX = 32


def default_hostname(pod: str) -> str:
    """The host name of a pod that asks for none."""
    # sethostname(2) takes 64 bytes, but a DNS label ends at 63: the kubelet cuts there too.
    return pod[:63].rstrip("-.")


def translate_hostname(pod: str, namespace: str, spec: schema.PodSpec, host_network: bool, report: Report) -> str:
    """The host name: the pod's, or what it says, and its domain if that is wanted."""
    name = default_hostname(pod)
    if spec.hostname:
        name = spec.hostname.value
        check_label_name(spec.hostname, "spec.hostname", "host", report)
        _warn_of_host_network(spec.hostname, "spec.hostname", host_network, report)
    domain = _translate_subdomain(namespace, spec, host_network, report)
    whole = f"{name}.{domain}" if domain else name
    if spec.set_hostname_as_fqdn and len(whole) > _HOSTNAME_MAX:
        message = f"the name would have {len(whole)} characters, the kernel keeps {_HOSTNAME_MAX}"
        hint = f"shorten hostname or subdomain: {whole[:100]}"
        report.error(spec.set_hostname_as_fqdn.at, "spec.setHostnameAsFQDN", message, hint)
    return whole


def _translate_subdomain(namespace: str, spec: schema.PodSpec, host_network: bool, report: Report) -> str:
    as_fqdn, subdomain = spec.set_hostname_as_fqdn, spec.subdomain
    wanted = as_fqdn is not None and as_fqdn.value
    if subdomain:
        check_label_name(subdomain, "spec.subdomain", "subdomain", report)
    if as_fqdn is None or not wanted:
        return ""
    _warn_of_host_network(as_fqdn, "spec.setHostnameAsFQDN", host_network, report)
    if subdomain is None:
        report.warning(as_fqdn.at, "spec.setHostnameAsFQDN", "no effect without a subdomain", "add 'subdomain'")
        return ""
    return f"{subdomain.value}.{namespace}.{_DOMAIN}"


def _warn_of_host_network(field: Located[str] | Located[bool], path: str, host_network: bool, report: Report) -> None:
    if host_network:
        report.warning(field.at, path, "no effect: with hostNetwork the host's own name holds")


def translate_hosts(
    aliases: tuple[dns.HostAlias, ...], no_network: bool, report: Report
) -> tuple[tuple[str, str], ...]:
    """The lines of /etc/hosts, as names and their addresses."""
    found = []
    for index, alias in enumerate(aliases):
        path = f"spec.hostAliases[{index}]"
        if not is_address(alias.ip.value):
            report.error(alias.ip.at, f"{path}.ip", f"'{alias.ip.value[:60]}' is not an IP address")
        for number, name in enumerate(alias.hostnames):
            check_domain(name, f"{path}.hostnames[{number}]", "name of a host", report)
            found.append((name.value, alias.ip.value))
    if aliases and no_network:
        # podman writes /etc/hosts for who has a network.
        report.warning(aliases[0].ip.at, "spec.hostAliases", _NO_NETWORK, "remove it")
        return ()
    return tuple(found)


def translate_resolver(spec: schema.PodSpec, no_network: bool, report: Report) -> Resolver | None:
    """What /etc/resolv.conf says instead of the host's, or beside it; None for the host's alone.

    There is no cluster with a DNS of its own: ClusterFirst means what it means on a node without one, the host's.
    """
    policy, config = spec.dns_policy, spec.dns_config or dns.PodDNSConfig()
    is_alone = policy is not None and policy.value is dns.DNSPolicy.NONE
    if policy and is_alone and not config.nameservers:
        report.error(policy.at, "spec.dnsPolicy", "None needs a nameserver", "add dnsConfig.nameservers")
    _check_nameservers(config.nameservers, report)
    _check_searches(config.searches, report)
    for index, option in enumerate(config.options):
        for text, name in ((option.name, "name"), (option.value, "value")):
            if text and not _WORD.fullmatch(text.value):
                path = f"spec.dnsConfig.options[{index}].{name}"
                report.error(text.at, path, f"'{text.value[:60]}' is not a word of resolv.conf(5)")
    if config.nameservers and not is_alone:
        message = "instead of the host's: podman does not merge them"
        hint = "'dnsPolicy: None' takes nothing from the host"
        report.warning(config.nameservers[0].at, "spec.dnsConfig.nameservers", message, hint)
    given = (*config.nameservers, *config.searches, *(option.name for option in config.options))
    if given and no_network and not is_alone:
        report.warning(given[0].at, "spec.dnsConfig", _NO_NETWORK, "remove it")
    if not is_alone and (no_network or not given):
        return None
    return Resolver(
        replaces_host=is_alone,
        nameservers=tuple(address.value for address in config.nameservers),
        searches=tuple(domain.value for domain in config.searches),
        options=tuple(
            f"{option.name.value}:{option.value.value}" if option.value else option.name.value
            for option in config.options
        ),
    )


def _check_nameservers(addresses: tuple[Located[str], ...], report: Report) -> None:
    for index, address in enumerate(addresses):
        path = f"spec.dnsConfig.nameservers[{index}]"
        if not is_address(address.value):
            report.error(address.at, path, f"'{address.value[:60]}' is not an IP address")
        elif index == _NAMESERVERS_MAX:
            report.error(address.at, path, f"more than {_NAMESERVERS_MAX}, which resolv.conf(5) ends at")


def _check_searches(domains: tuple[Located[str], ...], report: Report) -> None:
    for index, domain in enumerate(domains):
        path = f"spec.dnsConfig.searches[{index}]"
        if domain.value != ".":
            check_domain(Located(domain.value.removesuffix("."), domain.at), path, "domain", report)
        if index == _SEARCHES_MAX:
            report.error(domain.at, path, f"more than {_SEARCHES_MAX} domains")
