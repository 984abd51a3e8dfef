"""What becomes of the fields that no dataclass of `schema` reads, for `decode`.

In: the name of an API object. Out: its fields that are refused, or have no effect. The table is read when somebody
writes such a field, and not before: it takes 5 ms, and most inputs have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property


def refused_fields(name: str) -> Mapping[str, str]:
    """The fields of an object that are refused, and what to do instead."""
    return _Texts(name, "refused")


def ignored_fields(name: str) -> Mapping[str, str]:
    """The fields of an object that have no effect, and why."""
    return _Texts(name, "ignored")


class _Texts(Mapping[str, str]):
    def __init__(self, name: str, verdict: str) -> None:
        self._name = name
        self._verdict = verdict

    @cached_property
    def _texts(self) -> dict[str, str]:
        from podunit.kubernetes.lookup import list_objects

        fields = list_objects()[self._name].fields
        return {field.name: field.text for field in fields if field.verdict == self._verdict}

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)
