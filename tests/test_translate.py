"""What `podunit.kubernetes.translate` promises: defaults filled in, references resolved, each thing at its place.

What it refuses, and in which words, is in the golden cases.
"""

from __future__ import annotations

import textwrap

import pytest

from podunit.kubernetes.objects import Objects
from podunit.kubernetes.translate import read_pod
from podunit.model import (
    Container,
    EmptyDir,
    Env,
    HostPath,
    HostPathType,
    Medium,
    Mount,
    Network,
    Pod,
    Port,
    Protocol,
    PullPolicy,
    Relabel,
    Resources,
    RestartPolicy,
)
from podunit.report import Position, Report
from podunit.security import Security
from podunit.source import Mapping, parse_documents

_HEAD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n"


def run(text: str, report: Report) -> Pod | None:
    (node,) = parse_documents(text.encode(), "f", report)
    assert isinstance(node, Mapping)
    return read_pod(node, Objects(), report)


def read(spec: str) -> Pod:
    """The pod of a sound spec."""
    report = Report()
    pod = run(_HEAD + textwrap.indent(spec, "  "), report)
    assert report.problems == ()
    assert pod is not None
    return pod


def read_container(fields: str, rest: str = "") -> Container:
    """The container `main` with these fields, each a line of YAML."""
    text = "containers:\n  - name: main\n    image: quay.io/a/b:1\n" + textwrap.indent(fields, "    ")
    (container,) = read(f"{text}\n{rest}").containers
    return container


def find_places(spec: str) -> list[str]:
    """Where the problems of a spec are: `line:column path`, lines counted from the spec's first."""
    report = Report()
    run(_HEAD + textwrap.indent(spec, "  "), report)
    head = _HEAD.count("\n")
    return [f"{p.at.line - head}:{p.at.column - 2} {p.path.removeprefix('spec.')}" for p in report.problems]


# Defaults


def test_the_least_pod_has_every_default() -> None:
    assert read("containers:\n  - name: main\n    image: quay.io/a/b:1\n") == Pod(
        name="web",
        namespace="default",
        hostname="web",
        subdomain="",
        host_network=False,
        network=Network("podunit", own=True),
        aliases=(),
        published=(),
        redirects=(),
        resources=None,
        relabel=Relabel.NONE,
        labels=(),
        init_containers=(),
        containers=(
            Container(
                name="main",
                image="quay.io/a/b:1",
                pull_policy=PullPolicy.IF_NOT_PRESENT,
                command=None,
                args=None,
                working_dir=None,
                env=(),
                ports=(),
                mounts=(),
                resources=Resources(None, None, None, None),
                security=Security(None, None, False, False, False, (), ()),
                settings=(),
                at=Position("f", 7, 7),
                image_at=Position("f", 8, 14, 13),
            ),
        ),
        volumes=(),
        restart_policy=RestartPolicy.ALWAYS,
        grace_sec=30,
        boot=True,
        settings=(),
        at=Position("f", 1, 1),
        name_at=Position("f", 4, 9, 3),
    )


@pytest.mark.parametrize("grace", [0, 1, 2**31 - 1])
def test_the_grace_period(grace: int) -> None:
    assert read(f"terminationGracePeriodSeconds: {grace}\ncontainers: [{{name: a, image: b}}]").grace_sec == grace


@pytest.mark.parametrize("grace", [-1, 2**31])
def test_a_grace_period_that_is_none(grace: int) -> None:
    spec = f"terminationGracePeriodSeconds: {grace}\ncontainers: [{{name: a, image: b}}]"
    assert find_places(spec) == ["1:32 terminationGracePeriodSeconds"]


