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
from checkie.kernel import Keyring, Refusal
from scripts.docs import discover, events, settings

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs" / "generated"


ERRORS = """# Errors

Errors are `application/problem+json` with `type`, `title`, `status`, `code`, `detail`, `param` and `request_id`. The
code is a contract; `detail` is for people and may say more than the message here. Each list is read from what the use
cases declare (`@refuses`), as the OpenAPI document is.
"""
ERROR_TABLES = (
    ("Any call", "An answer that any address may give."),
    ("Calls of the API", "The last column names the calls, by their operation id."),
    (
        "Others",
        "No call of the API answers these: they belong to the buyer's page, the command line and later releases.",
    ),
)
ERRORS_ANYWHERE = {"internal_error", "method_not_allowed", "not_found"}
ERROR_COLUMNS = """| code | status | title | message | calls |
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
        "errors.md": errors(document),
        "lifecycles.md": lifecycles(),
        "openapi.json": json.dumps(document, indent=1, ensure_ascii=False) + "\n",
        "rows.md": rows(),
        "settings.md": settings.page(),
    }


def differences(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """The files in `folder` that are missing, differ or are not expected."""
    stored = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.*") if path.is_file()}
    return sorted(name for name in stored.keys() | expected.keys() if stored.get(name) != expected.get(name))


def errors(document: dict[str, Any]) -> str:
    """errors.md: every code that a caller may see, and which calls answer it."""
    answered = _calls_by_code(document)
    rows: dict[str, list[str]] = {title: [] for title, _ in ERROR_TABLES}
    for refusal in discover.refusals():
        if refusal.__module__ == "checkie.kernel.refusal" and refusal.code not in ERRORS_ANYWHERE:
            continue  # a kind of refusals, which is never raised itself
        anywhere, by_calls, others = rows.values()
        place = anywhere if refusal.code in ERRORS_ANYWHERE else by_calls if refusal.code in answered else others
        place.append(_error_row(refusal, answered.get(refusal.code, [])))
    tables = (f"\n## {title}\n\n{about}\n\n{ERROR_COLUMNS}{''.join(rows[title])}" for title, about in ERROR_TABLES)
    return ERRORS + "".join(tables)


def _calls_by_code(document: dict[str, Any]) -> dict[str, list[str]]:
    """The calls that may answer a code, by their operation ids."""
    found: dict[str, list[str]] = {}
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                for code in _codes(response):
                    found.setdefault(code, []).append(operation["operationId"])
    return found


def _codes(response: dict[str, Any]) -> list[str]:
    schema = response.get("content", {}).get("application/problem+json", {}).get("schema", {})
    codes: list[str] = schema["allOf"][1]["properties"]["code"]["enum"] if schema else []
    return codes


def _error_row(refusal: type[Refusal], calls: list[str]) -> str:
    named = ", ".join(f"`{call}`" for call in sorted(calls))
    cells = (f"`{refusal.code}`", str(refusal.status), refusal.title, discover.sentence(refusal), named)
    return f"| {' | '.join(cells)} |\n"


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
    never = datetime.min.replace(tzinfo=UTC)
    services = web.Services(db=Database(""), now=lambda: never, keyring=keyring, public_url="")
    return asgi.create_app(load({}), services).openapi()


def api(document: dict[str, Any]) -> str:
    """api.md: every route on one line."""
    lines = []
    for path, methods in sorted(document["paths"].items()):
        for method, route in methods.items():
            answers = ", ".join(sorted(route["responses"]))
            about = route.get("description", route.get("summary", "")).partition("\n")[0]
            lines.append(f"| `{method.upper()} {path}` | {about} | {answers} |\n")
    return API + "".join(lines)
