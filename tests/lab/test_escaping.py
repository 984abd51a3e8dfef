"""What is written in YAML arrives in the container byte for byte, through a running systemd and podman."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, Pods, wait_for

PAIR = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")

# All that a process can be given: no NUL, no half of a surrogate pair.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
AWKWARD = ["%", "%n%%", "$HOME", "${A}", "$$", "'", '"', "\\", "\\x41", "a\\", "\n", "a\nb", "\t", ";", " ; ", "", "-x"]
AWKWARD += ["--", "#a", "a b", " a ", "ü€😀", "\x01\x1b\x7f", "*", "~", "`id`", "!", "{}", "[a", "null", "%%%", "a=b"]
AWKWARD += ["a\r\nb\r\n"]


@pytest.fixture(scope="module")
def pods(lab: Laboratory) -> Iterator[Pods]:
    pods = Pods(lab)
    yield pods
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=5)


def to_yaml(document: object) -> str:
    """JSON is YAML, but for characters that it writes as two halves."""

    def join(found: re.Match[str]) -> str:
        character = json.loads('"' + found[0] + '"')
        return f"\\U{ord(character):08x}"

    return PAIR.sub(join, json.dumps(document))


def receive(pods: Pods, words: list[str], env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment of the first process of a container."""
    # A dollar sign that is not a reference is doubled, as on Kubernetes.
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "esc", "annotations": {"podunit/boot": "false"}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "a",
                    "image": IMAGE,
                    "command": ["sh", "-c", "sleep 1000; :", *(word.replace("$", "$$") for word in words)],
                    "env": [{"name": name, "value": value.replace("$", "$$")} for name, value in env.items()],
                }
            ],
        },
    }
    done = pods.apply(to_yaml(document))
    assert done.returncode == 0
    pid = pods.payload_pid("esc.a")
    # Hexadecimal, since any byte may come.
    raw = pods.lab.sh(f"od -An -v -tx1 /proc/{pid}/cmdline; echo .; od -An -v -tx1 /proc/{pid}/environ").stdout
    arguments, environment = (bytes.fromhex(part.replace("\n", " ")) for part in raw.split("."))
    received = [word.decode() for word in arguments.split(b"\0")[:-1]]
    pairs = [pair.decode().partition("=") for pair in environment.split(b"\0") if pair]
    return received[3:], {name: value for name, _, value in pairs if name in env}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@example(words=AWKWARD, values=AWKWARD)
@example(words=["x" * 100_000], values=["y" * 100_000])
@given(words=st.lists(TEXTS, max_size=8), values=st.lists(TEXTS, max_size=8))
def test_arguments_and_environment(pods: Pods, words: list[str], values: list[str]) -> None:
    env = {f"V{index}": value for index, value in enumerate(values)}
    assert receive(pods, words, env) == (words, env)


@pytest.mark.parametrize("name", ["plain", "a b", "a,b", 'a"b', "a%b", "a$b", "a'b", "a\\b", "ü€", "a:b", "-x", "#a"])
def test_paths(pods: Pods, name: str) -> None:
    pods.lab.run("mkdir", "-p", f"/srv/esc/{name}/{name}")
    pods.lab.write(f"/srv/esc/{name}/{name}/file", "found\n")
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "esc", "annotations": {"podunit/boot": "false"}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "volumes": [
                {"name": "h", "hostPath": {"path": f"/srv/esc/{name}", "type": "Directory"}},
                {"name": "e", "emptyDir": {}},
            ],
            "containers": [
                {
                    "name": "a",
                    "image": IMAGE,
                    "workingDir": f"/w/{name}",
                    "command": ["sleep", "1000"],
                    "volumeMounts": [
                        {"name": "h", "mountPath": f"/w/{name}", "subPath": name},
                        {"name": "e", "mountPath": f"/e/{name}", "subPath": name},
                    ],
                }
            ],
        },
    }
    pods.apply(to_yaml(document))
    assert pods.lab.run("podunit", "exec", "esc", "--", "cat", "file").stdout == "found\n"
    assert pods.lab.run("podunit", "exec", "esc", "--", "ls", f"/e/{name}").stdout == ""
