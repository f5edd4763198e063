"""What a plug-in's settings are, out of its type or its schema; and secrets in them."""

import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.plugin import Secret
from gotapi_core.plugin_settings.change import Asked, prepare, schema_check, type_check, with_advice
from gotapi_core.plugin_settings.fits import misfit
from gotapi_core.plugin_settings.laid import Laid, effective
from gotapi_core.plugin_settings.secrets import looks_secret, restored, shown
from gotapi_core.plugin_settings.shape import NOTHING, Shape, shape_of_schema, shape_of_type
from gotapi_core.plugin_settings.view import Sections, as_json, settings_seen
from gotapi_core.settings import SettingsError


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A server somewhere."""

    url: str
    key: Secret = ""
    limits: tuple[float, float] | None = None


class LampSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All kinds of settings."""

    path: str
    on: bool = False
    watts: Annotated[int, msgspec.Meta(ge=1, le=100, description="How bright it is.")] = 7
    delay: Annotated[float, msgspec.Meta(gt=0)] = 1.5
    least: Annotated[float, msgspec.Meta(le=1)] = 0.5
    name: Annotated[str, msgspec.Meta(max_length=9)] = "desk"
    colour: Literal["warm", "cold"] = "warm"
    level: Literal[1, 2] = 1
    speed: int | Literal["auto"] = "auto"
    password: Secret = ""
    main: Server | None = None
    servers: tuple[Server, ...] = ()
    rooms: dict[str, Server] = {}
    strict: bool | None = None


LAMP = shape_of_type(LampSettings)


def member(name: str) -> Any:
    return next(one for one in LAMP.members if one.name == name)


def test_each_member_has_its_kind_limits_default_and_words() -> None:
    kinds = {one.name: one.kind for one in LAMP.members}
    assert kinds == {
        "path": "text",
        "on": "bool",
        "watts": "int",
        "delay": "float",
        "least": "float",
        "name": "text",
        "colour": "choice",
        "level": "json",
        "speed": "json",
        "password": "text",
        "main": "json",
        "servers": "json",
        "rooms": "json",
        "strict": "json",
    }
    assert (member("watts").minimum, member("watts").maximum) == (1, 100)
    assert member("watts").description == "How bright it is."
    assert member("watts").default == 7
    assert member("delay").above == 0
    assert member("name").longest == 9
    assert member("colour").choices == ("cold", "warm")
    assert member("path").required
    assert member("path").default is msgspec.UNSET
    assert member("main").description == ""  # that of the type is not the setting's
    assert [one.name for one in LAMP.members if one.secret] == ["password"]
    assert {one.name: one.should for one in LAMP.members} == {
        "path": "text",
        "on": "true or false",
        "watts": "a whole number from 1 to 100",
        "delay": "a number above 0",
        "least": "a number at most 1",
        "name": "text of at most 9 characters",
        "colour": 'one of "cold", "warm"',
        "level": "one of 1, 2",
        "speed": 'a whole number, or one of "auto"',
        "password": "text",
        "main": "a table with url (needed), key, limits",
        "servers": "a list; each item: a table with url (needed), key, limits",
        "rooms": "a table",
        "strict": "true or false",
    }


def test_a_type_that_msgspec_has_no_schema_for_still_has_its_names_and_defaults() -> None:
    class Odd:
        pass

    class OddSettings(msgspec.Struct, rename="camel", kw_only=True):
        needed: int
        odd_one: Odd | None = None
        count: int = 3
        many: list[int] = msgspec.field(default_factory=lambda: [1])
        strange: Odd = msgspec.field(default_factory=Odd)

    found = {one.name: (one.kind, one.default) for one in shape_of_type(OddSettings).members}
    assert found["count"] == ("int", 3)
    assert found["many"] == ("json", [1])
    assert found["oddOne"] == ("json", None)
    assert found["needed"] == ("int", msgspec.UNSET)
    assert found["strange"] == ("json", msgspec.UNSET)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"properties": {str(n): {} for n in range(201)}},
        {"$ref": "#/$defs/Me", "$defs": {"Me": {"$ref": "#/$defs/Me"}}},
    ],
)
def test_what_is_no_schema_of_a_section_has_no_shape(schema: dict[str, Any]) -> None:
    assert shape_of_schema(schema) is None


