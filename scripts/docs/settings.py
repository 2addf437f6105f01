"""settings.md: what an operator can set in the environment."""

from __future__ import annotations

from pydantic.fields import FieldInfo

from checkie.app.settings import Settings, variable

HEAD = """# Settings

Settings are environment variables. They are read once, at start, and checked; an error names the variable and its rule.
An unknown variable that begins with `CHECKIE_` is refused.

| variable | default | what it does |
| --- | --- | --- |
"""


def page() -> str:
    """Every variable with its default."""
    return HEAD + "".join(_row(variable(name), field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    default = int(field.default) if isinstance(field.default, bool) else field.default
    shown = "empty" if default in (None, "", ()) else f"`{default}`"
    return f"| `{name}` | {shown} | {field.description} |\n"
