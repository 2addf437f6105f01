"""The import contracts of pyproject.toml hold, and each of them is shown to fail."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.arch.tree import ROOT, plant

CONFIG = ROOT / "pyproject.toml"


BREACHES = [
    pytest.param("Rows: call down, publish up", "ledger/post.py", "from checkie import orders", id="upwards"),
    pytest.param("Rows: call down, publish up", "catalog/create.py", "import checkie.webhooks", id="neighbour"),
    pytest.param("Rows: call down, publish up", "loyalty/__init__.py", "", id="folder-in-no-row"),
    pytest.param("Rows: call down, publish up", "loyalty.py", "", id="file-in-no-row"),
    pytest.param("Only app imports providers", "checkout/pay.py", "import checkie.providers.stripe", id="provider"),
    pytest.param(
        "Providers do not know one another",
        "providers/simulator/cards.py",
        "from checkie.providers import stripe",
        id="provider-to-provider",
    ),
    pytest.param(
        "The simulator's bank knows no HTTP",
        "providers/simulator/bank/cards.py",
        "from checkie.providers.simulator import client, http",
        id="bank-to-http",
    ),
    pytest.param("Only its provider imports a vendor's SDK", "payments/receive.py", "import stripe", id="sdk"),
    pytest.param(
        "Only app imports routes", "orders/pay.py", "from checkie.orders import routes", id="back-into-routes"
    ),
    pytest.param("HTTP models live in routes", "orders/queries.py", "from pydantic import BaseModel", id="pydantic"),
    pytest.param("Models are pure", "orders/model.py", "import asyncpg", id="model-io"),
    pytest.param("Models are pure", "orders/model.py", "from time import time", id="model-clock"),
    pytest.param("Models are pure", "kernel/money.py", "import httpx", id="kernel-io"),
]


def contracts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(CONFIG.read_text())["tool"]["importlinter"]["contracts"]
    return found


def lint(folder: Path, config: Path = CONFIG) -> str:
    """What import-linter says of the package `checkie` in `folder`; empty when all contracts are kept."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--config", str(config), "--no-cache"],
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def broken(report: str) -> set[str]:
    return {contract["name"] for contract in contracts() if re.search(rf"{contract['name']} BROKEN", report)}


def skeleton(folder: Path) -> None:
    """A package with an empty module in every row, and one allowed import of each outside package."""
    modules = re.findall(r"\w+", " ".join(contracts()[0]["layers"]))
    plant(
        folder / "checkie",
        {
            "__init__.py": "",
            **{f"{module}/__init__.py": "" for module in modules},
            "orders/model.py": "import dataclasses",
            "orders/routes.py": "import fastapi, pydantic, starlette",
            "providers/stripe/__init__.py": "import stripe",
            **{f"providers/simulator/{name}.py": "" for name in ("__init__", "adapter", "client", "signature")},
            **{f"providers/simulator/{name}/__init__.py": "" for name in ("bank", "http")},
        },
    )


def test_the_source_keeps_every_contract() -> None:
    report = lint(ROOT / "src")
    assert not report, report


def test_a_package_without_a_breach_keeps_every_contract(tmp_path: Path) -> None:
    skeleton(tmp_path)
    report = lint(tmp_path)
    assert not report, report


@pytest.mark.parametrize(("contract", "name", "text"), BREACHES)
def test_a_breach_is_found(tmp_path: Path, contract: str, name: str, text: str) -> None:
    skeleton(tmp_path)
    plant(tmp_path / "checkie", {name: text})
    assert contract in broken(lint(tmp_path))


def test_every_contract_is_shown_to_fail() -> None:
    assert {case.values[0] for case in BREACHES} == {contract["name"] for contract in contracts()}
