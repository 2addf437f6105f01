"""The texts of the simulator's pages by language: languages/*.json. English is the default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

CARD_ERRORS: Final = (
    "number_missing", "incorrect_number", "exp_missing", "invalid_expiry_month", "invalid_expiry_year", "cvc_missing",
    "invalid_cvc",
)  # fmt: skip  # a column for each would be longer than what it says
"""The keys of the texts for invalid card details: the codes of `cards.validate`, and those for empty fields."""

_FOLDER: Final = files(__package__) / "languages"
_LOCALES: Final = ("en", "de", "fr", "es", "ar")
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    locale: json.loads((_FOLDER / f"{locale}.json").read_text("utf-8")) for locale in _LOCALES
}
_RIGHT_TO_LEFT: Final = frozenset({"ar"})


def texts(locale: str) -> Mapping[str, str]:
    """Every text in that language, by key."""
    return _TEXTS[locale]


def best_locale(wanted: str) -> str:
    """The first supported language of a locale ("de-AT") or an Accept-Language header ("de-AT,de;q=0.9,en;q=0.8")."""
    for each in wanted[:200].split(","):
        language = each.partition(";")[0].replace("_", "-").partition("-")[0].strip().lower()
        if language in _TEXTS:
            return language
    return _LOCALES[0]


def direction(locale: str) -> str:
    """The direction of the language, as HTML's `dir` has it."""
    return "rtl" if locale in _RIGHT_TO_LEFT else "ltr"
