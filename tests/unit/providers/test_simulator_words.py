"""The simulator's pages speak several languages, each whole."""

from __future__ import annotations

import re

import pytest

from checkie.providers.simulator import cards, words
from checkie.providers.simulator.cards import Typed

ENGLISH = words.of("en")


@pytest.mark.parametrize("locale", ["de", "fr", "es", "ar"])
class TestALanguage:
    def test_says_all_that_english_says(self, locale: str) -> None:
        assert words.of(locale).keys() == ENGLISH.keys()

    def test_leaves_the_same_gaps(self, locale: str) -> None:
        for name, said in words.of(locale).items():
            assert re.findall(r"{\w+}", said) == re.findall(r"{\w+}", ENGLISH[name]), name

    def test_is_found_in_what_browsers_send(self, locale: str) -> None:
        assert words.locale_of(f"xx,{locale}-XY;q=0.9,en;q=0.5") == locale
        assert words.locale_of(f"{locale.upper()}_XY") == locale


def test_english_is_for_everyone_else() -> None:
    assert {words.locale_of(wanted) for wanted in ("", "xx", "xx-YY,zz;q=0.1", ";,", "*")} == {"en"}


def test_every_flaw_has_words() -> None:
    found = {flaw.code for flaw in cards.flaws(Typed("", 13, 1900, ""), year=2026, month=3)}
    found |= {flaw.code for flaw in cards.flaws(Typed("", 12, 1900, ""), year=2026, month=3)}
    missing = {f"{flaw.field}_missing" for flaw in cards.flaws(Typed("", None, None, ""), year=2026, month=3)}
    assert found | missing == set(words.FLAWS)
    assert found <= cards.MESSAGES.keys()


def test_arabic_runs_from_the_right() -> None:
    assert [words.direction_of(locale) for locale in ("en", "ar")] == ["ltr", "rtl"]
