"""Fixtures of the tests that need a booted systemd: the lab, one for the whole session.

Where a lab cannot run these tests are skipped with the reason; with PODUNIT_REQUIRE_LAB=1 they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.laboratory import Laboratory, LabUnavailableError
from tests.lab.pods import Pods, default_engine, wait_for

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _FOLDER in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def suite() -> str:
    """The Debian suite of the lab."""
    return os.environ.get("PODUNIT_LAB_SUITE", "trixie")


@pytest.fixture(scope="session")
def lab(suite: str) -> Iterator[Laboratory]:
    """A booted lab; tests leave nothing of theirs in it."""
    laboratory = Laboratory(suite)
    try:
        laboratory.__enter__()
    except LabUnavailableError as error:
        if os.environ.get("PODUNIT_REQUIRE_LAB") == "1":
            pytest.fail(f"PODUNIT_REQUIRE_LAB is set, but {error}")
        pytest.skip(str(error))
    try:
        yield laboratory
    finally:
        laboratory.end()


@pytest.fixture
def engine(request: pytest.FixtureRequest, suite: str, lab: Laboratory) -> Iterator[str]:
    """The engine of a test's pods: PODUNIT_LAB_ENGINE's, or podman's, and with `over_engines` each of the two."""
    engine = str(getattr(request, "param", os.environ.get("PODUNIT_LAB_ENGINE", "podman")))
    if engine == "crun" and suite == "bookworm":
        pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
    with default_engine(lab, engine):
        yield engine


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    """A lab without pods, and with an empty /run/test for what they write; nothing is left of those of the test."""
    lab.sh("rm -rf /run/test; mkdir -p /run/test")
    pods = Pods(lab, engine)
    yield pods
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=5)
