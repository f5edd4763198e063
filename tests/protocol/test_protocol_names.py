"""Names and the request paths that spell them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import names
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidMethod,
    InvalidProfileName,
    InvalidUrl,
    Lineage,
    error_body,
)
from gotapi_core.protocol.names import Method, Name, parse_method, parse_target, spelled


def test_names_compare_without_case():
    assert Name("3DP", None, "PrintingCommand") == Name("3dp", None, "printingcommand")
    assert hash(Name("A", "B", "C")) == hash(Name("a", "b", "c"))


def test_empty_parts_are_none():
    assert Name("echo", "", "") == Name("echo", None, None)


def test_an_interface_needs_an_attribute():
    with pytest.raises(ValueError, match="interface 'axis' without an attribute"):
        Name("3dp", "axis")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (Name("echo"), "echo"),
        (Name("3dp", None, "status"), "3dp/status"),
        (Name("3dp", "axis", "x"), "3dp/axis/x"),
    ],
)
def test_path_and_uri(name, path):
    assert name.path == path
    assert name.uri == f"/gotapi/{path}"


def test_spellings_are_those_of_the_documents():
    assert spelled("SERVICEDISCOVERY") == "serviceDiscovery"
    assert spelled(names.ACCESS_TOKEN.attribute or "") == "accessToken"
    assert spelled("Echo") == "echo"
    assert all(key == value.lower() for key, value in names.SPELLINGS.items())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/gotapi/availability", names.AVAILABILITY),
        (b"/gotapi/availability/", names.AVAILABILITY),
        (b"/gotapi/servicediscovery", names.SERVICE_DISCOVERY),
        (b"/gotapi/serviceDiscovery", names.SERVICE_DISCOVERY),
        (b"/gotapi/authorization/accessToken", names.ACCESS_TOKEN),
        (b"/gotapi/3dp/status", Name("3dp", None, "status")),
        (b"/gotapi/3dp/axis/x/", Name("3dp", "axis", "x")),
        (b"/gotapi/3d%70/%73tatus", Name("3dp", None, "status")),
        (b"/gotapi/%e2%82%ac/x", Name("\u20ac", None, "x")),
        (b"/gotapi/" + b"p" * 64, Name("p" * 64)),
    ],
)
def test_paths(path, name):
    assert parse_target("GET", path) == (Method.GET, name)


@pytest.mark.parametrize("method", list(Method))
def test_every_method(method):
    assert parse_target(method.value, b"/gotapi/echo")[0] is method


@pytest.mark.parametrize("method", list(Method))
def test_a_get_can_act_as_another_method(method):
    path = f"/gotapi/{method}/3dp/axis/x".encode()
    assert parse_target("GET", path) == (method, Name("3dp", "axis", "x"))
    assert parse_target("GET", path.lower()) == (method, Name("3dp", "axis", "x"))


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_only_a_get_can(method):
    with pytest.raises(InvalidUrl, match="the HTTP method must be GET"):
        parse_target(method, b"/gotapi/GET/3dp/status")


@pytest.mark.parametrize("method", ["PATCH", "HEAD", "get", "", "X" * 5000])
def test_other_methods_are_refused(method):
    with pytest.raises(InvalidMethod, match="use GET, PUT, POST or DELETE") as caught:
        parse_target(method, b"/gotapi/echo")
    assert error_body(caught.value, Lineage.ENVELOPE)[0] == 501
    assert len(caught.value.message) < 200


def test_parse_method_alone():
    assert parse_method("DELETE") is Method.DELETE


@pytest.mark.parametrize(
    ("path", "kind", "reason"),
    [
        (b"/gotapi", InvalidProfileName, "names no profile"),
        (b"/gotapi/", InvalidProfileName, "names no profile"),
        (b"/gotapi//", InvalidProfileName, "names no profile"),
        (b"/gotapi/PUT", InvalidProfileName, "names no profile"),
        (b"/gotapi//status", InvalidProfileName, "empty"),
        (b"/gotapi/3dp//status", InvalidUrl, "empty"),
        (b"/gotapi/3dp/status//", InvalidUrl, "empty"),
        (b"/gotapi/a/b/c/d", InvalidUrl, "4 parts"),
        (b"/gotapi/GET/a/b/c/d", InvalidUrl, "4 parts"),
        (b"/GOTAPI/echo", InvalidUrl, "does not begin with /gotapi/"),
        (b"/", InvalidUrl, "does not begin with /gotapi/"),
        (b"", InvalidUrl, "does not begin with /gotapi/"),
        (b"/gotapi2/echo", InvalidUrl, "does not begin with /gotapi/"),
        (b"/gotapi/./status", InvalidProfileName, "not a name"),
        (b"/gotapi/%2e%2e/status", InvalidProfileName, "not a name"),
        (b"/gotapi/3dp/%2E%2E", InvalidUrl, "not a name"),
        (b"/gotapi/a%2fb/status", InvalidProfileName, "has a space, slash"),
        (b"/gotapi/3dp/a%5Cb", InvalidUrl, "has a space, slash"),
        (b"/gotapi/3dp/a%252fb", InvalidUrl, "percent"),
        (b"/gotapi/3dp/a%", InvalidUrl, "percent"),
        (b"/gotapi/3dp/a%20b", InvalidUrl, "has a space"),
        (b"/gotapi/3dp/a%00", InvalidUrl, "control character"),
        (b"/gotapi/3dp/a%0d%0aX", InvalidUrl, "control character"),
        (b"/gotapi/3dp/%e2%80%ae", InvalidUrl, "control character"),  # right-to-left override
        (b"/gotapi/3dp/status?x=1", InvalidUrl, "has a space"),
        (b"/gotapi/%ff", InvalidProfileName, "not valid UTF-8"),
        (b"/gotapi/3dp/%c0%af", InvalidUrl, "not valid UTF-8"),
        (b"/gotapi/" + b"p" * 65, InvalidProfileName, "longer than 64"),
        (b"/gotapi/3dp/" + b"p" * 65, InvalidUrl, "longer than 64"),
        (b"/gotapi/3dp/" + b"p" * 3000, InvalidUrl, "longer than 2048"),
    ],
)
def test_bad_paths(path, kind, reason):
    with pytest.raises(kind, match=reason):
        parse_target("GET", path)


@pytest.mark.parametrize("path", [b"/gotapi", b"/gotapi//x", b"/nothing"])
def test_a_path_without_api_or_profile_is_400_in_both_lineages(path):
    with pytest.raises(GotapiError) as caught:
        parse_target("GET", path)
    assert [error_body(caught.value, lineage)[0] for lineage in Lineage] == [400, 400]


@given(st.text(max_size=8), st.binary(max_size=200))
def test_any_request_line_parses_or_is_refused(method, path):
    try:
        verb, name = parse_target(method, path)
    except (InvalidMethod, InvalidUrl, InvalidProfileName):
        return
    assert verb in Method
    assert parse_target(verb, name.uri.encode())[1] == name


@given(st.lists(st.binary(max_size=12), max_size=6), st.sampled_from(list(Method)))
def test_any_path_below_the_prefix_parses_or_is_refused(parts, method):
    try:
        _, name = parse_target(method, b"/gotapi/" + b"/".join(parts))
    except (InvalidUrl, InvalidProfileName):
        return
    assert name.profile


segment = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters="/\\%?#"),
    min_size=1,
    max_size=20,
).filter(lambda text: text not in (".", "..") and text.upper() not in Method.__members__)


@given(st.lists(segment, min_size=1, max_size=3), st.booleans())
def test_a_name_survives_the_way_through_a_path(parts, slash):
    path = "/gotapi/" + "/".join(quote(part, safe="") for part in parts) + "/" * slash
    attribute = parts[-1] if len(parts) > 1 else None
    expected = Name(parts[0], parts[1] if len(parts) == 3 else None, attribute)
    assert parse_target("PUT", path.encode()) == (Method.PUT, expected)


@given(segment)
def test_folding_twice_changes_nothing(part):
    once = Name(part)
    assert Name(once.profile) == once
