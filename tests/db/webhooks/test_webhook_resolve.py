"""Names are resolved to addresses: within a time limit, once for concurrent callers, and cached for a short time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from checkie.webhooks import resolve
from checkie.webhooks.resolve import Resolver
from tests.db.webhooks.name_server import NameServer, naming

SHOP = "shop.example"


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with naming(shop=["192.0.2.1"], other=["192.0.2.2"], slow=["192.0.2.3"]) as found:
        found.silent.add("slow.example")
        yield found


@pytest.fixture
async def resolver(server: NameServer) -> AsyncIterator[Resolver]:
    found = Resolver([server.address])
    yield found
    await found.close()


class TestAName:
    async def test_is_resolved_to_all_its_addresses(self, resolver: Resolver, server: NameServer) -> None:
        server.names[SHOP] = [["192.0.2.1", "192.0.2.9", "2001:db8::1"]]
        assert set(await resolver.resolve(SHOP)) == {"192.0.2.1", "192.0.2.9", "2001:db8::1"}

    async def test_that_does_not_exist_is_an_error(self, resolver: Resolver) -> None:
        with pytest.raises(OSError, match="Domain name not found"):
            await resolver.resolve("nothing.example")

    async def test_without_addresses_is_an_error(self, resolver: Resolver, server: NameServer) -> None:
        server.names["empty.example"] = [[]]
        with pytest.raises(OSError, match="no data"):
            await resolver.resolve("empty.example")

    @pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b", "v1.a:b", ""])
    async def test_of_another_form_is_an_error(self, resolver: Resolver, host: str) -> None:
        with pytest.raises(OSError):  # noqa: PT011  the text is that of c-ares
            await resolver.resolve(host)

    async def test_of_the_hosts_file_needs_no_server(self) -> None:
        resolver = Resolver(["127.0.0.1:9"])
        assert "127.0.0.1" in await resolver.resolve("localhost")
        await resolver.close()


class TestALookup:
    async def test_is_shared_by_concurrent_callers(self, resolver: Resolver, server: NameServer) -> None:
        found = await asyncio.gather(*(resolver.resolve(SHOP) for _ in range(20)))
        assert found == [["192.0.2.1"]] * 20
        assert server.asked == [SHOP]

    async def test_continues_for_the_others_when_a_caller_is_cancelled(
        self, resolver: Resolver, server: NameServer
    ) -> None:
        server.silent.add(SHOP)
        hasty, patient = (asyncio.create_task(resolver.resolve(SHOP)) for _ in range(2))
        await server.question.wait()
        hasty.cancel()
        server.silent.discard(SHOP)
        assert await patient == ["192.0.2.1"]

    async def test_ends_when_its_time_is_up(self, resolver: Resolver) -> None:
        started = time.monotonic()
        with pytest.raises(OSError, match=r"did not answer in time|Timeout"):
            await resolver.resolve("slow.example")
        assert time.monotonic() - started < resolve.BUDGET_S + 0.5

    async def test_without_an_answer_delays_no_other(self, resolver: Resolver) -> None:
        waiting = [asyncio.create_task(resolver.resolve("slow.example")) for _ in range(50)]
        started = time.monotonic()
        assert await resolver.resolve("other.example") == ["192.0.2.2"]
        assert time.monotonic() - started < 0.2
        assert not any(one.done() for one in waiting)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def test_that_failed_is_made_again(self, resolver: Resolver, server: NameServer) -> None:
        with pytest.raises(OSError, match="not found"):
            await resolver.resolve("new.example")
        server.names["new.example"] = [["192.0.2.7"]]
        assert await resolver.resolve("new.example") == ["192.0.2.7"]


class TestAnAnswer:
    async def test_is_cached_for_its_ttl(self, resolver: Resolver, server: NameServer) -> None:
        server.ttl_s = 1
        server.names[SHOP] = [["192.0.2.1"], ["192.0.2.2"]]
        assert await resolver.resolve(SHOP) == await resolver.resolve(SHOP) == ["192.0.2.1"]
        await asyncio.sleep(1.1)
        assert await resolver.resolve(SHOP) == ["192.0.2.2"]

    async def test_is_cached_for_30_seconds_at_most(self, resolver: Resolver, server: NameServer) -> None:
        server.ttl_s = 86_400
        await resolver.resolve(SHOP)
        left = resolver._answers[SHOP].until - asyncio.get_running_loop().time()
        assert 29 < left <= 30

    async def test_is_evicted_when_there_are_too_many(self, resolver: Resolver, server: NameServer) -> None:
        resolver.cache_size = 2
        server.ttl_s = 60
        for number in range(4):
            server.names[f"n{number}.example"] = [["192.0.2.1"]]
            await resolver.resolve(f"n{number}.example")
        assert list(resolver._answers) == ["n2.example", "n3.example"]
