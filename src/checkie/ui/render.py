"""Templates to documents."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined, select_autoescape

from checkie.ui import formats
from checkie.ui.assets import asset_path
from checkie.ui.document import HOLE, Document
from checkie.ui.languages import LANGUAGES, Reader, translations


def render(package: str, template: str, reader: Reader, **values: Any) -> Document:
    """The document that a template of `package` makes of these values. Our own templates are at `ui/…`.

    Every template may use `reader`, `money(amount)`, `day(moment)`, `asset(name)`, `hole`, `_` and `ngettext`. The
    layout shows `brand` (a name) and `contact_email` where they are given.
    """
    catalogue = translations(reader.language)
    text = (
        _environment(package)
        .get_template(template)
        .render(
            reader=reader,
            money=partial(formats.money, locale=reader.locale),
            day=partial(formats.day, locale=reader.locale),
            _=catalogue.gettext,
            ngettext=catalogue.ngettext,
            **values,
        )
    )
    return Document.of(text)


@lru_cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PrefixLoader({"ui": PackageLoader("checkie.ui")})]),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(brand=None, contact_email=None, languages=LANGUAGES, hole=HOLE, asset=asset_path)
    return environment