@pytest.mark.parametrize("policy", list(RestartPolicy))
def test_the_restart_policy(policy: RestartPolicy) -> None:
    assert read(f"restartPolicy: {policy}\ncontainers: [{{name: a, image: b}}]").restart_policy is policy


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", PullPolicy.ALWAYS),
        ("web:latest", PullPolicy.ALWAYS),
        ("quay.io/a/web", PullPolicy.ALWAYS),
        ("registry:5000/web", PullPolicy.ALWAYS),
        ("registry:5000/web:latest", PullPolicy.ALWAYS),
        ("registry:5000/web:1", PullPolicy.IF_NOT_PRESENT),
        ("web:latest-1", PullPolicy.IF_NOT_PRESENT),
        ("web@sha256:" + "0" * 64, PullPolicy.IF_NOT_PRESENT),
        ("web:latest@sha256:" + "0" * 64, PullPolicy.IF_NOT_PRESENT),
        ("localhost/web", PullPolicy.IF_NOT_PRESENT),
        ("localhost/web:latest", PullPolicy.IF_NOT_PRESENT),
        ("localhost:5000/web", PullPolicy.ALWAYS),
        ("localhost.example.com/web", PullPolicy.ALWAYS),
    ],
)
def test_the_default_of_the_pull_policy_is_by_the_tag(image: str, policy: PullPolicy) -> None:
    (container,) = read(f"containers: [{{name: a, image: '{image}'}}]").containers
    assert container.pull_policy is policy


@pytest.mark.parametrize("policy", list(PullPolicy))
def test_a_pull_policy_that_is_given_counts(policy: PullPolicy) -> None:
    (container,) = read(f"containers: [{{name: a, image: web, imagePullPolicy: {policy}}}]").containers
    assert container.pull_policy is policy


# Commands and variables


def test_an_empty_command_is_the_images_own() -> None:
    container = read_container("command: []\nargs: []")
    assert (container.command, container.args) == (None, None)


def test_empty_words_are_kept() -> None:
    container = read_container("command: ['']\nargs: ['', a]")
    assert (container.command, container.args) == (("",), ("", "a"))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"),
        ("x$(A)$(B)y", "x12y"),
        ("$(C)", "$(C)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$", "$$"),
        ("$A ${A} $", "$A ${A} $"),
        ("$()", "$()"),
        ("$(A", "$(A"),
        ("$($(A))", "$(1)"),
        ("$(a)", "$(a)"),
        ("$( A)", "$( A)"),
    ],
)
def test_references_in_commands(text: str, expanded: str) -> None:
    container = read_container(f"env: [{{name: A, value: '1'}}, {{name: B, value: '2'}}]\ncommand: ['{text}']\n")
    assert container.command == (expanded,)


def test_references_expand_in_args_too_and_only_once() -> None:
    container = read_container("env: [{name: A, value: $$(B)}, {name: B, value: x}]\nargs: [$(A)]\n")
    assert container.args == ("$(B)",)


def test_a_variable_sees_those_before_it() -> None:
    container = read_container("env: [{name: A, value: $(B)}, {name: B, value: $(A)-b}, {name: B, value: $(B)$(B)}]")
    assert [(env.name, env.value) for env in container.env] == [("A", "$(B)"), ("B", "$(B)-b$(B)-b")]


def test_of_two_variables_of_one_name_the_last_counts() -> None:
    container = read_container("env:\n  - {name: A, value: first}\n  - {name: B}\n  - {name: A, value: last}")
    assert container.env == (Env("A", "last", False, Position("f", 12, 11)), Env("B", "", False, Position("f", 11, 11)))


def test_variables_of_one_container_are_not_those_of_another() -> None:
    pod = read(
        "containers:\n  - {name: a, image: b, env: [{name: A, value: '1'}]}\n  - {name: c, image: d, command: [$(A)]}\n"
    )
    assert pod.containers[1].command == ("$(A)",)


# Ports


