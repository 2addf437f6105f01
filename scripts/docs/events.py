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

from checkie import objects
from checkie.kernel import Id
from checkie.outbox import Event
from scripts.docs import discover

HEAD = """# Events

A public event may be sent to merchants by webhook: its schema is that of the whole body, and its fields here are those
of `data`. All others are internal, and their schema is that of their fields. Amounts of internal events are whole minor
units. An event is stored in the transaction of the change that it describes; it is delivered at least once, always with
the same id.

| event | public | published by | what happened | fields |
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
    names = (
        typing.get_type_hints(_object(event)) if event.public else [field.name for field in dataclasses.fields(event)]
    )
    fields = ", ".join(f"`{name}`" for name in names)
    module = event.__module__.split(".")[1]
    public = "yes" if event.public else ""
    return (
        f"| [{event.name}](events/{event.name}.json) | {public} | {module} | {discover.sentence(event)} | {fields} |\n"
    )


def schema(event: type[Event]) -> dict[str, Any]:
    """The JSON schema (2020-12) of the webhook's body, or of the fields of an internal event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event.name,
        "version": event.version,
        "public": event.public,
        **(_envelope(event) if event.public else _fields(event)),
        "description": inspect.getdoc(event),
    }


def _object(event: type[Event]) -> type:
    """The type of a public event's `data`: what its renderer returns."""
    found: type = typing.get_type_hints(objects.RENDERERS[event])["return"]
    return found


def _envelope(event: type[Event]) -> dict[str, Any]:
    body = _mapping(objects.Envelope)
    body["properties"]["type"] = {"const": event.name}
    body["properties"]["api_version"] = {"const": objects.API_VERSION}
    body["properties"]["data"] = _mapping(_object(event))
    return body


def _fields(event: type[Event]) -> dict[str, Any]:
    hints = typing.get_type_hints(event)
    names = [field.name for field in dataclasses.fields(event)]
    return {"type": "object", "properties": {name: _type(hints[name]) for name in names}, "required": names}


def _mapping(kind: Any) -> dict[str, Any]:
    """The schema of a TypedDict."""
    hints = typing.get_type_hints(kind)
    return {
        "type": "object",
        "description": inspect.getdoc(kind),
        "properties": {name: _type(hint) for name, hint in hints.items()},
        "required": list(hints),
    }


def _type(hint: Any) -> dict[str, Any]:
    if typing.is_typeddict(hint):
        return _mapping(hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin in {typing.Union, types.UnionType}:
        return {"anyOf": [_type(one) for one in inner]}
    if origin in {list, tuple, Sequence}:
        return {"type": "array", "items": _type(inner[0])}
    if origin in {dict, Mapping}:
        return {"type": "object", "additionalProperties": _type(inner[1])}
    return {} if hint in {Any, object} else _plain(hint)


def _plain(hint: type) -> dict[str, Any]:
    if hint is types.NoneType:
        return {"type": "null"}
    if issubclass(hint, Id):
        return {"type": "string", "pattern": f"^{hint.prefix}_[0-9a-hjkmnp-tv-z]{{26}}$"}
    if issubclass(hint, enum.StrEnum):
        return {"type": "string", "enum": [str(member) for member in hint]}
    return {"type": PLAIN[hint]}
