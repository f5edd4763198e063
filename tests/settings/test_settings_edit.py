"""A section changed in the text of gotapi.toml: what was meant, and nothing else."""

import re
import string
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.plugin_settings.edit import GONE, MOST_TEXT, edited, parsed, section_of
from gotapi_core.plugin_settings.spelling import (
    MOST_DEPTH,
    same,
    toml_key,
    toml_value,
    without_nulls,
)
from gotapi_core.settings import SettingsError

FILE = """\
# mine, do not touch
[server]   # where
port = 4135   # other than usual

[plugins.printer]  # my printers
discover = "off"   # I name them
# the old one
[[plugins.printer.ports]]
path = "/dev/a"   # left
# the new one
[[plugins.printer.ports]]
path = "/dev/b"  # right
limits = { nozzle = 200.0 }

[plugins.creation]
embedded = true
"""


def lines_kept(old: str, new: str) -> list[str]:
    """The lines of the old text that are not in the new one, in their order."""
    rest = iter(new.splitlines())
    lost = []
    for line in old.splitlines():
        seen = list(rest)
        if line in seen:
            rest = iter(seen[seen.index(line) + 1 :])
        else:
            lost.append(line)
            rest = iter(seen)
    return lost


def test_a_value_is_changed_where_it_stands_and_its_comment_stays() -> None:
    new = edited(FILE, "printer", {"discover": "all"})
    assert 'discover = "all"   # I name them\n' in new
    assert lines_kept(FILE, new) == ['discover = "off"   # I name them']


def test_a_new_setting_goes_into_the_section_and_every_line_stays() -> None:
    new = edited(FILE, "printer", {"exclude": ["1a86:7523"]})
    assert tomllib.loads(new)["plugins"]["printer"]["exclude"] == ["1a86:7523"]
    assert lines_kept(FILE, new) == []


def test_back_to_the_default_takes_the_line_away() -> None:
    new = edited(FILE, "printer", {"discover": GONE, "contents": GONE})
    assert lines_kept(FILE, new) == ['discover = "off"   # I name them']
    assert len(new.splitlines()) == len(FILE.splitlines()) - 1


def test_a_section_that_is_not_there_is_added_at_the_end() -> None:
    assert edited(FILE, "portrayal", {"title": "Mine"}) == (
        f'{FILE}\n[plugins.portrayal]\ntitle = "Mine"\n'
    )
    assert edited("", "lamp", {"a b": 1}) == '[plugins.lamp]\n"a b" = 1\n'
    assert edited("x = 1", "lamp", {"a": 1}) == "x = 1\n\n[plugins.lamp]\na = 1\n"


def test_nothing_changes_where_nothing_was_to_be_changed() -> None:
    odd = "[plugins . printer]\ndiscover='off'"
    assert edited(odd, "printer", {"discover": "off", "exclude": GONE}) == odd
    assert edited(odd, "other", {"discover": GONE}) == odd
    assert edited(odd, "printer", {}) == odd


def test_deep_inside_only_what_differs_is_written() -> None:
    ports = [{"path": "/dev/a"}, {"path": "/dev/b", "limits": {"nozzle": 215.0, "bed": 60}}]
    new = edited(FILE, "printer", {"ports": ports})
    assert "limits = { nozzle = 215.0, bed = 60" in new
    assert lines_kept(FILE, new) == ["limits = { nozzle = 200.0 }"]


def test_members_of_tables_that_are_gone_or_null_are_taken_out() -> None:
    ports = [{"path": "/dev/a", "name": None}, {"path": "/dev/b", "limits": {"nozzle": None}}]
    new = edited(FILE, "printer", {"ports": ports})
    expected = [{"path": "/dev/a"}, {"path": "/dev/b", "limits": {}}]
    assert tomllib.loads(new)["plugins"]["printer"]["ports"] == expected
    assert lines_kept(FILE, new) == ["limits = { nozzle = 200.0 }"]


def test_of_tables_in_a_list_those_that_stay_keep_their_comments() -> None:
    new = edited(FILE, "printer", {"ports": [{"path": "/dev/b", "limits": {"nozzle": 200.0}}]})
    assert 'path = "/dev/b"  # right' in new
    assert "/dev/a" not in new
    both = [{"path": "/dev/a"}, {"path": "/dev/n"}, {"path": "/dev/b", "limits": {"nozzle": 200.0}}]
    more = edited(FILE, "printer", {"ports": both})
    assert lines_kept(FILE, more) == []
    none = edited(FILE, "printer", {"ports": []})
    assert tomllib.loads(none)["plugins"]["printer"] == {"discover": "off", "ports": []}


@pytest.mark.parametrize(
    "text",
    [
        "plugins = { lamp = { a = 1, b = 2 } }  # all\n",
        "plugins.lamp.a = 1  # dotted\nplugins.lamp.b = 2\n[server]\n",
        "[plugins]\nlamp.a = 1\nlamp.b = 2\n",
        "[plugins]\nlamp = { a = 1, b = 2 }\n[server]\n",
        "[plugins.other]\n[server]\nport = 1\n[plugins.lamp]\na = 1\nb = 2\n[plugins.third]\n",
        "[plugins.lamp]\na = 1\nb = 2\n[plugins.lamp.deep]\nc = 3\n",
        '["plugins"."lamp"]\n"a" = 1\nb = 2',
    ],
)
def test_every_way_to_write_a_section_can_be_changed(text: str) -> None:
    new = edited(text, "lamp", {"a": GONE, "b": 3, "n": [{"x": "1"}]})
    expected = tomllib.loads(text)
    expected["plugins"]["lamp"].update(b=3, n=[{"x": "1"}])
    del expected["plugins"]["lamp"]["a"]
    assert tomllib.loads(new) == expected


