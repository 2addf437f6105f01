"""What the storefront guarantees over HTTP: caching, cookies, cross-site requests, bots, receipts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from checkie.kernel import Keyring
from checkie.kernel.ids import SessionId
from checkie.storefront.model import BuyerCookie
from tests.browser.stages import EMAIL, Stages
from tests.make import START
from tests.stack import Stack

HIDDEN = re.compile(r'name="(session|secret)" value="([^"]*)"')
BROWSER = {"User-Agent": "Mozilla/5.0 (a test)", "Accept": "text/html"}


@pytest.fixture
async def http(facts: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=facts["base_url"], headers=BROWSER, timeout=20) as client:
        yield client


@pytest.fixture
def path(facts: dict[str, Any], page_url: str) -> str:
    return page_url.removeprefix(facts["base_url"])


async def hidden(http: httpx.AsyncClient, path: str) -> dict[str, str]:
    """The session and the secret in a fresh page's form."""
    return dict(HIDDEN.findall((await http.get(path)).text))


async def test_a_page_is_never_stored_and_sets_no_cookie(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-encoding"] == "gzip"
    assert "set-cookie" not in answer.headers
    plain = await http.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert re.sub(HIDDEN, "", plain.text) == re.sub(HIDDEN, "", answer.text)


@pytest.mark.parametrize(
    ("method", "headers"),
    [("GET", {"User-Agent": "Googlebot/2.1"}), ("GET", {"Sec-Purpose": "prefetch;prerender"}), ("HEAD", {})],
)
async def test_a_bot_or_a_prefetch_gets_the_page_without_a_session(
    http: httpx.AsyncClient, path: str, method: str, headers: dict[str, str]
) -> None:
    answer = await http.request(method, path, headers=headers)
    assert answer.status_code == 200
    assert dict(HIDDEN.findall(answer.text)) in ({}, {"session": "", "secret": ""})


async def test_a_form_without_a_session_gets_one(http: httpx.AsyncClient, path: str) -> None:
    form = {"session": "", "secret": "", "email": "ada@example.com", "quantity": "2", "operation": "update"}
    answer = await http.post(path, data=form, follow_redirects=True)
    assert "ada@example.com" in answer.text
    assert "$50.00" in answer.text


async def test_the_session_is_kept_in_a_cookie_of_this_page_alone(http: httpx.AsyncClient, path: str) -> None:
    fields = await hidden(http, path)
    answer = await http.post(f"{path}/{fields['session']}", headers={"Authorization": f"Bearer {fields['secret']}"})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("checkie=")
    assert {"HttpOnly", f"Path={path}", "SameSite=lax"} <= set(cookie.split("; "))
    assert BuyerCookie.parse(answer.cookies["checkie"]).secret_of(fields["session"]) == fields["secret"]
    assert (await hidden(http, path))["session"] == fields["session"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_sites_form_is_refused(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    fields = await hidden(http, path)
    answer = await http.post(path, data={**fields, "email": "ada@example.com", "operation": "pay"}, headers=headers)
    assert answer.status_code == 403
    assert "This form could not be submitted" in answer.text
    assert "set-cookie" not in answer.headers


async def test_without_the_secret_a_session_does_not_exist(http: httpx.AsyncClient, path: str) -> None:
    fields = await hidden(http, path)
    here = f"{path}/{fields['session']}"
    for answer in (
        await http.get(here),
        await http.get(here, headers={"Cookie": f"checkie=~{fields['session']}.wrong"}),
        await http.get(f"{here}/live"),
        await http.get(f"{here}/status"),
        await http.post(here, headers={"Authorization": "Bearer wrong"}),
        await http.post(path, data={**fields, "secret": "wrong", "email": "a@example.com"}),
        await http.get("/demo/no-such-page"),
        await http.get("/No%00Such/Pag%C3%A9"),
    ):
        assert answer.status_code == 404
        assert "Page not found" in answer.text
        assert fields["secret"] not in answer.text


async def test_the_api_keeps_its_own_answers(http: httpx.AsyncClient) -> None:
    for method, address in (("GET", "/api/widget/checkout"), ("GET", "/api/nothing/here"), ("POST", "/health/live")):
        answer = await http.request(method, address)
        assert answer.headers["content-type"] == "application/problem+json", address


async def test_static_files_are_cached_permanently_by_their_hash(http: httpx.AsyncClient, path: str) -> None:
    page = (await http.get(path)).text
    lasting = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert len(lasting) >= 4
    for address in lasting:
        answer = await http.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
    current = await http.get("/static/0123456789ab/checkie.css")
    assert current.headers["cache-control"] == "public, max-age=60"
    again = await http.get("/static/checkie.css", headers={"If-None-Match": current.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await http.get("/static/nothing.css")).status_code == 404


async def test_the_reader_chooses_the_language(http: httpx.AsyncClient, path: str) -> None:
    assert 'lang="de"' in (await http.get(path, headers={"Accept-Language": "de"})).text
    japanese = (await http.get(path, params={"locale": "ja"}, headers={"Accept-Language": "de"})).text
    assert 'lang="ja"' in japanese
    fields = dict(HIDDEN.findall(japanese))
    form = {**fields, "locale": "ja", "email": "ada@example.com", "operation": "update"}
    kept = await http.post(path, data=form, follow_redirects=True)
    assert 'lang="ja"' in kept.text


async def test_the_status_is_streamed_until_no_payment_is_in_progress(
    stack: Stack, facts: dict[str, Any], http: httpx.AsyncClient
) -> None:
    paid = await Stages(stack, facts, http).paid()
    assert paid.cookie
    cookie = {"Cookie": f"checkie={paid.cookie['value']}"}
    answer = await http.get(f"{paid.url}/live", headers=cookie)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (
        answer.text == 'data: {"status": "COMPLETED", "payment": "SUCCEEDED", "attempts_left": 0, "stage": "paid"}\n\n'
    )
    status = await http.get(f"{paid.url}/status", headers=cookie)
    assert status.headers["cache-control"] == "no-store"
    assert status.json() == {"status": "COMPLETED", "payment": "SUCCEEDED", "attempts_left": 0, "stage": "paid"}


class TestReceipt:
    async def test_opens_without_a_cookie_and_shows_no_more_than_a_receipt(
        self, stack: Stack, facts: dict[str, Any], http: httpx.AsyncClient
    ) -> None:
        stages = Stages(stack, facts, http)
        paid = await stages.paid()
        answer = await http.get(await stages.receipt_url(paid))
        assert answer.status_code == 200
        for shown in ("$50.00", "Demo store", "Visa ···· 4242", "a•••@example.com", "ord_", "pay_"):
            assert shown in answer.text, shown
        for hidden in (EMAIL, "ses_", "secret", "<form"):
            assert hidden not in answer.text, hidden
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex"
        assert "set-cookie" not in answer.headers

    async def test_is_in_the_readers_language(
        self, stack: Stack, facts: dict[str, Any], http: httpx.AsyncClient
    ) -> None:
        stages = Stages(stack, facts, http)
        url = await stages.receipt_url(await stages.paid())
        assert "Einzelpreis" in (await http.get(url, headers={"Accept-Language": "de"})).text
        assert "Einzelpreis" in (await http.get(url, params={"locale": "de"})).text

    async def test_does_not_exist_without_a_valid_link(
        self, stack: Stack, facts: dict[str, Any], http: httpx.AsyncClient
    ) -> None:
        stages = Stages(stack, facts, http)
        url = await stages.receipt_url(await stages.paid())
        forged = url[:-1] + ("A" if url[-1] != "A" else "B")
        other_key = Keyring("k1", {"k1": b"x" * 32}).sign(SessionId.new(1, START), "receipt")
        for bad in (forged, url[:-4], f"{url}A", "/receipts/x", f"/receipts/{other_key}", "/receipts/%00"):
            answer = await http.get(bad)
            assert answer.status_code == 404, bad
            assert "Page not found" in answer.text

    async def test_has_no_link_before_the_payment(self, http: httpx.AsyncClient, path: str) -> None:
        assert "/receipts/" not in (await http.get(path)).text


async def test_parts_are_shown_in_development(http: httpx.AsyncClient) -> None:
    answer = await http.get("/dev/parts")
    assert answer.status_code == 200
    assert 'data-scheme="dark" dir="rtl"' in answer.text
