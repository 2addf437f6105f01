"""settings.md: what an operator can set, in the environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from checkie.app.settings import Settings

HEAD = """# Settings

Read once from the environment and checked at start; an error names the variable.

| variable | default | what it does |
| --- | --- | --- |
"""


def page() -> str:
    """Every variable with its default."""
    return HEAD + "".join(_row(field.metadata) for field in dataclasses.fields(Settings))


def _row(told: Mapping[str, Any]) -> str:
    preset = {None: "must be set", "": "empty"}.get(told["default"], f"`{told['default']}`")
    return f"| `{told['variable']}` | {preset} | {told['doc']} |\n"
