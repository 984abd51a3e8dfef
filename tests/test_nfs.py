"""Volumes of NFS servers: whose their mount units are, and where there cannot be any."""

from __future__ import annotations

from pathlib import Path

import pytest

from podunit.engines.nfs import mount_what
from podunit.errors import PodunitError
from podunit.host import require_nfs
from podunit.load import load_files
from podunit.model import NetworkDirectory
from podunit.names import mount_unit, parse_pod
from podunit.report import Position, Report
from podunit.scope import Scope


@pytest.mark.parametrize("pod", ["web", "my-web", "a.b-c", "my-web-nfs"])
def test_a_mount_unit_says_whose_it_is(pod: str) -> None:
    assert parse_pod(mount_unit(f"/run/podunit-nfs/{pod}/my-data-01234567")) == pod


def test_mount_units_of_others_are_no_pods() -> None:
    assert parse_pod("srv-data.mount") is None
    assert parse_pod("run-podunit\\x2dnfs-.mount") is None


def test_an_address_of_ipv6_is_in_brackets() -> None:
    volume = NetworkDirectory("a", "fd00::2", "/b", (), False, Position("f", 1, 1))
    assert mount_what(volume) == "[fd00::2]:/b"


def test_only_root_may_mount() -> None:
    require_nfs((), Scope.USER)
    with pytest.raises(PodunitError, match="pod web: only root may mount from an NFS server"):
        require_nfs(("web",), Scope.USER)


def test_a_name_that_systemd_does_not_take(tmp_path: Path) -> None:
    file = tmp_path / "pod.yaml"
    name, volume = "a" * 173, "v-" * 15 + "v"
    file.write_text(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n"
        f"  volumes: [{{name: {volume}, nfs: {{server: a, path: /b}}}}]\n"
        "  containers: [{name: a, image: 'localhost/app:1'}]\n",
        encoding="utf-8",
    )
    report = Report()
    assert load_files([str(file)], report) is None
    assert ["its mount unit would have a name of" in problem.message for problem in report.problems] == [True]
