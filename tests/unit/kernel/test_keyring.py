"""Secrets at rest, and signed tokens."""

from __future__ import annotations

import base64
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.kernel import Keyring

OLD, NEW = b"o" * 32, b"n" * 32
RING = Keyring("k1", {"k1": OLD})
ROTATED = Keyring("k2", {"k2": NEW, "k1": OLD})


class TestSeal:
    @given(st.binary(max_size=200), st.text(max_size=20).filter(lambda text: text.isascii()))
    def test_opens_to_what_was_sealed(self, plain: bytes, context: str) -> None:
        assert RING.open(RING.seal(plain, context), context) == plain

    def test_hides_it(self) -> None:
        assert b"whsec" not in RING.seal(b"whsec_topsecret", "endpoint")

    def test_never_looks_the_same_twice(self) -> None:
        assert RING.seal(b"same", "c") != RING.seal(b"same", "c")


class TestOpen:
    def test_refuses_another_context(self) -> None:
        with pytest.raises(ValueError, match="context"):
            RING.open(RING.seal(b"secret", "store 1"), "store 2")

    def test_refuses_any_changed_bit(self) -> None:
        sealed = RING.seal(b"secret", "c")
        for place in range(len(sealed)):
            changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
            with pytest.raises(ValueError, match=r"."):
                RING.open(changed, "c")

    def test_refuses_what_is_truncated(self) -> None:
        sealed = RING.seal(b"secret", "c")
        for length in range(len(sealed)):
            with pytest.raises(ValueError, match=r"."):
                RING.open(sealed[:length], "c")

    @pytest.mark.parametrize("junk", [b"", b".", b"k1", b"k1.", b"\xff\xfe.x", b"no dot at all"])
    def test_refuses_random_bytes(self, junk: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            RING.open(junk, "c")


class TestSign:
    @given(st.text(max_size=80), st.text(max_size=20))
    def test_verifies_to_what_was_signed(self, text: str, context: str) -> None:
        assert RING.verify(RING.sign(text, context), context) == text

    def test_is_the_same_each_time_and_fits_into_a_path(self) -> None:
        token = RING.sign("ses_1", "receipt")
        assert token == RING.sign("ses_1", "receipt")
        assert re.fullmatch(r"[A-Za-z0-9_-]+", token)

    def test_does_not_use_the_key_itself(self) -> None:
        token = RING.sign("ses_1", "receipt")
        purpose = len(b"receipt").to_bytes(4, "big") + b"receipt" + b"ses_1"
        plain = b"\x02k1" + hmac.digest(OLD, purpose, "sha256") + b"ses_1"
        assert token != base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


class TestVerify:
    def test_refuses_another_context(self) -> None:
        assert RING.verify(RING.sign("ses_1", "receipt"), "invoice") is None

    def test_does_not_let_context_and_text_run_together(self) -> None:
        assert RING.verify(RING.sign("bc", "a"), "ab") is None

    def test_refuses_another_key_with_the_same_id(self) -> None:
        assert Keyring("k1", {"k1": NEW}).verify(RING.sign("ses_1", "receipt"), "receipt") is None

    def test_refuses_any_changed_character(self) -> None:
        token = RING.sign("ses_1", "receipt")
        for place, character in enumerate(token):
            for other in "Aa_":
                changed = token[:place] + other + token[place + 1 :]
                assert other == character or RING.verify(changed, "receipt") is None

    def test_refuses_what_is_truncated_or_extended(self) -> None:
        token = RING.sign("ses_1", "receipt")
        for length in range(len(token)):
            assert RING.verify(token[:length], "receipt") is None
        for more in ("A", "=", "==", "\n", " "):
            assert RING.verify(token + more, "receipt") is None

    @given(st.text(max_size=120))
    def test_refuses_whatever_was_never_signed(self, junk: str) -> None:
        assert RING.verify(junk, "receipt") is None


class TestRotation:
    def test_verifies_what_the_old_key_signed(self) -> None:
        assert ROTATED.verify(RING.sign("ses_1", "receipt"), "receipt") == "ses_1"

    def test_signs_with_the_new_key(self) -> None:
        assert RING.verify(ROTATED.sign("ses_1", "receipt"), "receipt") is None

    def test_without_the_old_key_ends_the_old_signatures(self) -> None:
        assert Keyring("k2", {"k2": NEW}).verify(RING.sign("ses_1", "receipt"), "receipt") is None

    def test_opens_what_the_old_key_sealed(self) -> None:
        assert ROTATED.open(RING.seal(b"secret", "c"), "c") == b"secret"

    def test_seals_with_the_new_key(self) -> None:
        assert ROTATED.seal(b"secret", "c").startswith(b"\x02k2")
        with pytest.raises(ValueError, match="lacks"):
            RING.open(ROTATED.seal(b"secret", "c"), "c")

    def test_without_the_old_key_opens_nothing_that_it_sealed(self) -> None:
        with pytest.raises(ValueError, match="lacks"):
            Keyring("k2", {"k2": NEW}).open(RING.seal(b"secret", "c"), "c")


class TestKeyring:
    @pytest.mark.parametrize(
        ("current", "keys"), [("k1", {}), ("k2", {"k1": OLD}), ("k1", {"k1": b"short"}), ("k1", {"k1": OLD, "k2": b""})]
    )
    def test_holds_whole_keys_and_the_current_one(self, current: str, keys: dict[str, bytes]) -> None:
        with pytest.raises(ValueError, match="32-byte"):
            Keyring(current, keys)

    @pytest.mark.parametrize("key_id", ["2026.03", "a.b.c", "", "schlüssel"])
    def test_opens_with_whatever_key_id_it_accepts(self, key_id: str) -> None:
        """A key id that its own seals cannot be read with would lock every secret away."""
        try:
            ring = Keyring(key_id, {key_id: OLD})
        except ValueError:
            return
        assert ring.open(ring.seal(b"secret", "c"), "c") == b"secret"

    def test_does_not_show_its_keys(self) -> None:
        shown = repr(ROTATED)
        assert "k1" in shown
        assert OLD.decode() not in shown
        assert NEW.decode() not in shown
