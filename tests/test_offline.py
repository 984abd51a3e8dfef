"""What `podunit apply --root` promises: a tree gets units, enabled, and all that a later apply on it goes by."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from podunit.cli.main import app
from podunit.errors import PodunitError
from podunit.state import StateFolder

UNITS = "usr/local/lib/systemd/system"
WANTS = "etc/systemd/system/multi-user.target.wants"
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {}, annotations: {{podunit/boot: "{}"}}}}
spec: {{containers: [{{name: a, image: a, env: [{{name: A, value: {}}}]}}]}}
---
"""
PROBED = POD.format("probed", "true", "x").replace("env:", "livenessProbe: {tcpSocket: {port: 1}}, env:")
CRON = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  concurrencyPolicy: Forbid
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}
---
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {word: hidden}
---
apiVersion: v1
kind: Pod
metadata: {name: user}
spec:
  volumes: [{name: key, secret: {secretName: key}}]
  containers: [{name: a, image: a, volumeMounts: [{name: key, mountPath: /key}]}]
"""

needs_systemctl = pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl is missing")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "usr").mkdir(parents=True)
    (root / "etc/podunit").mkdir(parents=True)
    return root


def run(tree: Path, *arguments: str, text: str | None = None) -> Result:
    """Apply a text, or the spec folder, to the tree."""
    file = tree.parent / "pod.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    files = [str(file)] if text is not None else []
    return CliRunner().invoke(app, ["--system", "apply", "--root", str(tree), *files, *arguments])


def snapshot(tree: Path) -> dict[str, bytes]:
    files = (file for file in sorted(tree.rglob("*")) if file.is_file() and file.name != ".podunit-lock")
    return {str(file): file.read_bytes() for file in files}


def list_wants(tree: Path) -> dict[str, str]:
    folder = tree / WANTS
    return {link.name: str(link.readlink()) for link in sorted(folder.iterdir())} if folder.exists() else {}


@needs_systemctl
def test_units_are_installed_and_enabled_below_the_tree(tree: Path) -> None:
    done = run(tree, text=POD.format("web", "true", "x") + POD.format("idle", "false", "x") + CRON)
    assert done.stdout == "pod web: created, starts at boot\npod idle: created\npod nightly: created, starts at boot\n"
    assert list_wants(tree) == {"pod@web.service": "/usr/local/lib/systemd/system/pod@web.service"}
    assert (tree / "etc/systemd/system/timers.target.wants/cronjob@nightly.timer").is_symlink()
    assert (tree / UNITS / "podunit-prober.service").read_text().count("ExecStart=/usr/local/bin/podunit-prober\n") == 1


@needs_systemctl
def test_a_second_apply_changes_what_differs_and_no_more(tree: Path) -> None:
    run(tree, text=POD.format("web", "true", "x") + POD.format("other", "true", "x"))
    before = snapshot(tree)
    assert run(tree, text=POD.format("web", "true", "x")).stdout == "pod web: unchanged\n"
    assert snapshot(tree) == before
    assert run(tree, text=POD.format("web", "false", "y")).stdout == "pod web: changed\n"
    assert list(list_wants(tree)) == ["pod@other.service"]


@needs_systemctl
def test_what_is_enabled_in_the_tree_is_linked_as_it_is_to_be_now(tree: Path) -> None:
    both = POD.format("web", "true", "x") + POD.format("other", "true", "x")
    run(tree, text=both)
    subprocess.run(["systemctl", f"--root={tree}", "--quiet", "disable", "pod@other.service"], check=True)
    run(tree, text=both.replace("podunit/boot:", "podunit/Install.RequiredBy: sockets.target, podunit/boot:"))
    assert [str(link.relative_to(tree)) for link in sorted(tree.rglob("*.requires/*"))] == [
        "etc/systemd/system/sockets.target.requires/pod@web.service"
    ]
    assert list(list_wants(tree)) == ["pod@web.service"]
    run(tree, text=both)
    assert list(tree.rglob("*.requires/*")) == []
    assert list(list_wants(tree)) == ["pod@web.service"]


@needs_systemctl
def test_the_spec_folder_of_the_tree_is_the_default_and_places_are_those_of_the_machine_to_be(tree: Path) -> None:
    (tree / "etc/podunit/web.yaml").write_text(POD.format("web", "true", "x"), encoding="utf-8")
    assert run(tree).stdout == "pod web: created, starts at boot\n"
    assert json.loads((tree / "var/lib/podunit/places.json").read_text()) == {"Pod.web": "/etc/podunit/web.yaml:1:1"}
    # A file that will not be there has no place.
    run(tree, text=POD.format("other", "true", "x"))
    assert "Pod.other" not in json.loads((tree / "var/lib/podunit/places.json").read_text())


@needs_systemctl
def test_secrets_rest_for_root_alone(tree: Path) -> None:
    assert run(tree, text=SECRET).exit_code == 0
    file = tree / "var/lib/podunit/files/user/volumes/key/word"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("hidden", 0o600)
    assert (tree / "var/lib/podunit/objects/Secret.key.json").stat().st_mode & 0o777 == 0o600


@needs_systemctl
def test_replicas_that_are_too_many_go(tree: Path) -> None:
    text = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}
"""
    run(tree, text=text)
    assert list(list_wants(tree)) == ["pod@web-0.service", "pod@web-1.service"]
    done = run(tree, text=text.replace("replicas: 2", "replicas: 1"))
    assert done.stdout == "pod web-0: unchanged\npod web-1: deleted\n"
    assert list(list_wants(tree)) == ["pod@web-0.service"]
    assert not [file for file in (tree / UNITS).iterdir() if "web-1" in file.name or "web\\x2d1" in file.name]


