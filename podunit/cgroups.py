"""Resources as directives of systemd.resource-control(5): what the kernel is told about containers and pods.

In: `model.Resources`. Out: `Directive`s. Limits are limits; requests are weights, as the kubelet sets them, and
protection of memory, which the system's manager alone can give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from podunit.model import Container, Pod, Resources
from podunit.scope import Scope
from podunit.target import Target
from podunit.unitfile import Directive, Value

# The kubelet's, for QoS class Guaranteed and for what the node needs.
_GUARANTEED_OOM_SCORE = -997
_KEEPS_OOM_SCORE = (5,)


def container_directives(pod: Pod, container: Container, scope: Scope) -> tuple[Directive, ...]:
    """The [Service] directives of one container."""
    found = tuple(_list_directives(container.resources, scope))
    if _request_milli(container.resources) is None and any(_request_milli(one.resources) for one in pod.containers):
        # Without a request beside those who have one: the kubelet's least weight, not systemd's 100.
        return (*found, Directive("CPUWeight", Value("1")))
    return found


def slice_directives(pod: Pod, scope: Scope) -> tuple[Directive, ...]:
    """The [Slice] directives of a pod: its own resources or, for its requests, those of its containers together.

    Without the containers' weights on the slice too, they would count among themselves only; a protection has no
    effect unless all ancestors carry it.
    """
    own = pod.resources or Resources(None, None, None, None)
    return tuple(
        _list_directives(
            Resources(
                memory_limit_bytes=own.memory_limit_bytes,
                cpu_limit_milli=own.cpu_limit_milli,
                memory_request_bytes=own.memory_request_bytes or _need(pod, _request_bytes),
                cpu_request_milli=own.cpu_request_milli or _need(pod, _request_milli),
            ),
            scope,
        )
    )


def is_memory_limited(pod: Pod, container: Container) -> bool:
    """Whether the kernel may kill processes of the container because of a limit, its own or the pod's."""
    own = [container.resources, *([pod.resources] if pod.resources else [])]
    return any(one.memory_limit_bytes is not None for one in own)


def oom_directives(pod: Pod, scope: Scope, target: Target) -> tuple[Directive, ...]:
    """Whom the kernel spares when memory is short: pods that need no more than they have asked for, and critical ones.

    The kubelet's score of such pods. Those of others depend on the memory of the machine; here they are as any service.
    """
    # A user may not lower the score. conmon before 2.1.8 sets it back, and is older than this podman.
    if scope is Scope.USER or target.podman < _KEEPS_OOM_SCORE or not (pod.is_critical or _is_guaranteed(pod)):
        return ()
    return (Directive("OOMScoreAdjust", Value(str(_GUARANTEED_OOM_SCORE))),)


def _is_guaranteed(pod: Pod) -> bool:
    """QoS class Guaranteed: everywhere limits of both, and requests that are as much."""
    own = [pod.resources] if pod.resources else [one.resources for one in (*pod.init_containers, *pod.containers)]
    return all(
        limit is not None and request in (None, limit)
        for one in own
        for limit, request in (
            (one.memory_limit_bytes, one.memory_request_bytes),
            (one.cpu_limit_milli, one.cpu_request_milli),
        )
    )


def _request_bytes(resources: Resources) -> int | None:
    """The memory request; as in the API, a limit without a request is one."""
    return resources.memory_request_bytes or resources.memory_limit_bytes


def _request_milli(resources: Resources) -> int | None:
    return resources.cpu_request_milli or resources.cpu_limit_milli


def _need(pod: Pod, request: Callable[[Resources], int | None]) -> int | None:
    """The most that the pod asks for at a time, as the scheduler counts."""
    # Init containers run before the others, one at a time; a sidecar goes on beside all that comes later.
    sidecars, peak = 0, 0
    for container in pod.init_containers:
        own = request(container.resources) or 0
        peak = max(peak, sidecars + own)
        sidecars += own if container.sidecar else 0
    together = sidecars + sum(request(container.resources) or 0 for container in pod.containers)
    return max(together, peak) or None


def _list_directives(resources: Resources, scope: Scope) -> Iterator[Directive]:
    if resources.memory_limit_bytes is not None:
        yield Directive("MemoryMax", Value(str(resources.memory_limit_bytes)))
        # As the kubelet: without it what is over the limit goes to swap, which has none.
        yield Directive("MemorySwapMax", Value("0"))
    # Without effect below user@.service, which carries none.
    if scope is Scope.SYSTEM and (low := _request_bytes(resources)) is not None:
        yield Directive("MemoryLow", Value(str(low)))
    if resources.cpu_limit_milli is not None:
        yield Directive("CPUQuota", Value(_percent(resources.cpu_limit_milli)))
    if (milli := _request_milli(resources)) is not None:
        yield Directive("CPUWeight", Value(str(_weigh(milli))))


def _percent(milli: int) -> str:
    # 1000 thousandths of a CPU are 100 %.
    whole, tenth = divmod(milli, 10)
    return f"{whole}.{tenth}%" if tenth else f"{whole}%"


def _weigh(milli: int) -> int:
    # The kubelet's MilliCPUToShares, 2 to 262144 (cgroup v1), and its map to cpu.weight, 1 to 10000.
    shares = min(max(milli * 1024 // 1000, 2), 262144)
    return 1 + (shares - 2) * 9999 // 262142
