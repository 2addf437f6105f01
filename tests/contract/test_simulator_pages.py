"""The simulator's pages over HTTP: the hosted card page, 3-D Secure, the files of the card fields."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.contract.simulator_server import RETURN_URL, SimulatorServer, simulator_server

__all__ = ["simulator_server"]

GOOD, REQUIRES_3DS, BAD = "4242 4242 4242 4242", "4000 0000 0000 3220", "4000 0000 0000 0002"
HTML = {"accept": "text/html,application/xhtml+xml"}
NOT_STRICT = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)


async def get_page(server: SimulatorServer, path: str, **headers: str) -> httpx.Response:
    return await server.browser.get(path, headers={**HTML, **headers})


async def submit(server: SimulatorServer, intent: dict[str, Any], **fields: str) -> httpx.Response:
    form = {"number": GOOD, "exp": "12 / 34", "cvc": "123", **fields}
    return await server.browser.post(intent["hosted_url"], data=form, headers=HTML)


class TestTheHostedPage:
    async def test_shows_the_payment_and_the_card_form(self, simulator_server: SimulatorServer) -> None:
        page = await get_page(simulator_server, (await simulator_server.create())["hosted_url"])
        assert page.status_code == 200
        for part in ("Pay $25.99", "Darjeeling, 100 g", "Test mode. No real money is charged.", "4242 4242 4242 4242"):
            assert part in page.text
        for token in ("cc-number", "cc-exp", "cc-csc"):
            assert f'autocomplete="{token}"' in page.text

    async def test_is_in_the_browsers_language(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create(amount=123456, currency="EUR")
        page = await get_page(simulator_server, intent["hosted_url"], **{"accept-language": "de-AT,de;q=0.9"})
        assert '<html lang="de" dir="ltr">' in page.text
        assert "1.234,56\xa0€ bezahlen" in page.text

    async def test_escapes_the_description(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create(description='<script src="//evil.example"></script>')
        page = await get_page(simulator_server, intent["hosted_url"])
        assert "<script" not in page.text

    async def test_a_valid_card_redirects_to_the_merchant(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        response = await submit(simulator_server, intent)
        assert (response.status_code, response.headers["location"]) == (303, RETURN_URL)
        assert (await simulator_server.get(intent))["status"] == "succeeded"

    async def test_a_declined_card_redirects_to_the_merchant(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        response = await submit(simulator_server, intent, number=BAD)
        assert (response.status_code, response.headers["location"]) == (303, RETURN_URL)
        assert (await simulator_server.get(intent))["failure"]["code"] == "card_declined"

    async def test_shows_an_error_beside_each_invalid_field(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        page = await submit(simulator_server, intent, number='4242 4242 4242 4241"><b>', exp="13/34", cvc="98765")
        assert page.status_code == 422
        assert "<title>Error: Pay $25.99</title>" in page.text
        assert 'value="4242 4242 4242 4241&#34;&gt;&lt;b&gt;"' in page.text
        assert 'value="13/34"' in page.text
        assert "98765" not in page.text
        assert re.findall(r'aria-describedby="(\w+)-error"', page.text) == ["number", "exp", "cvc"]
        assert len(re.findall("autofocus", page.text)) == 1
        assert (await simulator_server.get(intent))["status"] == "requires_confirmation"

    async def test_requires_every_field(self, simulator_server: SimulatorServer) -> None:
        page = await submit(simulator_server, await simulator_server.create(), number="", exp="", cvc="")
        for words in ("Enter the card number", "Enter the expiry date", "Enter the security code"):
            assert words in page.text

    async def test_a_finished_intent_redirects_to_the_merchant(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await submit(simulator_server, intent, number=BAD)
        for response in (
            await get_page(simulator_server, intent["hosted_url"]),
            await submit(simulator_server, intent),
        ):
            assert (response.status_code, response.headers["location"]) == (303, RETURN_URL)
        assert (await simulator_server.get(intent))["status"] == "declined"

    async def test_is_not_found_without_the_secret(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        for path in (f"/pay/{intent['id']}?secret=x", f"/pay/{intent['id']}", "/pay/sim_x?secret="):
            page = await get_page(simulator_server, path)
            assert page.status_code == 404
            assert "<h1>Page not found</h1>" in page.text


class TestTheChallenge:
    async def challenged(self, server: SimulatorServer) -> tuple[dict[str, Any], str]:
        intent = await server.create()
        response = await submit(server, intent, number=REQUIRES_3DS)
        assert response.status_code == 303
        return intent, response.headers["location"]

    async def test_has_two_buttons(self, simulator_server: SimulatorServer) -> None:
        _, url = await self.challenged(simulator_server)
        page = await get_page(simulator_server, url)
        assert re.findall(r'value="(pass|fail)"', page.text) == ["pass", "fail"]
        assert "Visa ···· 3220" in page.text

    @pytest.mark.parametrize(("result", "status"), [("pass", "succeeded"), ("fail", "declined")])
    async def test_redirects_to_the_merchant(self, simulator_server: SimulatorServer, result: str, status: str) -> None:
        intent, url = await self.challenged(simulator_server)
        response = await simulator_server.browser.post(url, data={"result": result}, headers=HTML)
        assert (response.status_code, response.headers["location"]) == (303, RETURN_URL)
        assert (await simulator_server.get(intent))["status"] == status
        assert (await get_page(simulator_server, url)).headers["location"] == RETURN_URL

    async def test_is_reached_from_the_hosted_page(self, simulator_server: SimulatorServer) -> None:
        intent, url = await self.challenged(simulator_server)
        assert (await get_page(simulator_server, intent["hosted_url"])).headers["location"] == url

    async def test_redirects_to_the_hosted_page_before_a_card(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        url = intent["hosted_url"].replace("/pay/", "/v1/intents/").replace("?", "/authenticate?")
        assert (await get_page(simulator_server, url)).headers["location"] == intent["hosted_url"]


class TestEveryPage:
    async def test_has_a_strict_policy_and_nothing_inline(self, simulator_server: SimulatorServer) -> None:
        intent, challenged = await simulator_server.create(), await simulator_server.create()
        challenge = (await submit(simulator_server, challenged, number=REQUIRES_3DS)).headers["location"]
        for path, frames in (
            (intent["hosted_url"], "frame-ancestors 'none'"),
            (challenge, "frame-ancestors http: https:"),
            ("/pay/sim_x", "frame-ancestors 'none'"),
            ("/fields?parent=https://shop.example", "frame-ancestors http: https:"),
        ):
            page = await get_page(simulator_server, path)
            policy = page.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'")
            assert policy.endswith(frames)
            assert "unsafe" not in policy
            assert not NOT_STRICT.search(page.text)
            assert page.headers["referrer-policy"] == "no-referrer"
            assert page.headers["cache-control"] == "no-store"


class TestTheFieldsFiles:
    async def test_the_script_is_small_and_cached(self, simulator_server: SimulatorServer) -> None:
        script = await simulator_server.browser.get("/fields.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert len(script.content) < 6000
        again = await simulator_server.browser.get("/fields.js", headers={"if-none-match": script.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize("name", ["pages.css", "fields.css", "frame.js"])
    async def test_the_other_files_are_served(self, simulator_server: SimulatorServer, name: str) -> None:
        assert (await simulator_server.browser.get(f"/static/{name}")).status_code == 200

    async def test_the_frame_has_its_parent_language_and_direction(self, simulator_server: SimulatorServer) -> None:
        query = {"parent": "https://shop.example:8443", "locale": "ar-EG", "dir": ""}
        page = await simulator_server.browser.get("/fields", params=query)
        assert '<html lang="ar" dir="rtl">' in page.text
        assert 'data-parent="https://shop.example:8443"' in page.text

    @pytest.mark.parametrize(
        "query",
        [{}, {"parent": "*"}, {"parent": "https://a.example/path"}, {"parent": "https://a.example", "key": "pk_other"}],
    )
    async def test_a_frame_without_a_valid_parent_is_refused(
        self, simulator_server: SimulatorServer, query: dict[str, str]
    ) -> None:
        assert (await simulator_server.browser.get("/fields", params=query)).status_code == 422
