"""What `podunit.drift` and `podunit.written` promise: what others have done to units is found, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from podunit.drift import find_drift, read_others
from podunit.installed import InstalledPod, list_pods
from podunit.written import digest, dump_written, parse_written

_TEXTS = {
    "pod@web.service": "[Unit]\n\n[X-Podunit]\nBoot=yes\n",
    r"pod-web.slice": "[Slice]\n",
    "container@web.a.service": "[Service]\nType=notify\nRestart=always\n",
}
_WRITTEN = {name: digest(text) for name, text in _TEXTS.items()}


def look(folder: Path, pod: InstalledPod, wanted: dict[str, str] | None = None, state: str = "active") -> list[str]:
    path = (folder / "control", folder / "etc", folder / "own", folder / "lib")
    found = find_drift(pod, wanted or _TEXTS, _WRITTEN, read_others(folder / "own", path), state)
    return [str(drift).replace(f"{folder}/", "") for drift in found]


def install(**changes: str | None) -> InstalledPod:
    """Pod web with the text of a unit changed, by the word before its `@`."""
    texts = {name: changes.get(name.partition("@")[0], text) for name, text in _TEXTS.items()}
    return list_pods({name: text for name, text in texts.items() if text is not None})["web"]


def test_what_is_as_it_was_written_has_not_drifted(tmp_path: Path) -> None:
    assert look(tmp_path, install()) == []
    changed = {**_TEXTS, "container@web.a.service": "[Service]\nNice=1\n", "container@web.b.service": "[Service]\n"}
    assert look(tmp_path, install(), changed) == []


def test_what_was_edited_or_deleted_by_hand_is_named(tmp_path: Path) -> None:
    edited = install(container="[Service]\nNice=1\n")
    said = "container@web.a.service was edited by hand; an apply puts it back"
    assert look(tmp_path, edited) == [said]
    # It is what is wanted now.
    assert look(tmp_path, edited, dict(edited.texts)) == []
    said = "container@web.a.service was deleted by hand; an apply puts it back"
    assert look(tmp_path, install(container=None)) == [said]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("etc/pod@web.service.d/a.conf", "pod@web.service has a drop-in: etc/pod@web.service.d/a.conf"),
        ("control/pod-web.slice.d/a.conf", "pod-web.slice has a drop-in: control/pod-web.slice.d/a.conf"),
        ("lib/container@.service.d/a.conf", "container@web.a.service has a drop-in: lib/container@.service.d/a.conf"),
        ("etc/pod@web.service", "pod@web.service is overridden by etc/pod@web.service"),
    ],
)
def test_the_administrators_files_are_named(path: str, said: str, tmp_path: Path) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("[Unit]\n", encoding="utf-8")
    assert look(tmp_path, install()) == [said]


def test_other_files_are_nobodys_concern(tmp_path: Path) -> None:
    for path in ("etc/pod@web.service.d/README", "etc/pod@other.service.d/a.conf", "lib/pod@web.service"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("", encoding="utf-8")
    (tmp_path / "etc/multi-user.target.wants").mkdir()
    (tmp_path / "etc/multi-user.target.wants/pod@web.service").symlink_to("/nowhere")
    assert look(tmp_path, install()) == []


def test_a_mask_is_named(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/pod@web.service").symlink_to("/dev/null")
    assert look(tmp_path, install()) == ["pod@web.service is masked by etc/pod@web.service"]


def test_a_stop_by_hand_is_named(tmp_path: Path) -> None:
    said = "pod@web.service was stopped by hand; it stays so until 'podunit up' or 'start'"
    assert look(tmp_path, install(), state="inactive") == [said]
    ends = "[Service]\nType=notify\nRestart=on-failure\n"
    for changes in ({"pod": "[Unit]\n\n[X-Podunit]\nBoot=no\n"}, {"container": ends}):
        pod = install(**changes)
        assert look(tmp_path, pod, dict(pod.texts), "inactive") == []


def test_a_record_reads_back_as_it_was() -> None:
    digests = {**_WRITTEN, r"pod-my\x2dweb.slice": "0" * 64}
    assert parse_written(dump_written(digests)) == digests
    assert parse_written("") == parse_written("nonsense\n") == {}
