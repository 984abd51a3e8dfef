"""The version, printed: alone in its module, as to answer needs nothing else."""

from __future__ import annotations

from podunit import __version__


def print_version() -> None:
    """Print the version."""
    print(f"podunit {__version__}")
