"""Lists over HTTP: each row once even while rows are added, and clear refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from checkie import webhooks
from checkie.kernel.ids import DeliveryId, EventId
from tests.db.webhooks.conftest import Merchant, statements
from tests.lists import create_app

URL = "https://shop.example/hook"
WAYS = ("starting_after", "ending_before")


@dataclass
class ListReader:
    """A store's reader with one endpoint, who reads lists of its API."""

    merchant: Merchant
    endpoint: webhooks.Endpoint
    http: httpx.AsyncClient

    async def ask(self, **query: Any) -> httpx.Response:
        """Part of the deliveries, or why not."""
        return await self.http.get(
            f"/stores/{self.merchant.store}/endpoints/{self.endpoint.id}/deliveries", params=query
        )

    async def read(self, **query: Any) -> tuple[list[dict[str, str]], bool]:
        """Part of the deliveries, and whether there are more."""
        answer = await self.ask(**query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body.keys() == {"data", "has_more"}
        return body["data"], body["has_more"]

    async def walk(self, limit: int, way: str = "starting_after", **query: Any) -> AsyncIterator[list[dict[str, str]]]:
        """The list, part by part."""
        has_more = True
        while has_more:
            part, has_more = await self.read(limit=limit, **query)
            yield part
            query = {way: part[-1 if way == "starting_after" else 0]["id"]} if part else query

    async def enqueue(self, count: int) -> list[str]:
        """Enqueue so many events; their ids, the newest first."""
        items = [self.merchant.item() for _ in range(count)]
        await self.merchant.enqueue(*items)
        await self.merchant.wait(seconds=1)
        return sorted((item.id for item in items), reverse=True)


@pytest.fixture
async def reader(merchant: Merchant) -> AsyncIterator[ListReader]:
    endpoint, _ = await merchant.endpoint(URL)
    transport = httpx.ASGITransport(create_app(merchant.db))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as http:
        yield ListReader(merchant, endpoint, http)


def events(part: list[dict[str, str]]) -> list[str]:
    return [one["event"] for one in part]


class TestAList:
    async def test_begins_with_the_ten_newest(self, reader: ListReader) -> None:
        sent = await reader.enqueue(11)
        part, has_more = await reader.read()
        assert (events(part), has_more) == (sent[:10], True)

    @pytest.mark.parametrize(("count", "has_more"), [(0, False), (2, False), (3, False), (4, True)])
    async def test_has_more_if_it_is_longer_than_the_limit(
        self, reader: ListReader, count: int, has_more: bool
    ) -> None:
        sent = await reader.enqueue(count) if count else []
        part, more = await reader.read(limit=3)
        assert (events(part), more) == (sent[:3], has_more)

    async def test_is_read_by_a_hundred_at_most(self, reader: ListReader) -> None:
        sent = await reader.enqueue(101)
        part, has_more = await reader.read(limit=100)
        assert (events(part), has_more) == (sent[:100], True)
        rest, has_more = await reader.read(limit=100, starting_after=part[-1]["id"])
        assert (events(rest), has_more) == (sent[100:], False)

    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
    async def test_is_read_whole_part_by_part(self, reader: ListReader, limit: int) -> None:
        sent = await reader.enqueue(6)
        assert [event async for part in reader.walk(limit) for event in events(part)] == sent

    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
    async def test_is_read_backwards_part_by_part(self, reader: ListReader, limit: int) -> None:
        sent = await reader.enqueue(7)
        (*_, last), _ = await reader.read()
        parts = [events(part) async for part in reader.walk(limit, "ending_before", ending_before=last["id"])]
        assert [event for part in reversed(parts) for event in part] == sent[:-1]

    async def test_after_its_last_row_and_before_its_first_is_empty(self, reader: ListReader) -> None:
        await reader.enqueue(3)
        (first, *_, last), _ = await reader.read()
        assert await reader.read(starting_after=last["id"]) == ([], False)
        assert await reader.read(ending_before=first["id"]) == ([], False)

    async def test_read_forwards_and_backwards_has_the_same_rows(self, reader: ListReader) -> None:
        await reader.enqueue(9)
        first, _ = await reader.read(limit=3)
        second, _ = await reader.read(limit=3, starting_after=first[-1]["id"])
        assert await reader.read(limit=3, ending_before=second[0]["id"]) == (first, False)


class TestWhileRowsAreAdded:
    async def test_each_row_that_was_there_comes_once(self, reader: ListReader) -> None:
        sent = await reader.enqueue(12)
        seen: list[str] = []
        async for part in reader.walk(limit=3):
            seen += events(part)
            await reader.enqueue(2)
        assert seen == sent

    async def test_one_that_is_added_further_on_comes_in_its_place(self, reader: ListReader) -> None:
        sent = await reader.enqueue(6)
        first, _ = await reader.read(limit=3)
        earlier = reader.merchant.now - timedelta(hours=1)  # an event that its consumer could process only later
        late = replace(reader.merchant.item(), id=EventId.new(reader.merchant.store, earlier))
        await reader.merchant.enqueue(late)
        rest, has_more = await reader.read(limit=4, starting_after=first[-1]["id"])
        assert (events(rest), has_more) == ([*sent[3:], late.id], False)

    async def test_new_rows_come_before_the_first(self, reader: ListReader) -> None:
        await reader.enqueue(3)
        (first, *_), _ = await reader.read()
        sent = await reader.enqueue(5)
        parts = [events(part) async for part in reader.walk(2, "ending_before", ending_before=first["id"])]
        assert parts == [sent[3:5], sent[1:3], sent[:1]]


@pytest.mark.parametrize("way", WAYS)
class TestACursorThatIsNotARowOfTheList:
    async def refused(self, reader: ListReader, way: str, cursor: str) -> None:
        answer = await reader.ask(**{way: cursor})
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["code"], problem["param"]) == ("cursor_unknown", way)
        assert problem["request_id"] == answer.headers["x-request-id"]

    async def test_is_refused_if_there_is_no_such_row(self, reader: ListReader, way: str) -> None:
        await reader.enqueue(2)
        await self.refused(reader, way, DeliveryId.new(reader.merchant.store, reader.merchant.now))

    async def test_is_refused_if_it_is_of_another_store(self, reader: ListReader, way: str, stranger: Merchant) -> None:
        await reader.enqueue(2)
        theirs, _ = await stranger.endpoint(URL)
        await stranger.enqueue()
        await self.refused(reader, way, (await stranger.only(theirs)).id)

    async def test_is_refused_if_it_is_of_another_endpoint(self, reader: ListReader, way: str) -> None:
        await reader.enqueue(2)
        other, _ = await reader.merchant.endpoint(URL)
        await reader.enqueue(1)
        await self.refused(reader, way, (await reader.merchant.only(other)).id)

    async def test_is_refused_if_it_is_of_another_kind(self, reader: ListReader, way: str) -> None:
        await self.refused(reader, way, reader.endpoint.id)

    @pytest.mark.parametrize("cursor", ["", "1", "\0", "whd_\0", "%", "' or 1=1", pytest.param("9" * 5000, id="long")])
    async def test_is_refused_if_it_is_not_an_id(self, reader: ListReader, way: str, cursor: str) -> None:
        await self.refused(reader, way, cursor)


