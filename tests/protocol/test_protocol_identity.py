"""Who asks, and which pages may."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import identity
from gotapi_core.protocol.errors import InvalidOrigin, Lineage
from gotapi_core.protocol.identity import (
    FetchKind,
    Identity,
    check_fetch,
    check_host,
    identify,
    lineage_of,
    normalise_origin,
)

BROWSER = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {"origin": "https://shop.example"},
            Identity("https://shop.example", Lineage.STATUS, True),
        ),
        (
            {"origin": "http://localhost:8080", **BROWSER},
            Identity("http://localhost:8080", Lineage.STATUS, True),
        ),
        (
            {"referer": "http://LOCALHOST:8080/app/?q=http://x#y", **BROWSER},
            Identity("http://localhost:8080", Lineage.STATUS, True),
        ),
        (
            {"referer": "http://127.0.0.1:4035?q"},
            Identity("http://127.0.0.1:4035", Lineage.STATUS, True),
        ),
        (
            {"origin": "http://a.example", "referer": "http://b.example/"},
            Identity("http://a.example", Lineage.STATUS, True),
        ),
        ({"origin": "null", **BROWSER}, Identity("null", Lineage.STATUS, True)),
        ({"origin": "null"}, Identity("null", Lineage.STATUS, True)),
        (
            {"x-gotapi-origin": "org.example.app"},
            Identity("org.example.app", Lineage.ENVELOPE, False),
        ),
        ({"x-gotapi-origin": " a \t"}, Identity("a", Lineage.ENVELOPE, False)),
        ({"x-gotapi-origin": "a" * 200}, Identity("a" * 200, Lineage.ENVELOPE, False)),
        (
            {"x-gotapi-origin": "HTTP://Localhost:80"},
            Identity("http://localhost", Lineage.ENVELOPE, False),
        ),
        ({"origin": "file://"}, Identity("file://", Lineage.STATUS, False)),
        (
            {"origin": "moz-extension://4e1f-aa", **BROWSER},
            Identity("moz-extension://4e1f-aa", Lineage.STATUS, True),
        ),
        (
            {"origin": "app://my.package", "x-gotapi-origin": "other"},
            Identity("app://my.package", Lineage.ENVELOPE, False),
        ),
    ],
)
def test_identities(headers, expected):
    assert identify(headers) == expected


@pytest.mark.parametrize(
    "browser",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://evil.example", **BROWSER},
        {"referer": "https://evil.example/page", "sec-fetch-dest": "empty"},
    ],
)
def test_a_page_cannot_call_itself_something_else(browser):
    who = identify({**browser, "x-gotapi-origin": "https://bank.example"})
    # The header still tells which SDK the page uses, hence how it reads errors.
    assert who == Identity("https://evil.example", Lineage.ENVELOPE, True)


def test_a_page_that_hides_its_origin_has_none():
    with pytest.raises(InvalidOrigin, match="neither Origin nor Referer"):
        identify({**BROWSER, "x-gotapi-origin": "https://bank.example"})


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-mode": "navigate"}])
def test_the_refusal_says_what_to_send(headers):
    with pytest.raises(
        InvalidOrigin, match=re.compile("send the header `X-GotAPI-Origin: my.appl", re.I)
    ):
        identify(headers)


@pytest.mark.parametrize(
    "value",
    ["", " ", "a b", "a\tb", "a" * 201, "a\0", "a\r\nx: y", "\u202eabc", "http://", "x://a/b"],
)
def test_bad_native_names(value):
    with pytest.raises(InvalidOrigin):
        identify({"x-gotapi-origin": value})


def test_the_lineage_can_be_told_even_when_the_identity_cannot():
    assert lineage_of({"x-gotapi-origin": "a b"}) is Lineage.ENVELOPE
    assert lineage_of({"origin": "nonsense"}) is Lineage.STATUS


@pytest.mark.parametrize(
    ("given_origin", "normal"),
    [
        ("HTTP://Example.COM", "http://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("https://example.com:80", "https://example.com:80"),
        ("http://example.com:0080", "http://example.com"),
        ("http://[::1]:4035", "http://[::1]:4035"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("http://127.0.0.1:4035", "http://127.0.0.1:4035"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ("file://", "file://"),
    ],
)
def test_origins_have_one_form(given_origin, normal):
    assert normalise_origin(given_origin) == normal


@pytest.mark.parametrize(
    "origin",
    [
        "", "null", "example.com", "://x", "http://", "http://a b", "http://a/", "http://a/b",
        "http://u@a", "http://a:0", "http://a:65536", "http://a:x", "http://a:", "http://a..b",
        "http://[::1", "http://[::g]", "http://[1::2::3]", "http://1.2.3", "http://300.1.1.1",
        "http://a,http://b", "http://a http://b", "1http://a", "http://-a", "http://\u00e9",
        "http://a\n", "http://" + "a" * 200, "ftp://",
    ],
)  # fmt: skip
def test_bad_origins(origin):
    with pytest.raises(InvalidOrigin, match="expected scheme://host:port"):
        normalise_origin(origin)


@given(st.text(max_size=60))
def test_any_text_is_an_origin_in_normal_form_or_refused(text):
    try:
        normal = normalise_origin(text)
    except InvalidOrigin:
        return
    assert normalise_origin(normal) == normal


@given(
    st.dictionaries(
        st.sampled_from(
            ["origin", "referer", "x-gotapi-origin", "sec-fetch-site", "sec-fetch-mode", "host"]
        ),
        st.one_of(st.text(max_size=40), st.sampled_from(["null", "http://a", "http://a/b"])),
    )
)
def test_any_headers_identify_or_are_refused(headers):
    try:
        who = identify(headers)
    except InvalidOrigin:
        return
    assert 1 <= len(who.origin) <= identity.MAX_ORIGIN
    assert " " not in who.origin
    stated = "origin" in headers or "referer" in headers
    assert stated or (who.origin and not who.browser)


ALLOWED = frozenset({"localhost", "127.0.0.1", "[::1]", "hub.local:4036", "[fe80::1]:4036"})


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:4035", "LocalHost:4035", "localhost.:4035", "127.0.0.1",
        "127.0.0.1:1", "127.0.0.1.", "[::1]", "[::1]:4035", "[0::1]:65535", "hub.local:4036",
        "hub.local.:4036", "[FE80::1]:4036",
    ],
)  # fmt: skip
def test_hosts_of_this_hub(host):
    check_host(host, ALLOWED)


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "evil.example:4035", "localhost.evil.example", "hub.local",
        "hub.local:4035", "127.0.0.2", "127.0.0.1:0", "127.0.0.1:99999", "127.1", "2130706433",
        "0177.0.0.1", "::1", "[::1", "[::1]x", "[::1%25lo]", "localhost..", "localhost:",
        "localhost:4035:4035", "localhost:+4035", "localhost ", " localhost", "localhost\n",
        "localhost/", "user@localhost", "localhost,evil", "localhost#", "\u212aocalhost",
        "lo\u0441alhost", "localhost:\u0664035", "a" * 300,
    ],
)  # fmt: skip
def test_hosts_of_others(host):
    with pytest.raises(InvalidOrigin):
        check_host(host, ALLOWED)


@given(st.text(max_size=40))
def test_any_host_text_is_checked_or_refused(text):
    try:
        check_host(text, ALLOWED)
    except InvalidOrigin:
        return
    assert text.lower().startswith(("localhost", "127.0.0.1", "[", "hub.local"))


MODES = ["cors", "websocket", "no-cors", "navigate", "same-origin", "nested-navigate", "", "odd"]


def matrix():
    """Read the table of the module's docstring."""
    rows = [line for line in (identity.__doc__ or "").splitlines() if line.startswith("| ")]
    for row in rows[2:]:
        site, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        for kind, cell in zip(FetchKind, cells, strict=True):
            yield site, kind, cell


