"""Brings the catalogues of translations up to date with the source: `make messages`.

    python -m scripts.messages

Every module with a folder `locales` has a catalogue for each language in it. Messages come from its Python files and
its templates. New ones are added without a translation, and those that are no longer used are removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

SOURCE: Final = Path(__file__).parents[1] / "src" / "checkie"
WIDTH: Final = 120
_KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
_METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2")]


def modules() -> list[Path]:
    """The modules that have catalogues."""
    return sorted(folder.parent for folder in SOURCE.glob("*/locales"))


def catalogues(module: Path) -> list[Path]:
    """The catalogues of a module."""
    return sorted((module / "locales").glob("*.po"))


def extract(module: Path) -> Catalog:
    """The messages in the source of a module."""
    found = Catalog(charset="utf-8", fuzzy=False)
    for _, _, message, _, context in extract_from_dir(str(module), _METHODS, keywords=_KEYWORDS):
        found.add(message, context=context)
    return found


def load(path: Path) -> Catalog:
    """The catalogue in a file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def update(path: Path, messages: Catalog) -> tuple[list[str], list[str]]:
    """Bring a catalogue up to date; the messages that lack a translation, and those that were removed."""
    header = path.read_text().partition("\n\n")[0]  # kept as it is: Babel's would have a date
    catalogue = load(path)
    catalogue.update(messages, no_fuzzy_matching=True, update_header_comment=False)
    removed = [_name(key) for key in catalogue.obsolete]
    body = BytesIO()
    write_po(body, catalogue, width=WIDTH, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    path.write_text(f"{header}\n\n{body.getvalue().decode().strip()}\n")
    return list(untranslated(catalogue)), removed


def untranslated(catalogue: Catalog) -> Iterator[str]:
    """The messages of a catalogue that lack a translation, or a plural form of it."""
    for message in catalogue:
        strings = [message.string] if isinstance(message.string, str) else message.string
        if message.id and (message.fuzzy or not strings or not all(strings)):
            yield _name(message.id)


def _name(key: object) -> str:
    return str(key[0] if isinstance(key, tuple | list) else key)


def main() -> None:
    """Update all catalogues, and list what has to be translated."""
    for module in modules():
        messages = extract(module)
        for path in catalogues(module):
            missing, removed = update(path, messages)
            print(f"{path.relative_to(SOURCE)}: {len(missing)} to translate, {len(removed)} removed")
            for name in missing:
                print(f"  {name}")


if __name__ == "__main__":
    main()
