"""Which addresses files are fetched from."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.content.rules import (
    MAX_URL,
    Site,
    UrlError,
    belongs,
    check_addresses,
    public,
    redirected,
    site_of,
)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("http://www.3dexcont.com/ex.stl", Site("http", "www.3dexcont.com", 80)),
        ("https://A.Example.:8443/x?y=1#z", Site("https", "a.example", 8443)),
        ("HTTP://[::1]:8080/", Site("http", "::1", 8080)),
    ],
)
def test_the_site_of_an_address(url: str, site: Site) -> None:
    assert site_of(url) == site


@pytest.mark.parametrize(
    ("site", "header"),
    [
        (Site("http", "a.example", 80), "a.example"),
        (Site("https", "a.example", 80), "a.example:80"),
        (Site("http", "::1", 8080), "[::1]:8080"),
        (Site("https", "::1", 443), "[::1]"),
    ],
)
def test_the_host_field_names_no_usual_port(site: Site, header: str) -> None:
    assert site.host_header == header


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("file://www.3dexcont.com/ex.stl", "begin with http"),
        ("ftp://a.example/x", "begin with http"),
        ("http:///x", "name a host"),
        ("a.example/x", "begin with http"),
        ("http://user:word@a.example/", "user name"),
        ("http://user@a.example/", "user name"),
        ("http://a.example:0/", "port 0"),
        ("http://a.example:25/", "port 25"),
        ("http://a.example:99999/", "cannot be read"),
        ("http://[::1/", "cannot be read"),
        ("http://a.example/a b", "percent-encoded"),
        ("http://a.example/\r\nHost: b", "percent-encoded"),
        ("http://a.example\\@b.example/", "percent-encoded"),
        ("http://b\u00fccher.example/", "percent-encoded"),
        ("http://a.example/" + "x" * MAX_URL, "longer than"),
    ],
)
def test_no_file_is_fetched_from_these(url: str, complaint: str) -> None:
    with pytest.raises(UrlError, match=complaint):
        site_of(url)


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: "http://" + text))
def test_any_text_is_a_site_or_refused(text: str) -> None:
    try:
        site = site_of(text)
    except UrlError:
        return
    assert site.host
    assert 0 < site.port < 65536


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"),
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_addresses_of_this_computer_and_its_network_are_not_public(address: str) -> None:
    assert not public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "2606:2800:220:1::1", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_addresses_of_the_internet_are(address: str) -> None:
    assert public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_no_wrapping_makes_an_address_public(address: ipaddress.IPv4Address) -> None:
    wrapped = (
        ipaddress.IPv6Address(f"::ffff:{address}"),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | int(address)),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("2002::")) | int(address) << 80),
    )
    assert [public(one) for one in wrapped] == [public(address)] * 3


SITE = Site("http", "a.example", 8080)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    check_addresses(SITE, ["1.1.1.1", "2606:2800:220:1::1"], [])
    with pytest.raises(UrlError, match="gotapi printers content add"):
        check_addresses(SITE, ["1.1.1.1", "10.0.0.1"], [])
    with pytest.raises(UrlError):
        check_addresses(SITE, ["fe80::1%eth0"], [])


@pytest.mark.parametrize(
    ("vouched", "good"),
    [
        (SITE, True),
        (Site("http", "a.example", 8081), False),
        (Site("https", "a.example", 8080), False),
        (Site("http", "b.example", 8080), False),
    ],
)
def test_the_operator_vouches_for_exactly_the_site_of_a_server(vouched: Site, good: bool) -> None:
    try:
        check_addresses(SITE, ["127.0.0.1"], [vouched])
    except UrlError:
        assert not good
    else:
        assert good


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "https://a.example/b"),
        ("b?c", "https://a.example/x/b?c"),
        ("https://b.example/", "https://b.example/"),
        ("//b.example/y", "https://b.example/y"),
    ],
)
def test_a_redirect_is_relative_to_where_it_was_met(location: str, target: str) -> None:
    assert redirected("https://a.example/x/a", location) == target


@pytest.mark.parametrize(
    "location", ["http://a.example/", "ftp://a.example/", "file:///etc/passwd"]
)
def test_a_redirect_never_leads_to_less_safety(location: str) -> None:
    with pytest.raises(UrlError):
        redirected("https://a.example/x", location)


@pytest.mark.parametrize(
    ("url", "server", "yes"),
    [
        ("http://a.example/x/b.stl", "http://a.example", True),
        ("http://a.example/x/b.stl", "http://a.example/x", True),
        ("http://a.example/x", "http://a.example/x/", True),
        ("http://a.example/xy", "http://a.example/x", False),
        ("http://a.example/x/../y", "http://a.example/x", False),
        ("http://a.example/x/%2e%2e/y", "http://a.example/x", False),
        ("http://a.example/x/..", "http://a.example/x", False),
        ("https://a.example/x/b", "http://a.example/x", False),
        ("http://a.example:81/x/b", "http://a.example/x", False),
        ("nonsense", "http://a.example/x", False),
    ],
)
def test_an_address_belongs_to_a_server_below_its_path(url: str, server: str, yes: bool) -> None:
    assert belongs(url, server) == yes
