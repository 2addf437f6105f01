"""events.md, and a JSON schema for each event."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from checkie.kernel import Id
from checkie.outbox import Event
from scripts.docs import discover

HEAD = """# Events

Public events can be sent to merchants by webhook: the schema describes `data`. All other events are internal. Amounts
are whole minor units. An event is stored in the transaction of the change that it describes. It is delivered at least
once, always with the same id.

| event | public | published by | what happened | data |
| --- | --- | --- | --- | --- |
"""
PLAIN = {str: "string", int: "integer", bool: "boolean", float: "number"}


def pages() -> dict[str, str]:
    """By path: the list, and each event's schema."""
    found = discover.events()
    rows = [_row(event) for event in found]
    schemas = {f"events/{event.name}.json": json.dumps(schema(event), indent=2) + "\n" for event in found}
    return {"events.md": HEAD + "".join(rows), **schemas}


def _row(event: type[Event]) -> str:
    fields = ", ".join(f"`{field.name}`" for field in dataclasses.fields(event))
    module = event.__module__.split(".")[1]
    public = "yes" if event.public else ""
    return (
        f"| [{event.name}](events/{event.name}.json) | {public} | {module} | {discover.sentence(event)} | {fields} |\n"
    )


def schema(event: type[Event]) -> dict[str, Any]:
    """The JSON schema (2020-12) of the event's data."""
    hints = typing.get_type_hints(event)
    fields = dataclasses.fields(event)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event.name,
        "description": inspect.getdoc(event),
        "version": event.version,
        "public": event.public,
        "type": "object",
        "properties": {field.name: _type(hints[field.name]) for field in fields},
        "required": [field.name for field in fields],
    }


def _type(hint: Any) -> dict[str, Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return {"anyOf": [_type(one) for one in inner]}
    if origin in {list, tuple, Sequence}:
        return {"type": "array", "items": _type(inner[0])}
    if origin in {dict, Mapping}:
        return {"type": "object", "additionalProperties": _type(inner[1])}
    return {} if hint is Any else _plain(hint)


def _plain(hint: type) -> dict[str, Any]:
    if hint is types.NoneType:
        return {"type": "null"}
    if issubclass(hint, Id):
        return {"type": "string", "pattern": f"^{hint.prefix}_[0-9a-hjkmnp-tv-z]{{26}}$"}
    if issubclass(hint, enum.StrEnum):
        return {"type": "string", "enum": [str(member) for member in hint]}
    return {"type": PLAIN[hint]}
