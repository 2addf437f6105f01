"""Where modules keep what pages are made of."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable


def module_folders(name: str) -> Iterator[Traversable]:
    """The folder of that name of every module that has one, in alphabetical order."""
    for module in sorted(files("checkie").iterdir(), key=lambda module: module.name):
        folder = module / name
        if folder.is_dir():
            yield folder
