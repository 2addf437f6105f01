"""The page that shows every part in all its states."""

from __future__ import annotations

from typing import Final

from checkie.ui.document import Document
from checkie.ui.languages import Reader
from checkie.ui.render import render

SCHEMES: Final = ("light", "dark")
DIRECTIONS: Final = ("ltr", "rtl")
KINDS: Final = ("", "success", "warning", "danger", "pending")
ICONS: Final = ("alert", "check", "clock", "lock", "search", "shield")


def parts_page(reader: Reader) -> Document:
    """Every part in all its states, light and dark, in both directions of writing."""
    return render(
        "checkie.ui", "dev_parts.html", reader, schemes=SCHEMES, directions=DIRECTIONS, kinds=KINDS, icons=ICONS
    )
