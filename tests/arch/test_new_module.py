"""`make new-module` writes a module that keeps every rule."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.new_module import renamed, with_row
from tests.arch.statements import planted, schema_of
from tests.arch.test_circular_imports import circular_imports
from tests.arch.test_front_doors import door_faults, imports_past_doors
from tests.arch.test_names import empty_names
from tests.arch.test_rows import lint
from tests.arch.test_sizes import SOURCE, sizes
from tests.arch.test_sql import breaches
from tests.arch.test_sql_stores import breaches as across_stores
from tests.arch.tree import ROOT, read

CONTRACT = """
layers = [
  "app",
  "payments | (crypto)",
  "(cart) | (promotions)",
  "db",
]
"""


def run(tree: Path, *command: str) -> str:
    """What a command in the tree says if it fails."""
    path = ["env", f"PYTHONPATH={tree / 'src'}", sys.executable]
    done = subprocess.run([*path, *command], cwd=tree, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source, its tests and its settings, with a module `coupons` next to `promotions`."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("src", "scripts", "tests"):
        shutil.copytree(ROOT / folder, copy / folder)
    shutil.copy2(ROOT / "pyproject.toml", copy)
    assert run(copy, "-m", "scripts.new_module", "coupons", "--row", "promotions") == ""
    assert run(copy, "-m", "ruff", "check", "--no-cache", "--quiet", "--fix", *made(copy)) == ""  # sorts the imports
    return copy


def made(tree: Path) -> list[str]:
    found = [*tree.rglob("*coupon*"), *tree.rglob("coupons/*"), tree / "src" / "checkie" / "kernel" / "ids.py"]
    return sorted({str(path.relative_to(tree)) for path in found if path.suffix == ".py"})


def test_its_files_are_written(tree: Path) -> None:
    assert len(made(tree)) == 10
    assert [path.name[12:] for path in tree.rglob("*_coupons.sql")] == ["_coupons.sql"]


def test_it_passes_the_linter(tree: Path) -> None:
    assert run(tree, "-m", "ruff", "check", "--no-cache", *made(tree)) == ""
    assert run(tree, "-m", "ruff", "format", "--no-cache", "--check", *made(tree)) == ""


def test_it_passes_the_type_checker(tree: Path) -> None:
    cache = ROOT / ".cache" / "mypy-new-module"
    assert run(tree, "-m", "mypy", "--cache-dir", str(cache), "--no-warn-unused-configs", *made(tree)) == ""


def test_it_keeps_the_contracts(tree: Path) -> None:
    assert lint(tree / "src", tree / "pyproject.toml") == ""


def test_it_keeps_the_rules_of_doors_names_and_sizes(tree: Path) -> None:
    sources = read(tree / "src" / "checkie")
    mine = [source for source in sources if source.module == "coupons"]
    assert len(mine) == 7
    assert [fault for fault in imports_past_doors(sources) if "coupons" in fault] == []
    assert [*door_faults(mine, {}), *empty_names(mine), *sizes(mine, "src", SOURCE), *circular_imports(sources)] == []


def test_it_keeps_the_rules_of_sql(tree: Path) -> None:
    (migration,) = tree.rglob("*_coupons.sql")
    made = schema_of(migration.read_text())
    assert (made.tenants, made.breaches) == ({"coupons.coupon"}, ())
    files = [planted(source) for source in read(tree / "src" / "checkie") if source.module == "coupons"]
    assert sum(len(file.statements) for file in files) == 4
    for file in files:
        assert [*file.unread(made.relations), *breaches(file, made), *across_stores(file, made)] == []


def test_its_own_test_passes(tree: Path) -> None:
    test = "from tests.unit.coupons.test_coupon_lifecycle import TestCoupon; TestCoupon().test_ends_once()"
    assert run(tree, "-c", test) == ""


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["orders"], "src/checkie/orders exists"),
        (["Coupons"], "'Coupons' is not a noun in lower case"),
        (["loyalties"], "loyalties is in no row; choose a neighbour with ROW=app|"),
        (["loyalties", "--row", "loyalty"], "loyalty is in no row"),
        (["paybacks"], "ids with the prefix pay exist"),
    ],
)
def test_an_invalid_argument_is_refused(tree: Path, arguments: list[str], refusal: str) -> None:
    assert f"make new-module: {refusal}" in run(tree, "-m", "scripts.new_module", *arguments)


@pytest.mark.parametrize(
    ("name", "row", "line"),
    [
        ("crypto", "", '"payments | crypto"'),
        ("cart", "", '"cart | (promotions)"'),
        ("coupons", "promotions", '"(cart) | (promotions) | coupons"'),
        ("loyalties", "payments", '"payments | (crypto) | loyalties"'),
    ],
)
def test_it_gets_its_place_in_the_contract(name: str, row: str, line: str) -> None:
    assert line in with_row(CONTRACT, name, row)


def test_its_names_follow_the_modules_name() -> None:
    assert renamed("gadgets Gadget gadget GADGET", "policies") == "policies Policy policy POLICY"
    assert renamed("gadgets Gadget", "cart") == "cart Cart"
