"""Which part of a list is wanted, and what is made of the rows that were read for it."""

from __future__ import annotations

import pytest

from checkie.kernel import Id, Listing, Paging
from tests.make import START


class ThingId(Id):
    __slots__ = ()
    prefix = "thg"


ONE = ThingId.new(7, START)
OTHER = ThingId.new(7, START)


class TestPaging:
    def test_begins_at_the_top_with_ten_rows_by_default(self) -> None:
        assert (Paging().limit, Paging().cursor, Paging().is_backwards) == (10, None, False)

    def test_has_one_cursor_whichever_way(self) -> None:
        assert (Paging(5, starting_after=ONE).cursor, Paging(5, starting_after=ONE).is_backwards) == (ONE, False)
        assert (Paging(5, ending_before=ONE).cursor, Paging(5, ending_before=ONE).is_backwards) == (ONE, True)

    def test_with_two_cursors_does_not_exist(self) -> None:
        with pytest.raises(ValueError, match="one cursor"):
            Paging(5, starting_after=ONE, ending_before=OTHER)

    @pytest.mark.parametrize("limit", [-1, 0, 101])
    def test_of_no_rows_or_of_more_than_a_hundred_does_not_exist(self, limit: int) -> None:
        with pytest.raises(ValueError, match="1 to 100"):
            Paging(limit)

    @pytest.mark.parametrize("limit", [1, 100])
    def test_takes_both_ends_of_the_range(self, limit: int) -> None:
        assert Paging(limit).limit == limit


class TestAListing:
    @pytest.mark.parametrize(
        ("rows", "data", "has_more"),
        [([], [], False), ([9, 8], [9, 8], False), ([9, 8, 7], [9, 8, 7], False), ([9, 8, 7, 6], [9, 8, 7], True)],
    )
    def test_has_more_if_one_row_too_many_was_read(self, rows: list[int], data: list[int], has_more: bool) -> None:
        assert Paging(3).listing(rows) == Listing(data, has_more)

    @pytest.mark.parametrize(
        ("rows", "data", "has_more"),
        [([], [], False), ([4, 5], [5, 4], False), ([4, 5, 6], [6, 5, 4], False), ([4, 5, 6, 7], [6, 5, 4], True)],
    )
    def test_read_backwards_is_in_the_order_of_the_list(self, rows: list[int], data: list[int], has_more: bool) -> None:
        assert Paging(3, ending_before=ONE).listing(rows) == Listing(data, has_more)

    def test_can_be_made_into_one_of_other_things(self) -> None:
        assert Listing([1, 2], has_more=True).map(str) == Listing(["1", "2"], has_more=True)
