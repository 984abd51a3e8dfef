"""What `security` and `resources` of `podunit.kubernetes` promise: what a container does not say, its pod does.

What it refuses, and in which words, is in the golden cases.
"""

from __future__ import annotations

import textwrap

import pytest

from podunit.kubernetes.objects import Objects
from podunit.kubernetes.translate import read_pod
from podunit.model import Pod, Resources
from podunit.report import Report
from podunit.security import Profile, ProfileType, Security
from podunit.source import Mapping, parse_documents

_NONE = Resources(None, None, None, None)
_HEAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n"


def read(spec: str, report: Report) -> Pod:
    (node,) = parse_documents((_HEAD + textwrap.indent(spec, "  ")).encode(), "f", report)
    assert isinstance(node, Mapping)
    pod = read_pod(node, Objects(), report)
    assert pod is not None
    return pod


def read_security(own: str, pod: str = "{}") -> Security:
    """The rights of a container by its own security context and its pod's."""
    report = Report()
    spec = f"securityContext: {pod}\ncontainers: [{{name: a, image: b, securityContext: {own}}}]\n"
    (container,) = read(spec, report).containers
    assert report.problems == ()
    return container.security


def read_resources(resources: str) -> Resources:
    report = Report()
    (container,) = read(f"containers: [{{name: a, image: b, resources: {resources}}}]\n", report).containers
    assert report.problems == ()
    return container.resources


def list_paths(spec: str) -> list[str]:
    """The fields that have a problem."""
    report = Report()
    read(spec, report)
    return [problem.path for problem in report.problems]


# Security


def test_without_a_context_the_image_and_podman_decide() -> None:
    nothing = Security(None, None, False, False, False, (), ())
    assert read_security("{}") == nothing
    report = Report()
    (container,) = read("containers: [{name: a, image: b}]", report).containers
    assert container.security == nothing


@pytest.mark.parametrize(
    ("own", "pod", "ids"),
    [
        ("{}", "{runAsUser: 1}", (1, None)),
        ("{}", "{runAsUser: 1, runAsGroup: 2}", (1, 2)),
        ("{runAsUser: 3}", "{runAsUser: 1, runAsGroup: 2}", (3, 2)),
        ("{runAsGroup: 4}", "{runAsUser: 1, runAsGroup: 2}", (1, 4)),
        ("{runAsUser: 3, runAsGroup: 4}", "{runAsUser: 1, runAsGroup: 2}", (3, 4)),
        ("{runAsUser: 0, runAsGroup: 0}", "{runAsUser: 1, runAsGroup: 2}", (0, 0)),
        ("{runAsUser: 0}", "{}", (0, None)),
        ("{runAsUser: 0}", "{runAsGroup: 0}", (0, 0)),
        ("{runAsUser: 2147483647, runAsGroup: 2147483647}", "{}", (2147483647, 2147483647)),
    ],
)
def test_ids_are_the_containers_else_the_pods(own: str, pod: str, ids: tuple[int, int | None]) -> None:
    security = read_security(own, pod)
    assert (security.user, security.group) == ids


@pytest.mark.parametrize("value", ["true", "false"])
def test_rights_that_are_on_or_off(value: str) -> None:
    wanted = value == "true"
    assert read_security(f"{{readOnlyRootFilesystem: {value}}}").read_only_root is wanted
    assert read_security(f"{{privileged: {value}}}").privileged is wanted
    assert read_security(f"{{allowPrivilegeEscalation: {value}}}").no_new_privileges is not wanted


def test_a_privileged_container_may_say_that_it_gains_privileges() -> None:
    security = read_security("{privileged: true, allowPrivilegeEscalation: true}")
    assert security.privileged
    assert not security.no_new_privileges
    assert list_paths(
        "containers: [{name: a, image: b, securityContext: {privileged: true, allowPrivilegeEscalation: false}}]"
    ) == ["spec.containers[0].securityContext.allowPrivilegeEscalation"]


def test_capabilities_keep_their_order() -> None:
    security = read_security("{capabilities: {add: [SYS_TIME, NET_RAW], drop: [ALL]}}")
    assert (security.added_capabilities, security.dropped_capabilities) == (("SYS_TIME", "NET_RAW"), ("ALL",))


@pytest.mark.parametrize("name", ["CAP_SYS_TIME", "sys_time", "Sys_Time", "SYS-TIME", "''", "' ALL'", "_TIME", "'A,B'"])
def test_no_capabilities(name: str) -> None:
    for kind in ("add", "drop"):
        spec = f"containers: [{{name: a, image: b, securityContext: {{capabilities: {{{kind}: [KILL, {name}]}}}}}}]"
        assert list_paths(spec) == [f"spec.containers[0].securityContext.capabilities.{kind}[1]"]


@pytest.mark.parametrize("value", [-1, 2**31, 2**32 - 2, 2**63 - 1])
@pytest.mark.parametrize("field", ["runAsUser", "runAsGroup"])
def test_ids_that_are_none(field: str, value: int) -> None:
    ids = {"runAsUser": 1, "runAsGroup": 1} | {field: value}
    context = ", ".join(f"{name}: {number}" for name, number in ids.items())
    own = f"containers: [{{name: a, image: b, securityContext: {{{context}}}}}]"
    assert list_paths(own) == [f"spec.containers[0].securityContext.{field}"]
    of_pod = f"securityContext: {{{context}}}\ncontainers: [{{name: a, image: b}}, {{name: c, image: d}}]"
    assert list_paths(of_pod) == [f"spec.securityContext.{field}"]