class TestARequest:
    @pytest.mark.parametrize(
        "limit", ["0", "101", "-1", "abc", "NaN", "", "1.0", "\0", "5\0", pytest.param("9" * 5000, id="long")]
    )
    async def test_with_another_limit_is_refused(self, reader: ListReader, limit: str) -> None:
        answer = await reader.ask(limit=limit)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["param"]) == (422, "limit_out_of_range", "limit")
        assert problem["detail"] == "`limit` must be an integer from 1 to 100."

    async def test_with_two_cursors_is_refused(self, reader: ListReader) -> None:
        await reader.enqueue(1)
        ((row,), _) = await reader.read()
        answer = await reader.ask(starting_after=row["id"], ending_before=row["id"])
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["param"]) == (422, "two_cursors", "ending_before")

    async def test_with_bytes_that_are_not_text_is_refused(self, reader: ListReader) -> None:
        path = f"/stores/{reader.merchant.store}/endpoints/{reader.endpoint.id}/deliveries"
        assert (await reader.http.get(f"{path}?starting_after=%ff%fe")).status_code == 422
        assert (await reader.http.get(f"{path}?limit=%ff")).status_code == 422


class TestEndpoints:
    async def test_are_read_in_parts_both_ways(self, reader: ListReader) -> None:
        made = [reader.endpoint.id]
        for _ in range(4):
            await reader.merchant.wait(seconds=1)
            made.append((await reader.merchant.endpoint(URL))[0].id)
        newest = made[::-1]
        assert await self.read(reader, limit=2) == (newest[:2], True)
        assert await self.read(reader, limit=3, starting_after=newest[1]) == (newest[2:], False)
        assert await self.read(reader, limit=1, ending_before=newest[2]) == (newest[1:2], True)
        assert await self.read(reader, limit=2, ending_before=newest[2]) == (newest[:2], False)

    @pytest.mark.parametrize("way", WAYS)
    async def test_of_another_store_are_no_cursors(self, reader: ListReader, way: str, stranger: Merchant) -> None:
        theirs, _ = await stranger.endpoint(URL)
        answer = await reader.http.get(f"/stores/{reader.merchant.store}/endpoints", params={way: theirs.id})
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unknown")

    async def read(self, reader: ListReader, **query: Any) -> tuple[list[str], bool]:
        body = (await reader.http.get(f"/stores/{reader.merchant.store}/endpoints", params=query)).json()
        return [one["id"] for one in body["data"]], body["has_more"]


async def test_a_part_at_any_place_costs_two_statements(reader: ListReader) -> None:
    await reader.enqueue(5)
    rows, _ = await reader.read()
    for query in ({}, {"starting_after": rows[1]["id"]}, {"ending_before": rows[3]["id"]}):
        before = statements()
        await reader.read(limit=2, **query)
        assert statements() - before == 2
