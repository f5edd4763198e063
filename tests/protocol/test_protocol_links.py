"""Signed links: good ones open, everything else does not."""

import hmac
from email.message import Message
from unittest.mock import patch
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import links
from gotapi_core.protocol.errors import NotAuthorized
from gotapi_core.protocol.links import Use, check, clean_type, content_disposition, is_link, link

KEY = b"k" * 32
NOW = 1_700_000_000.0
END = 1_700_000_600


def query_of(text: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(text).query))


@pytest.mark.parametrize("use", Use)
def test_a_link_opens_until_it_ends(use):
    query = query_of(link(KEY, "abc", "cube & co.png", END, use))
    assert check(KEY, "abc", query, NOW) is use
    assert check(KEY, "abc", query, END - 0.001) is use
    with pytest.raises(NotAuthorized, match="has ended"):
        check(KEY, "abc", query, END)


def test_a_link_ends_in_the_name():
    found = urlsplit("/blobs/" + link(KEY, "abc", "a/../ü?#.png", END, Use.SHOW))
    assert unquote(found.path) == "/blobs/abc/a/../ü?#.png"
    assert found.path.count("/") == 3
    assert urlsplit(link(KEY, "abc", "", END, Use.SHOW)).path == "abc"


CHANGES = [
    {"expires": str(END + 1)}, {"use": "save"}, {"signature": ""}, {"signature": "A" * 43},
    {"expires": f"0{END}"}, {"expires": f"{END}.0"}, {"expires": ""}, {"expires": "9" * 5000},
    {"use": "SHOW"}, {"use": ""}, {"signature": "é" * 43}, {"signature": "\udcff"},
    {"expires": f" {END}"}, {"expires": "-1"},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_no_changed_link_opens(change):
    query = query_of(link(KEY, "abc", "x", END, Use.SHOW)) | change
    with pytest.raises(NotAuthorized, match="not one of this hub"):
        check(KEY, "abc", query, NOW)


def test_no_link_of_another_file_or_hub_opens():
    query = query_of(link(KEY, "abc", "x", END, Use.SHOW))
    for key, blob in ((KEY, "abd"), (b"l" * 32, "abc"), (KEY, ""), (KEY, "abc" * 1000)):
        with pytest.raises(NotAuthorized):
            check(key, blob, query, NOW)
    with pytest.raises(NotAuthorized):
        check(KEY, "abc", {}, NOW)


def test_the_parts_of_a_link_cannot_be_shifted():
    assert len({
        links.sign(KEY, "a", 11, Use.SHOW), links.sign(KEY, "a1", 1, Use.SHOW),
        links.sign(KEY, "a", 1, Use.SHOW), links.sign(KEY, "a", 11, Use.SAVE),
    }) == 4  # fmt: skip


def test_signatures_are_compared_in_constant_time_and_always():
    asked = []
    real = hmac.compare_digest

    def spy(a, b):
        asked.append((a, b))
        return real(a, b)

    good = query_of(link(KEY, "abc", "x", END, Use.SHOW))
    with patch.object(links.hmac, "compare_digest", spy):
        check(KEY, "abc", good, NOW)
        for bad in ({**good, "signature": "x"}, {**good, "expires": "?"}, {}):
            with pytest.raises(NotAuthorized):
                check(KEY, "abc", bad, NOW)
        with pytest.raises(NotAuthorized):
            check(KEY, "abc", good, END + 1.0)
    assert len(asked) == 5


@given(st.dictionaries(st.sampled_from(["expires", "use", "signature"]), st.text()), st.text())
def test_nothing_opens_by_chance(query, blob):
    with pytest.raises(NotAuthorized):
        check(KEY, blob, query, NOW)


def test_what_is_meant_to_be_a_link():
    assert is_link(b"expires=1&signature=")
    assert is_link(link(KEY, "abc", "", 1, Use.SAVE).partition("?")[2].encode())
    for query in (b"", b"accessToken=x", b"xsignature=1", b"a=signature="):
        assert not is_link(query)


@pytest.mark.parametrize(
    ("given", "use", "sent"),
    [
        ("image/png", Use.SHOW, ("image/png", True)),
        ("IMAGE/PNG; x=y", Use.SHOW, ("image/png", True)),
        ("text/plain", Use.SHOW, ("text/plain; charset=utf-8", True)),
        ("model/gltf-binary", Use.SHOW, ("model/gltf-binary", True)),
        ("image/png", Use.SAVE, (links.OCTETS, False)),
        ("text/html", Use.SHOW, (links.OCTETS, False)),
        ("application/javascript", Use.SHOW, (links.OCTETS, False)),
        ("application/pdf", Use.SHOW, (links.OCTETS, False)),
        ("image/png\r\nSet-Cookie: a=b", Use.SHOW, (links.OCTETS, False)),
        ("", Use.SHOW, (links.OCTETS, False)),
    ],
)
def test_only_harmless_types_are_shown(given, use, sent):
    assert links.media_type(given, use) == sent


def test_types_are_cleaned():
    assert clean_type("Model/STL; charset=x") == "model/stl"
    for bad in ("", "x", "a/b/c", "a b/c", "é/x", "a/\n"):
        assert clean_type(bad) == links.OCTETS


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("cube.gcode", 'attachment; filename="cube.gcode"'),
        ("a b;c.txt", 'attachment; filename="a b;c.txt"'),
        ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
        (
            "häuschen.3mf",
            "attachment; filename=\"h_uschen.3mf\"; filename*=UTF-8''h%C3%A4uschen.3mf",
        ),
        ("a%41.txt", "attachment; filename=\"a_41.txt\"; filename*=UTF-8''a%2541.txt"),
    ],
)
def test_dispositions(name, header):
    assert content_disposition(name, shown=False) == header
    assert content_disposition(name, shown=True) == header.replace("attachment", "inline")


@given(st.text())
def test_no_name_leaves_its_header(name):
    header = content_disposition(name, shown=False)
    assert all(" " <= c <= "~" for c in header)
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    plain = all(" " <= c <= "~" and c not in '"\\%' for c in name)
    found = header.partition("filename*=UTF-8''")[2]
    if not plain:
        assert unquote(found) == name.encode("utf-8", "replace").decode()
