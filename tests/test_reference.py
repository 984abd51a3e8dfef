"""The page docs/fields.md says what the table of fields says."""

from __future__ import annotations

import re
from pathlib import Path

from podunit.kubernetes.lookup import list_objects
from tests.field_reference import write_reference

_PAGE = Path(__file__).parent.parent / "docs/fields.md"


def test_the_page_is_up_to_date(update_golden: bool) -> None:
    if update_golden:
        _PAGE.write_text(write_reference(), encoding="utf-8")
    assert _PAGE.read_text(encoding="utf-8") == write_reference(), "pytest tests/test_reference.py --update-golden"


def test_a_link_leads_to_a_heading() -> None:
    text = write_reference()
    headings = [heading.lower().replace(" ", "-") for heading in re.findall(r"^##+ (.+)$", text, flags=re.M)]
    assert len(headings) == len(set(headings))
    assert {name.lower() for name in list_objects()} < set(headings)
    assert set(re.findall(r"\(#([\w-]+)\)", text)) <= set(headings)


def test_every_field_is_a_row_of_five_cells() -> None:
    rows = [line for line in write_reference().splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(found.fields) for found in list_objects().values())
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {7}
