"""What podunit has left behind that nothing needs: old revisions, files of pods that are gone, images, networks.

Images are podman's, and podunit's own copies of those for the crun engine, which an apply that is cut off may leave.

In: what is installed and kept, and podman's images and networks. Out: `Garbage`, and its removal. An image is podunit's
to remove only if a pod of podunit's has run it, by its name and ID, and no installed pod and no kept revision has its
name in a unit; one that was built on this machine (localhost/) cannot be had again and stays, as does one that a
container uses. A network is, if a unit of podunit's has made it, no installed pod names it, and no container
uses it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from podunit.bundles import list_unneeded_images
from podunit.generations import Generations
from podunit.host import list_images, list_networks, remove_image, remove_network
from podunit.installed import list_pods
from podunit.names import network_unit
from podunit.record import record
from podunit.state import StateFolder


@record
class Garbage:
    """Revisions as 'revision 3 of Pod.web', files and folders, and names of images and networks."""

    revisions: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    images: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


def find_garbage(texts: Mapping[str, str], state: StateFolder, generations: Generations) -> Garbage:
    """What nothing needs; `texts` are those of all installed units.

    PodunitError if podman does not tell of its images or networks, of which some may be podunit's to remove.
    """
    excess = generations.list_excess()
    gone = {(one.number, key) for one in excess for key in one.revisions}
    kept = [
        generations.load(key, revision)
        for one in generations.read()
        for key, revision in one.revisions.items()
        if (one.number, key) not in gone
    ]
    units = [*texts.values(), *(text for one in kept for pod in one.pods.values() for text in pod.texts.values())]
    left = state.list_left(list_pods(texts))
    return Garbage(
        tuple(f"revision {number} of {key}" for number, key in sorted(gone)),
        (*left, *generations.list_unused(), *list_unneeded_images(state.path, left)),
        tuple(sorted(_find_images(generations.read_images(), units))),
        # A start of what an earlier revision was would make it again.
        tuple(name for name in list_networks() if not any(network_unit(name) in text for text in texts.values())),
    )


def remove_garbage(garbage: Garbage, generations: Generations) -> Garbage:
    """Remove it; what of it is gone now."""
    generations.trim()
    for path in garbage.paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    images = tuple(name for name in garbage.images if remove_image(name))
    generations.forget_images(images)
    return replace(garbage, images=images, networks=tuple(name for name in garbage.networks if remove_network(name)))


def _find_images(used: Mapping[str, Iterable[str]], units: Iterable[str]) -> set[str]:
    units = tuple(units)
    return {
        name
        for name, number in (list_images() if used else {}).items()
        if number in used.get(name, ())
        and not name.startswith("localhost/")
        and not any(name in text for text in units)
    }
