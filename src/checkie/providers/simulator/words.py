"""What the simulator's pages say, by language: languages/*.json. English is for everyone else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

FLAWS: Final = (
    "number_missing", "incorrect_number", "exp_missing", "invalid_expiry_month", "invalid_expiry_year", "cvc_missing",
    "invalid_cvc",
)  # fmt: skip  # a column for each would be longer than what it says
"""What can be wrong with what was typed, in the words of `cards.flaws` and of the card fields."""

_FOLDER: Final = files(__package__) / "languages"
_LOCALES: Final = ("en", "de", "fr", "es", "ar")
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    locale: json.loads((_FOLDER / f"{locale}.json").read_text("utf-8")) for locale in _LOCALES
}
_RIGHT_TO_LEFT: Final = frozenset({"ar"})


def of(locale: str) -> Mapping[str, str]:
    """Every word in that language."""
    return _WORDS[locale]


def locale_of(wanted: str) -> str:
    """The first language we have of a locale ("de-AT") or an Accept-Language header ("de-AT,de;q=0.9,en;q=0.8")."""
    for each in wanted[:200].split(","):
        language = each.partition(";")[0].replace("_", "-").partition("-")[0].strip().lower()
        if language in _WORDS:
            return language
    return _LOCALES[0]


def direction_of(locale: str) -> str:
    """Which way the language runs, as HTML's `dir` says it."""
    return "rtl" if locale in _RIGHT_TO_LEFT else "ltr"
