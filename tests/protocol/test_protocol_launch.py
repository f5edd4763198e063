"""Launch URIs: what is understood, what is refused, and that nothing crashes."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.launch import (
    MAX_URI,
    SCHEMES,
    Action,
    Launch,
    LaunchError,
    Manner,
    parse_launch,
)

ORIGIN = "http%3A%2F%2Fdraw.example"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("gotapi://start", Launch(Action.START)),
        ("GOTAPI://START", Launch(Action.START)),
        ("gotapi://start/", Launch(Action.START)),
        ("dconnect://start/activity", Launch(Action.START, Manner.ACTIVITY)),
        ("3dcapi://start/server/", Launch(Action.START, Manner.SERVER)),
        ("gotapi://stop", Launch(Action.STOP)),
        ("gotapi://stop/server?", Launch(Action.STOP, Manner.SERVER)),
        (
            f"gotapi://start/server?origin={ORIGIN}&key=00ff",
            Launch(Action.START, Manner.SERVER, "http://draw.example", "00ff"),
        ),
        (
            "gotapi://start?origin=HTTP://Draw.Example:80&key=",
            Launch(Action.START, origin="http://draw.example", key=""),
        ),
        ("gotapi://start?origin=org.example.app", Launch(Action.START, origin="org.example.app")),
        (
            "gotapi://start?url=http%3A%2F%2Flocalhost%3A8000%2Fa%3Fb%3Dc",
            Launch(Action.START, url="http://localhost:8000/a?b=c"),
        ),
    ],
)
def test_what_is_understood(uri: str, expected: Launch) -> None:
    assert parse_launch(uri) == expected


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "begins with one of"),
        ("gotapi:start", "begins with one of"),
        ("http://start", "begins with one of"),
        ("gotapi://", "says start or stop"),
        ("gotapi://shortcut/a", "says start or stop"),
        ("gotapi://start:80", "says start or stop"),
        ("gotapi://user@start", "says start or stop"),
        ("gotapi://start/x", "nothing, /activity or /server"),
        ("gotapi://start#a", "no fragment"),
        ("gotapi://start a", "none a space"),
        ("gotapi://start?é=1", "all ASCII"),
        ("gotapi://start?\n", "all ASCII"),
        (f"gotapi://start?key={'0' * MAX_URI}", "at most 2048"),
        ("gotapi://start?package=a", "has the parameters"),
        ("gotapi://start?Origin=a", "has the parameters"),
        ("gotapi://start?key=00&key=01&origin=a", "key twice"),
        ("gotapi://start?key=00", "does not say for which origin"),
        ("gotapi://start?key=", "does not say for which origin"),
        (f"gotapi://start?origin={ORIGIN}&key=0", "pairs of hex"),
        (f"gotapi://start?origin={ORIGIN}&key=zz", "pairs of hex"),
        (f"gotapi://start?origin={ORIGIN}&key={'00' * 600}", "pairs of hex"),
        ("gotapi://start?origin=", "origin is not one"),
        ("gotapi://start?origin=http://a/b&key=00", "origin is not one"),
        ("gotapi://start?origin=a%20b", "origin is not one"),
        ("gotapi://start?origin=%ff", "not UTF-8"),
        ("gotapi://start?origin=a%0ab", "cannot be shown"),
        ("gotapi://start?url=javascript:alert(1)", "must be a page"),
        ("gotapi://start?url=file:///etc/passwd", "must be a page"),
        ("gotapi://start?url=http://", "must be a page"),
        ("gotapi://start?url=http://a:0/", "must be a page"),
        ("gotapi://start?url=http://a:99999/", "must be a page"),
        ("gotapi://start?url=http://[/", "must be a page"),
        ("gotapi://start?url=http://127.0.0.1@evil.example/", "must be a page"),
        ("gotapi://start?url=http://evil.example%5C@127.0.0.1/", "must be a page"),
        ("gotapi://start?url=http://a/%20b", "must be a page"),
        (f"gotapi://start?url=http://a/{'b' * 1024}", "must be a page"),
    ],
)
def test_what_is_refused_says_what_is_expected(uri: str, message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        parse_launch(uri)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1/", True),
        ("https://localhost:1/", True),
        ("http://[::1]:8/", True),
        ("http://localhost.example/", False),
        ("https://draw.example/", False),
    ],
)
def test_pages_of_this_machine_are_told_apart(url: str, local: bool) -> None:
    assert parse_launch(f"gotapi://start?url={quote(url, safe='')}").page_is_local is local
    assert not Launch(Action.START).page_is_local


pieces = st.sampled_from(
    ["gotapi://", "start", "stop", "/", "?", "&", "=", "origin", "key", "url", "%", "%00", "00"]
)


@given(st.text(max_size=80) | st.lists(pieces, max_size=16).map("".join))
def test_no_text_does_more_than_be_refused(uri: str) -> None:
    try:
        launch = parse_launch(uri)
    except LaunchError:
        return
    assert launch.key is None or launch.origin


@given(
    st.sampled_from(SCHEMES),
    st.sampled_from(Action),
    st.sampled_from(Manner),
    st.binary(min_size=1, max_size=64).map(bytes.hex),
)
def test_what_is_written_is_read(scheme: str, action: Action, manner: Manner, key: str) -> None:
    uri = f"{scheme}://{action.value}/{manner.value}?key={key}&origin={ORIGIN}"
    assert parse_launch(uri) == Launch(action, manner, "http://draw.example", key)