def test_ports() -> None:
    container = read_container(
        "ports:\n"
        "  - containerPort: 1\n"
        "  - {containerPort: 65535, hostPort: 65535, protocol: UDP}\n"
        "  - {containerPort: 2, hostPort: 3, hostIP: '0:0::01', protocol: SCTP}\n"
    )
    assert container.ports == (
        Port(1, Protocol.TCP, None, "", Position("f", 10, 11)),
        Port(65535, Protocol.UDP, 65535, "", Position("f", 11, 44, 5)),
        Port(2, Protocol.SCTP, 3, "0:0::01", Position("f", 12, 40)),
    )


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "::", "::1"])
def test_addresses(address: str) -> None:
    container = read_container(f"ports: [{{containerPort: 1, hostPort: 1, hostIP: '{address}'}}]")
    assert container.ports[0].host_ip == address


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "1.2.3.4/8", "[::1]", "01.2.3.4"])
def test_no_addresses(address: str) -> None:
    spec = f"containers:\n- name: a\n  image: b\n  ports: [{{hostIP: '{address}', hostPort: 1, containerPort: 1}}]"
    assert find_places(spec) == ["4:20 containers[0].ports[0].hostIP"]


# Limits


def test_limits_are_bytes_and_thousandths_of_a_cpu() -> None:
    container = read_container("resources: {limits: {memory: 64Mi, cpu: 1.5}}")
    assert container.resources == Resources(64 * 1024**2, 1500, None, None)


# Volumes


def test_a_mount_has_its_volume() -> None:
    pod = read(
        "containers:\n"
        "  - name: a\n"
        "    image: b\n"
        "    volumeMounts:\n"
        "      - {name: host, mountPath: /a, readOnly: true}\n"
        "      - {name: empty, mountPath: /b}\n"
        "      - {name: empty, mountPath: /c, subPath: ./a//b/}\n"
        "volumes:\n"
        "  - {name: host, hostPath: {path: /srv}}\n"
        "  - {name: empty, emptyDir: {}}\n"
        "  - name: implied\n"
    )
    host = HostPath("host", "/srv", HostPathType.UNSET, Position("f", 14, 7))
    empty = EmptyDir("empty", Medium.DISK, None, Position("f", 15, 7))
    assert pod.volumes == (host, empty, EmptyDir("implied", Medium.DISK, None, Position("f", 16, 7)))
    assert pod.containers[0].mounts == (
        Mount(host, "/a", "", True, Position("f", 10, 11)),
        Mount(empty, "/b", "", False, Position("f", 11, 11)),
        Mount(empty, "/c", "a/b", False, Position("f", 12, 11)),
    )


@pytest.mark.parametrize("kind", list(HostPathType))
def test_the_type_of_a_host_path(kind: HostPathType) -> None:
    (volume,) = read(
        f"containers: [{{name: a, image: b}}]\nvolumes: [{{name: v, hostPath: {{path: /a, type: '{kind}'}}}}]"
    ).volumes
    assert isinstance(volume, HostPath)
    assert volume.type is kind


def test_a_volume_in_memory() -> None:
    spec = "containers: [{name: a, image: b}]\nvolumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 1.5Ki}}]"
    assert read(spec).volumes == (EmptyDir("v", Medium.MEMORY, 1536, Position("f", 7, 13)),)


@pytest.mark.parametrize(
    ("path", "part"),
    [("a", "a"), ("a/b", "a/b"), ("./a/./b//c/", "a/b/c"), (".", ""), ("", ""), ("..a/b..", "..a/b.."), ("...", "...")],
)
def test_a_part_of_a_volume(path: str, part: str) -> None:
    container = read_container(
        f"volumeMounts: [{{name: v, mountPath: /a, subPath: '{path}'}}]", "volumes: [{name: v, hostPath: {path: /srv}}]"
    )
    assert [mount.sub_path for mount in container.mounts] == [part]


@pytest.mark.parametrize("path", ["/", "/a", "..", "../a", "a/..", "a/../b", "a/../../b", r"a\n", r"\x7f"])
def test_no_parts_of_a_volume(path: str) -> None:
    spec = (
        "volumes: [{name: v, hostPath: {path: /srv}}]\n"
        "containers:\n- name: a\n  image: b\n"
        f'  volumeMounts: [{{name: v, mountPath: /a, subPath: "{path}"}}]'
    )
    assert find_places(spec) == ["5:52 containers[0].volumeMounts[0].subPath"]