def test_schemas_that_go_round_in_circles_come_to_an_end() -> None:
    around = {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "array", "items": {"$ref": "#/$defs/A"}}]}
    shape = shape_of_schema(
        {
            "type": "object",
            "properties": {
                "a": {"$ref": "#/$defs/A"},
                "b": 3,
                "c": {"type": "array", "prefixItems": [1, {"type": "string"}]},
                "d": {"$ref": "#/$defs/Loop"},
            },
            "required": [{}, "a"],
            "$defs": {"A": around, "Loop": {"$ref": "#/$defs/Loop"}},
        }
    )
    assert shape is not None
    assert [one.required for one in shape.members] == [True, False, False, False]
    assert shape.members[2].should == "a list of exactly: any value, text"
    assert len(shape.members[0].should) <= 600


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["type", "properties", "items", "anyOf", "enum", "$ref", "$defs", "required", "prefixItems",
     "minimum", "maxLength", "default", "additionalProperties", "description", "writeOnly"]
)  # fmt: skip
SCHEMAS = st.recursive(
    JSON | st.sampled_from(["object", "array", "string", "number", "#/$defs/a"]),
    lambda inner: st.dictionaries(WORDS | st.just("a"), inner, max_size=5),
    max_leaves=20,
).filter(lambda one: isinstance(one, dict))