@needs_systemctl
def test_a_dry_run_writes_nothing(tree: Path) -> None:
    done = run(tree, "--dry-run", text=POD.format("web", "true", "x"))
    assert done.stdout == "pod web: created, starts at boot\n"
    assert snapshot(tree) == {}


@needs_systemctl
@pytest.mark.parametrize("place", ["usr/local/bin", "usr/bin"])
def test_probes_need_podunit_in_the_tree(tree: Path, place: str) -> None:
    done = run(tree, text=PROBED)
    assert "there is no podunit-prober in" in str(done.exception)
    assert snapshot(tree) == {}
    (tree / place).mkdir(parents=True)
    (tree / place / "podunit-prober").touch()
    assert run(tree, text=PROBED).exit_code == 0
    assert f"ExecStart=/{place}/podunit-prober\n" in (tree / UNITS / "podunit-prober.service").read_text()


@needs_systemctl
def test_the_versions_of_the_tree_can_be_said(tree: Path) -> None:
    run(tree, "--systemd", "257", "--podman", "5.4.2", text=POD.format("web", "true", "x"))
    assert "\nSystemd=257\nPodman=5.4.2\n" in (tree / UNITS / "pod@web.service").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--atomic"], "--root does not go with --atomic"),
        (["--prune", "--copy"], "--root does not go with --prune, --copy"),
        (["--systemd", "200"], "systemd 200 is too old"),
    ],
)
def test_what_makes_no_sense_in_a_tree_is_refused(tree: Path, arguments: list[str], message: str) -> None:
    done = run(tree, *arguments, text=POD.format("web", "true", "x"))
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert snapshot(tree) == {}


@needs_systemctl
def test_a_foreign_unit_a_crun_pod_and_a_folder_that_is_no_tree_are_refused(tree: Path) -> None:
    crun = POD.format("web", "true", "x").replace("podunit/boot:", "podunit/engine: crun, podunit/boot:")
    assert "pod web: podunit/engine: crun: podman, which says how" in str(run(tree, text=crun).exception)
    (tree / UNITS / "pod@web.service").write_text("[Unit]\n", encoding="utf-8")
    before = snapshot(tree)
    assert "podunit did not write it" in str(run(tree, text=POD.format("web", "true", "x")).exception)
    assert snapshot(tree) == before
    shutil.rmtree(tree / "usr")
    assert "is no tree of a system" in str(run(tree, text=POD.format("web", "true", "x")).exception)


