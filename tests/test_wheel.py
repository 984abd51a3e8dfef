"""The wheel is complete: it holds the templates and the static units, and works installed, away from the checkout."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from podunit import __version__
from podunit.files import find_folder

_CHECKOUT = Path(__file__).parent.parent


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # Without the backend at hand, pip fetches it.
    options = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    run(*pip, "--no-deps", *options, "--wheel-dir", str(folder), str(_CHECKOUT), cwd=folder)
    (file,) = folder.glob("*.whl")
    return file


def test_the_wheel_holds_what_the_package_needs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {f"podunit/{kind}/{file.name}" for kind in ("templates", "units") for file in find_folder(kind).iterdir()}
    modules = {str(file.relative_to(_CHECKOUT)) for file in (_CHECKOUT / "podunit").rglob("*.py")}
    metadata = {name for name in names if name.startswith(f"podunit-{__version__}.dist-info/")}
    assert len(shipped) > 8
    assert names - metadata == shipped | modules | {"podunit/py.typed"}
    assert {"METADATA", "entry_points.txt"} <= {Path(name).name for name in metadata}


def test_an_installed_wheel_does_what_the_checkout_does(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", "--target", str(target), str(wheel), cwd=tmp_path)
    # Without -I the checkout's editable install would still come second; without `site` it is not there at all.
    path = os.pathsep.join([str(target), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    script = "import podunit; from podunit.cli.entry import run; print(podunit.__file__); run()"
    example = str(_CHECKOUT / "examples/web.yaml")
    output = run(*(sys.executable, "-S", "-c", script, "--system", "compile", example), cwd=tmp_path, PYTHONPATH=path)
    file, _, units = output.partition("\n")
    assert Path(file) == target / "podunit/__init__.py"
    script = "from podunit.cli.entry import run; run()"
    assert units == run(sys.executable, "-c", script, "--system", "compile", example, cwd=tmp_path)
    assert "# file pod@web.service\n" in units
