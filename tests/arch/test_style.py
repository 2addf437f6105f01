"""ruff's settings in pyproject.toml forbid what they should, and every suppression carries its reason."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.tree import ROOT, Source, plant, read

RUFF = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
BANNED = sorted(RUFF["flake8-tidy-imports"]["banned-api"])
MODULES = {"unittest.mock", "urllib.request"}

SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no|nosec|fmt:\s*(?:off|skip)|ruff:|mypy:|isort:).*")
# It names its rule and says why, in words.
EXPLAINED = re.compile(
    r"#\s*(noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|type:\s*ignore\[[a-z-]+(,\s*[a-z-]+)*\]|fmt:\s*(off|skip))\W+\w.*\s.*\w"
)


def complaints(name: str, text: str) -> set[str]:
    """The codes of what ruff says of a file called `name` that holds `text`."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--quiet",
            "--no-cache",
            "--output-format=concise",
            "--stdin-filename",
            name,
            "-",
        ],
        input=text,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return set(re.findall(r"^\S+: ([A-Z]+\d+) ", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("api", BANNED)
def test_a_banned_call_is_found(api: str) -> None:
    module, _, name = api.rpartition(".")
    uses = [f"import {api}\n"] if api in MODULES else [f"import {module.partition('.')[0]}\n\n{api}\n"]
    uses += [f"from {module} import {name}\n"] if module in sys.stdlib_module_names else []
    for text in uses:
        assert "TID251" in complaints("src/checkie/orders/pay.py", text), text


@pytest.mark.parametrize("folder", ["src/checkie/app", "tests/unit", "bench", "scripts"])
def test_a_banned_call_is_found_in_every_folder(folder: str) -> None:
    assert "TID251" in complaints(f"{folder}/pay.py", "import os\n\nos.environ")


def test_settings_alone_read_the_environment() -> None:
    assert "TID251" not in complaints("src/checkie/app/settings.py", "import os\n\nos.environ")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("C901", "def pay(x):\n" + "".join(f"    if x == {n}:\n        x += 1\n" for n in range(8))),
        ("PLR0912", "def pay(x):\n" + "".join(f"    if x == {n}:\n        x += 1\n" for n in range(11))),
        ("PLR0913", "def pay(a, b, c, d, e, f, g): ..."),
        ("PLR0915", "def pay(x):\n" + "    x += 1\n" * 26),
        ("E501", "x = '" + "x" * 120 + "'"),
        ("T201", "print()"),
        ("TID252", "from . import pay"),
        ("FIX002", "# TODO"),
        ("ERA001", "# x = 1"),
        ("DTZ005", "import datetime\n\ndatetime.datetime.now()"),
        ("BLE001", "try:\n    x = 1\nexcept Exception:\n    x = 2"),
        ("RUF100", "x = 1  # noqa: E501 there is no need"),
    ],
)
def test_a_breach_of_style_is_found(rule: str, text: str) -> None:
    assert rule in complaints("src/checkie/orders/pay.py", text)


def unexplained(sources: list[Source]) -> Iterator[str]:
    """Suppressions that do not say why."""
    for source in sources:
        for number, line in enumerate(source.text.splitlines(), 1):
            found = SUPPRESSION.search(line)
            if found and not EXPLAINED.match(found[0]):
                yield f"{source.name}:{number} {found[0]}"


def test_every_suppression_says_why() -> None:
    folders = ["src/checkie", "bench", "scripts", "tests/db", "tests/unit"]
    found = [line for folder in folders for line in unexplained(read(ROOT / folder))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x = 1  # noqa", 1),
        ("x = 1  # noqa: E501", 1),
        ("x = 1  # noqa: E501, T201", 1),
        ("x = 1  # type: ignore[attr-defined]", 1),
        ("x = 1  # type: ignore", 1),
        ("# ruff: noqa", 1),
        ("x = 1  # fmt: skip", 1),
        ("x = 1  # fmt: skip  # a table reads better", 0),
        ("x = 1  # noqa: E501 the address is that long", 0),
        ("x = 1  # noqa: E501, T201 - talks to people", 0),
        ("x = 1  # type: ignore[attr-defined]  # asyncpg has no types for it", 0),
    ],
)
def test_a_suppression_without_a_reason_is_found(tmp_path: Path, text: str, count: int) -> None:
    assert len(list(unexplained(plant(tmp_path, {"pay.py": text})))) == count


def test_a_reason_after_the_code_is_understood() -> None:
    text = "import os\n\nkey = os.environ  # noqa: TID251 a program of its own\n"
    assert complaints("bench/drive.py", text) & {"TID251", "RUF100"} == set()


def test_each_rule_that_is_off_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    section = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.pydocstyle]")]
    codes = re.findall(r'^  "[A-Z]+\d*",(.*)$', section, re.MULTILINE)
    assert len(codes) == len(RUFF["ignore"]) + sum(map(len, RUFF["per-file-ignores"].values()))
    assert all(re.match(r"\s+# \w+", reason) for reason in codes)
