"""What `podunit.installed` promises: pods and containers come back from the very files that podunit makes of them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from podunit.files import read_static_units
from podunit.generate import generate
from podunit.installed import InstalledContainer, InstalledPod, list_boots, list_pods, list_reinstalled
from podunit.load import load_files
from podunit.render import render
from podunit.report import Report
from podunit.scope import Scope
from podunit.target import OLDEST

_IMAGE = "quay.io/a/b:1"
_IMAGE_UNIT = "image@quay.io-a-b:1.service"


def make(
    tmp_path: Path, *specs: str, annotations: str = "", more: tuple[str, ...] = (), scope: Scope = Scope.SYSTEM
) -> dict[str, str]:
    """The unit files of pods, each given as its name and the rest of its spec, with the static ones."""
    documents = []
    for spec in specs:
        name, _, rest = spec.partition("\n")
        head = f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  annotations: {{{annotations}}}\nspec:\n"
        documents.append(head + textwrap.indent(rest, "  "))
    file = tmp_path / "pods.yaml"
    file.write_text("\n---\n".join(documents), encoding="utf-8")
    report = Report()
    workload = load_files([str(file), *more], report)
    assert report.problems == ()
    assert workload is not None
    texts = {unit.name: render(unit) for unit in generate(workload, scope, OLDEST)}
    return {**texts, **read_static_units()}


def container(name: str, image: str = _IMAGE, fields: str = "") -> str:
    return f"{{name: {name}, image: '{image}'{fields}}}"


def test_nothing_is_installed() -> None:
    assert list_pods({}) == {}


def test_the_static_units_are_no_pod(tmp_path: Path) -> None:
    assert set(list_pods(make(tmp_path, f"web\ncontainers: [{container('a')}]"))) == {"web"}


def test_a_pod_comes_back_with_all_its_files(tmp_path: Path) -> None:
    texts = make(tmp_path, f"my-web\ninitContainers: [{container('i')}]\ncontainers: [{container('a')}]")
    (pod,) = list_pods(texts).values()
    assert isinstance(pod, InstalledPod)
    assert pod.name == "my-web"
    assert pod.unit == "pod@my-web.service"
    static = set(read_static_units())
    assert set(pod.texts) == set(texts) - static
    assert dict(pod.texts) == {name: texts[name] for name in pod.texts}


def test_pods_are_kept_apart(tmp_path: Path) -> None:
    specs = [f"{name}\ncontainers: [{container('c')}]" for name in ("a", "a.b", "a-b", "a.c", "b")]
    pods = list_pods(make(tmp_path, *specs))
    assert list(pods) == ["a", "a-b", "a.b", "a.c", "b"]
    assert len({name for pod in pods.values() for name in pod.texts}) == sum(len(pod.texts) for pod in pods.values())
    assert {pod.name: [c.unit for c in pod.containers] for pod in pods.values()} == {
        name: [f"container@{name}.c.service"] for name in pods
    }


def test_containers_come_in_the_order_of_their_start(tmp_path: Path) -> None:
    inits = ", ".join(container(name) for name in ("z", "m", "a"))
    mains = ", ".join(container(name) for name in ("b", "y"))
    pod = list_pods(make(tmp_path, f"web\ninitContainers: [{inits}]\ncontainers: [{mains}]"))["web"]
    assert [(c.name, c.init) for c in pod.containers] == [
        ("z", True),
        ("m", True),
        ("a", True),
        ("b", False),
        ("y", False),
    ]


def test_a_container_has_its_image_and_what_pulls_it(tmp_path: Path) -> None:
    specs = ", ".join(
        [
            container("a"),
            container("b", "quay.io/a/b:2"),
            container("c", fields=", imagePullPolicy: Always"),
            container("d", fields=", imagePullPolicy: Never"),
        ]
    )
    pod = list_pods(make(tmp_path, f"web\ncontainers: [{specs}]"))["web"]
    unit = "container@web.a.service"
    assert pod.containers[0] == InstalledContainer("web", "a", unit, _IMAGE, False, (_IMAGE_UNIT,), False)
    assert [(c.image, c.image_units) for c in pod.containers[1:]] == [
        ("quay.io/a/b:2", ("image@quay.io-a-b:2.service",)),
        (_IMAGE, ("image-pull@quay.io-a-b:1.service",)),
        (_IMAGE, ()),
    ]


@pytest.mark.parametrize(("policy", "ends"), [("Always", []), ("OnFailure", ["a", "b"]), ("Never", ["a", "b"])])
def test_which_containers_come_to_an_end(policy: str, ends: list[str], tmp_path: Path) -> None:
    inits = f"[{container('i')}, {container('s', fields=', restartPolicy: Always')}]"
    spec = f"web\nrestartPolicy: {policy}\ninitContainers: {inits}\ncontainers: [{container('a')}, {container('b')}]"
    assert [one.name for one in list_pods(make(tmp_path, spec))["web"].containers if one.ends] == ends


def test_units_come_in_the_order_of_the_start_each_once(tmp_path: Path) -> None:
    spec = f"web\ninitContainers: [{container('i')}]\ncontainers: [{container('a')}, {container('b')}]"
    assert list_pods(make(tmp_path, spec))["web"].units == (
        "sandbox@web.service",
        _IMAGE_UNIT,
        "container@web.i.service",
        "container@web.a.service",
        "container@web.b.service",
        "pod@web.service",
    )


def test_whether_a_pod_boots(tmp_path: Path) -> None:
    spec = f"web\ncontainers: [{container('a')}]"
    assert list_pods(make(tmp_path, spec))["web"].boots
    assert not list_pods(make(tmp_path, spec, annotations="podunit/boot: 'false'"))["web"].boots


def test_what_a_container_runs_is_not_taken_for_the_units_own_lines(tmp_path: Path) -> None:
    fields = ', args: ["\\nType=oneshot\\nImage=x\\nRequires=image@x.service\\n"]'
    (found,) = list_pods(make(tmp_path, f"web\ncontainers: [{container('a', fields=fields)}]"))["web"].containers
    assert (found.init, found.image, found.image_units) == (False, _IMAGE, (_IMAGE_UNIT,))


def test_without_its_handle_a_pod_is_not_there(tmp_path: Path) -> None:
    texts = make(tmp_path, f"web\ncontainers: [{container('a')}]")
    del texts["pod@web.service"]
    assert list_pods(texts) == {}


def test_owner_and_namespace_come_back(tmp_path: Path) -> None:
    file = tmp_path / "pods.yaml"
    template = f"{{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{container('c')}]}}}}"
    file.write_text(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: data},"
        f" spec: {{replicas: 2, selector: {{matchLabels: {{a: b}}}}, template: {template}}}}}\n---\n"
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{containers: [{container('c')}]}}}}\n",
        encoding="utf-8",
    )
    workload = load_files([str(file)], Report())
    assert workload is not None
    pods = list_pods({unit.name: render(unit) for unit in generate(workload, Scope.SYSTEM, OLDEST)})
    assert {name: (pod.owner, pod.namespace) for name, pod in pods.items()} == {
        "db-0": ("StatefulSet/db", "data"),
        "db-1": ("StatefulSet/db", "data"),
        "web": ("", "default"),
    }


def test_an_owner_is_read_from_podunits_own_section_only() -> None:
    pod = InstalledPod("web", {"pod@web.service": "[Unit]\nOwner=Deployment/x\n[X-Podunit]\nBoot=yes\n"}, ())
    assert pod.owner == ""


@pytest.mark.parametrize(
    ("before", "after", "rests", "boots"),
    [
        ("WantedBy=a.target", "WantedBy=a.target", False, False),
        ("WantedBy=a.target", "# the same\nWantedBy=a.target", False, False),
        ("WantedBy=a.target", "WantedBy=a.target b.target", False, True),
        ("WantedBy=a.target", "WantedBy=a.target\nAlias=c.service", False, True),
        ("WantedBy=a.target b.target", "WantedBy=b.target", True, True),
        ("WantedBy=a.target", "RequiredBy=a.target", True, True),
    ],
)
@pytest.mark.parametrize("boot", ["yes", "no"])
def test_what_is_enabled_is_linked_anew_if_its_links_differ(
    before: str, after: str, boot: str, *, rests: bool, boots: bool
) -> None:
    unit = "pod@web.service"
    text = f"[Unit]\n[Install]\n{{}}\n[X-Podunit]\nBoot={boot}\n"
    old, new = ({"web": InstalledPod("web", {unit: text.format(links)}, ())} for links in (before, after))
    found = list_reinstalled(old, {"web": new["web"].texts})
    assert found == [unit] * boots
    assert list_boots(old, new, found) == ([unit] * rests, [unit] * boots)
    # An administrator has disabled it.
    assert list_boots(old, new, ()) == ([], [])


def test_what_its_units_remove_is_known(tmp_path: Path) -> None:
    volumes = "volumes: [{name: d, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}]"
    mounts = ", volumeMounts: [{name: d, mountPath: /d}, {name: m, mountPath: /m}]"
    env = ", env: [{name: K, valueFrom: {secretKeyRef: {name: s, key: k}}}]"
    secret = f"s\n{volumes}\ncontainers: [{container('a', fields=mounts + env)}]"
    file = tmp_path / "secret.yaml"
    file.write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n", encoding="utf-8")
    pods = list_pods(make(tmp_path, f"web\ncontainers: [{container('a')}]", secret, more=(str(file),)))
    assert (pods["web"].remains.secrets, pods["web"].remains.volumes, pods["web"].remains.state) == ((), (), ())
    assert pods["web"].remains.containers == ("web.a", "web_sandbox")
    found = pods["s"].remains
    # A volume in memory is a mount.
    assert (found.secrets, found.volumes, found.state) == (("s.a_0",), (), ("podunit/volumes/s",))
    assert list_pods(make(tmp_path, secret, more=(str(file),), scope=Scope.USER))["s"].remains.volumes == ("s_m",)
    assert (pods["web"].remains.runtime, found.runtime) == (("podunit/web",), ("podunit/s", "podunit/s_memory"))
