"""Which language a reader gets, and that every word is translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from checkie.storefront.language import LANGUAGES, Reader, read_for, translations
from checkie.storefront.tell import tries_left

FOLDER = files("checkie.storefront")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "say": None}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
FOREIGN = [language for language in LANGUAGES if language != "en"]
HOLES = re.compile(r"%\(\w+\)s")


@pytest.mark.parametrize(
    ("wanted", "header", "reader"),
    [
        (None, "", Reader("en", "en")),
        (None, "de-AT,de;q=0.9,en;q=0.8", Reader("de", "de_AT")),
        (None, "tlh, fr;q=0.5", Reader("fr", "fr")),
        (None, "de;q=0, es;q=0.1", Reader("es", "es")),
        (None, "en;q=0.2, ar-EG", Reader("ar", "ar_EG")),
        (None, "fr;q=nonsense, ja", Reader("ja", "ja")),
        (None, "de-XX-nonsense-\x00", Reader("de", "de")),
        (None, "*", Reader("en", "en")),
        ("fr", "de", Reader("fr", "fr", is_chosen=True)),
        ("tlh", "de", Reader("de", "de")),
    ],
)
def test_the_reader_decides_then_the_browser(wanted: str | None, header: str, reader: Reader) -> None:
    assert read_for(wanted, header, "en") == reader


def test_last_comes_the_store() -> None:
    assert read_for(None, "tlh", "ja") == Reader("ja", "ja")


def test_arabic_runs_from_right_to_left() -> None:
    assert {language: Reader(language, language).direction for language in ("ar", "en")} == {"ar": "rtl", "en": "ltr"}
    assert Reader("en", "en_GB").tag == "en-GB"


def catalogue(language: str) -> Catalog:
    with (FOLDER / "locales" / f"{language}.po").open("rb") as source:
        return read_po(source, language)


def extracted() -> Iterator[str | tuple[str, ...]]:
    for _, _, message, _, _ in extract_from_dir(str(FOLDER), METHODS, keywords=KEYWORDS):
        yield message


@pytest.fixture(scope="module")
def in_source() -> set[str | tuple[str, ...]]:
    return set(extracted())


@pytest.mark.parametrize("language", FOREIGN)
def test_every_word_is_translated_and_none_is_left_over(language: str, in_source: set[str | tuple[str, ...]]) -> None:
    translated = {message.id for message in catalogue(language) if message.id and message.string and not message.fuzzy}
    assert in_source - translated == set(), "add these to the catalogue"
    assert translated - in_source == set(), "take these out of the catalogue"


@pytest.mark.parametrize("language", FOREIGN)
def test_a_translation_has_the_same_holes(language: str) -> None:
    for message in catalogue(language):
        ids = [message.id] if isinstance(message.id, str) else message.id
        strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
        allowed = {hole for text in ids for hole in HOLES.findall(text)}
        assert all(set(HOLES.findall(text)) <= allowed for text in strings), message.id
        assert set(HOLES.findall(strings[-1])) == allowed, message.id


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [
        ("en", 1, "You can try once more."),
        ("en", 2, "You can try 2 more times."),
        ("de", 2, "Sie können es noch 2-mal versuchen."),
        ("ar", 2, "يمكنك المحاولة مرتين أخريين."),
        ("en", 0, ""),
    ],
)
def test_numbers_have_their_plural(language: str, count: int, text: str) -> None:
    assert tries_left(count, Reader(language, language)) == text


def test_english_needs_no_catalogue() -> None:
    assert translations("en").gettext("Thank you") == "Thank you"
    assert translations("de").gettext("Thank you") == "Vielen Dank"
