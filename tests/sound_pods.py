"""What tests of a single part need of whole pods: one that is sound, and names that are odd but allowed."""

from __future__ import annotations

from podunit.kubernetes.objects import Objects
from podunit.kubernetes.translate import read_pod
from podunit.model import Pod
from podunit.report import Report
from podunit.source import Mapping, parse_documents

# Names of files: what means something to a shell, to systemd or to YAML means nothing in them.
ODD_NAMES = (
    "a b",
    "-n",
    "$HOME ${HOME} $$",
    "`x` $(x)",
    "50% %n %%",
    'it\'s "q"',
    "a;b&c|d>e",
    "*?[a]",
    "\\ \\n \\x41",
    "ü€🐋",
    "#a",
    "!",
)


def read_sound_pod(text: str) -> Pod:
    """The pod of a document, in YAML or JSON, that has no problem."""
    report = Report()
    (document,) = parse_documents(text.encode(), "pod.yaml", report)
    assert isinstance(document, Mapping)
    pod = read_pod(document, Objects(), report)
    assert report.problems == ()
    assert pod is not None
    return pod
