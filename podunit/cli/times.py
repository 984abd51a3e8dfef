"""Times and durations as people write them on the command line."""

from __future__ import annotations

import re

import typer

_UNITS_SEC = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}
_PAST = re.compile(r"\d+(?:\.\d+)?(?:ms|s|sec|m|min|h|hr|d|w)?(?:\s*\d+(?:s|m|min|h|d|w))*")


def parse_duration(text: str, option: str) -> float:
    """Seconds: `30`, `30s`, `1m30s`, `500ms`."""
    pieces = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s|)", text)
    if not pieces or "".join(map("".join, pieces)) != text:
        raise typer.BadParameter(f"'{text}' is no duration: write 30s, or 1m30s", param_hint=option)
    return sum(float(number) * _UNITS_SEC[unit] for number, unit in pieces)


def parse_since(text: str) -> str:
    """A time as journalctl takes it: `10m` is ten minutes ago, all else is for systemd.time(7)."""
    return f"-{text}" if _PAST.fullmatch(text) else text