def test_a_file_with_lines_of_windows_keeps_them() -> None:
    new = edited("[plugins.lamp]\r\na = 1 # c\r\n", "lamp", {"b": 2})
    assert new == "[plugins.lamp]\r\na = 1 # c\r\nb = 2\r\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[plugins", "gotapi.toml is not TOML"),
        ("plugins = 3", "plugins.lamp is a value, not a section"),
        ("plugins.lamp = 3", "plugins.lamp is a value, not a section"),
        ("#" * (MOST_TEXT + 1), "is larger than"),
    ],
)
def test_a_text_that_cannot_be_changed_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        edited(text, "lamp", {"a": 1})


def test_an_edit_that_would_say_something_else_is_never_returned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tomlkit

    for broken in ("[server]\nport = 1\n", "no toml"):
        monkeypatch.setattr(tomlkit, "dumps", lambda document, broken=broken: broken)
        with pytest.raises(SettingsError, match="in a way that cannot be changed from here"):
            edited(FILE, "printer", {"discover": "all"})
    monkeypatch.setattr(tomlkit, "parse", lambda text: [][0])  # a fault of its own
    with pytest.raises(SettingsError, match="in a way that cannot be changed from here"):
        edited(FILE, "printer", {"discover": "all"})


def test_values_without_a_spelling_are_refused_with_the_name_of_the_setting() -> None:
    deep: Any = 1
    for _ in range(MOST_DEPTH + 2):
        deep = [deep]
    for value, message in (
        ([None], "TOML has no null"),
        (2**63, "64 bits"),
        ("\ud800", "lone surrogate"),
        (deep, "nested deeper"),
        (b"x", "TOML has no bytes"),
    ):
        with pytest.raises(SettingsError, match=f"^a: .*{message}"):
            edited("", "lamp", {"a": value})


def test_null_members_of_tables_are_left_out() -> None:
    assert without_nulls({"a": None, "b": [{"c": None, "d": 1}]}) == {"b": [{"d": 1}]}
    assert toml_value({"a": None}) == "{}"
    assert toml_value([{"a": None, "b c": 1}]) == '[{ "b c" = 1 }]'


def test_long_lists_of_tables_get_a_line_each() -> None:
    value = [{"path": "/dev/ttyUSB0" * 4}, {"path": "/dev/ttyUSB1" * 4}]
    assert toml_value(value).count("\n") == 3
    assert tomllib.loads(f"v = {toml_value(value)}")["v"] == value


def test_values_of_other_types_are_not_the_same() -> None:
    assert not same(1, True)
    assert not same(1, 1.0)
    assert not same([1], [1, 2])
    assert not same({"a": 1}, {"b": 1})
    assert same({"a": [float("nan")]}, {"a": [float("nan")]})
    assert section_of({}, "lamp") == {}
    assert parsed("a = 1979-05-27T07:32:00Z\n")["a"].year == 1979


NAMES = st.text(string.ascii_lowercase + "_-", min_size=1, max_size=5)
PLAIN = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=12).filter(lambda text: text.isprintable() or text < "\ud800"),
    st.datetimes(),
    st.dates(),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
).filter(lambda value: "surrogate" not in _why_not(value))
SECTIONS = st.dictionaries(NAMES, VALUES, max_size=4)


def _why_not(value: object) -> str:
    try:
        toml_value(value)
    except SettingsError as error:
        return str(error)
    return ""


@given(VALUES)
def test_what_was_spelled_is_read_as_it_was(value: object) -> None:
    assert same(tomllib.loads(f"v = {toml_value(value)}")["v"], value)


@given(st.text(max_size=6).filter(lambda name: not _why_not(name)))
def test_every_name_can_be_written(name: str) -> None:
    assert tomllib.loads(f"{toml_key(name)} = 1") == {name: 1}


@st.composite
def files(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A file with a section for a lamp among others, and what stands in it."""
    comments = st.sampled_from(["", "  # why", "# a comment", "", "\n"])
    section = draw(SECTIONS)
    lines = ["# top", "[server]  # s", "port = 1", draw(comments), "[plugins.before]", "x = [1,2]"]
    lines += [f"[plugins.lamp]{draw(st.sampled_from(['', ' # l']))}"]
    for name, value in section.items():
        if draw(st.booleans()):
            lines.append("# about the next")
        lines.append(f"{toml_key(name)} = {toml_value(value)}{draw(st.sampled_from(['', ' # c']))}")
    lines += [draw(comments), "[plugins.after] # a", "y = '''\nlong\n'''  # end"]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"])), section


def unspaced(text: str) -> str:
    """Without spaces: tomlkit loses one behind a date in an inline table."""
    return "\n".join(re.sub(r"\s", "", line) for line in text.split("\n"))


@given(files(), st.dictionaries(NAMES, VALUES | st.just(GONE), max_size=3))
def test_edits_say_what_was_meant_and_keep_every_other_line(
    given_file: tuple[str, dict[str, Any]], wanted: dict[str, Any]
) -> None:
    text, section = given_file
    new = edited(text, "lamp", wanted)
    expected = tomllib.loads(text)
    changed = {name for name in wanted if name in section and not same(section[name], wanted[name])}
    for name, value in wanted.items():
        expected["plugins"]["lamp"].pop(name, None)
        if value is not GONE:
            expected["plugins"]["lamp"][name] = value
    assert same(tomllib.loads(new), expected)
    of_changed = {
        line
        for name in changed
        for line in unspaced(f"{toml_key(name)} = {toml_value(section[name])}").splitlines()
    }
    for line in lines_kept(unspaced(text), unspaced(new)):
        assert line.removesuffix("#c") in of_changed
