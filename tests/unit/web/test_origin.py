"""The address of a visitor behind proxies: what our proxies say counts, and nothing that may be forged."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from checkie import web
from checkie.db import Database
from checkie.web.origin import origin
from checkie.web.parts import attach
from tests import make

OURS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "visitor"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("fd00::1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        (None, ["203.0.113.7"], None),
    ],
)
def test_the_first_unknown_address_from_the_right_is_the_visitor(
    peer: str | None, forwarded_for: list[str], visitor: str | None
) -> None:
    assert origin(peer, forwarded_for, OURS) == visitor


@pytest.mark.parametrize(
    "nonsense", ["", "unknown", "_hidden", "999.1.1.1", "10.0.0.1:99999999", "a" * 9000, "\x00", "٣.٣.٣.٣"]
)
def test_nonsense_ends_at_the_last_proxy_that_we_know(nonsense: str) -> None:
    assert origin("10.0.0.1", [f"203.0.113.7, {nonsense}"], OURS) == "10.0.0.1"
    assert origin("10.0.0.1", [f"{nonsense}, 10.0.0.2"], OURS) == "10.0.0.2"


def test_without_proxies_of_ours_the_header_is_not_read() -> None:
    assert origin("10.0.0.1", ["203.0.113.7"], []) == "10.0.0.1"


def test_with_our_proxies_only_the_first_of_them_is_the_visitor() -> None:
    assert origin("10.0.0.1", ["10.0.0.3, 10.0.0.2"], OURS) == "10.0.0.3"


def test_a_request_has_a_visitor() -> None:
    app = Starlette()
    attach(app, make.services(Database(""), proxies=OURS))
    headers = [(b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-for", b"203.0.113.7")]
    scope = {"type": "http", "app": app, "client": ("10.0.0.1", 4711), "headers": headers, "query_string": b""}
    assert web.Visitor.of(Request(scope)).ip == "203.0.113.7"


def test_a_very_long_list_is_read_from_its_end() -> None:
    assert origin("10.0.0.1", ["203.0.113.7, " + ", ".join(["10.0.0.2"] * 5000)], OURS) == "10.0.0.2"
