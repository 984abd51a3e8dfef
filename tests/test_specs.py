"""What `podunit.specs` promises: copies as a whole or not at all, and no file replaced."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from podunit.errors import PodunitError
from podunit.specs import find_file, plan_copies, write_copies


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text("web", encoding="utf-8")
    (tmp_path / "web.yaml").chmod(0o640)
    (tmp_path / "db.yaml").write_text("db", encoding="utf-8")
    return tmp_path / "etc/podunit"


def test_copies_are_made_with_their_folder(folder: Path, tmp_path: Path) -> None:
    files = [str(tmp_path / "web.yaml"), str(tmp_path / "db.yaml")]
    copies = plan_copies(files, folder)
    assert not folder.exists()
    write_copies(copies)
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == {
        "web.yaml": "web",
        "db.yaml": "db",
    }
    assert stat.S_IMODE((folder / "web.yaml").stat().st_mode) == 0o640
    assert plan_copies(files, folder) == {}


def test_another_file_is_never_replaced(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    copies = plan_copies([str(file)], folder)
    folder.mkdir(parents=True)
    (folder / "web.yaml").write_text("other", encoding="utf-8")
    with pytest.raises(PodunitError, match="is there already, and is not the same"):
        plan_copies([str(file)], folder)
    with pytest.raises(PodunitError, match="file exists"):
        write_copies(copies)
    assert (folder / "web.yaml").read_text(encoding="utf-8") == "other"


def test_what_has_no_name_there_cannot_be_copied(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PodunitError, match="it is no regular file"):
        plan_copies(["-"], folder)
    (tmp_path / "more").mkdir()
    (tmp_path / "more/web.yaml").write_text("web", encoding="utf-8")
    with pytest.raises(PodunitError, match="two files are to be"):
        plan_copies([str(tmp_path / "web.yaml"), str(tmp_path / "more/web.yaml")], folder)


def test_a_place_names_its_file() -> None:
    assert find_file("/srv/a:b.yaml:1:2") == Path("/srv/a:b.yaml")
    assert find_file("") is None
