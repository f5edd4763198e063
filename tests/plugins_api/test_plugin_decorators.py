"""The markers: what they keep of their arguments, and what they refuse."""

import pytest

from gotapi_core.plugin import delete, event, get, post, put, surface
from gotapi_core.plugin.decorators import marks_of
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.routes import Kind


def test_a_mark_says_kind_method_and_name() -> None:
    def function() -> None: ...

    for marker in (get("a"), put("a", "b"), post("a", "b", interface="i"), delete("A"), event("e")):
        assert marker(function) is function
    assert [(mark.kind, mark.method, mark.name) for mark in marks_of(function)] == [
        (Kind.ONE_SHOT, Method.GET, Name("a")),
        (Kind.ONE_SHOT, Method.PUT, Name("a", None, "b")),
        (Kind.ONE_SHOT, Method.POST, Name("a", "i", "b")),
        (Kind.ONE_SHOT, Method.DELETE, Name("a")),
        (Kind.EVENT, Method.PUT, Name("e")),
    ]


def test_a_function_without_marks_has_none() -> None:
    assert marks_of(len) == ()


def test_a_surface_keeps_its_path_without_the_last_slash() -> None:
    def function() -> None: ...

    surface("/3dps/")(function)
    assert [(mark.kind, mark.path) for mark in marks_of(function)] == [(Kind.SURFACE, "/3dps")]


@pytest.mark.parametrize("path", ["", "/", "//", "3dps", "/gotapi", "/gotapi/", "/gotapi/x"])
def test_a_surface_needs_a_path_of_its_own(path: str) -> None:
    with pytest.raises(ValueError, match="a surface needs a path of its own like '/3dps'"):
        surface(path)


def test_a_surface_may_begin_like_gotapi() -> None:
    def function() -> None: ...

    surface("/gotapi-things")(function)
    assert marks_of(function)[0].path == "/gotapi-things"


@pytest.mark.parametrize(
    "part", ["", "a/b", "a b", "a\\b", "50%", "a?b", "a#b", "a\n", "x" * 65], ids=repr
)
@pytest.mark.parametrize("place", ["profile", "interface", "attribute"])
def test_what_no_request_can_spell_is_refused(part: str, place: str) -> None:
    names = {"profile": "p", "interface": "i", "attribute": "a", place: part}
    with pytest.raises(ValueError, match=r'is written @get\("a", "b", interface="i"\)'):
        get(names["profile"], names["attribute"], interface=names["interface"])
    with pytest.raises(ValueError, match="is one part of a path"):
        event(names["profile"], names["attribute"], interface=names["interface"])


def test_an_interface_needs_an_attribute() -> None:
    with pytest.raises(ValueError, match="interface 'i' without an attribute"):
        get("p", interface="i")


def test_a_marker_without_its_arguments_says_how_it_is_written() -> None:
    async def method(self: object) -> None: ...

    with pytest.raises(TypeError, match=r'as in @get\("3dp", "status"\)'):
        get(method)


@pytest.mark.parametrize("wrap", [staticmethod, classmethod, property])
def test_only_plain_methods_can_be_marked(wrap: type) -> None:
    def function() -> None: ...

    with pytest.raises(TypeError, match=f"only plain methods can be marked, not a {wrap.__name__}"):
        get("a")(wrap(function))
