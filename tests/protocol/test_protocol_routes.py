"""Routes as data, and finding one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.errors import (
    InvalidMethod,
    InvalidProfile,
    Lineage,
    UnknownAttribute,
    error_body,
)
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.routes import Kind, Route, RouteTable


def one_shot(method, *parts, handler=""):
    return Route(kind=Kind.ONE_SHOT, method=method, name=Name(*parts), handler=handler)


def event(*parts, handler=""):
    return Route(kind=Kind.EVENT, method=Method.PUT, name=Name(*parts), handler=handler)


STATUS = Name("3dp", None, "status")
AXIS = Name("3dp", "axis", "x")
ROUTES = (
    one_shot(Method.GET, "3dp", None, "status", handler="status"),
    event("3dp", None, "status", handler="on_status"),
    one_shot(Method.GET, "3dp", "axis", "x"),
    one_shot(Method.GET, "echo"),
    Route.surface("/3dps", summary="portrayal", handler="portray"),
    Route.surface("/3dps/tiles"),
)
TABLE = RouteTable(ROUTES)


@pytest.mark.parametrize(
    ("method", "name", "index"),
    [
        (Method.GET, STATUS, 0),
        (Method.PUT, STATUS, 1),
        (Method.DELETE, STATUS, 1),
        (Method.GET, AXIS, 2),
        (Method.GET, Name("ECHO"), 3),
    ],
)
def test_find(method, name, index):
    assert TABLE.find(method, name) is ROUTES[index]


def test_a_table_is_data():
    assert list(TABLE) == list(ROUTES)
    assert len(TABLE) == 6
    assert TABLE.profiles() == ("3dp", "echo")
    assert TABLE.attributes("3DP") == ("axis/x", "status")
    assert TABLE.attributes("echo") == TABLE.attributes("none") == ()
    assert TABLE.surfaces() == ROUTES[4:]


def test_an_empty_table_knows_nothing():
    with pytest.raises(InvalidProfile, match="no profile '3dp' here; known: none"):
        RouteTable().find(Method.GET, STATUS)


def test_an_unknown_profile_is_told_the_known_ones():
    with pytest.raises(InvalidProfile, match=r"no profile '3dq' here; known: 3dp, echo$"):
        TABLE.find(Method.GET, Name("3dq", None, "status"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (Name("3dp", None, "stat"), "no attribute 'stat'; known: axis/x, status$"),
        (Name("3dp", None, "x"), "no attribute 'x'"),
        (Name("3dp", "axis", "y"), "no attribute 'axis/y'"),
        (Name("3dp"), "nothing without an attribute; known: axis/x, status$"),
        (Name("echo", None, "x"), "no attribute 'x'; known: none$"),
    ],
)
def test_an_unknown_attribute_is_told_the_known_ones(name, message):
    with pytest.raises(UnknownAttribute, match=message):
        TABLE.find(Method.GET, name)


def test_a_long_list_is_cut():
    table = RouteTable(one_shot(Method.GET, f"p{i:02}") for i in range(25))
    with pytest.raises(InvalidProfile, match=r"p18, p19 and 5 more$"):
        table.find(Method.GET, STATUS)


def test_messages_use_the_documented_spelling():
    table = RouteTable([one_shot(Method.GET, "authorization", None, "accesstoken")])
    with pytest.raises(UnknownAttribute, match=r"known: accessToken$"):
        table.find(Method.GET, Name("authorization", None, "x"))


def test_a_wrong_method_is_3_or_8_by_lineage():
    with pytest.raises(
        InvalidMethod, match="does not answer POST; it answers DELETE, GET, PUT"
    ) as e:
        TABLE.find(Method.POST, STATUS)
    assert error_body(e.value, Lineage.STATUS)[1]["result"] == 3
    assert error_body(e.value, Lineage.ENVELOPE)[1]["errorCode"] == 8


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (one_shot(Method.GET, "a", None, "b", handler="x"), one_shot(Method.GET, "A", None, "B")),
        (event("a", None, "b", handler="x"), one_shot(Method.PUT, "a", None, "b")),
        (event("a", None, "b", handler="x"), one_shot(Method.DELETE, "a", None, "b")),
        (event("a", None, "b", handler="x"), event("a", None, "b")),
        (Route.surface("/a", handler="x"), Route.surface("/a")),
    ],
)
def test_duplicates_are_named(first, second):
    with pytest.raises(ValueError, match="two routes for the same") as caught:
        RouteTable([first, second])
    assert first.label in str(caught.value)
    assert second.label in str(caught.value)


def test_labels():
    assert ROUTES[0].label == "GET /gotapi/3dp/status (status)"
    assert ROUTES[2].label == "GET /gotapi/3dp/axis/x"
    assert ROUTES[4].label == "/3dps (portray)"


@pytest.mark.parametrize("profile", ["", "get", "PUT", "Post", "delete"])
def test_a_profile_cannot_be_named_after_a_method(profile):
    with pytest.raises(ValueError, match="cannot be a profile name"):
        RouteTable([one_shot(Method.GET, profile, None, "x")])


@pytest.mark.parametrize("path", ["", "3dps", "/3dps/", "/", "/gotapi", "/gotapi/x"])
def test_bad_surface_paths(path):
    with pytest.raises(ValueError, match="must begin with a slash"):
        RouteTable([Route.surface(path)])


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/3dps", "/3dps"),
        ("/3dps/", "/3dps"),
        ("/3dps/x/y", "/3dps"),
        ("/3dps/tiles", "/3dps/tiles"),
        ("/3dps/tiles/1", "/3dps/tiles"),
        ("/3dps/tilesets", "/3dps"),
        ("/3dpsx", None),
        ("/", None),
        ("", None),
        ("x", None),
    ],
)
def test_surfaces_own_what_is_below_them(path, owner):
    found = TABLE.find_surface(path)
    assert (found.path if found else None) == owner


def test_which_methods_a_route_answers():
    assert ROUTES[0].methods == (Method.GET,)
    assert ROUTES[1].methods == (Method.PUT, Method.DELETE)
    assert ROUTES[4].methods == ()


@given(st.sampled_from(list(Method)), st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_find_never_fails_otherwise(method, parts):
    name = Name(parts[0], None, parts[1] if len(parts) > 1 else None)
    try:
        route = TABLE.find(method, name)
    except (InvalidProfile, UnknownAttribute, InvalidMethod):
        return
    assert route.name == name
    assert method in route.methods
