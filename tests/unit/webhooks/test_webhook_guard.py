"""Which URLs and addresses may be called."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from checkie.webhooks.guard import AddressRefused, Guard, Target, parse, refusal_reason
from checkie.webhooks.model import EndpointUrlInvalid

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "unspecified"),  # noqa: S104 nothing is bound to it here
        ("0.1.2.3", "unspecified"),
        ("10.0.0.1", "private"),
        ("100.64.0.1", "carrier NAT"),
        ("100.127.255.255", "carrier NAT"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("169.254.169.254", "link-local or metadata"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.192", "reserved"),
        ("192.168.1.1", "private"),
        ("198.18.0.1", "benchmarking"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved or broadcast"),
        ("255.255.255.255", "reserved or broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::127.0.0.1", "not global"),
        ("::ffff:127.0.0.1", "IPv4-mapped"),
        ("::ffff:93.184.216.34", "IPv4-mapped"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b:1::1", "NAT64"),
        ("fd00:ec2::254", "unique local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "not global"),
        ("ff02::1", "multicast"),
        ("2001::1", "protocol assignment or Teredo"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("4000::1", "not global"),
        ("1.1.1.1", None),
        ("100.63.255.255", None),
        ("100.128.0.0", None),
        ("172.15.255.255", None),
        ("172.32.0.0", None),
        ("223.255.255.255", None),
        ("2606:4700:4700::1111", None),
        ("2a00:1450::1", None),
    ],
)
def test_an_address_is_refused_for_its_kind(address: str, reason: str | None) -> None:
    assert refusal_reason(ip_address(address)) == reason


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.example", Target("https", "shop.example", 443, "/")),
        ("https://Shop.Example:8443/a/b?c=d#e", Target("https", "shop.example", 8443, "/a/b?c=d")),
        ("http://127.0.0.1:8002/webhooks", Target("http", "127.0.0.1", 8002, "/webhooks")),
        ("https://[2606:4700::1]/x", Target("https", "2606:4700::1", 443, "/x")),
    ],
)
def test_a_url_has_the_parts_of_a_request(url: str, target: Target) -> None:
    assert parse(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "//shop.example/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "https://",
        "https:///path",
        "https://user@shop.example/",
        "https://user:pass@shop.example/",
        "https://@shop.example/",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example:http/",
        "https://[::1/",
        "https://[v1.a:b]/",
        "https://[12345::]/",
        "https://shop.example/a b",
        "https://shop.example/\r\nX-Evil: 1",
        "https://shop.example/\tx",
        "https://shop.example\\@evil.example/",
        "https://bücher.example/",
        "https://shop.example/" + "a" * 2048,
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(EndpointUrlInvalid) as refused:
        parse(url)
    assert refused.value.param == "url"


@pytest.mark.parametrize(
    ("target", "header"),
    [
        (Target("https", "shop.example", 443, "/"), "shop.example"),
        (Target("http", "shop.example", 443, "/"), "shop.example:443"),
        (Target("https", "2606:4700::1", 443, "/"), "[2606:4700::1]"),
        (Target("http", "::1", 8002, "/"), "[::1]:8002"),
    ],
)
def test_the_host_header_names_host_and_port(target: Target, header: str) -> None:
    assert target.host_header == header


def test_the_url_to_request_is_the_one_that_was_parsed() -> None:
    assert parse("https://Shop.Example:443/a%2Fb?c=%20d#e").url == "https://shop.example/a%2Fb?c=%20d"
    assert parse("http://[2606:4700::1]:8080").url == "http://[2606:4700::1]:8080/"


PUBLIC = ["93.184.216.34", "2606:4700::1"]


class TestTheGuard:
    def test_lets_https_call_public_addresses(self) -> None:
        Guard().check("https", PUBLIC)

    def test_refuses_a_name_of_which_one_address_is_private(self) -> None:
        with pytest.raises(AddressRefused, match="private"):
            Guard().check("https", [*PUBLIC, "10.0.0.1"])

    def test_refuses_plain_http(self) -> None:
        with pytest.raises(AddressRefused, match="https is required"):
            Guard().check("http", PUBLIC)

    def test_lets_both_schemes_call_networks_that_the_operator_opens(self) -> None:
        Guard(LOOPBACK).check("http", ["127.0.0.1"])
        Guard(LOOPBACK).check("https", ["127.9.9.9", *PUBLIC])

    @pytest.mark.parametrize("address", ["10.0.0.1", "::1", "::ffff:127.0.0.1"])
    def test_opens_no_other_network_with_one(self, address: str) -> None:
        with pytest.raises(AddressRefused):
            Guard(LOOPBACK).check("https", [address])

    @pytest.mark.parametrize("text", ["", "127.1", "2130706433", "shop.example"])
    def test_refuses_what_is_not_an_address(self, text: str) -> None:
        with pytest.raises(AddressRefused, match="not an IP address"):
            Guard(LOOPBACK).check("https", [text])
