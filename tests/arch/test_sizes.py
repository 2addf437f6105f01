"""Functions, files and modules stay small enough to read. Lists of exceptions may only shrink."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.arch.tree import ROOT, Source, plant, read


class Limits(NamedTuple):
    function: int
    file: int


SOURCE = Limits(function=50, file=400)
TESTS = Limits(function=40, file=500)
MODULE_LINES = 2500

EXCEPTIONS: dict[str, int] = {}
"""What is larger than its limit, with its size today. An entry that is no longer exact fails too: make it smaller."""


def sizes(sources: list[Source], prefix: str, limits: Limits) -> dict[str, int]:
    """Every function and file above its limit, with its size in lines."""
    large = {}
    for source in sources:
        name = f"{prefix}/{source.name}"
        lines = source.text.count("\n")
        if lines > limits.file:
            large[name] = lines
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > limits.function:
                    large[f"{name}:{node.name}"] = lines
    return large


def modules(sources: list[Source]) -> dict[str, int]:
    """Every module above its limit, with its size in lines."""
    lines: Counter[str] = Counter()
    for source in sources:
        depth = 2 if source.module == "providers" else 1  # a provider is a module of its own
        lines["/".join(source.name.split("/")[:depth])] += source.text.count("\n")
    return {name: count for name, count in lines.items() if count > MODULE_LINES}


def test_nothing_is_larger_than_its_limit() -> None:
    large = sizes(read(), "src/checkie", SOURCE) | modules(read())
    for folder in ("bench", "scripts"):
        large |= sizes(read(ROOT / folder), folder, SOURCE)
    large |= sizes(read(ROOT / "tests"), "tests", TESTS)
    assert large == EXCEPTIONS


@pytest.mark.parametrize("limits", [SOURCE, TESTS])
def test_a_large_function_is_found(tmp_path: Path, limits: Limits) -> None:
    fits = "async def fits():\n" + "    pass\n" * (limits.function - 1)
    large = "def large():\n" + "    pass\n" * limits.function
    planted = plant(tmp_path, {"pay.py": fits + large})
    assert sizes(planted, "x", limits) == {"x/pay.py:large": limits.function + 1}


@pytest.mark.parametrize("limits", [SOURCE, TESTS])
def test_a_large_file_is_found(tmp_path: Path, limits: Limits) -> None:
    planted = plant(tmp_path, {"fits.py": "\n" * limits.file, "large.py": "\n" * (limits.file + 1)})
    assert sizes(planted, "x", limits) == {"x/large.py": limits.file + 1}


def test_a_large_module_is_found(tmp_path: Path) -> None:
    planted = plant(tmp_path, {f"orders/{number}.py": "\n" * 300 for number in range(9)})
    assert modules(planted) == {"orders": 2700}
