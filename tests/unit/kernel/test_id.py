"""Ids have one spelling and know their store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.kernel import Id
from tests.make import START

LARGEST_STORE = 2**31 - 1
"""A store's number is PostgreSQL's `int`."""


class CatId(Id):
    __slots__ = ()
    prefix = "cat"


class DogId(Id):
    __slots__ = ()
    prefix = "dog"


GOOD = str(CatId.new(7, START))
BODY = GOOD[4:]


def spelled(number: int) -> str:
    return str(CatId.of(UUID(int=number)))


class TestNew:
    @given(st.integers(0, LARGEST_STORE))
    def test_knows_its_store(self, store: int) -> None:
        found = CatId.new(store, START)
        assert found.store == store
        assert CatId.parse(found).store == store

    def test_is_a_version_8_uuid(self) -> None:
        uuid = CatId.new(7, START).uuid
        assert uuid.version == 8
        assert uuid.variant == "specified in RFC 4122"

    def test_holds_the_time_of_its_creation(self) -> None:
        assert CatId.new(7, START + timedelta(microseconds=1999)).made_at == START + timedelta(milliseconds=1)

    def test_holds_the_milliseconds(self) -> None:
        assert CatId.new(7, START).number >> 80 == int(START.timestamp() * 1000)

    def test_sorts_by_time(self) -> None:
        moments = [START + timedelta(milliseconds=ms) for ms in (0, 1, 2, 1000, 60_000, 10**9, 10**11)]
        ids = [CatId.new(store, now) for store, now in zip((9, 3, 7, 1, 8, 2, 5), moments, strict=True)]
        assert sorted(ids) == ids
        assert sorted(found.uuid for found in ids) == [found.uuid for found in ids]

    def test_is_never_the_same_in_a_hundred_thousand_at_one_moment(self) -> None:
        assert len({CatId.new(7, START) for _ in range(100_000)}) == 100_000


class TestSpelling:
    def test_is_prefix_and_26_characters(self) -> None:
        assert GOOD.startswith("cat_")
        assert len(GOOD) == 30

    @given(st.integers(0, 2**128 - 1))
    def test_survives_the_row(self, number: int) -> None:
        uuid = UUID(int=number)
        assert CatId.of(uuid).uuid == uuid

    @given(
        st.integers(0, LARGEST_STORE),
        st.datetimes(timezones=st.just(UTC), min_value=START.replace(tzinfo=None)),
    )
    def test_survives_parsing(self, store: int, now: datetime) -> None:
        made = CatId.new(store, now)
        parsed = CatId.parse(str(made))
        assert parsed == made
        assert type(parsed) is CatId

    def test_of_none_is_none(self) -> None:
        assert CatId.of_or_none(None) is None
        assert CatId.of_or_none(CatId(GOOD).uuid) == GOOD


class TestParse:
    def test_refuses_an_id_of_another_store(self) -> None:
        cat = CatId.new(7, START)
        assert CatId.parse(cat, store=7) == cat
        with pytest.raises(ValueError, match="of this store"):
            CatId.parse(cat, store=8)

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param("cat", id="prefix alone"),
            pytest.param("cat_", id="no body"),
            pytest.param(BODY, id="no prefix"),
            pytest.param(f"dog_{BODY}", id="another kind"),
            pytest.param(f"CAT_{BODY}", id="prefix in upper case"),
            pytest.param(f"cat-{BODY}", id="another separator"),
            pytest.param(f"cat_{BODY[:-1]}", id="too short"),
            pytest.param(f"cat_{BODY}0", id="too long"),
            pytest.param(f" {GOOD}", id="space before"),
            pytest.param(f"{GOOD}\n", id="newline after"),
            pytest.param(f"cat_{BODY.upper()}", id="upper case"),
            *[pytest.param(f"cat_{BODY[:5]}{odd}{BODY[6:]}", id=f"letter {odd!r}") for odd in "ilou-_ \0é０"],
            pytest.param(f"cat_8{BODY[1:]}", id="more than 128 bits"),
            pytest.param(f"cat_z{BODY[1:]}", id="far more than 128 bits"),
            pytest.param("cat_" + "0" * 26, id="the zero uuid"),
            pytest.param(spelled(CatId(GOOD).number ^ (0xF << 76)), id="version 7"),
            pytest.param(spelled(CatId(GOOD).number ^ (0b11 << 62)), id="another variant"),
            pytest.param(spelled(UUID("2f0c1b8e-0f0a-4f0e-9d0b-3f1f0a1b2c3d").int), id="version 4"),
        ],
    )
    def test_refuses_every_other_spelling(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a CatId"):
            CatId.parse(text)

    @pytest.mark.parametrize("store", [2**31, 2**32 - 1])
    def test_refuses_a_store_that_no_row_can_hold(self, store: int) -> None:
        """A buyer can send any id; one whose store does not fit into `int` must not reach the database."""
        with pytest.raises(ValueError, match="not a CatId"):
            CatId.parse(str(CatId.new(store, START)))

    @given(st.text(max_size=40))
    def test_refuses_or_keeps_any_text(self, text: str) -> None:
        try:
            assert CatId.parse(text) == text
        except ValueError as error:
            assert "not a CatId" in str(error)  # noqa: PT017 both ways are right
