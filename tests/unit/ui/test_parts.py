"""The page that shows every part in all its states."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from checkie.ui import Reader
from checkie.ui.parts import DIRECTIONS, ICONS, KINDS, SCHEMES, parts_page

TEMPLATES = files("checkie.ui") / "templates"
PARTS = (TEMPLATES / "parts.html").read_text()
PAGE = (TEMPLATES / "dev_parts.html").read_text()
SHOWN = parts_page(Reader("en", "en")).fill(()).decode()


@pytest.mark.parametrize("macro", re.findall(r"{% macro ([a-z]\w*)", PARTS))
def test_every_part_is_shown(macro: str) -> None:
    in_layout = {"language_menu"}
    assert f"part.{macro}(" in PAGE or macro in in_layout


def test_every_icon_is_shown() -> None:
    assert set(re.findall(r'name == "(\w+)"', PARTS)) == set(ICONS)


def test_every_kind_that_has_a_look_is_shown() -> None:
    css = (files("checkie.ui") / "static" / "checkie.css").read_text()
    assert set(re.findall(r"\.(?:badge|notice|state-icon)\.(\w+)", css)) <= set(KINDS)
    for part in ("badge", "notice", "state-icon"):
        shown = set(re.findall(rf'class="{part} (\w+)"', SHOWN))
        assert set(re.findall(rf"\.{part}\.(\w+)", css)) <= shown, part


def test_every_scheme_and_direction_has_a_board() -> None:
    for scheme in SCHEMES:
        for direction in DIRECTIONS:
            assert f'data-scheme="{scheme}" dir="{direction}"' in SHOWN


def test_ids_are_unique() -> None:
    ids = re.findall(r' id="([^"]+)"', SHOWN)
    assert len(ids) == len(set(ids))


def test_nothing_is_inline() -> None:
    assert re.findall(r"<style|<script(?! [^>]*src=)| style=| on\w+=", SHOWN) == []
