"""Scopes, lifetimes, grants and names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_auth.grants import Grant, Lifetime, clean_name, parse_scopes
from gotapi_core.protocol.errors import InvalidParameter

OFFERED = frozenset({"3dp", "3dcapi", "3dps"})


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("3dp", ("3dp",)),
        ("3dps,3dp", ("3dps", "3dp")),
        (" 3DP , 3dCapi ", ("3dp", "3dcapi")),
        ("3dp,3dp,3DP", ("3dp",)),
        (",3dp,,", ("3dp",)),
        ("battery,3dp,vibration", ("3dp",)),
        ("all", ("3dcapi", "3dp", "3dps")),
        ("ALL", ("3dcapi", "3dp", "3dps")),
        ("battery,all", ("3dcapi", "3dp", "3dps")),
        (",".join(["3dp"] * 64), ("3dp",)),
        ("x" * 64 + ",3dp", ("3dp",)),
    ],
)
def test_scope_lists(text: str, scopes: tuple[str, ...]) -> None:
    assert parse_scopes(text, OFFERED) == scopes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("battery,light", "None of the scopes battery, light is known; .* 3dcapi, 3dp, 3dps"),
        ("", "The scope is empty; this hub offers: 3dcapi"),
        (" , ,", "The scope is empty"),
        (",".join(["3dp"] * 65), "has 65 scopes; at most 64"),
        ("3dp," + "x" * 65, "more than 64 characters"),
        ("," * 5000, "too long; at most 64"),
        ("x" * 1_000_000, "too long"),
    ],
)
def test_scope_lists_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        parse_scopes(text, OFFERED)


@pytest.mark.parametrize("text", ["all", "3dp"])
def test_a_hub_without_plug_ins_says_so(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"No plug-in of this hub offers a profile"):
        parse_scopes(text, frozenset())


@given(st.text() | st.lists(st.sampled_from(["3dp", "3DPS", "no", "all", " "])).map(",".join))
def test_any_text_gives_offered_scopes_or_invalid_parameter(text: str) -> None:
    try:
        scopes = parse_scopes(text, OFFERED)
    except InvalidParameter:
        return
    assert scopes
    assert OFFERED.issuperset(scopes)
    assert len(set(scopes)) == len(scopes)
    assert parse_scopes(",".join(scopes), OFFERED) == scopes


@pytest.mark.parametrize(
    ("lifetime", "seconds", "remembered"),
    [
        (Lifetime.ONCE, 3600, False),
        (Lifetime.DAY, 86400, True),
        (Lifetime.ALWAYS, 15_552_000, True),  # 180 days
    ],
)
def test_lifetimes(lifetime: Lifetime, seconds: float, remembered: bool) -> None:
    assert lifetime.seconds == seconds
    assert lifetime.remembered is remembered


def grant(
    asked: str = "a,b", scopes: str = "a,b", remembered: bool = True, collect_by: float | None = 0
) -> Grant:
    return Grant(
        frozenset(asked.split(",")), frozenset(scopes.split(",")), 0, 100, remembered, collect_by
    )


def test_a_grant_covers_what_was_allowed_until_it_ends() -> None:
    one = grant(asked="a,b", scopes="a")
    assert one.covers("a")
    assert not one.covers("b")
    assert not one.expired(99.9)
    assert one.expired(100)


@pytest.mark.parametrize(
    ("one", "asked", "now", "answers"),
    [
        (grant(), ("a", "b"), 1, True),
        (grant(), ("a",), 1, True),
        (grant(), ("a", "c"), 1, False),  # more than was ever asked
        (grant(), ("a",), 100, False),  # ended
        (grant(scopes="a"), ("a", "b"), 1, True),  # the operator left b out: a only
        (grant(scopes="a"), ("b",), 1, False),  # nothing would be left
        (grant(remembered=False, collect_by=None), ("a",), 1, False),
        (grant(remembered=False, collect_by=50), ("a",), 49, True),  # not collected yet
        (grant(remembered=False, collect_by=50), ("a",), 50, False),
    ],
)
def test_what_is_decided_without_asking_again(
    one: Grant, asked: tuple[str, ...], now: float, answers: bool
) -> None:
    assert one.answers(asked, now) is answers


def test_the_share_is_in_the_order_of_asking() -> None:
    assert grant(asked="a,b,c", scopes="a,c").share(("c", "b", "a")) == ("c", "a")


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("Draw & Print", "Draw & Print"),
        ("  two \t\n words  ", "two words"),
        ("お絵かき", "お絵かき"),
        (None, "https://a.example"),
        ("", "https://a.example"),
        ("\u202e\u200b\x00", "https://a.example"),
        ("bank\u202etxt.exe", "banktxt.exe"),  # right-to-left override
        ("a\u2066b\u2069c\ufeffd\x1b[31m", "abcd[31m"),
        ("\ud800x", "x"),
        ("x" * 101, "x" * 100),
        ("x" * 99 + " y", "x" * 99),
        ("line\u2028break", "line break"),
    ],
)
def test_application_names_are_made_safe_to_show(name: str | None, clean: str) -> None:
    assert clean_name(name, "https://a.example") == clean


@given(st.text(st.characters()))
def test_no_name_can_carry_control_or_format_characters(name: str) -> None:
    clean = clean_name(name, "origin")
    assert 1 <= len(clean) <= 100
    assert all(unicodedata.category(c)[0] != "C" for c in clean)
    assert clean_name(clean, "origin") == clean
