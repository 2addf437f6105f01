"""GET /health/ready: whether the process can serve."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from checkie.app.asgi import create_app
from checkie.app.settings import load
from checkie.db import Database
from tests import make


async def get_ready(db: Database) -> httpx.Response:
    app = create_app(load({}), make.services(db))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as http:
        return await http.get("/health/ready")


async def test_is_ok_while_the_database_answers(db: Database) -> None:
    answer = await get_ready(db)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "url", ["postgresql://checkie_app@127.0.0.1:9/none", "postgresql:///none?host=/nowhere&user=checkie_app"]
)
async def test_is_503_while_nothing_listens(url: str) -> None:
    answer = await get_ready(Database(url))
    assert (answer.status_code, answer.json()) == (503, {"status": "database_unavailable"})


async def test_is_503_while_the_database_refuses_connections(own_url: str, owner: asyncpg.Connection) -> None:
    name = await owner.fetchval("select current_database()")
    await owner.execute(f'alter database "{name}" connection limit 0')
    try:
        answer = await get_ready(Database(own_url.replace("checkie_owner@", "checkie_app@")))
    finally:
        await owner.execute(f'alter database "{name}" connection limit -1')
    assert (answer.status_code, answer.json()) == (503, {"status": "database_unavailable"})
