"""The OpenAPI document is complete, and its page loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from checkie.app import api_docs
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


class TestItsPage:
    def test_shows_every_operation_and_schema(self, document: dict[str, Any]) -> None:
        page = api_docs.render(document, "https://pay.example")
        ids = set(re.findall(r'id="([^"]+)"', page))
        assert {operation["operationId"] for operation in operations(document)} <= ids
        assert {f"schema-{name}" for name in document["components"]["schemas"]} <= ids
        assert len(re.findall(r'\bid="', page)) == len(ids)
        assert set(re.findall(r'href="#([^"]+)"', page)) <= ids

    def test_escapes_what_it_shows(self, document: dict[str, Any]) -> None:
        evil = {**document, "info": {**document["info"], "summary": "<script>", "description": "`<b>` **<i>** &"}}
        page = api_docs.render(evil, "https://pay.example")
        assert "<script>" not in page
        assert "<code>&lt;b&gt;</code> <strong>&lt;i&gt;</strong> &amp;" in page

    def test_is_served_under_a_policy_that_lets_nothing_in(self, demo: tuple[Stack, dict[str, Any]]) -> None:
        answer = httpx.get(f"{demo[1]['base_url']}/api/docs")
        style = answer.text.partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = answer.headers["content-security-policy"]
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert f"style-src 'sha256-{digest}'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert re.findall(r"<(?:script|img|iframe|object)\b|\ssrc=|url\(|@import", answer.text) == []
        assert re.findall(r'<link\b[^>]*href="(?!/favicon)', answer.text) == []
