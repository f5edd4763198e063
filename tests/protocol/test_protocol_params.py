"""Parameters from query and body."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import params
from gotapi_core.protocol.errors import InvalidParameter, MissingServiceId, PayloadTooLarge
from gotapi_core.protocol.params import (
    Common,
    Limits,
    merge,
    parse_body,
    parse_query,
    service_id,
    take_common,
)

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SMALL = Limits(body=100, depth=3, fields=3, name=5, value=8, query=50, parts=2)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"serviceId=a.b&nonce=", {"serviceId": "a.b", "nonce": ""}),
        (b"flag", {"flag": ""}),
        (b"a=1=2", {"a": "1=2"}),
        (b"a+b=c+d%2B", {"a b": "c d+"}),
        (b"x=%E2%82%ac", {"x": "\u20ac"}),
        ("x=\u20ac".encode(), {"x": "\u20ac"}),
        (b"x=100%&y=%zz", {"x": "100%", "y": "%zz"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"a=1&A=2", {"a": "1", "A": "2"}),
    ],
)
def test_queries(raw, expected):
    assert parse_query(raw) == expected


@pytest.mark.parametrize(
    ("raw", "kind", "reason"),
    [
        (b"a=1&a=1", InvalidParameter, "'a' twice"),
        (b"a=1&%61=2", InvalidParameter, "'a' twice"),
        (b"=1", InvalidParameter, "empty name"),
        (b"a=%00", InvalidParameter, "NUL"),
        (b"a%00=1", InvalidParameter, "NUL"),
        (b"a=%ff", InvalidParameter, "not valid UTF-8"),
        (b"%c0%80=1", InvalidParameter, "not valid UTF-8"),
        (b"a&b&c&d", InvalidParameter, "more than 3 parameters"),
        (b"abcdef=1", InvalidParameter, "longer than 5"),
        (b"a=123456789", PayloadTooLarge, "longer than 8 characters"),
        (b"a=" + b"%31" * 17, PayloadTooLarge, "longer than 50 bytes"),
    ],
)
def test_bad_queries(raw, kind, reason):
    with pytest.raises(kind, match=reason):
        parse_query(raw, SMALL)


def test_the_limits_themselves_are_allowed():
    assert parse_query(b"abcde=12345678&b&&&&c", SMALL) == {"abcde": "12345678", "b": "", "c": ""}
    assert parse_query(b"a=" + b"%31" * 8 + b"&" * 24, SMALL) == {"a": "1" * 8}


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (FORM, b"a=1&b=x+y", {"a": "1", "b": "x y"}),
        (FORM + "; charset=UTF-8", b"a=1", {"a": "1"}),
        ("Application/X-WWW-Form-Urlencoded ;charset=utf-8", b"a=1", {"a": "1"}),
        (JSON, b'{"a": 1, "b": {"c": [true, null, "x"]}}', {"a": 1, "b": {"c": [True, None, "x"]}}),
        (JSON + ";charset=utf-8", b"{}", {}),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n',
            {"a": "1"},
        ),
        ('multipart/form-data; boundary="b"', b"--b--\r\n", {}),
        # The SDK's DELETE: parameters in the query, a form of no bytes.
        ("multipart/form-data; boundary=b", b"", {}),
        ("multipart/form-data", b"", {}),
        (None, b"", {}),
        ("text/plain", b"", {}),
        (JSON, b"", {}),
    ],
)
def test_bodies(content_type, body, expected):
    assert parse_body(content_type, body) == expected


@pytest.mark.parametrize(
    ("content_type", "body", "kind", "reason"),
    [
        (None, b"a=1", InvalidParameter, "unsupported Content-Type ''"),
        ("text/plain", b"a=1", InvalidParameter, "send application/x-www-form-urlencoded, mult"),
        ("application/jsonx", b"{}", InvalidParameter, "unsupported"),
        ("\u20ac", b"{}", InvalidParameter, "unsupported"),
        (FORM, b"a=1&a=2", InvalidParameter, "body has the parameter 'a' twice"),
        (FORM, b"x" * 101, PayloadTooLarge, "larger than 100 bytes"),
        (JSON, b"[1]", InvalidParameter, "must be an object"),
        (JSON, b"{", InvalidParameter, "malformed"),
        (JSON, b'{"a": [[[1]]]}', InvalidParameter, "deeper than 3"),
        (JSON, b'{"a":1,"a":2}', InvalidParameter, "same member twice"),
        (JSON, b'{"a":1,"b":2,"c":3,"d":4}', InvalidParameter, "more than 3"),
        (JSON, b'{"abcdef":1}', InvalidParameter, "longer than 5"),
        (JSON, b'{"":1}', InvalidParameter, "empty name"),
        (JSON, b'{"a":"123456789"}', PayloadTooLarge, "longer than 8"),
        ("multipart/form-data", b"x", InvalidParameter, "lacks its boundary"),
        ("multipart/form-data; boundary=b", b"x", InvalidParameter, "malformed"),
        ("multipart/form-data; boundary=b", b"--b\r\n", InvalidParameter, "closing boundary"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n1\r\n--b--',
            InvalidParameter,
            "takes no file",
        ),
    ],
)
def test_bad_bodies(content_type, body, kind, reason):
    with pytest.raises(kind, match=reason):
        parse_body(content_type, body, SMALL)


def test_the_body_overrides_the_query():
    assert merge({"a": "q", "b": "q"}, {"a": 1, "c": 2}) == {"a": 1, "b": "q", "c": 2}


def test_the_body_overrides_reserved_names_in_any_case():
    merged = merge({"accesstoken": "old", "nonce": "n"}, {"accessToken": "new"})
    assert merged == {"accessToken": "new", "nonce": "n"}


def test_one_source_cannot_spell_a_reserved_name_twice():
    with pytest.raises(InvalidParameter, match="serviceId is given twice, in different case"):
        merge({"serviceId": "a", "serviceID": "a"}, {})


@pytest.mark.parametrize("spelling", ["serviceId", "serviceID", "serviceid", "SERVICEID"])
def test_the_service_id_in_every_spelling(spelling):
    assert service_id({spelling: "mk3.printer"}) == "mk3.printer"
    assert take_common({spelling: "mk3.printer"}).service_id == "mk3.printer"


@pytest.mark.parametrize("given_params", [{}, {"serviceId": ""}, {"service": "x"}])
def test_a_missing_service_id(given_params):
    with pytest.raises(MissingServiceId, match="serviceId is missing"):
        service_id(given_params)


def test_the_hubs_own_parameters_are_taken_out():
    taken = take_common(
        {"ACCESSTOKEN": "t", "serviceId": "s", "Nonce": "00", "key": "k", "axis": ["x"], "on": True}
    )
    assert taken == Common("t", "s", "00", "k", {"axis": ["x"], "on": True})


def test_nothing_given():
    assert take_common({}) == Common(None, None, None, None, {})


def test_empty_tokens_are_none_but_empty_nonces_stay():
    taken = take_common({"accessToken": "", "serviceId": "", "nonce": "", "key": ""})
    assert taken == Common(None, None, "", "", {})


@pytest.mark.parametrize("name", list(params.RESERVED.values()))
@pytest.mark.parametrize("value", [1, True, [], {"a": 1}])
def test_the_hubs_own_parameters_are_text(name, value):
    with pytest.raises(InvalidParameter, match=f"{name} must be text"):
        take_common({name: value})


def test_a_json_null_is_like_nothing():
    assert take_common({"accessToken": None}).access_token is None


text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(st.dictionaries(text.filter(bool), text, max_size=8), st.sampled_from([quote, None]))
def test_urlencoded_round_trip(values, quoting):
    raw = (urlencode(values, quote_via=quoting) if quoting else urlencode(values)).encode()
    assert parse_query(raw) == values
    assert parse_body(FORM, raw) == values


@given(st.one_of(st.binary(max_size=80), st.text("ab=&%+0;\0", max_size=40).map(str.encode)))
def test_any_query_parses_or_is_refused(raw):
    try:
        values = parse_query(raw, SMALL)
    except InvalidParameter:
        return
    assert len(values) <= 3
    assert all(len(name) <= 5 and len(value) <= 8 for name, value in values.items())


@given(
    st.one_of(
        st.none(),
        st.text(max_size=30),
        st.sampled_from([FORM, JSON, "multipart/form-data; boundary=b"]),
    ),
    st.binary(max_size=120),
)
def test_any_body_parses_or_is_refused(content_type, body):
    try:
        values = parse_body(content_type, body, SMALL)
    except InvalidParameter:
        return
    assert len(values) <= 3


def test_of_two_access_tokens_the_last_one_counts():
    """DeviceConnect's SDK leaves the refused one in the query when it adds the new one."""
    assert parse_query(b"accessToken=old&a=1&accessToken=new") == {"accessToken": "new", "a": "1"}
    with pytest.raises(InvalidParameter, match="twice"):
        parse_query(b"serviceId=a&serviceId=b")
