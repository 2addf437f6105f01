"""Which language a reader gets, and that every text is translated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checkie.ui.languages import LANGUAGES, Reader, resolve_reader, translations
from scripts import messages

FOREIGN = {language for language in LANGUAGES if language != "en"}
HOLES = re.compile(r"%\(\w+\)s")
MODULES = messages.modules()
CATALOGUES = [path for module in MODULES for path in messages.catalogues(module)]


@pytest.mark.parametrize(
    ("chosen", "header", "reader"),
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
def test_the_reader_chooses_or_else_the_browser(chosen: str | None, header: str, reader: Reader) -> None:
    assert resolve_reader(chosen, header, "en") == reader


def test_the_default_is_used_when_the_browser_asks_for_no_language_that_we_have() -> None:
    assert resolve_reader(None, "tlh", "ja") == Reader("ja", "ja")


def test_arabic_is_written_from_right_to_left() -> None:
    assert {language: Reader(language, language).direction for language in ("ar", "en")} == {"ar": "rtl", "en": "ltr"}
    assert Reader("en", "en_GB").tag == "en-GB"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_has_a_catalogue_for_every_language(module: Path) -> None:
    assert {path.stem for path in messages.catalogues(module)} == FOREIGN


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_text_is_translated_and_no_translation_is_left_over(path: Path) -> None:
    catalogue = messages.load(path)
    in_source = {message.id for message in messages.extract(path.parents[1])}
    in_catalogue = {message.id for message in catalogue}
    assert in_source - in_catalogue == set(), "run `make messages` and translate these"
    assert in_catalogue - in_source == set(), "run `make messages`: these are no longer used"
    assert list(messages.untranslated(catalogue)) == [], "translate these"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_translation_has_the_same_holes(path: Path) -> None:
    for message in messages.load(path):
        ids = [message.id] if isinstance(message.id, str) else message.id
        strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
        allowed = {hole for text in ids for hole in HOLES.findall(text)}
        assert all(set(HOLES.findall(text)) <= allowed for text in strings), message.id
        assert set(HOLES.findall(strings[-1])) == allowed, message.id


def test_texts_of_every_module_are_translated() -> None:
    assert translations("en").gettext("Thank you") == "Thank you"
    assert translations("de").gettext("Thank you") == "Vielen Dank"
    assert translations("de").gettext("Security code") == "Prüfnummer"
    assert translations("de").gettext("no such text") == "no such text"
