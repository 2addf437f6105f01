"""The demo's listener: it responds to webhooks, records them and shows them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from checkie.app.demo import listener

ADDRESS = "127.0.0.1"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "data" / "webhooks.jsonl"


@pytest.fixture
async def client(log: Path, unused_port: int) -> AsyncIterator[httpx.AsyncClient]:
    serving = asyncio.create_task(listener.serve(ADDRESS, unused_port, log))
    async with httpx.AsyncClient(base_url=f"http://{ADDRESS}:{unused_port}") as found:
        for _ in range(100):
            with suppress(OSError):
                _, writer = await asyncio.open_connection(ADDRESS, unused_port)
                writer.close()
                break
            await asyncio.sleep(0.01)
        yield found
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda _, writer: writer.close(), ADDRESS, 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def lines_of(log: Path) -> list[str]:
    return log.read_text().splitlines()


async def test_a_webhook_is_answered_and_recorded_immediately(client: httpx.AsyncClient, log: Path) -> None:
    for number in range(3):
        answer = await client.post(
            "/webhooks", content=f'{{ "n": {number}, "é": "\n" }}', headers={"Webhook-Id": "evt_1"}
        )
        assert (answer.status_code, answer.json()) == (200, {"received": True})
        lines = [json.loads(line) for line in lines_of(log)]
        assert len(lines) == number + 1
        assert lines[-1]["body"] == f'{{ "n": {number}, "é": "\n" }}'
        assert lines[-1]["headers"]["webhook-id"] == "evt_1"
        assert lines[-1]["at"].endswith("+00:00")


async def test_the_page_shows_the_last_twenty_newest_first(client: httpx.AsyncClient) -> None:
    for number in range(25):
        await client.post("/webhooks", content=f"<b>{number}</b>")
    page = (await client.get("/")).text
    shown = [int(part.partition("&lt;")[0]) for part in page.split("&lt;b&gt;")[1:]]
    assert shown == list(range(24, 4, -1))
    assert "<b>" not in page


async def test_other_requests_are_refused(client: httpx.AsyncClient, log: Path) -> None:
    assert (await client.post("/elsewhere")).status_code == 404
    assert (await client.get("/webhooks")).status_code == 404
    assert (await client.post("/webhooks", content=b"x" * 1_100_000)).status_code == 413
    assert not lines_of(log)


async def test_a_request_may_come_in_pieces_and_two_in_one(client: httpx.AsyncClient, log: Path) -> None:
    assert client.base_url.port
    reader, writer = await asyncio.open_connection(ADDRESS, client.base_url.port)
    request = b"POST /webhooks HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    for start in range(0, len(request), 7):
        writer.write(request[start : start + 7])
        await writer.drain()
        await asyncio.sleep(0)
    writer.write(request * 2)
    for _ in range(3):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.readexactly(len(b'{"received": true}'))
    writer.write(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.close()
    assert len(lines_of(log)) == 3


async def test_it_stops_immediately_though_senders_keep_their_connections(log: Path, unused_port: int) -> None:
    serving = asyncio.create_task(listener.serve(ADDRESS, unused_port, log))
    await asyncio.sleep(0.05)
    reader, writer = await asyncio.open_connection(ADDRESS, unused_port)
    writer.write(b"POST /webhooks HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    await reader.readuntil(b"\r\n\r\n")
    serving.cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(serving, return_exceptions=True)
    writer.close()
