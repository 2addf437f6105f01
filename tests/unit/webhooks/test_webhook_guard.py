"""The guard: which URLs and addresses may be called."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from checkie.webhooks.guard import AddressRefused, Guard, Target, approve, parse, why_refused
from checkie.webhooks.model import EndpointUrlInvalid

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    ("address", "why"),
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
def test_an_address_is_refused_for_its_kind(address: str, why: str | None) -> None:
    assert why_refused(ip_address(address)) == why


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.example", Target("https", "shop.example", 443, "/")),
        ("https://Shop.Example:8443/a/b?c=d#e", Target("https", "shop.example", 8443, "/a/b?c=d")),
        ("http://127.0.0.1:8002/webhooks", Target("http", "127.0.0.1", 8002, "/webhooks")),
        ("https://[2606:4700::1]/x", Target("https", "2606:4700::1", 443, "/x")),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target) -> None:
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


HTTPS = Target("https", "shop.example", 443, "/")
HTTP = Target("http", "shop.example", 80, "/")


class TestApproval:
    def test_is_given_to_https_at_public_addresses(self) -> None:
        approve(HTTPS, [ip_address("93.184.216.34"), ip_address("2606:4700::1")], [])

    def test_is_refused_when_one_of_many_addresses_is_private(self) -> None:
        with pytest.raises(AddressRefused, match="private"):
            approve(HTTPS, [ip_address("93.184.216.34"), ip_address("10.0.0.1")], [])

    def test_is_refused_to_plain_http(self) -> None:
        with pytest.raises(AddressRefused, match="https is required"):
            approve(HTTP, [ip_address("93.184.216.34")], [])

    def test_is_given_to_both_schemes_where_the_operator_allows_the_network(self) -> None:
        approve(HTTP, [ip_address("127.0.0.1")], LOOPBACK)
        approve(HTTPS, [ip_address("127.9.9.9"), ip_address("93.184.216.34")], LOOPBACK)

    def test_to_one_network_opens_no_other(self) -> None:
        for address in ("10.0.0.1", "::1", "::ffff:127.0.0.1"):
            with pytest.raises(AddressRefused):
                approve(HTTPS, [ip_address(address)], LOOPBACK)


class Names:
    """A resolver that answers each question with the next of its answers."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0)


class TestTheGuard:
    async def test_asks_for_the_name_once_and_gives_the_addresses_it_judged(self) -> None:
        names = Names(["93.184.216.34", "93.184.216.34", "2606:4700::1"], ["127.0.0.1"])
        located = await Guard(resolve=names).locate(HTTPS)
        assert located.addresses == ["93.184.216.34", "2606:4700::1"]
        assert names.asked == [("shop.example", 443)]

    async def test_judges_anew_when_the_name_moves(self) -> None:
        guard = Guard(resolve=Names(["93.184.216.34"], ["169.254.169.254"]))
        await guard.locate(HTTPS)
        with pytest.raises(AddressRefused, match="metadata"):
            await guard.locate(HTTPS)

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "169.254.169.254"])
    async def test_judges_a_literal_address_without_asking(self, host: str) -> None:
        names = Names()
        with pytest.raises(AddressRefused):
            await Guard(resolve=names).locate(Target("https", host, 443, "/"))
        assert not names.asked

    @pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1"])
    async def test_sees_through_odd_spellings_of_an_address(self, host: str) -> None:
        # The system's resolver reads these as inet_aton does; what it makes of them is what gets judged.
        with pytest.raises((AddressRefused, OSError)):
            await Guard().locate(Target("http", host, 80, "/"))

    async def test_refuses_a_name_without_addresses(self) -> None:
        with pytest.raises(OSError, match="no address"):
            await Guard(resolve=Names([])).locate(HTTPS)
