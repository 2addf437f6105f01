"""The texts of the simulator's pages: every language is complete."""

from __future__ import annotations

import re

import pytest

from checkie.providers.simulator.bank import cards
from checkie.providers.simulator.bank.cards import CardDetails
from checkie.providers.simulator.http import translations

ENGLISH = translations.texts("en")


@pytest.mark.parametrize("locale", ["de", "fr", "es", "ar"])
class TestALanguage:
    def test_has_every_text_that_english_has(self, locale: str) -> None:
        assert translations.texts(locale).keys() == ENGLISH.keys()

    def test_has_the_same_placeholders(self, locale: str) -> None:
        for key, text in translations.texts(locale).items():
            assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", ENGLISH[key]), key

    def test_is_chosen_from_the_header_of_a_browser(self, locale: str) -> None:
        assert translations.best_locale(f"xx,{locale}-XY;q=0.9,en;q=0.5") == locale
        assert translations.best_locale(f"{locale.upper()}_XY") == locale


def test_english_is_the_default() -> None:
    assert {translations.best_locale(wanted) for wanted in ("", "xx", "xx-YY,zz;q=0.1", ";,", "*")} == {"en"}


def test_every_card_error_has_a_text() -> None:
    found = {error.code for error in cards.validate(CardDetails("", 13, 1900, ""), year=2026, month=3)}
    found |= {error.code for error in cards.validate(CardDetails("", 12, 1900, ""), year=2026, month=3)}
    empty = {f"{error.field}_missing" for error in cards.validate(CardDetails("", None, None, ""), year=2026, month=3)}
    assert found | empty == set(translations.CARD_ERRORS)
    assert found <= cards.MESSAGES.keys()


def test_arabic_is_written_from_right_to_left() -> None:
    assert [translations.direction(locale) for locale in ("en", "ar")] == ["ltr", "rtl"]
