"""Fixtures of the tests that need a booted systemd: the lab, one for the whole session.

Where a lab cannot run these tests are skipped with the reason; with PODUNIT_REQUIRE_LAB=1 they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.laboratory import Laboratory, LabUnavailableError
from tests.lab.pods import Pods, wait_for

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
def pods(request: pytest.FixtureRequest, suite: str, lab: Laboratory) -> Iterator[Pods]:
    """A lab without pods, and with an empty /run/test for what they write; nothing is left of those of the test.

    With `pods.over_engines` the test is made with each.
    """
    lab.sh("rm -rf /run/test; mkdir -p /run/test")
    pods = Pods(lab, getattr(request, "param", "podman"))
    if pods.engine == "crun":
        if suite == "bookworm":
            pytest.skip("podman 4 is refused, which tests/test_bundles.py shows")
        # The lab's own is an overlay, on which no other can write.
        lab.sh("mkdir -p /var/lib/podunit; mount -t tmpfs -o mode=755 tmpfs /var/lib/podunit")
    yield pods
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=5)
    if pods.engine == "crun":
        left = "ls /run/crun; find /var/lib/podunit/roots /var/lib/podunit/images -mindepth 1 2> /dev/null || :"
        wait_for(lambda: lab.sh(left).stdout, "", timeout_sec=5)
        lab.sh("umount /var/lib/podunit")
