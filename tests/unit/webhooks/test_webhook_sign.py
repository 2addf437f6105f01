"""Signatures: against the published example, against a verifier written from the specification, and forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

import pytest

from checkie.webhooks.model import SecretInvalid
from checkie.webhooks.sign import WebhookSignatureInvalid, decode, new_secret, sign, verify, verify_short

BODY = b'{"type":"payment.completed"}'
NOW_S = 1_700_000_000
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
Check = Callable[[Mapping[str, str], bytes, str, float], None]
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 random bytes"[:32]).decode()


def received(*keys: str) -> dict[str, str]:
    return {name.lower(): value for name, value in sign("evt_1", BODY, keys, NOW_S).items()}


def test_the_example_of_standard_webhooks_is_reproduced() -> None:
    # The example of the specification's reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [secret], 1614265330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_both_styles_are_what_their_descriptions_say() -> None:
    headers = received(SECRET)
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), BODY])
    digest = hmac.new(base64.b64decode(SECRET[6:]), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    short = hmac.new(SECRET.encode(), f"{NOW_S}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert headers["x-webhook-signature"] == f"t={NOW_S},v1={short}"
    assert headers["webhook-id"] == headers["x-webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == str(NOW_S)


@pytest.mark.parametrize("check", [verify, verify_short])
class TestAVerifier:
    def test_accepts_what_we_sign(self, check: Check) -> None:
        check(received(SECRET), BODY, SECRET, NOW_S + 299)

    def test_accepts_either_secret_while_one_is_rotated(self, check: Check) -> None:
        headers = received(OTHER, SECRET)
        check(headers, BODY, SECRET, NOW_S)
        check(headers, BODY, OTHER, NOW_S)

    @pytest.mark.parametrize("moment", [NOW_S - 301, NOW_S + 301])
    def test_refuses_what_is_too_old_or_too_new(self, check: Check, moment: int) -> None:
        with pytest.raises(WebhookSignatureInvalid):
            check(received(SECRET), BODY, SECRET, moment)

    @pytest.mark.parametrize("body", [BODY + b" ", b"", BODY[:-1]])
    def test_refuses_another_body(self, check: Check, body: bytes) -> None:
        with pytest.raises(WebhookSignatureInvalid):
            check(received(SECRET), body, SECRET, NOW_S)

    def test_refuses_another_secret(self, check: Check) -> None:
        with pytest.raises(WebhookSignatureInvalid):
            check(received(OTHER), BODY, SECRET, NOW_S)

    @pytest.mark.parametrize("name", ["webhook-timestamp", "webhook-signature", "x-webhook-signature"])
    @pytest.mark.parametrize("value", ["", "v1,", "t=,v1=", "t=x,v1=é", "é", "v1,é v1", "-1", "1e9", "9" * 400])
    def test_refuses_malformed_headers(self, check: Check, name: str, value: str) -> None:
        headers = dict.fromkeys(["webhook-id", "webhook-timestamp", "webhook-signature", "x-webhook-signature"], "x")
        with pytest.raises(WebhookSignatureInvalid):
            check({**headers, name: value}, BODY, SECRET, NOW_S)

    def test_refuses_a_request_without_headers(self, check: Check) -> None:
        with pytest.raises(WebhookSignatureInvalid):
            check({}, BODY, SECRET, NOW_S)


class TestASecret:
    def test_has_32_random_bytes(self) -> None:
        first, second = new_secret(), new_secret()
        assert first != second
        assert len(decode(first)) == len(decode(second)) == 32

    @pytest.mark.parametrize("secret", ["", "whsec_dGlueQ==", "whsec_?", SECRET[6:], SECRET + "!", "whsec_" + "A" * 88])
    def test_of_another_form_is_refused(self, secret: str) -> None:
        with pytest.raises(SecretInvalid) as refused:
            decode(secret)
        assert not secret or secret not in f"{refused.value!r} {refused.value} {refused.value.facts}"