@pytest.mark.parametrize(("site", "kind", "cell"), list(matrix()))
def test_the_matrix(site, kind, cell):
    sites = ["odd", "", "Same-Origin"] if site == "other, missing" else [site]
    for value in sites:
        for mode in MODES:
            headers = {"sec-fetch-site": value, "sec-fetch-mode": mode}
            if site == "(native)":
                headers = {"user-agent": "curl"}
            allowed = cell == "allowed" or (
                cell == "mode cors or websocket" and mode in ("cors", "websocket")
            )
            if allowed:
                check_fetch(headers, kind=kind)
            else:
                with pytest.raises(InvalidOrigin):
                    check_fetch(headers, kind=kind)


def test_the_matrix_has_all_its_cells():
    assert len(list(matrix())) == 18


def test_a_browser_that_hides_the_site_is_not_native():
    with pytest.raises(InvalidOrigin, match="Sec-Fetch-Site ''"):
        check_fetch({"sec-fetch-dest": "image"}, kind=FetchKind.API)


NODE = {"sec-fetch-mode": "cors", "x-gotapi-origin": "org.example.node"}


def test_a_program_in_node_is_native_though_its_fetch_sends_a_mode():
    check_fetch(NODE, kind=FetchKind.API)
    assert identify(NODE) == Identity("org.example.node", Lineage.ENVELOPE, False)
    with pytest.raises(InvalidOrigin):
        check_fetch(NODE, kind=FetchKind.PAGE_ACTION)


@pytest.mark.parametrize(
    "more",
    [
        {"origin": "https://evil.example"}, {"referer": "https://evil.example/"},
        {"sec-fetch-dest": "empty"}, {"sec-fetch-mode": "no-cors"}, {"sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "odd"},
    ],
)  # fmt: skip
def test_no_page_passes_for_node(more):
    with pytest.raises(InvalidOrigin):
        check_fetch({**NODE, **more}, kind=FetchKind.API)


def test_the_mode_alone_is_no_name():
    with pytest.raises(InvalidOrigin):
        check_fetch({"sec-fetch-mode": "cors"}, kind=FetchKind.API)


@pytest.mark.parametrize(
    ("headers", "kind", "advice"),
    [
        ({}, FetchKind.PAGE_ACTION, "use the gotapi command"),
        ({"sec-fetch-site": "cross-site"}, FetchKind.PAGE, "open the link that"),
        ({"sec-fetch-site": "cross-site"}, FetchKind.API, "use fetch"),
    ],
)
def test_a_refusal_says_what_to_do(headers, kind, advice):
    with pytest.raises(InvalidOrigin, match=advice):
        check_fetch(headers, kind=kind)
