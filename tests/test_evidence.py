"""No field is called honoured that nobody has tried: each is in a golden case and in a test of the lab.

A field counts as tried where a lab test writes its key in a manifest: what that test then looks at is for its reader to
judge. `_ELSEWHERE` names the tests of those that need more than a lab has, or that the prober alone is about, and
`_NOTHING` those of which there is nothing to see.
"""

from __future__ import annotations

import re
from pathlib import Path

from podunit.kubernetes.fields import Verdict
from podunit.kubernetes.lookup import UnknownFieldError, find, list_objects
from tests.manifests import list_keys, list_manifests
from tests.test_corpus import find_kind, parse

_TESTS = Path(__file__).parent
_HONOURED = [
    f"{found.name}.{field.name}"
    for found in list_objects().values()
    for field in found.fields
    if field.verdict is Verdict.HONOURED
]
# The names of these keys are the user's.
_ANY_KEY = {"ResourceList.vendor/class"}
_CHECKS, _CONTAINER = "test_prober_checks.py", "test_prober_container.py"
# Field → the file and the test that tries it, against real servers and without a pod, or in a virtual machine.
_ELSEWHERE = {
    # Of such pages a machine of tests has none to spare; they are limited by the same words.
    "ResourceList.hugepages-1Gi": ("vm/test_limits.py", "test_a_container_has_as_many_huge_pages_as_its_limit"),
    "ResourceList.hugepages-2Mi": ("vm/test_limits.py", "test_a_container_has_as_many_huge_pages_as_its_limit"),
    "Probe.grpc": (_CHECKS, "test_grpc_success_is_serving"),
    "Probe.initialDelaySeconds": (_CONTAINER, "test_a_startup_probe_comes_first_and_ends_when_it_succeeds"),
    "Probe.successThreshold": (_CONTAINER, "test_readiness_is_lost_and_found_and_its_gate_with_it"),
    "GRPCAction.port": (_CHECKS, "test_grpc_asks_for_a_service_in_the_health_protocol"),
    "GRPCAction.service": (_CHECKS, "test_grpc_asks_for_a_service_in_the_health_protocol"),
    "HTTPGetAction.host": (_CHECKS, "test_http_request_is_that_of_a_kubelet"),
    "HTTPGetAction.httpHeaders": (_CHECKS, "test_http_request_is_that_of_a_kubelet"),
    "HTTPGetAction.scheme": (_CHECKS, "test_https_is_not_verified"),
    "TCPSocketAction.host": (_CHECKS, "test_tcp_success_is_a_connection"),
    "RollingUpdateDeployment.maxUnavailable": (
        "test_rollout.py",
        "test_so_many_are_replaced_at_once_as_may_be_unavailable",
    ),
    "RollingUpdateStatefulSetStrategy.maxUnavailable": (
        "test_rollout.py",
        "test_so_many_are_replaced_at_once_as_may_be_unavailable",
    ),
    "RollingUpdateDaemonSet.maxUnavailable": (
        "test_rollout.py",
        "test_so_many_are_replaced_at_once_as_may_be_unavailable",
    ),
}
_NOTHING = {
    "PodSecurityContext.seLinuxChangePolicy": "no lab has SELinux",
    "SELinuxOptions.role": "no lab has SELinux",
}


def test_the_exceptions_are_about_fields_and_tests_that_there_are() -> None:
    assert {*_ELSEWHERE, *_NOTHING, *_ANY_KEY} <= set(_HONOURED)
    for file, test in _ELSEWHERE.values():
        assert f"\ndef {test}(" in (_TESTS / file).read_text(encoding="utf-8"), f"{file}: {test}"


def list_golden_fields() -> set[str]:
    """The fields that are written in cases which compile."""
    written = set()
    for manifest in list_manifests(_TESTS / "golden"):
        if "/error-" in manifest.name:
            continue
        for document in parse(manifest):
            for path, _ in list_keys(document):
                found = find(find_kind(document).lower())
                try:
                    for word in path[:-1]:
                        found = found.go(word)
                except UnknownFieldError:
                    continue
                if found.object:
                    written.add(f"{found.object.name}.{path[-1]}")
    return written


def read_lab_tests() -> str:
    return "\n".join(
        file.read_text(encoding="utf-8") for folder in ("lab", "vm") for file in sorted((_TESTS / folder).glob("*.py"))
    )


def test_an_honoured_field_is_in_a_golden_case() -> None:
    written = list_golden_fields() | _ANY_KEY
    assert [field for field in _HONOURED if field not in written] == []


def test_an_honoured_field_is_tried_in_the_lab() -> None:
    """Its key is written in a manifest of a test there, or in what makes one."""
    written = set(re.findall(r"\b(\w+)[\"':=]", read_lab_tests()))
    named = {*_ELSEWHERE, *_NOTHING, *_ANY_KEY}
    assert [field for field in _HONOURED if field not in named and field.partition(".")[2] not in written] == []
