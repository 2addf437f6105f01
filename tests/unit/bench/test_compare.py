"""The comparison of two releases."""

from __future__ import annotations

from bench.compare import FIGURES, Comparison
from bench.stack import OURS, Release


def reading(value: float) -> dict[str, float]:
    return dict.fromkeys(FIGURES, value)


class TestAComparison:
    def test_takes_the_median_of_the_pairs_ratios(self) -> None:
        """Not the ratio of the medians: both readings of a pair were taken under the same conditions."""
        comparison = Comparison(old=[reading(1), reading(10), reading(4)], new=[reading(2), reading(11), reading(4)])
        assert comparison.ratios("cpu_ms_per_checkout") == [2, 1.1, 1]
        assert comparison.as_json()["cpu_ms_per_checkout"]["median_ratio"] == 1.1

    def test_is_shown_as_a_table_with_a_line_for_each_figure(self) -> None:
        comparison = Comparison(old=[reading(8)], new=[reading(10)])
        head, *lines = comparison.text().splitlines()
        assert head.split()[:3] == ["old", "new", "new/old"]
        assert len(lines) == len(FIGURES)
        assert lines[0].startswith("cpu ms per checkout")
        assert "1.250" in lines[0]


class TestARelease:
    def test_finds_its_own_packages_first(self) -> None:
        release = Release.at(OURS.folder)
        assert release.environment["PYTHONPATH"].split(":") == [str(release.folder / "src"), str(release.folder)]
