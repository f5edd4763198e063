"""What hubs say by multicast DNS, and what of it is believed."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.announcement import SERVICE_TYPE, Announcement, parse_announcement

KEY = "ab" * 32
INSTANCE = f"gotapi-hub-1a2b3c4d.{SERVICE_TYPE}"
TXT = {b"version": b"0.1.0", b"tls": b"4036", b"fp": KEY.encode()}
HUB = Announcement("gotapi-hub-1a2b3c4d", "0.1.0", 4036, KEY)


def test_a_hub_says_who_it_is_and_no_more() -> None:
    assert HUB.txt() == {"version": "0.1.0", "tls": "4036", "fp": KEY}
    assert HUB.host == "gotapi-hub-1a2b3c4d.local"


def test_it_is_understood() -> None:
    assert parse_announcement(INSTANCE, TXT) == HUB


def test_keys_in_capitals_and_unknown_ones_do_not_matter() -> None:
    heard = {key.upper(): value for key, value in TXT.items()} | {b"more": None}
    assert (
        parse_announcement(INSTANCE.upper().replace(SERVICE_TYPE.upper(), SERVICE_TYPE), heard)
        == HUB
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {b"version": b""}, {b"version": b"<b>"}, {b"version": b"1" * 33}, {b"version": b"\xff"},
        {b"version": None}, {b"tls": b"0"}, {b"tls": b"65536"}, {b"tls": b"-1"}, {b"tls": b"4o36"},
        {b"tls": b"1" * 6}, {b"tls": None}, {b"fp": b"ab"}, {b"fp": None},
        {b"tls": "٤٠٣٦".encode()},
    ],
)  # fmt: skip
def test_a_malformed_record_is_not_believed(wrong: dict[bytes, bytes | None]) -> None:
    assert parse_announcement(INSTANCE, {**TXT, **wrong}) is None


@pytest.mark.parametrize("missing", sorted(TXT))
def test_an_incomplete_record_is_not_believed(missing: bytes) -> None:
    assert parse_announcement(INSTANCE, {k: v for k, v in TXT.items() if k != missing}) is None


@pytest.mark.parametrize("name", ["", "a b", "<script>", "a.b", "x" * 64, "\x1b[31m"])
def test_an_odd_name_is_not_believed(name: str) -> None:
    assert parse_announcement(f"{name}.{SERVICE_TYPE}", TXT) is None


@given(
    st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=63),
    st.from_regex(r"[0-9A-Za-z.+-]{1,32}", fullmatch=True),
    st.integers(1, 65535),
    st.binary(min_size=32, max_size=32),
)
def test_what_is_said_is_heard(name: str, version: str, port: int, key: bytes) -> None:
    said = Announcement(name, version, port, key.hex())
    heard = {one.encode(): value.encode() for one, value in said.txt().items()}
    assert parse_announcement(f"{name}.{SERVICE_TYPE}", heard) == said


@given(st.text(), st.dictionaries(st.binary(), st.none() | st.binary()))
def test_nothing_heard_breaks_it(instance: str, txt: dict[bytes, bytes | None]) -> None:
    parse_announcement(instance, txt)
