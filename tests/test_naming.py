"""What `podunit.kubernetes.naming` promises: it takes the names that Kubernetes takes, and refuses the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podunit.decode import Located
from podunit.kubernetes.naming import (
    check_env_name,
    check_image,
    check_label,
    check_label_name,
    check_object_name,
    check_port_name,
)
from podunit.names import (
    again_unit,
    container_unit,
    parse_container_unit,
    parse_pod,
    pod_unit,
    sandbox_unit,
    slice_unit,
    start_unit,
    timer_unit,
)
from podunit.report import Position, Report

_AT = Position("f", 3, 7, 2)
_DIGEST = "sha256:" + "0123456789abcdef" * 4


def locate(text: str) -> Located[str]:
    return Located(text, _AT)


def find(check: Callable[[Located[str], Report], None], text: str) -> list[str]:
    """The problems with a name; each is where the name is."""
    report = Report()
    check(locate(text), report)
    assert all(problem.at == _AT for problem in report.problems)
    assert all(problem.hint or "characters" in problem.message or text == "" for problem in report.problems)
    return [problem.message for problem in report.problems]


def check_pod(name: Located[str], report: Report) -> None:
    check_object_name(name, "pod", report)


def check_container(name: Located[str], report: Report) -> None:
    check_label_name(name, "a", "container", report)


def check_port(name: Located[str], report: Report) -> None:
    check_port_name(name, "a", report)


def check_env(name: Located[str], report: Report) -> None:
    check_env_name(name, "a", report)


def check_an_image(name: Located[str], report: Report) -> None:
    check_image(name, "a", report)


def check_label_key(name: Located[str], report: Report) -> None:
    check_label(name, locate(""), "a", report)


def check_label_value(value: Located[str], report: Report) -> None:
    check_label(locate("key"), value, "a", report)


@pytest.mark.parametrize("name", ["a", "0", "web", "my-web", "a.b", "a-1.b--2.3", "a" * 253])
def test_names_of_pods(name: str) -> None:
    assert find(check_pod, name) == []


@pytest.mark.parametrize(
    "name", ["", "A", "my_web", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a-.b", "a b", "a/b", "a\n", "ä", "a@b", "%i"]
)
def test_no_names_of_pods(name: str) -> None:
    assert len(find(check_pod, name)) == 1


def test_the_length_of_a_pods_name() -> None:
    assert find(check_pod, "a" * 254) == ["254 characters, at most 253 are allowed"]


@pytest.mark.parametrize("name", ["a", "0", "my-web", "a--b", "a" * 63])
def test_names_of_containers_and_volumes(name: str) -> None:
    assert find(check_container, name) == []


@pytest.mark.parametrize("name", ["", "A", "a.b", "-a", "a-", "a_b", "a\n", "ä"])
def test_no_names_of_containers_and_volumes(name: str) -> None:
    assert find(check_container, name) == [f"'{name}' is not a valid name of a container".replace("\n", "\\n")]


def test_the_length_of_a_containers_name() -> None:
    assert find(check_container, "a" * 64) == ["64 characters, at most 63 are allowed"]


@pytest.mark.parametrize("name", ["http", "a", "8a", "a-1", "1-a", "p" * 15])
def test_names_of_ports(name: str) -> None:
    assert find(check_port, name) == []


@pytest.mark.parametrize("name", ["", "80", "1-2", "HTTP", "a--b", "-a", "a-", "p" * 16, "a.b", "a\n"])
def test_no_names_of_ports(name: str) -> None:
    assert len(find(check_port, name)) == 1


@pytest.mark.parametrize("name", ["A", "my.var-1", "with blank", "1", "a$b", "~"])
def test_names_of_variables(name: str) -> None:
    assert find(check_env, name) == []


@pytest.mark.parametrize("name", ["", "=", "A=B", "a\nb", "\t", "ä", "\x7f"])
def test_no_names_of_variables(name: str) -> None:
    assert len(find(check_env, name)) == 1


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "nginx:1.27",
        "library/nginx",
        "quay.io/org/app:1.2_x-Y.z",
        "localhost/app",
        "localhost:5000/app:latest",
        "[::1]:5000/app",
        "Registry.Example.COM/app",
        "a/b__c/d---e/f.g",
        f"app@{_DIGEST}",
        f"quay.io/org/app:1@{_DIGEST}",
        "a:" + "t" * 128,
    ],
)
def test_images(image: str) -> None:
    assert find(check_an_image, image) == []


@pytest.mark.parametrize(
    "image",
    [
        "Nginx",
        "quay.io/Org/app",
        "nginx:",
        "nginx:a:b",
        "nginx:-a",
        "https://quay.io/app",
        "docker://nginx",
        "/nginx",
        "nginx/",
        "a//b",
        "-v",
        "--privileged",
        "a b",
        " a",
        "a\n",
        "a_.b",
        "app@sha256:abc",
        "app@sha256",
        "ä",
        "%i",
        "$IMAGE",
        "a:" + "t" * 129,
    ],
)
def test_no_images(image: str) -> None:
    assert len(find(check_an_image, image)) == 1


def test_an_empty_image() -> None:
    assert find(check_an_image, "") == ["'' is not an image reference"]


@pytest.mark.parametrize("key", ["app", "A_b.c-d", "example.com/app", "a" * 63, "a." * 126 + "a/x"])
def test_keys_of_labels(key: str) -> None:
    assert find(check_label_key, key) == []


@pytest.mark.parametrize(
    "key", ["", "/", "/a", "a/", "a/b/c", "-a", "a-", "A.com/b", "a b", "a" * 64, "a" * 254 + "/b", "ä", "a=b"]
)
def test_no_keys_of_labels(key: str) -> None:
    assert len(find(check_label_key, key)) == 1


@pytest.mark.parametrize("value", ["", "web", "A_b.c-d", "1", "a" * 63])
def test_values_of_labels(value: str) -> None:
    assert find(check_label_value, value) == []


@pytest.mark.parametrize("value", [" ", "a b", "-a", "a-", "a" * 64, "a/b", "a\n", "ä"])
def test_no_values_of_labels(value: str) -> None:
    assert len(find(check_label_value, value)) == 1


_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?){0,2}", fullmatch=True)


@given(_NAMES, st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True))
def test_a_name_that_is_taken_comes_back_from_its_units(pod: str, container: str) -> None:
    assert find(check_pod, pod) == find(check_container, container) == []
    assert parse_container_unit(container_unit(pod, container)) == (pod, container)
    units = [pod_unit(pod), sandbox_unit(pod), slice_unit(pod), container_unit(pod, container)]
    units += [again_unit(pod), timer_unit(pod), start_unit(pod)]
    assert {parse_pod(unit) for unit in units} == {pod}


@pytest.mark.parametrize(
    "unit",
    [
        "pod@.service",
        "pod@web.timer",
        "cronjob@.timer",
        "cronjob@web.target",
        "container@web.service",
        "container@.a.service",
        "pod-.slice",
        "image@a.service",
        "ssh.service",
        "",
    ],
)
def test_other_units_belong_to_no_pod(unit: str) -> None:
    assert parse_pod(unit) is None
