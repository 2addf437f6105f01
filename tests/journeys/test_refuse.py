"""Bad input gets a clear refusal that names the field and the rule, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.conftest import Merchant

JSON = "application/problem+json"


class TestARefusal:
    @pytest.mark.parametrize(
        ("changes", "code", "param"),
        [
            ({"email": "nobody"}, "email_invalid", "email"),
            ({"email": "a\x00b@example.com"}, "email_invalid", "email"),
            ({"email": "x" * 400}, "invalid_request", "email"),
            ({"quantity": 0}, "quantity_out_of_range", "quantity"),
            ({"quantity": 11}, "quantity_out_of_range", "quantity"),
            ({"quantity": 10**30}, "quantity_out_of_range", "quantity"),
            ({"quantity": "2"}, "invalid_request", "quantity"),
            ({"quantity": 1.5}, "invalid_request", "quantity"),
            ({"amount": 100}, "amount_not_choosable", "amount"),
            ({"colour": "red"}, "invalid_request", "colour"),
        ],
    )
    async def test_names_the_field_and_the_rule_and_changes_nothing(
        self, merchant: Merchant, changes: dict[str, Any], code: str, param: str
    ) -> None:
        buyer = merchant.buyer()
        await buyer.open()
        url = f"{buyer.base_url}/api/widget/sessions/{buyer.id}"
        answer = await merchant.http.patch(url, json={"quantity": 2, **changes}, headers=buyer.headers)
        problem = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (422, JSON)
        assert (problem["code"], problem["param"], problem["request_id"]) == (
            code,
            param,
            answer.headers["x-request-id"],
        )
        after = (await merchant.http.get(url, headers=buyer.headers)).json()
        assert (after["version"], after["quantity"], after["email"]) == (1, 1, None)

    @pytest.mark.parametrize("amount", [99, 50_001, -1, 0, 10**20])
    async def test_limits_the_amount_that_a_buyer_may_choose(self, merchant: Merchant, amount: int) -> None:
        buyer = merchant.buyer("support-us")
        await buyer.open()
        url = f"{buyer.base_url}/api/widget/sessions/{buyer.id}"
        answer = await merchant.http.patch(url, json={"amount": amount}, headers=buyer.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "amount_out_of_range")

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/sessions/{id}"),
            ("GET", "/sessions/{id}/status"),
            ("PATCH", "/sessions/{id}"),
            ("POST", "/sessions/{id}/update"),
            ("POST", "/sessions/{id}/initiate-payment"),
            ("POST", "/checkout"),
        ],
    )
    async def test_is_given_to_callers_without_the_secret(self, merchant: Merchant, method: str, path: str) -> None:
        buyer, other = merchant.buyer(), merchant.buyer()
        await buyer.open()
        await buyer.change(email=buyer.email)
        await other.open()
        url = f"{buyer.base_url}/api/widget{path.format(id=buyer.id)}"
        body = {"POST": {"session_id": buyer.id}, "PATCH": {"quantity": 2}}.get(method) if path[-6:] != "update" else {}
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}, other.headers):
            answer = await merchant.http.request(method, url, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "session_secret_invalid")
            assert answer.headers["www-authenticate"] == "Bearer"
        assert await buyer.status() == {
            "status": "OPEN",
            "payment": None,
            "attempts_left": 3,
            "return_url": f"{buyer.base_url}/{buyer.page}/{buyer.id}",
        }

    async def test_is_given_to_a_change_of_an_old_version(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.open()
        await buyer.change(quantity=2)
        url = f"{buyer.base_url}/api/widget/sessions/{buyer.id}"
        answer = await merchant.http.patch(url, json={"quantity": 3}, headers={**buyer.headers, "If-Match": '"1"'})
        assert (answer.status_code, answer.json()["code"]) == (412, "session_version_mismatch")

    async def test_is_given_to_a_payment_without_an_email_address(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.open()
        url = f"{buyer.base_url}/api/widget/checkout"
        answer = await merchant.http.post(url, json={"session_id": buyer.id}, headers=buyer.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "email_missing")

    async def test_is_given_for_a_session_that_is_paid(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.buy("paid")
        await buyer.until("COMPLETED")
        for call in (
            merchant.http.post(
                f"{buyer.base_url}/api/widget/checkout", json={"session_id": buyer.id}, headers=buyer.headers
            ),
            merchant.http.patch(
                f"{buyer.base_url}/api/widget/sessions/{buyer.id}", json={"quantity": 2}, headers=buyer.headers
            ),
        ):
            answer = await call
            assert (answer.status_code, answer.json()["code"]) == (409, "session_already_paid")

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/api/widget/pages/demo/nothing", "page_not_found"),
            ("/api/widget/pages/nobody/field-notes", "store_not_found"),
            ("/api/widget/pages/demo/%00", "page_not_found"),
            ("/api/widget/sessions/ses_00000000000000000000000000/status", "session_not_found"),
            ("/api/widget/sessions/pay_01m7ykqe7jg6fr000001avek5b/status", "session_not_found"),
            ("/api/nothing", "not_found"),
        ],
    )
    async def test_is_given_for_what_does_not_exist(self, merchant: Merchant, path: str, code: str) -> None:
        headers = {"Authorization": "Bearer some-secret"}
        answer = await merchant.http.get(merchant.facts["base_url"] + path, headers=headers)
        assert (answer.status_code, answer.json()["code"], answer.headers["content-type"]) == (404, code, JSON)

    async def test_is_given_to_bodies_that_are_not_json_or_too_large(self, merchant: Merchant) -> None:
        url = f"{merchant.facts['base_url']}/api/widget/checkout"
        headers = {"Content-Type": "application/json", "Authorization": "Bearer some-secret"}
        broken = await merchant.http.post(url, content=b"{", headers=headers)
        assert (broken.status_code, broken.json()["code"]) == (400, "malformed_json")
        huge = await merchant.http.post(url, content=b"[" * 300_000, headers=headers)
        assert (huge.status_code, huge.json()["code"]) == (413, "body_too_large")

    async def test_is_given_to_a_webhook_with_an_invalid_signature(self, merchant: Merchant) -> None:
        base = f"{merchant.facts['base_url']}/api/webhooks"
        forged = await merchant.http.post(
            f"{base}/simulator", content=b"{}", headers={"Simulator-Signature": "t=1,v1=00"}
        )
        assert (forged.status_code, forged.json()["code"]) == (400, "webhook_signature_invalid")
        assert (await merchant.http.post(f"{base}/nobody", content=b"{}")).json()["code"] == "provider_not_configured"

    async def test_is_given_to_a_key_that_is_used_for_two_requests(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.open()
        url = f"{buyer.base_url}/api/widget/sessions/{buyer.id}/update"
        headers = {**buyer.headers, "Idempotency-Key": "once"}
        first = await merchant.http.post(url, json={"quantity": 2}, headers=headers)
        other = await merchant.http.post(url, json={"quantity": 3}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        quoted = {**buyer.headers, "Idempotency-Key": '"once"'}
        again = await merchant.http.post(url, json={"quantity": 2}, headers=quoted)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
        assert again.json() == first.json()


class TestAnIdempotencyKey:
    async def test_is_separate_for_each_session(self, merchant: Merchant) -> None:
        one, other = merchant.buyer(), merchant.buyer()
        for buyer in (one, other):
            await buyer.open()
            await buyer.change(email=buyer.email)
            await buyer.check_out("shared key")
        assert one.paying["payment"]["id"] != other.paying["payment"]["id"]
        first = one.paying
        assert await one.check_out("shared key") == first


class TestABot:
    @pytest.mark.parametrize("headers", [{"User-Agent": "Googlebot/2.1"}, {"Sec-Purpose": "prefetch;prerender"}])
    async def test_gets_the_page_without_a_session(self, merchant: Merchant, headers: dict[str, str]) -> None:
        answer = await merchant.http.get(
            f"{merchant.facts['base_url']}/api/widget/pages/demo/field-notes", headers=headers
        )
        body = answer.json()
        assert body["page"]["price"] == {"amount": 2500, "currency": "USD"}
        assert (body["session"], body["session_id"]) == (None, None)