@given(SCHEMAS, st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_no_schema_of_a_plugin_breaks_the_page(schema: Any, section: dict[str, Any]) -> None:
    shape = shape_of_schema(schema)
    seen = settings_seen(shape, Sections(section, section, {}, {}))
    msgspec.json.encode(seen)
    if shape is not None:
        assert isinstance(misfit(shape, section), str)
    assert {one.name for one in seen} >= set(section)


# -- secrets ---------------------------------------------------------------------------------------

SERVERS = [{"url": "a", "key": "sesame"}, {"url": "b", "key": ""}, {"url": "c", "key": "open"}]


def test_secrets_are_not_shown_and_come_back_wherever_they_are_put() -> None:
    hidden: Any = shown(SERVERS, LAMP, "servers")
    assert [one["key"] for one in hidden] == ["***1", "", "***2"]
    turned = [hidden[2], {"url": "new", "key": "fresh"}, hidden[0]]
    assert restored(turned, SERVERS, LAMP, "servers") == [
        {"url": "c", "key": "open"},
        {"url": "new", "key": "fresh"},
        {"url": "a", "key": "sesame"},
    ]
    rooms = {"hall": {"url": "x", "key": "sesame"}}
    assert shown(rooms, LAMP, "rooms") == {"hall": {"url": "x", "key": "***1"}}
    assert shown({"url": "x", "key": "sesame"}, LAMP, "main") == {"url": "x", "key": "***1"}


def test_what_stands_for_a_secret_shows_none_elsewhere() -> None:
    given_back = restored([{"url": "***1", "key": "***2"}], SERVERS, LAMP, "servers")
    assert given_back == [{"url": "***1", "key": "open"}]
    with pytest.raises(SettingsError, match=r"^servers: \*\*\*3 stands for no secret"):
        restored([{"url": "x", "key": "***3"}], SERVERS, LAMP, "servers")


def test_by_name_too_where_nothing_is_marked() -> None:
    raw = {"host": "x", "apiToken": "t", "inner": [{"db_password": "p"}], "token_file": "~/t"}
    assert shown(raw, None, "cloud") == {
        "host": "x",
        "apiToken": "***1",
        "inner": [{"db_password": "***2"}],
        "token_file": "~/t",
    }
    assert looks_secret("secret")
    assert looks_secret("API_KEY")
    assert not looks_secret("brokenToken-file")
    assert not looks_secret("secretary")


# -- where values come from ------------------------------------------------------------------------


def test_each_value_says_where_it_comes_from() -> None:
    file = {"path": "/x", "watts": 9, "password": "p", "old": 1}
    now = {**file, "delay": 2.0, "on": True}
    seen = {
        one.name: one
        for one in settings_seen(
            LAMP, Sections(file, now, {**now, "watts": 8}, {"delay": "--set", "on": "--demo"})
        )
    }
    assert [name for name, one in seen.items() if one.source == "file"] == [
        "path", "watts", "password", "old",
    ]  # fmt: skip
    assert (seen["delay"].source, seen["delay"].by, seen["delay"].value) == (
        "command",
        "--set",
        2.0,
    )
    assert seen["on"].by == "--demo"
    assert (seen["name"].source, seen["name"].value) == ("default", "desk")
    assert (seen["password"].value, seen["password"].is_set) == (msgspec.UNSET, True)
    assert [name for name, one in seen.items() if not one.known] == ["old"]
    assert [name for name, one in seen.items() if one.outdated] == ["watts"]
    assert "path" not in {one.name for one in seen.values() if one.outdated}


def test_without_a_shape_the_section_itself_is_shown() -> None:
    section = {"host": "x", "token": "t", "when": datetime.date(2026, 1, 2), "far": float("inf")}
    seen = settings_seen(None, Sections(section, section, None, {"*": "--set"}))
    assert [(one.name, one.secret, one.by) for one in seen] == [
        ("host", False, "--set"),
        ("token", True, "--set"),
        ("when", False, "--set"),
        ("far", False, "--set"),
    ]
    assert [one.value for one in seen][2:] == ["2026-01-02", "inf"]
    assert as_json([{"a": float("nan")}]) == [{"a": "nan"}]


def test_what_was_laid_over_the_file_stays_over_it() -> None:
    laid = Laid(("plugins.lamp.watts=3", "server.port=1"), {"lamp": {"on": True}})
    made = effective("[plugins.lamp]\nwatts = 9\npath = '/x'\n", laid, "f")
    assert made.plugins["lamp"] == {"watts": 3, "path": "/x", "on": True}
    assert laid.names("lamp") == {"watts": "--set", "on": "--demo"}
    assert laid.names("other") == {}
    assert Laid(("plugins.lamp={a=1}",)).names("lamp") == {"*": "--set"}
    assert Laid(("plugins={}",)).names("lamp") == {"*": "--set"}
    assert Laid(("plugins.other={a=1}",)).names("lamp") == {}


# -- changes ---------------------------------------------------------------------------------------

TEXT = "[plugins.lamp]\npath = '/x' # mine\nservers = [{ url = 'a', key = 'sesame' }]\n"


def prepared(asked: Asked, laid: Laid | None = None) -> Any:
    check = type_check("lamp", LampSettings)
    return prepare(
        TEXT, "lamp", asked, shape=LAMP, check=check, laid=laid or Laid(), file="gotapi.toml"
    )


def test_a_change_is_prepared_as_text_and_as_settings() -> None:
    made = prepared(Asked({"watts": 9, "strict": None, "servers": [{"url": "a", "key": "***1"}]}))
    assert made.text == f"{TEXT}watts = 9\n"
    assert made.settings.plugins["lamp"]["watts"] == 9


@pytest.mark.parametrize(
    ("values", "unset", "message"),
    [
        ({"watts": 0}, (), "watts: Expected int >= 1. It should be a whole number from 1 to 100"),
        ({"colour": "red"}, (), "colour: Invalid enum value 'red'. It should be one of \"cold\""),
        ({"servers": [{"url": 3}]}, (), "servers[0].url: Expected str, got int. It should be text"),
        ({"servers": [{}]}, (), "the setting 'servers[0].url' is missing"),
        ({"rooms": {"hall": 1}}, (), "rooms[...]: Expected object, got int"),
        ({"wats": 1}, (), "plug-in 'lamp' has no setting 'wats'; it has: path, on, watts"),
        ({}, ("path",), "the setting 'path' is missing"),
        ({"watts": 1}, ("watts",), "watts is to be set and to be unset at once"),
        ({"servers": [None]}, (), "servers: TOML has no null"),
        ({"name": "***1"}, ("on",), ""),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(
    values: dict[str, Any], unset: tuple[str, ...], message: str
) -> None:
    if not message:
        assert 'name = "***1"' in prepared(Asked(values, unset)).text
        return
    with pytest.raises(SettingsError) as caught:
        prepared(Asked(values, unset))
    assert message in str(caught.value)


def test_what_the_command_line_gave_cannot_be_changed_in_the_file() -> None:
    for laid in (Laid(("plugins.lamp.watts=3",)), Laid(("plugins.lamp={path='/x'}",))):
        with pytest.raises(SettingsError, match="watts was given when the hub was started"):
            prepared(Asked({"watts": 9}), laid)


def test_a_plugin_in_another_process_is_checked_by_what_it_told() -> None:
    shape = shape_of_schema(msgspec.json.schema(LampSettings))
    check = schema_check("lamp", shape)
    check(
        effective(
            "[plugins.lamp]\npath = '/x'\nspeed = 3\nservers = [{ url = 'a' }]\nmain.url = 'b'\n"
            "rooms.hall.url = 'c'\n",
            Laid(),
            "f",
        )
    )
    for text, message in (
        ("watts = 0", r"\[plugins.lamp\]: watts: Expected `?int >= 1"),
        ("on = 3", r"\[plugins.lamp\]: on: Expected bool, got int"),
        ("servers = [1]", r"\[plugins.lamp\]: servers\[0\]: Expected object"),
        ("servers = [{ url = 'a', wrong = 1 }]", r"there is no setting 'servers\[0\].wrong'"),
        ("rooms.hall = { key = 'k' }", "the setting 'rooms.hall.url' is missing"),
        ("main = { url = 3 }", r"\[plugins.lamp\]: main.url: Expected str, got int"),
        ("main = { url = 'a', limits = 'x' }", r"main.limits: Expected "),
        ("main = 3", r"\[plugins.lamp\]: main: Expected"),
        ("speed = 'fast'", r"\[plugins.lamp\]: speed: "),
        ("colour = 'red'", "colour: Invalid enum value 'red'"),
        ("watts = 9", "the setting 'path' is missing"),
    ):
        path = "" if "'path'" in message else "path = '/x'\n"
        settings = effective(f"[plugins.lamp]\n{path}{text}\n", Laid(), "f")
        with pytest.raises(SettingsError, match=message):
            check(settings)
    schema_check("lamp", None)(effective("[plugins.lamp]\nx = 1\n", Laid(), "f"))


def test_a_type_whose_own_code_raises_is_told_as_its_fault() -> None:
    class Broken(msgspec.Struct):
        a: int = 1

        def __post_init__(self) -> None:
            raise RuntimeError("oops")

    with pytest.raises(SettingsError, match="cannot be used: RuntimeError: oops"):
        type_check("lamp", Broken)(effective("", Laid(), "f"))


def test_advice_is_given_where_there_is_some() -> None:
    assert with_advice("[plugins.lamp]: rooms[...].url: no", LAMP).endswith("It should be text")
    assert with_advice("[plugins.lamp]: nothing: no", LAMP) == "[plugins.lamp]: nothing: no"
    assert with_advice("something else", LAMP) == "something else"
    assert with_advice("[plugins.lamp]: watts: no", None) == "[plugins.lamp]: watts: no"
    assert with_advice("[plugins.lamp]: main.limits[1]: no", LAMP).endswith("a number")
    assert NOTHING.members == ()
    assert Shape({}).at(["a", 0]) == []