@pytest.mark.parametrize("path", ["", ".", "a", "./a", "~/a", "/..", "/a/../b", "/a/..", '"/a\\nb"', '"/\\x7f"'])
def test_no_paths(path: str) -> None:
    spec = f"containers:\n- name: a\n  image: b\n  workingDir: {path or repr(path)}"
    assert find_places(spec) == ["4:15 containers[0].workingDir"]


@pytest.mark.parametrize("path", ["/", "//", "/a/", "/a..b/...", "/a b", "/ü", '/"', "/a/./b"])
def test_paths(path: str) -> None:
    assert read_container(f"workingDir: '{path}'").working_dir == path


# Names and networks of hosts


@pytest.mark.parametrize(
    ("name", "hostname"),
    [
        ("web", "web"),
        ("my-web.example", "my-web.example"),
        ("a" * 63, "a" * 63),
        ("a" * 64, "a" * 63),
        ("a" * 62 + ".b", "a" * 62),
        ("a" * 61 + "--b", "a" * 61),
    ],
)
def test_the_hosts_name_is_the_pods(name: str, hostname: str) -> None:
    report = Report()
    pod = run(_HEAD.replace("web", name) + "  containers: [{name: a, image: b}]", report)
    assert pod is not None
    assert report.problems == ()
    assert pod.hostname == hostname


def test_a_hosts_name_of_its_own() -> None:
    pod = read("hostname: front\ncontainers: [{name: a, image: b}]")
    assert (pod.name, pod.hostname, pod.host_network) == ("web", "front", False)


@pytest.mark.parametrize("name", ["''", "a.b", "A", "-a", "a-", "a_b", "a" * 64])
def test_no_hosts_names(name: str) -> None:
    assert find_places(f"hostname: {name}\ncontainers: [{{name: a, image: b}}]") == ["1:11 hostname"]


def test_the_network_of_the_host() -> None:
    pod = read("hostNetwork: true\ncontainers: [{name: a, image: b, ports: [{containerPort: 1, hostPort: 1}]}]")
    assert pod.host_network
    assert pod.containers[0].ports[0].host_port == 1


# The whole


def test_init_containers_come_in_their_order() -> None:
    pod = read("initContainers: [{name: z, image: b}, {name: a, image: b}]\ncontainers: [{name: c, image: d}]\n")
    assert [container.name for container in pod.init_containers] == ["z", "a"]
    assert [container.name for container in pod.containers] == ["c"]


def test_labels_and_settings() -> None:
    text = _HEAD.replace("  name: web\n", "  name: web\n  labels: {b: '1', a/c: ''}\n  annotations:\n")
    text = text.replace("spec:\n", "    podunit/boot: 'false'\n    podunit/a.Service.Nice: '5'\nspec:\n")
    report = Report()
    pod = run(f"{text}  containers: [{{name: a, image: b}}, {{name: c, image: d}}]\n", report)
    assert pod is not None
    assert report.problems == ()
    assert pod.labels == (("a/c", ""), ("b", "1"))
    assert not pod.boot
    assert [[setting.name for setting in container.settings] for container in pod.containers] == [["Nice"], []]


def test_all_problems_of_a_pod_are_found_at_once() -> None:
    spec = (
        "terminationGracePeriodSeconds: -1\n"
        "initContainers:\n"
        "- {name: A, image: b}\n"
        "containers:\n"
        "- {name: A, image: B}\n"
        "volumes:\n"
        "- {name: C}\n"
    )
    assert find_places(spec) == [
        "1:32 terminationGracePeriodSeconds",
        "3:10 initContainers[0].name",
        "5:10 containers[0].name",
        "5:10 containers[0].name",
        "5:20 containers[0].image",
        "7:10 volumes[0].name",
    ]


def test_nothing_is_translated_when_the_shape_is_wrong() -> None:
    report = Report()
    assert run(_HEAD + "  containers: {}\n", report) is None
    assert report.failed
