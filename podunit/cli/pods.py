"""How pods are named on the command line, and found among those that are installed.

A word is a pod's name, `pod/web`, or an owner: `deployment/web` is all its pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.installed import InstalledPod

# Kind → the words for it, as kubectl takes them: the first is the one that is shown.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "Pod": ("pod", "po", "pods"),
    "Deployment": ("deployment", "deploy", "deployments"),
    "StatefulSet": ("statefulset", "sts", "statefulsets"),
    "DaemonSet": ("daemonset", "ds", "daemonsets"),
    "ReplicaSet": ("replicaset", "rs", "replicasets"),
    "Job": ("job", "jobs"),
    "CronJob": ("cronjob", "cj", "cronjobs"),
    "ReplicationController": ("replicationcontroller", "rc", "replicationcontrollers"),
}
_WORDS = {word: kind for kind, words in _KINDS.items() for word in words}


def _complete(context: typer.Context, incomplete: str) -> list[str]:
    from podunit.installed import list_pods

    settings = context.obj if isinstance(context.obj, Settings) else Settings.default()
    pods = list_pods(settings.read_all_units())
    word, slash, _ = incomplete.partition("/")
    if slash and _WORDS.get(word) == "Pod":
        names = [f"{word}/{name}" for name in pods]
    else:
        owners = [owner.partition("/") for owner in dict.fromkeys(pod.owner for pod in pods.values()) if owner]
        shown = [
            (kind, word if _WORDS.get(word) == kind and slash else _KINDS[kind][0], name) for kind, _, name in owners
        ]
        names = [*pods, *(f"{word}/{name}" for _, word, name in shown)]
    return [name for name in names if name.startswith(incomplete)]


Pods = Annotated[
    list[str],
    typer.Argument(
        metavar="POD...",
        help="Names of pods, or of their owners: deployment/web.",
        show_default=False,
        autocompletion=_complete,
    ),
]
Pod = Annotated[
    str,
    typer.Argument(
        metavar="POD",
        help="Name of a pod, or of its owner: deployment/web.",
        show_default=False,
        autocompletion=_complete,
    ),
]
Owners = Annotated[
    list[str],
    typer.Argument(
        metavar="OWNER...",
        help="Owners of pods: deployment/web.",
        show_default=False,
        autocompletion=_complete,
    ),
]
PodsOrAll = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[POD...]",
        help="Names of pods, or of their owners: deployment/web.",
        show_default=False,
        autocompletion=_complete,
    ),
]
Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE|POD...",
        help="YAML files, folders, - for standard input, or names of pods, or of their owners: deployment/web.",
        show_default=False,
        autocompletion=_complete,
    ),
]


def parse_word(text: str) -> tuple[str, str] | None:
    """`deploy/web` as ('Deployment', 'web'), `web` as ('Pod', 'web'), None for a file or a folder.

    A pod's name has no slash and, by custom, no ending of a file.
    """
    if text == "-" or text.endswith((".yaml", ".yml", ".json")):
        return None
    word, slash, name = text.rpartition("/")
    if not slash:
        return "Pod", text
    kind = _WORDS.get(word.lower())
    return (kind, name) if kind and name else None


def is_file(target: str) -> bool:
    """Whether a word names a file or a folder."""
    return parse_word(target) is None


def is_owner(target: str) -> bool:
    """Whether a word names an owner of pods."""
    parsed = parse_word(target)
    return parsed is not None and parsed[0] != "Pod"


def name_owner(kind: str, name: str) -> str:
    """The word for an owner."""
    return f"{_KINDS[kind][0]}/{name}"


def find_owner_word(pod: InstalledPod) -> str:
    """The word for the owner of a pod, or for the pod itself if that is nobody's."""
    kind, _, name = pod.owner.partition("/")
    return name_owner(kind, name) if pod.owner else pod.name


def find_pods(settings: Settings, names: list[str], *, generated: bool = False) -> tuple[InstalledPod, ...]:
    """The installed pods that these words name, each once; PodunitError for one that is not there.

    Those of podunit-generator, which no command changes, are among them if they are `generated`.
    """
    from podunit.errors import PodunitError
    from podunit.installed import list_pods

    pods = list_pods(settings.read_all_units() if generated else settings.read_units())
    found: dict[str, InstalledPod] = {}
    for text in names:
        own = select_pods(pods, [text])
        if not own:
            kind, name = parse_word(text) or ("Pod", text)
            if not generated and select_pods(list_pods(settings.read_generated_units()), [text]):
                hint = "change its file there, reload systemd and restart it; or apply that file"
                raise PodunitError(
                    f"podunit-generator makes {text} from {settings.spec_folder}: it is not applied", hint
                )
            raise _refuse(kind, name, pods)
        found.update(own)
    return tuple(found.values())


def select_pods(pods: Mapping[str, InstalledPod], names: Iterable[str]) -> dict[str, InstalledPod]:
    """Of these pods those that any of these words names."""
    found: dict[str, InstalledPod] = {}
    for text in names:
        kind, name = parse_word(text) or ("Pod", text)
        if kind != "Pod":
            found.update({pod.name: pod for pod in pods.values() if pod.owner == f"{kind}/{name}"})
        elif name in pods:
            found[name] = pods[name]
    return found


def _refuse(kind: str, name: str, pods: Mapping[str, InstalledPod]) -> Exception:
    from podunit.decode import suggest
    from podunit.errors import PodunitError

    owners = dict.fromkeys(pod.owner for pod in pods.values() if pod.owner)
    known = (
        list(pods) if kind == "Pod" else [owner.partition("/")[2] for owner in owners if owner.startswith(f"{kind}/")]
    )
    word = _KINDS[kind][0]
    hint = suggest(name, known) or f"{word}s here: {', '.join(known) or 'none'}"
    same = [name_owner(owner.partition("/")[0], name) for owner in owners if owner.partition("/")[2] == name]
    if same:
        hint = f"there is {same[0]}"
    return PodunitError(f"there is no {word} '{name}'", hint)
