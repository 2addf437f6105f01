"""No files import one another: not through other files, and not for type annotations."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.arch.tree import Source, plant, read


def imports(source: Source, files: Mapping[str, str]) -> Iterator[str]:
    """The files that `source` imports anywhere, in functions and behind TYPE_CHECKING too."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            found = files.get(name) or files.get(name.rpartition(".")[0])
            if found:
                yield found


def circular_imports(sources: list[Source]) -> list[list[str]]:
    """Files that import one another: for each group its files, in order."""
    names = [(source.name.removesuffix(".py").removesuffix("/__init__"), source.name) for source in sources]
    files = {"checkie." + name.replace("/", "."): path for name, path in names}
    ahead = {source.name: set(imports(source, files)) for source in sources}
    while leaves := {name for name, needed in ahead.items() if not needed & ahead.keys()}:
        ahead = {name: needed for name, needed in ahead.items() if name not in leaves}
    while roots := ahead.keys() - {needed for some in ahead.values() for needed in some}:
        ahead = {name: needed for name, needed in ahead.items() if name not in roots}
    groups = {frozenset(reachable(name, ahead) & {n for n in ahead if name in reachable(n, ahead)}) for name in ahead}
    return sorted(sorted(group) for group in groups if group)


def reachable(name: str, ahead: Mapping[str, set[str]]) -> set[str]:
    """What `name` imports, and what that imports."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        new = (ahead.get(todo.pop(), set()) & ahead.keys()) - seen
        seen |= new
        todo += new
    return seen


def test_no_file_has_a_circular_import() -> None:
    assert circular_imports(read()) == []


@pytest.mark.parametrize(
    "files",
    [
        {"db/pool.py": "from checkie.db.unit import Unit", "db/unit.py": "from checkie.db.pool import Pool"},
        {"db/pool.py": "from checkie.db import unit", "db/unit.py": "import checkie.db.pool"},
        {"db/pool.py": "import checkie.db.unit", "db/unit.py": "def unit():\n    from checkie.db import pool"},
        {
            "db/pool.py": "from checkie.db.unit import Unit",
            "db/unit.py": "if TYPE_CHECKING:\n    from checkie.db.pool import Pool",
        },
        {"db/__init__.py": "from checkie.db.pool import Pool", "db/pool.py": "from checkie.db import Unit"},
    ],
)
def test_a_circular_import_is_found(tmp_path: Path, files: dict[str, str]) -> None:
    assert circular_imports(plant(tmp_path, {**files, "app/cli.py": "import checkie.db.pool"})) == [sorted(files)]


def test_a_circular_import_of_three_files_is_found_once(tmp_path: Path) -> None:
    files = {"a.py": "import checkie.b", "b.py": "import checkie.c", "c.py": "import checkie.a"}
    assert circular_imports(plant(tmp_path, {**files, "d.py": "import checkie.a", "e.py": ""})) == [
        ["a.py", "b.py", "c.py"]
    ]


def test_the_front_door_may_import_the_files_behind_it(tmp_path: Path) -> None:
    files = {
        "db/__init__.py": "from checkie.db.pool import Pool",
        "db/pool.py": "from checkie.db import unit",
        "db/unit.py": "import asyncio",
    }
    assert circular_imports(plant(tmp_path, files)) == []
