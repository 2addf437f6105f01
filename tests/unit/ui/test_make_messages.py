"""`make messages` keeps the catalogues up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import messages

HEADER = """# A module.
msgid ""
msgstr ""
"Language: de\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    for folder in ("templates", "locales"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pages.py").write_text('TITLE = N_("Kept")\ngettext("New in Python")\n')
    (tmp_path / "templates" / "page.html").write_text('{{ _("New in a template") }} {{ ngettext("One", "%(n)s", n) }}')
    catalogue = f'{HEADER}\nmsgid "Kept"\nmsgstr "Behalten"\n\nmsgid "Obsolete"\nmsgstr "Veraltet"\n'
    (tmp_path / "locales" / "de.po").write_text(catalogue)
    return tmp_path


def test_new_messages_are_added_untranslated_and_obsolete_ones_removed(module: Path) -> None:
    (path,) = messages.catalogues(module)
    missing, removed = messages.update(path, messages.extract(module))
    assert sorted(missing) == ["New in Python", "New in a template", "One"]
    assert removed == ["Obsolete"]
    strings = {message.id: message.string for message in messages.load(path) if message.id}
    assert strings == {
        "Kept": "Behalten",
        "New in Python": "",
        "New in a template": "",
        ("One", "%(n)s"): ("", ""),
    }


def test_a_catalogue_that_is_up_to_date_is_not_changed(module: Path) -> None:
    (path,) = messages.catalogues(module)
    messages.update(path, messages.extract(module))
    before = path.read_text()
    assert before.startswith(HEADER)
    messages.update(path, messages.extract(module))
    assert path.read_text() == before


@pytest.mark.parametrize("module", messages.modules(), ids=lambda module: module.name)
def test_the_catalogues_are_written_as_make_messages_writes_them(module: Path, tmp_path: Path) -> None:
    for path in messages.catalogues(module):
        copy = tmp_path / path.name
        copy.write_text(path.read_text())
        messages.update(copy, messages.extract(module))
        assert copy.read_text() == path.read_text(), "run `make messages`"
