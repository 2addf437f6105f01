"""No file and no class has a name that says nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.arch.tree import Source, plant, read

MAGNETS = {"base", "common", "helper", "helpers", "manager", "misc", "schemas", "service", "services", "util", "utils"}
EMPTY_SUFFIX = re.compile(r"\w(Service|Manager|Helper|Processor|Impl|Base|Data|Info|Utils?)$")


def empty_names(sources: list[Source]) -> list[str]:
    """Files that attract whatever has no home, and classes whose suffix says nothing."""
    found = [source.name for source in sources if MAGNETS & set(re.split(r"[/._]", source.name))]
    classes = [(source, node) for source in sources for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    found += [f"{source.name}: class {node.name}" for source, node in classes if EMPTY_SUFFIX.search(node.name)]
    return found


def test_names_say_something() -> None:
    found = empty_names(read())
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("orders/service.py", ""),
        ("orders/utils.py", ""),
        ("orders/order_helpers.py", ""),
        ("common/money.py", ""),
        ("orders/pay.py", "class OrderManager: ..."),
        ("orders/pay.py", "class Order:\n    class PageInfo: ..."),
    ],
)
def test_an_empty_name_is_found(tmp_path: Path, name: str, text: str) -> None:
    assert len(empty_names(plant(tmp_path, {name: text}))) == 1


def test_words_that_only_contain_such_a_name_pass(tmp_path: Path) -> None:
    planted = plant(tmp_path, {"db/database.py": "class Database: ...", "db/base32.py": "class Metadata: ..."})
    assert empty_names(planted) == []
