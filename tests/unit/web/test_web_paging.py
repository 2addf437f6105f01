"""A request's query says which part of a list is wanted, and the API document says how to ask."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from checkie.app.api_document import complete
from checkie.db import Database
from checkie.kernel import CursorUnknown, Paging
from checkie.kernel.ids import DeliveryId
from checkie.web import paging
from checkie.web.paging import LimitOutOfRange, TwoCursors
from tests.lists import create_app
from tests.make import START

CURSOR = DeliveryId.new(7, START)
OTHER = DeliveryId.new(7, START)


def asked(**query: str | list[str]) -> Paging[DeliveryId]:
    text = urlencode(query, doseq=True).encode()
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": text})
    return paging.read(request, DeliveryId)


class TestTheQuery:
    def test_may_be_empty(self) -> None:
        assert asked() == Paging(10)

    @pytest.mark.parametrize(("limit", "number"), [("1", 1), ("42", 42), ("007", 7), ("100", 100)])
    def test_has_a_limit(self, limit: str, number: int) -> None:
        assert asked(limit=limit) == Paging(number)

    def test_has_a_cursor(self) -> None:
        assert asked(starting_after=CURSOR, limit="3") == Paging(3, starting_after=CURSOR)
        assert asked(ending_before=CURSOR) == Paging(10, ending_before=CURSOR)

    def test_uses_the_last_of_a_repeated_parameter(self) -> None:
        assert asked(limit=["1", "2"], starting_after=[CURSOR, OTHER]) == Paging(2, starting_after=OTHER)

    @pytest.mark.parametrize(
        "limit",
        [
            "",
            "0",
            "000",
            "101",
            "999",
            "-1",
            "+5",
            " 5",
            "5.0",
            "1e1",
            "abc",
            "NaN",
            "٣",
            "²",
            pytest.param("9" * 5000, id="long"),
            "5\0",
            "\0",
        ],
    )
    def test_with_another_limit_is_refused(self, limit: str) -> None:
        with pytest.raises(LimitOutOfRange) as refused:
            asked(limit=limit)
        assert (refused.value.status, refused.value.param) == (422, "limit")

    @pytest.mark.parametrize("name", ["starting_after", "ending_before"])
    @pytest.mark.parametrize(
        "cursor",
        [
            *("", "2", "\0", CURSOR[:-1], f"{CURSOR}\0", f"{CURSOR[:-1]}\0", CURSOR.upper(), f"whe{CURSOR[3:]}"),
            *("whd_" + "z" * 26, "whd_" + "0" * 26, pytest.param("whd_" * 5000, id="long")),
        ],
    )
    def test_with_a_cursor_of_another_spelling_is_refused(self, name: str, cursor: str) -> None:
        with pytest.raises(CursorUnknown) as refused:
            asked(**{name: cursor})
        assert (refused.value.status, refused.value.param) == (422, name)

    def test_with_two_cursors_is_refused(self) -> None:
        with pytest.raises(TwoCursors) as refused:
            asked(starting_after=CURSOR, ending_before=CURSOR)
        assert (refused.value.status, refused.value.param) == (422, "ending_before")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return complete(create_app(Database("")).openapi())


class TestTheDocument:
    def test_describes_the_query(self, document: dict[str, Any]) -> None:
        route = document["paths"]["/stores/{store}/endpoints/{endpoint}/deliveries"]["get"]
        query = {one["name"]: one for one in route["parameters"] if one.get("in") == "query"}
        assert query["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
        for name in ("starting_after", "ending_before"):
            assert query[name]["schema"] == {"type": "string", "pattern": "^whd_[0-7][0-9a-hjkmnp-tv-z]{25}$"}
            assert not query[name].get("required")

    def test_describes_the_response(self, document: dict[str, Any]) -> None:
        answers = document["paths"]["/stores/{store}/endpoints/{endpoint}/deliveries"]["get"]["responses"]
        schema = answers["200"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/DeliveryListBody"}
        assert answers["200"]["description"] == "Deliveries to an endpoint, the newest event first."
        assert document["components"]["schemas"]["DeliveryListBody"] == {
            "type": "object",
            "description": "Deliveries to an endpoint, the newest event first.",
            "properties": {
                "data": {"type": "array", "items": {"$ref": "#/components/schemas/DeliveryBody"}, "maxItems": 100},
                "has_more": {
                    "type": "boolean",
                    "description": "Whether there are more rows in the direction of reading.",
                },
            },
            "required": ["data", "has_more"],
        }

    def test_gives_each_list_a_schema_of_its_own(self, document: dict[str, Any]) -> None:
        schemas = document["components"]["schemas"]
        assert schemas["EndpointListBody"]["properties"]["data"]["items"] == {
            "$ref": "#/components/schemas/EndpointBody"
        }

    def test_lists_its_refusals(self, document: dict[str, Any]) -> None:
        refused = document["paths"]["/stores/{store}/endpoints"]["get"]["responses"]["422"]
        codes = refused["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"]
        assert codes == ["cursor_unknown", "limit_out_of_range", "two_cursors"]
