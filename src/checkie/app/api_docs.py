"""GET /api/docs: the OpenAPI document as one page that loads nothing: no script, no font, no third party."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from checkie import web

router = web.Router()
Json = dict[str, Any]
_BOLD_OR_CODE: Final = re.compile(r"\*\*(.+?)\*\*|`(.+?)`")
_EXAMPLES: Final[Json] = {"integer": 1, "string": "text", "boolean": True, "date-time": "2026-03-01T12:00:00Z"}


@router.page("/api/docs", access=web.caller.PUBLIC)
async def show_api_docs(request: Request) -> Response:
    """The page. It is the same for all, so it is made once."""
    state = request.app.state
    if not hasattr(state, "api_docs"):
        state.api_docs = render(request.app.openapi(), web.services(request).public_url)
    return HTMLResponse(state.api_docs, headers={"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"})


def render(document: Json, base_url: str) -> str:
    """The page for a document whose `paths` are served below `base_url`."""
    schemas = document["components"]["schemas"]
    templates = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def told(schema: Json, indent: int | None = None) -> str:
        return json.dumps(example(schema, schemas), indent=indent, ensure_ascii=False)

    def curl(operation: Json, base_url: str) -> str:
        bodies = [told(body["schema"]) for body in operation.get("requestBody", {}).get("content", {}).values()]
        return command(operation, base_url, bodies)

    templates.filters.update(prose=prose, kind=kind, named=named, example=told, curl=curl)
    page = templates.get_template("api_docs.html")
    return page.render(document=document, sections=sections(document), base_url=base_url, style=Markup(_STYLE))  # noqa: S704  our own file


def sections(document: Json) -> list[tuple[Json, list[Json]]]:
    """Each tag with its operations, in the document's order. An operation also tells its `method` and `path`."""
    found: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [_resolve(document, parameter) for parameter in operation["parameters"]]
            responses = {status: _with_headers(document, it) for status, it in sorted(operation["responses"].items())}
            told = {"method": method.upper(), "path": path, "parameters": parameters, "responses": responses}
            found[operation["tags"][0]].append({**operation, **told})
    return [(tag, found[tag["name"]]) for tag in document["tags"]]


def _with_headers(document: Json, response: Json) -> Json:
    headers = {name: _resolve(document, header) for name, header in response.get("headers", {}).items()}
    return {**response, "headers": headers}


def _resolve(document: Json, node: Json) -> Json:
    """What `$ref` refers to, or the node itself."""
    for name in node.get("$ref", "").split("/")[1:]:
        document = document[name]
    return document if "$ref" in node else node


def command(operation: Json, base_url: str, bodies: Sequence[str]) -> str:
    """How to make the call by curl, with examples for what it takes."""
    parameters = operation["parameters"]
    inserted = {it["name"]: it["schema"]["examples"][0] for it in parameters if it["in"] == "path"}
    parts = [f"curl -X {operation['method']} '{base_url}{operation['path'].format(**inserted)}'"]
    if "security" in operation:
        parts.append("-H 'Authorization: Bearer <client_secret>'")
    parts += [f"-H '{it['name']}: {it['example']}'" for it in parameters if it["in"] == "header" and "example" in it]
    parts += [f"-H 'Content-Type: application/json' -d '{body}'" for body in bodies]
    return " \\\n  ".join(parts)


def prose(text: str) -> Markup:
    """Paragraphs, `* ` lists, **bold** and `code`: the little Markdown that our descriptions use."""
    return Markup().join(_block(block.splitlines()) for block in text.strip().split("\n\n"))


def _block(lines: list[str]) -> Markup:
    if lines[0].startswith("* "):
        items = Markup().join(Markup("<li>{}</li>").format(_inline(line[2:])) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(_inline("\n".join(lines)))


def _inline(text: str) -> Markup:
    return Markup(_BOLD_OR_CODE.sub(_mark, str(escape(text))))  # noqa: S704  escaped just now


def _mark(match: re.Match[str]) -> str:
    return f"<strong>{match[1]}</strong>" if match[1] else f"<code>{match[2]}</code>"


def named(schema: Json) -> str | None:
    """The name of the schema that this one refers to, alone or narrowed."""
    refers = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ()) if "$ref" in part), "")
    return refers.rpartition("/")[2] or None


def kind(schema: Json) -> Markup:
    """The kind of value that a schema takes, in words."""
    name = named(schema)
    if name:
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(kind(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return Markup("list of {}").format(kind(schema["items"]))
    if "enum" in schema:
        return Markup(", ").join(Markup("<code>{}</code>").format(value) for value in schema["enum"])
    if "const" in schema:
        return Markup("<code>{}</code>").format(schema["const"])
    return escape(schema.get("format") or schema.get("type", "anything"))


def example(schema: Json, schemas: Json) -> Any:
    """A value that the schema takes: its own example, or one put together."""
    for known in ("examples", "enum"):
        if known in schema:
            return schema[known][0]
    if "const" in schema or "anyOf" in schema:
        return schema["const"] if "const" in schema else example(schema["anyOf"][0], schemas)
    name = named(schema)
    if name:
        return example(schemas[name], schemas)
    if schema.get("type") == "array":
        return [example(schema["items"], schemas)]
    if schema.get("type") == "object":
        return {key: example(part, schemas) for key, part in schema.get("properties", {}).items()}
    return _EXAMPLES[schema.get("format") or schema["type"]]


_STYLE: Final = (files(__package__) / "templates" / "api_docs.css").read_text()
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
