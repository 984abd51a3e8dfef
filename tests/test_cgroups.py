"""What `podunit.cgroups` promises: limits as they are, requests as the weights that the kubelet would set."""

from __future__ import annotations

import pytest

from podunit.cgroups import container_directives, is_memory_limited, oom_directives, slice_directives
from podunit.generate import generate
from podunit.kubernetes.objects import Objects
from podunit.kubernetes.translate import read_pod
from podunit.model import Pod, Resources
from podunit.names import PARENT_SLICE
from podunit.render import render
from podunit.report import Report
from podunit.scope import Scope
from podunit.source import Mapping, parse_documents
from podunit.target import OLDEST, Target
from podunit.unitfile import Directive
from podunit.workload import Workload

# Thousandths of a CPU → cpu.weight, worked out by hand: the kubelet's MilliCPUToShares, and the map of KEP-2254.
_WEIGHTS = {
    1: 1,
    2: 1,
    10: 1,
    28: 1,
    29: 2,
    100: 4,
    250: 10,
    500: 20,
    1000: 39,
    2000: 79,
    4000: 157,
    255999: 9999,
    256000: 10000,
    10**9: 10000,
}


def read(containers: list[str], pod: str = "{}", inits: list[str] | None = None, name: str = "web") -> Pod:
    """A pod whose containers have these `resources`."""
    lists = {"containers": containers, "initContainers": inits or []}
    fields = ", ".join(
        f"{key}: [{', '.join(f'{{name: {key[0]}{i}, image: b, resources: {it}}}' for i, it in enumerate(items))}]"
        for key, items in lists.items()
    )
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{resources: {pod}, {fields}}}}}"
    report = Report()
    (node,) = parse_documents(text.encode(), "f", report)
    assert isinstance(node, Mapping)
    found = read_pod(node, Objects(), report)
    assert report.problems == ()
    assert found is not None
    return found


def describe(directives: tuple[Directive, ...]) -> dict[str, str]:
    found = {line.name: line.value.text for line in directives}
    assert len(found) == len(directives), "a directive that is there twice"
    return found


def of_container(resources: str, scope: Scope = Scope.SYSTEM) -> dict[str, str]:
    pod = read([resources])
    return describe(container_directives(pod, pod.containers[0], scope))


def of_slice(pod: Pod, scope: Scope = Scope.SYSTEM) -> dict[str, str]:
    return describe(slice_directives(pod, scope))


# Containers


@pytest.mark.parametrize(("milli", "weight"), _WEIGHTS.items())
def test_a_cpu_request_is_the_kubelets_weight(milli: int, weight: int) -> None:
    assert of_container(f"{{requests: {{cpu: {milli}m}}}}") == {"CPUWeight": str(weight)}


def test_weights_are_what_systemd_and_the_kernel_take() -> None:
    weights = [int(of_container(f"{{requests: {{cpu: {milli}m}}}}")["CPUWeight"]) for milli in range(1, 300_000, 97)]
    assert weights == sorted(weights)
    assert (weights[0], weights[-1]) == (1, 10000)


@pytest.mark.parametrize(
    ("milli", "quota"),
    [
        (1, "0.1%"),
        (2, "0.2%"),
        (10, "1%"),
        (15, "1.5%"),
        (500, "50%"),
        (1000, "100%"),
        (1500, "150%"),
        (64000, "6400%"),
    ],
)
def test_a_cpu_limit_is_a_quota(milli: int, quota: str) -> None:
    assert of_container(f"{{limits: {{cpu: {milli}m}}}}")["CPUQuota"] == quota


def test_a_limit_without_a_request_is_one() -> None:
    assert of_container("{limits: {memory: 1Gi, cpu: 1}}") == {
        "MemoryMax": str(2**30),
        "MemorySwapMax": "0",
        "MemoryLow": str(2**30),
        "CPUQuota": "100%",
        "CPUWeight": "39",
    }


def test_a_request_comes_before_the_limit() -> None:
    assert of_container("{limits: {memory: 1Gi, cpu: 1}, requests: {memory: 1Mi, cpu: 100m}}") == {
        "MemoryMax": str(2**30),
        "MemorySwapMax": "0",
        "MemoryLow": str(2**20),
        "CPUQuota": "100%",
        "CPUWeight": "4",
    }


def test_without_resources_there_is_nothing_to_say() -> None:
    pod = read(["{}", "{}"])
    assert of_container("{}") == of_slice(pod) == {}
    assert PARENT_SLICE not in {unit.name for unit in generate(Workload((pod,)), Scope.SYSTEM, OLDEST)}


def test_a_users_manager_protects_no_memory() -> None:
    resources = "{limits: {memory: 1Gi}, requests: {memory: 1Mi, cpu: 1}}"
    assert of_container(resources, Scope.USER) == {"MemoryMax": str(2**30), "MemorySwapMax": "0", "CPUWeight": "39"}
    pod = read([resources], pod="{limits: {memory: 2Gi}}")
    assert of_slice(pod, Scope.USER) == {"MemoryMax": str(2**31), "MemorySwapMax": "0", "CPUWeight": "39"}
    units = {unit.name: render(unit) for unit in generate(Workload((pod,)), Scope.USER, OLDEST)}
    assert PARENT_SLICE not in units
    assert not [name for name, text in units.items() if "MemoryLow" in text]


# Slices


def test_the_slice_has_the_sum_of_the_requests() -> None:
    pod = read(["{requests: {memory: 1Mi, cpu: 250m}}", "{limits: {memory: 2Mi, cpu: 750m}}", "{}"])
    assert of_slice(pod) == {"MemoryLow": str(3 * 2**20), "CPUWeight": "39"}