def test_a_group_needs_a_user_in_each_container() -> None:
    container = "{name: %s, image: b, securityContext: {%s}}"
    sound, broken = container % ("a", "runAsUser: 1, runAsGroup: 1"), container % ("b", "runAsGroup: 1")
    own = "spec.containers[1].securityContext.runAsGroup"
    assert list_paths(f"containers: [{sound}, {broken}]") == [own]
    assert list_paths(f"securityContext: {{runAsUser: 0}}\ncontainers: [{sound}, {broken}]") == []
    bare = container % ("c", "")
    group_of_pod = f"securityContext: {{runAsGroup: 1}}\ncontainers: [{sound}, {bare}]"
    assert list_paths(group_of_pod) == ["spec.securityContext.runAsGroup"]


# Resources


@pytest.mark.parametrize(
    ("text", "resources"),
    [
        ("{}", _NONE),
        ("{limits: {}, requests: {}}", _NONE),
        ("{limits: {memory: 64Mi}}", Resources(64 * 1024**2, None, None, None)),
        ("{limits: {cpu: 1.5}}", Resources(None, 1500, None, None)),
        ("{requests: {memory: 1k}}", Resources(None, None, 1000, None)),
        ("{requests: {cpu: 100m}}", Resources(None, None, None, 100)),
        (
            "{limits: {memory: 1Gi, cpu: 1}, requests: {memory: 1024Mi, cpu: 1000m}}",
            Resources(2**30, 1000, 2**30, 1000),
        ),
    ],
)
def test_resources(text: str, resources: Resources) -> None:
    assert read_resources(text) == resources


@pytest.mark.parametrize(
    ("kind", "request_", "limit"), [("memory", "1025", "1Ki"), ("cpu", "1001m", "1"), ("cpu", "1.0005", "1")]
)
def test_a_request_is_at_most_its_limit(kind: str, request_: str, limit: str) -> None:
    resources = f"{{requests: {{{kind}: {request_}}}, limits: {{{kind}: {limit}}}}}"
    container = f"containers: [{{name: a, image: b, resources: {resources}}}]"
    assert list_paths(container) == [f"spec.containers[0].resources.requests.{kind}"]
    pod = f"resources: {resources}\ncontainers: [{{name: a, image: b}}]"
    assert list_paths(pod) == [f"spec.resources.requests.{kind}"]


def test_the_problem_names_the_limit() -> None:
    report = Report()
    read("resources:\n  limits: {cpu: 1}\n  requests: {cpu: 2}\ncontainers: [{name: a, image: b}]", report)
    (problem,) = report.problems
    assert (str(problem.at), problem.hint) == ("f:7:21", "the limit is at f:6:19")


@pytest.mark.parametrize("resources", ["{}", "{limits: {}}"])
def test_a_pod_without_resources_has_none(resources: str) -> None:
    assert read(f"resources: {resources}\ncontainers: [{{name: a, image: b}}]", Report()).resources is None


def test_a_pod_has_resources_of_its_own() -> None:
    pod = read("resources: {limits: {cpu: 2}}\ncontainers: [{name: a, image: b}]", Report())
    assert pod.resources == Resources(None, 2000, None, None)
    assert pod.containers[0].resources == _NONE


def test_a_containers_profiles_replace_those_of_the_pod() -> None:
    pod = (
        "{seccompProfile: {type: Unconfined}, appArmorProfile: {type: Unconfined}, seLinuxOptions: {type: a, level: b}}"
    )
    inherited = read_security("{}", pod)
    assert inherited.seccomp == inherited.apparmor == Profile(ProfileType.UNCONFINED)
    assert inherited.selinux == (("type", "a"), ("level", "b"))
    own = "{seccompProfile: {type: RuntimeDefault}, appArmorProfile: {type: RuntimeDefault}, seLinuxOptions: {role: c}}"
    replaced = read_security(own, pod)
    assert (replaced.seccomp, replaced.apparmor, replaced.selinux) == (None, None, (("role", "c"),))
    assert read_security("{privileged: true}", pod).seccomp is None


@pytest.mark.parametrize(
    ("own", "pod", "verifies"),
    [
        ("{}", "{}", False),
        ("{runAsNonRoot: true}", "{}", True),
        ("{}", "{runAsNonRoot: true}", True),
        ("{runAsNonRoot: false}", "{runAsNonRoot: true}", False),
        ("{runAsNonRoot: true, runAsUser: 1}", "{}", False),
        ("{}", "{runAsNonRoot: true, runAsUser: 1}", False),
    ],
)
def test_the_images_user_is_verified_where_nothing_else_says_who_it_is(own: str, pod: str, verifies: bool) -> None:
    assert read_security(own, pod).verifies_user is verifies


def test_the_groups_of_a_container_are_the_pods_each_once() -> None:
    assert read_security("{}", "{fsGroup: 2, supplementalGroups: [3, 2, 0]}").groups == (2, 3, 0)
