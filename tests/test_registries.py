"""Credentials of registries: what podman is given of a Secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podunit.generate import generate_files
from podunit.load import load_files
from podunit.report import Report


def read(tmp_path: Path, *secrets: tuple[str, str]) -> list[dict[str, object]]:
    """The files of credentials of a pod with these Secrets, each a key and its value."""
    text = ""
    for index, (key, value) in enumerate(secrets):
        data = json.dumps({key: value})
        text += f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s{index}}}\nstringData: {data}\n---\n"
    names = ", ".join(f"{{name: s{index}}}" for index in range(len(secrets)))
    text += "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n"
    text += f"  imagePullSecrets: [{names}]\n  containers: [{{name: a, image: 'quay.io/a/b:1'}}]\n"
    file = tmp_path / "pod.yaml"
    file.write_text(text, encoding="utf-8")
    workload = load_files([str(file)], Report())
    assert workload
    files = generate_files(workload.pods[0])
    assert sorted(files) == [f"registries/{index:02}.json" for index in range(len(secrets))]
    return [json.loads(files[name])["auths"] for name in sorted(files)]


def test_each_secret_is_a_file_of_its_own_in_their_order(tmp_path: Path) -> None:
    first, second = ({"auths": {"quay.io": {"auth": auth}}} for auth in ("YTpi", "Yzpk"))
    both = read(tmp_path, (".dockerconfigjson", json.dumps(first)), (".dockerconfigjson", json.dumps(second)))
    assert both == [first["auths"], second["auths"]]


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ({"username": "bot", "password": "a:b", "email": "x"}, {"auth": "Ym90OmE6Yg=="}),
        ({"username": "bot", "password": "b", "auth": "YTpi"}, {"auth": "YTpi"}),
        ({"auth": "YTpi", "identitytoken": "t"}, {"auth": "YTpi", "identitytoken": "t"}),
    ],
)
def test_user_and_password_become_what_podman_reads(
    entry: dict[str, str], kept: dict[str, str], tmp_path: Path
) -> None:
    assert read(tmp_path, (".dockercfg", json.dumps({"quay.io": entry}))) == [{"quay.io": kept}]
