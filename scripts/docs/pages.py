"""The pages that need no database, and the comparison with the stored files."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import checkie
from checkie import web
from checkie.app import asgi
from checkie.app.settings import load
from checkie.db import Database
from checkie.kernel import Keyring
from checkie.payments.port import Providers
from scripts.docs import discover, events, settings

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs" / "generated"


ERRORS = """# Errors

Errors are `application/problem+json` with `type`, `title`, `status`, `code`, `detail`, `param` and `request_id`.
Programs may rely on `code`; `detail` is for people and can contain more than the message here.

| code | status | title | message | module |
| --- | ---: | --- | --- | --- |
"""
SIMULATOR_ERRORS = """
## Errors of the simulator

The simulator is a separate service with its own format: `{"error": {"code", "message"}}`.

| code | status | title | message | module |
| --- | ---: | --- | --- | --- |
"""
LIFECYCLES = """# Lifecycles

An arrow is labelled `verb / event`. A transition without an arrow is refused.

"""
ROWS = """# Rows

A module imports only rows below it, and no neighbour; only `app` imports providers. Drawn from the import contract in
`pyproject.toml`. Modules in parentheses are planned.

```
{diagram}
```

| module | purpose |
| --- | --- |
"""
API = """# HTTP

The whole document is [openapi.json](openapi.json); a running server shows it as a reference at `/api/docs`.

| call | what it does | answers |
| --- | --- | --- |
"""


def all_pages() -> dict[str, str]:
    """By path below docs/generated."""
    for _ in discover.modules():
        pass  # importing them defines all classes
    document = openapi()
    return {
        **events.pages(),
        "api.md": api(document),
        "errors.md": errors(),
        "lifecycles.md": lifecycles(),
        "openapi.json": json.dumps(document, indent=1, ensure_ascii=False) + "\n",
        "rows.md": rows(),
        "settings.md": settings.page(),
    }


def differences(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """The files in `folder` that are missing, differ or are not expected."""
    stored = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.*") if path.is_file()}
    return sorted(name for name in stored.keys() | expected.keys() if stored.get(name) != expected.get(name))


def errors() -> str:
    """errors.md: every code that a caller can receive."""
    ours: list[str] = []
    simulators: list[str] = []
    for refusal in discover.refusals():
        cells = [f"`{refusal.code}`", refusal.status, refusal.title, discover.sentence(refusal), _module(refusal)]
        (simulators if _module(refusal) == "providers" else ours).append(f"| {' | '.join(map(str, cells))} |\n")
    return ERRORS + "".join(ours) + SIMULATOR_ERRORS + "".join(simulators)


def _module(thing: type) -> str:
    return thing.__module__.split(".")[1]


def lifecycles() -> str:
    """lifecycles.md: a diagram of every lifecycle."""
    parts = [
        f"## {lifecycle.name} ({module})\n\n```mermaid\n{lifecycle.mermaid()}\n```\n"
        for module, lifecycle in discover.lifecycles()
    ]
    return LIFECYCLES + "\n".join(parts)


def rows() -> str:
    """rows.md: which module may import which, from the import contract, and the purpose of each."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    doors = [Path(checkie.__path__[0]) / name / "__init__.py" for name in re.findall(r"\w+", " ".join(layers))]
    lines = [f"| {door.parent.name} | {_purpose(door)} |\n" for door in doors if door.exists()]
    return ROWS.format(diagram="\n".join(layers)) + "".join(lines)


def _purpose(door: Path) -> str:
    return (ast.get_docstring(ast.parse(door.read_text())) or "").partition("\n")[0]


def openapi() -> dict[str, Any]:
    """The OpenAPI document. It depends on no setting and needs no database."""
    keyring = Keyring("none", {"none": bytes(32)})
    runtime = web.Runtime(Database(""), lambda: datetime.min.replace(tzinfo=UTC), keyring, "")
    return asgi.create_app(load({}), runtime, Providers({}), {}).openapi()


def api(document: dict[str, Any]) -> str:
    """api.md: every route on one line."""
    lines = []
    for path, methods in sorted(document["paths"].items()):
        for method, route in methods.items():
            answers = ", ".join(sorted(route["responses"]))
            about = route.get("description", route.get("summary", "")).partition("\n")[0]
            lines.append(f"| `{method.upper()} {path}` | {about} | {answers} |\n")
    return API + "".join(lines)
