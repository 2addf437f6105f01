"""Which language a page is in, and its words: gettext catalogues, compiled when first needed."""

from __future__ import annotations

import gettext
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES: Final = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "ar": "العربية",
    "ja": "日本語",
}
"""The languages that the page speaks, each by its own name. The words in the source are English."""
_RIGHT_TO_LEFT: Final = frozenset({"ar"})
_LONGEST_HEADER: Final = 200


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a page is written: one of LANGUAGES, and the locale (`en_GB`) in which amounts and dates are."""

    language: str
    locale: str
    is_chosen: bool = False
    """Whether the reader asked for it on the page, so that it is kept."""

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, as HTML's `dir` has it."""
        return "rtl" if self.language in _RIGHT_TO_LEFT else "ltr"

    @property
    def tag(self) -> str:
        """The locale as BCP 47 has it, for HTML."""
        return self.locale.replace("_", "-")


@lru_cache(maxsize=1024)
def read_for(wanted: str | None, accept_language: str, store_locale: str) -> Reader:
    """The reader: who asks for a language gets it, then the browser's languages in order count, then the store's."""
    chosen = _reader(wanted) if wanted else None
    if chosen:
        return replace(chosen, is_chosen=True)
    tags = [*_in_order(accept_language[:_LONGEST_HEADER]), store_locale]
    return next(filter(None, map(_reader, tags)), Reader("en", "en"))


@lru_cache(maxsize=len(LANGUAGES))
def translations(language: str) -> gettext.NullTranslations:
    """The words in that language; English ones where it has none."""
    if language == "en":
        return gettext.NullTranslations()
    with (files(__package__) / "locales" / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _in_order(accept_language: str) -> list[str]:
    """The tags of an Accept-Language header (RFC 9110, 12.5.4), best first; what cannot be read counts for nothing."""
    weighed = []
    for part in accept_language.split(","):
        tag, _, parameter = part.strip().partition(";")
        weighed.append((-_weight(parameter), tag.strip()))
    return [tag for weight, tag in sorted(weighed, key=lambda pair: pair[0]) if weight < 0]


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
