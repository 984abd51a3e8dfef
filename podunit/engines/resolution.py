"""The names that a pod knows, as options of podman-run(1): /etc/hosts and /etc/resolv.conf.

In: the model. Out: words for `unitfile` to quote. podman gives both files to whoever makes a network, and the sandbox's
to those who join it; in the host's network each container has its own.
"""

from __future__ import annotations

from podunit.model import Container, Pod, Resolver
from podunit.unitfile import Specifier, Word

RESOLVER = "/etc/resolv.conf"


def list_names(pod: Pod) -> list[Word]:
    """What the one who makes a network is told about names."""
    words: list[Word] = [f"--add-host={name}:{address}" for name, address in pod.hosts]
    if pod.resolver and not pod.resolver.replaces_host:
        words += [f"--dns={address}" for address in pod.resolver.nameservers]
        words += [f"--dns-search={domain}" for domain in pod.resolver.searches]
        words += [f"--dns-option={option}" for option in pod.resolver.options]
    return words


def make_resolver(pod: Pod, directory: str) -> tuple[Word, ...] | None:
    """Write the file that replaces the host's, into a runtime directory; None if nothing does."""
    if pod.resolver is None or not pod.resolver.replaces_host:
        return None
    script = 'file=$1; shift; printf "%s\\n" "$@" > "$file"'
    return ("/bin/sh", "-c", script, "resolv.conf", _locate(directory), *_list_lines(pod.resolver))


def mount_resolver(pod: Pod, container: Container, directory: str) -> list[Word]:
    """Show that file to a container without one of its own; podman would add the host's options to what it is told."""
    file = find_resolver(pod, directory)
    if file is None or RESOLVER in {mount.mount_path for mount in container.mounts}:
        return []
    return [("--mount=type=bind,src=", *file, f",dst={RESOLVER},relabel=shared")]


def find_resolver(pod: Pod, directory: str) -> tuple[str | Specifier, ...] | None:
    """Where that file is; None if nothing replaces the host's."""
    return _locate(directory) if make_resolver(pod, directory) else None


def _locate(directory: str) -> tuple[str | Specifier, ...]:
    return (Specifier.RUNTIME_DIR, f"/{directory}/resolv.conf")


def _list_lines(resolver: Resolver) -> list[str]:
    lines = [f"nameserver {address}" for address in resolver.nameservers]
    if resolver.searches:
        lines.append(f"search {' '.join(resolver.searches)}")
    if resolver.options:
        lines.append(f"options {' '.join(resolver.options)}")
    return lines
