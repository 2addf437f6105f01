"""Periods tile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkie.kernel import Period
from tests.make import START

DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


class TestPeriod:
    def test_includes_its_start_and_excludes_its_end(self) -> None:
        period = Period(START, START + DAY)
        assert START in period
        assert START + DAY - INSTANT in period
        assert START + DAY not in period
        assert START - INSTANT not in period

    def test_without_end_goes_on(self) -> None:
        assert START + 10_000 * DAY in Period(START)
        assert START - INSTANT not in Period(START)

    def test_leaves_no_gap_and_no_overlap_beside_the_next(self) -> None:
        tiles = [Period(START + day * DAY, START + (day + 1) * DAY) for day in range(3)]
        for moment in (START, START + DAY - INSTANT, START + DAY, START + 2 * DAY):
            assert sum(moment in tile for tile in tiles) == 1

    def test_of_no_length_is_empty(self) -> None:
        assert START not in Period(START, START)

    def test_does_not_end_before_it_starts(self) -> None:
        with pytest.raises(ValueError, match="before it starts"):
            Period(START, START - INSTANT)

    def test_is_zoned(self) -> None:
        with pytest.raises(ValueError, match="zoned"):
            Period(START.replace(tzinfo=None))
