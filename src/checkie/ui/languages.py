"""Which language a page is in, and its translations: gettext catalogues, compiled when first needed."""

from __future__ import annotations

import gettext
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from checkie.ui.folders import module_folders

LANGUAGES: Final = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "ar": "العربية",
    "ja": "日本語",
}
"""The languages of the pages, each by its own name. The texts in the source are English."""
_RIGHT_TO_LEFT: Final = frozenset({"ar"})
_MAX_HEADER: Final = 200


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a page is rendered: one of LANGUAGES, and the locale (`en_GB`) of amounts and dates."""

    language: str
    locale: str
    is_chosen: bool = False
    """Whether the reader chose the language on the page, so that the choice is kept."""

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, for HTML's `dir`."""
        return "rtl" if self.language in _RIGHT_TO_LEFT else "ltr"

    @property
    def tag(self) -> str:
        """The locale as a BCP 47 tag, for HTML."""
        return self.locale.replace("_", "-")


def N_(text: str) -> str:  # noqa: N802  the mark that gettext's tools look for
    """Marks a text for extraction; it is translated when it is shown."""
    return text


@lru_cache(maxsize=1024)
def resolve_reader(chosen: str | None, accept_language: str, default: str = "en") -> Reader:
    """The reader: the language that was chosen, else the first of the browser's that we have, else the default."""
    reader = _reader(chosen) if chosen else None
    if reader:
        return replace(reader, is_chosen=True)
    tags = [*_by_preference(accept_language[:_MAX_HEADER]), default]
    return next(filter(None, map(_reader, tags)), Reader("en", "en"))


@lru_cache(maxsize=len(LANGUAGES))
def translations(language: str) -> gettext.NullTranslations:
    """The translations of all modules into that language; the English texts for what has none."""
    found = gettext.NullTranslations()
    if language == "en":
        return found
    for folder in module_folders("locales"):
        catalogue = _compile(folder / f"{language}.po", language)
        catalogue.add_fallback(found)
        found = catalogue
    return found


def _compile(path: Traversable, language: str) -> gettext.NullTranslations:
    with path.open("rb") as source:
        catalogue = read_po(source, language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _by_preference(accept_language: str) -> list[str]:
    """The tags of an Accept-Language header (RFC 9110, 12.5.4), best first; malformed parts are ignored."""
    weighted = []
    for part in accept_language.split(","):
        tag, _, parameter = part.strip().partition(";")
        weighted.append((-_weight(parameter), tag.strip()))
    return [tag for weight, tag in sorted(weighted, key=lambda pair: pair[0]) if weight < 0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name == "q" else 0.0
    except ValueError:
        return 0.0


def _reader(tag: str) -> Reader | None:
    language = tag.replace("_", "-").partition("-")[0].lower()
    if language not in LANGUAGES:
        return None
    try:
        return Reader(language, str(Locale.parse(tag.replace("-", "_"))))
    except (ValueError, UnknownLocaleError):
        return Reader(language, language)