def test_the_sum_is_of_cpus_not_of_weights() -> None:
    assert of_slice(read(["{requests: {cpu: 20m}}"] * 5)) == {"CPUWeight": "4"}


def test_the_pods_own_requests_come_before_the_sum() -> None:
    pod = read(["{requests: {memory: 1Mi, cpu: 100m}}"], pod="{requests: {memory: 8Mi, cpu: 2}}")
    assert of_slice(pod) == {"MemoryLow": str(8 * 2**20), "CPUWeight": "79"}
    pod = read(["{requests: {memory: 1Mi, cpu: 100m}}"], pod="{requests: {cpu: 2}}")
    assert of_slice(pod) == {"MemoryLow": str(2**20), "CPUWeight": "79"}


def test_limits_of_the_slice_are_the_pods_own() -> None:
    limited = "{limits: {memory: 1Mi, cpu: 1}, requests: {memory: 1Mi, cpu: 1}}"
    assert of_slice(read([limited])) == {"MemoryLow": str(2**20), "CPUWeight": "39"}
    assert of_slice(read([limited], pod="{limits: {memory: 4Mi, cpu: 2}}")) == {
        "MemoryMax": str(4 * 2**20),
        "MemorySwapMax": "0",
        "MemoryLow": str(2**20),
        "CPUQuota": "200%",
        "CPUWeight": "39",
    }
    assert of_slice(read(["{}"], pod="{limits: {memory: 4Mi, cpu: 2}}")) == {
        "MemoryMax": str(4 * 2**20),
        "MemorySwapMax": "0",
        "MemoryLow": str(4 * 2**20),
        "CPUQuota": "200%",
        "CPUWeight": "79",
    }


def test_the_slice_of_all_pods_has_the_sum_of_all() -> None:
    pods = (
        read(["{requests: {memory: 1Mi}}"], name="one"),
        read(["{requests: {memory: 2Mi}}", "{limits: {memory: 4Mi}}"], name="two"),
        read(["{requests: {cpu: 1}}"], name="three"),
    )
    units = {unit.name: render(unit) for unit in generate(Workload(pods), Scope.SYSTEM, OLDEST)}
    assert f"\nMemoryLow={7 * 2**20}\n" in units[PARENT_SLICE]
    assert (
        sum(f"\nMemoryLow={low * 2**20}\n" in units[f"pod-{name}.slice"] for name, low in (("one", 1), ("two", 6))) == 2
    )
    assert "MemoryLow" not in units["pod-three.slice"]


def test_resources_are_whole_numbers_in_every_unit() -> None:
    pod = read(["{limits: {memory: 0.1, cpu: 0.0001}}"])
    (container,) = pod.containers
    assert container.resources == Resources(1, 1, None, None)
    assert describe(container_directives(pod, container, Scope.SYSTEM)) == {
        "MemoryMax": "1",
        "MemorySwapMax": "0",
        "MemoryLow": "1",
        "CPUQuota": "0.1%",
        "CPUWeight": "1",
    }


def test_who_requests_no_cpu_has_the_least_weight_beside_those_who_do() -> None:
    pod = read(["{requests: {cpu: 100m}}", "{}"])
    assert [describe(container_directives(pod, one, Scope.SYSTEM)) for one in pod.containers] == [
        {"CPUWeight": "4"},
        {"CPUWeight": "1"},
    ]


_WHOLE = "{limits: {memory: 1, cpu: 1}}"


@pytest.mark.parametrize(
    ("containers", "pod", "inits", "spared"),
    [
        ([_WHOLE], "{}", [], True),
        (["{limits: {memory: 1, cpu: 1}, requests: {memory: 1, cpu: 1}}"], "{}", [], True),
        (["{limits: {memory: 2, cpu: 1}, requests: {memory: 1}}"], "{}", [], False),
        (["{limits: {memory: 1}}"], "{}", [], False),
        (["{limits: {cpu: 1}}"], "{}", [], False),
        ([_WHOLE, "{}"], "{}", [], False),
        ([_WHOLE], "{}", [_WHOLE], True),
        ([_WHOLE], "{}", ["{}"], False),
        (["{}"], _WHOLE, [], True),
        ([_WHOLE], "{limits: {memory: 1}}", [], False),
    ],
)
def test_who_is_guaranteed_what_he_needs_is_killed_last(
    containers: list[str], pod: str, inits: list[str], spared: bool
) -> None:
    found = read(containers, pod, inits)
    newer = Target(252, (5, 0))
    assert describe(oom_directives(found, Scope.SYSTEM, newer)) == ({"OOMScoreAdjust": "-997"} if spared else {})
    # A user may not, and an older podman sets it back.
    assert oom_directives(found, Scope.USER, newer) == ()
    assert oom_directives(found, Scope.SYSTEM, OLDEST) == ()


@pytest.mark.parametrize(
    ("container", "pod", "limited"),
    [
        ("{}", "{}", False),
        ("{limits: {cpu: 1}, requests: {memory: 1Mi}}", "{}", False),
        ("{limits: {memory: 1Mi}}", "{}", True),
        ("{}", "{limits: {memory: 1Mi}}", True),
        ("{}", "{limits: {cpu: 1}}", False),
    ],
)
def test_a_limit_of_memory_is_the_container_s_own_or_the_pod_s(container: str, pod: str, limited: bool) -> None:
    found = read([container, "{}"], pod)
    assert is_memory_limited(found, found.containers[0]) is limited
