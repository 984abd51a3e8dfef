"""How pods are named on the command line, and found among those that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.installed import InstalledPod


def _complete(context: typer.Context, incomplete: str) -> list[str]:
    from podunit.installed import list_pods

    settings = context.obj if isinstance(context.obj, Settings) else Settings.default()
    return [name for name in list_pods(settings.read_units()) if name.startswith(incomplete)]


Pods = Annotated[
    list[str],
    typer.Argument(metavar="POD...", help="Names of pods.", show_default=False, autocompletion=_complete),
]
Pod = Annotated[str, typer.Argument(metavar="POD", help="Name of a pod.", show_default=False, autocompletion=_complete)]
Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE|POD...",
        help="YAML files, folders, - for standard input, or names of pods.",
        show_default=False,
        autocompletion=_complete,
    ),
]


def is_file(target: str) -> bool:
    """Whether a word names a file or a folder: a pod's name has no slash and, by custom, none of these endings."""
    return target == "-" or "/" in target or target.endswith((".yaml", ".yml", ".json"))


def find_pods(settings: Settings, names: list[str]) -> tuple[InstalledPod, ...]:
    """The installed pods of these names, each once; PodunitError for one that is not there."""
    from podunit.decode import suggest
    from podunit.errors import PodunitError
    from podunit.installed import list_pods

    pods = list_pods(settings.read_units())
    for name in names:
        if name not in pods:
            hint = suggest(name, pods) or f"pods here: {', '.join(pods) or 'none'}"
            raise PodunitError(f"there is no pod '{name}'", hint)
    return tuple(pods[name] for name in dict.fromkeys(names))
