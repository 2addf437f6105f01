"""What is generated from the code is as the code says: `make docs` would change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.docs import discover, pages

WITH_DATABASE = {"schema.md"}  # compared in tests/db/test_catalogue.py


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return pages.all_pages()


def test_make_docs_would_change_nothing(written: dict[str, str]) -> None:
    stale = set(pages.differences(pages.GENERATED, written)) - WITH_DATABASE
    assert not stale, "run make docs"


def test_every_event_has_a_schema_and_a_line(written: dict[str, str]) -> None:
    names = {event.name for event in discover.events()}
    assert {f"events/{name}.json" for name in names} <= written.keys()
    assert all(f"[{name}]" in written["events.md"] for name in names)


def test_every_event_has_a_name_of_its_own_and_says_what_happened() -> None:
    events = discover.events()
    assert len({event.name for event in events}) == len(events)
    assert [event.name for event in events if not event.__doc__ or event.__doc__.startswith(f"{event.__name__}(")] == []


def test_every_refusal_has_a_code_of_its_own_and_a_message() -> None:
    refusals = [refusal for refusal in discover.refusals() if ".providers." not in refusal.__module__]
    assert len({refusal.code for refusal in refusals}) == len(refusals)
    assert [refusal.code for refusal in refusals if not refusal.__doc__] == []


def test_every_module_is_in_the_rows(written: dict[str, str]) -> None:
    built = {path.parent.name for path in (pages.ROOT / "src" / "checkie").glob("*/__init__.py")}
    assert [name for name in sorted(built) if f"| {name} | " not in written["rows.md"]] == []


def test_what_is_missing_stale_or_left_over_is_found(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "stale.json").write_text("old")
    (tmp_path / "left_over.md").write_text("")
    (tmp_path / "same.md").write_text("same")
    expected = {"events/stale.json": "new", "missing.md": "", "same.md": "same"}
    assert pages.differences(tmp_path, expected) == ["events/stale.json", "left_over.md", "missing.md"]
