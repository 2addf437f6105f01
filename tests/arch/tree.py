"""The source as trees, for rules that read it; and small trees that break a rule, to show that it can fail."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src" / "checkie"


@dataclass(frozen=True)
class Source:
    """One file of Python; `name` is its path below the package."""

    path: Path
    name: str

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @property
    def module(self) -> str:
        """The module that it belongs to."""
        return self.name.partition("/")[0].removesuffix(".py")


def read(package: Path = PACKAGE) -> list[Source]:
    """Every file of Python below `package`. What is below ROOT is parsed once for all tests."""
    return kept(package) if package.is_relative_to(ROOT) else found(package)


@cache
def kept(package: Path) -> list[Source]:
    return found(package)


def found(package: Path) -> list[Source]:
    return [Source(path, path.relative_to(package).as_posix()) for path in sorted(package.rglob("*.py"))]


def plant(package: Path, files: dict[str, str]) -> list[Source]:
    """A package made of `files`."""
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read(package)
