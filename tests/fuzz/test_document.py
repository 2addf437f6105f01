"""The OpenAPI document is complete, and its page loads nothing from other hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from scripts.docs import pages
from tests.stack import Stack

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return pages.openapi()


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        found = node.get("$ref")
        yield from [found] if isinstance(found, str) else []
        for part in node.values():
            yield from references(part)
    elif isinstance(node, list):
        for part in node:
            yield from references(part)


class TestTheDocument:
    def test_refers_to_nothing_that_is_not_there(self, document: dict[str, Any]) -> None:
        for reference in set(references(document)):
            node = document
            for name in reference.split("/")[1:]:
                assert name in node, reference
                node = node[name]

    def test_has_no_schema_that_nothing_refers_to(self, document: dict[str, Any]) -> None:
        used = {reference.rpartition("/")[2] for reference in references(document)}
        assert set(document["components"]["schemas"]) <= used

    def test_knows_nothing_of_errors_in_the_framework_s_form(self, document: dict[str, Any]) -> None:
        assert "ValidationError" not in str(document)

    def test_describes_every_operation_parameter_and_answer(self, document: dict[str, Any]) -> None:
        for operation in operations(document):
            assert operation["summary"]
            assert operation["description"]
            assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}
            assert re.fullmatch("[a-z_]+", operation["operationId"])
            assert all(response["description"] != "Successful Response" for response in operation["responses"].values())
            assert all("X-Request-Id" in response["headers"] for response in operation["responses"].values())

    def test_lists_the_codes_of_every_refusal(self, document: dict[str, Any]) -> None:
        refusals = [
            response
            for operation in operations(document)
            for status, response in operation["responses"].items()
            if status[0] == "4"
        ]
        for response in refusals:
            reference, narrowed = response["content"][PROBLEM]["schema"]["allOf"]
            assert reference == {"$ref": "#/components/schemas/Problem"}
            assert all(f"`{code}`" in response["description"] for code in narrowed["properties"]["code"]["enum"])

    def test_says_where_the_client_secret_is_needed(self, document: dict[str, Any]) -> None:
        assert document["components"]["securitySchemes"]["client_secret"]["scheme"] == "bearer"
        needed = {it["operationId"] for it in operations(document) if it.get("security") == [{"client_secret": []}]}
        assert needed == {
            *("get_session", "change_session", "update_session"),
            *("check_out", "initiate_payment", "get_status"),
        }


@pytest.fixture
def base_url(demo: tuple[Stack, dict[str, Any]]) -> str:
    url: str = demo[1]["base_url"]
    return url


class TestItsPage:
    def test_may_load_nothing_from_elsewhere(self, base_url: str) -> None:
        page = httpx.get(f"{base_url}/api/docs")
        policy = dict(directive.split(" ", 1) for directive in page.headers["content-security-policy"].split("; "))
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert policy["default-src"] == "'none'"
        assert "unsafe" not in str(policy)
        sources = {source for sources in policy.values() for source in sources.split() if "sha256-" not in source}
        assert sources == {"'none'", "'self'", "data:", "blob:"}

    def test_names_a_viewer_that_browsers_may_keep(self, base_url: str) -> None:
        script = re.findall(r'<script src="([^"]+)">', httpx.get(f"{base_url}/api/docs").text)[0]
        compressed = httpx.get(base_url + script, headers={"Accept-Encoding": "gzip"})
        plain = httpx.get(base_url + script, headers={"Accept-Encoding": "identity"})
        assert compressed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert compressed.text == plain.text
        assert "immutable" in plain.headers["cache-control"]
        assert httpx.get(f"{base_url}/api/docs/redoc-000000000000.js").status_code == 404