@needs_systemctl
def test_the_unit_directory_is_one_of_the_tree(tree: Path) -> None:
    file = tree.parent / "pod.yaml"
    file.write_text(POD.format("web", "false", "x"), encoding="utf-8")
    directory = tree.parent / "units"
    words = ["--system", "--unit-dir", str(directory), "apply", "--root", str(tree), str(file)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (tree / directory.relative_to("/") / "pod@web.service").is_file()
    assert not directory.exists()


@needs_systemctl
def test_what_a_pod_needs_has_to_be_in_the_tree(tree: Path) -> None:
    own = POD.format("web", "true", "x").replace("spec: {", "spec: {hostUsers: false, ")
    versions = ("--systemd", "257", "--podman", "5.4.2")
    assert "has none in" in str(run(tree, *versions, text=own).exception)
    assert "needs podman 5" in str(run(tree, text=own).exception)
    for name in ("subuid", "subgid"):
        (tree / "etc" / name).write_text("containers:2147483647:2147483648\n", encoding="utf-8")
    assert run(tree, *versions, text=own).exit_code == 0


@needs_systemctl
def test_pods_in_two_places_do_not_share_what_is_kept(tree: Path) -> None:
    def apply(place: str, name: str) -> Result:
        file = tree.parent / "pod.yaml"
        file.write_text(POD.format(name, "true", "x"), encoding="utf-8")
        places = ["--unit-dir", place] if place else []
        return CliRunner().invoke(app, ["--system", *places, "apply", "--root", str(tree), str(file)])

    assert apply("/etc/systemd/system", "web").exit_code == 0
    assert (tree / "etc/systemd/system/pod@web.service").exists()
    before = snapshot(tree)
    for place in ("", "/usr/lib/systemd/system"):
        done = apply(place, "other")
        assert isinstance(done.exception, PodunitError)
        assert f"belongs to the pods in {tree}/etc/systemd/system: web" in done.exception.message
        assert "--unit-dir /etc/systemd/system," in done.exception.hint
    assert snapshot(tree) == before
    assert apply("/etc/systemd/system", "other").exit_code == 0
    # Nothing is there any more.
    for file in (tree / "etc/systemd/system").glob("*.service"):
        file.unlink()
    assert apply("", "web").exit_code == 0
    done = apply("/etc/systemd/system", "web")
    assert isinstance(done.exception, PodunitError)
    assert f"belongs to the pods in {tree}/{UNITS}: web" in done.exception.message


@needs_systemctl
@pytest.mark.parametrize("dies_in", ["commit_files", "commit_objects", "discard_files"])
def test_the_next_apply_completes_what_one_that_died_has_left(
    dies_in: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(BaseException):
        pass

    def die(*_: object) -> None:
        raise Death

    # What an earlier one has staged is discarded before the change.
    with monkeypatch.context() as patch:
        patch.setattr(StateFolder, dies_in, die)
        with pytest.raises(Death):
            run(tree, text=SECRET)
    is_changed = dies_in != "discard_files"
    assert (tree / UNITS / "pod@user.service").exists() == is_changed
    assert list_wants(tree) == {}
    # Of another pod: it completes the first.
    done = run(tree, text=POD.format("web", "true", "x"))
    assert done.exit_code == 0, done.output
    assert set(list_wants(tree)) == {"pod@web.service", *(["pod@user.service"] if is_changed else [])}
    kept = {file.name for file in (tree / "var/lib/podunit/objects").iterdir()}
    assert kept == {"Pod.web.json", *(["Pod.user.json", "Secret.key.json"] if is_changed else [])}
    assert not (tree / UNITS / ".podunit-unfinished").exists()
