"""Fingerprints: SHA-256 of a public key, as people copy and compare them."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.fingerprint import fingerprint, grouped, parse_fingerprint

KEY = hashlib.sha256(b"a key").hexdigest()


def test_it_is_the_sha256_of_the_key() -> None:
    assert fingerprint(b"a key") == KEY


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        KEY.upper(),
        grouped(KEY),
        f" sha256:{KEY}\n",
        f"SHA256 {grouped(KEY)}",
        ":".join(KEY[index : index + 2] for index in range(0, 64, 2)),
    ],
)
def test_however_it_was_written(text: str) -> None:
    assert parse_fingerprint(text) == KEY


@pytest.mark.parametrize("text", ["", "sha256:", KEY[1:], f"{KEY}0", f"{KEY[1:]}g", "x" * 10_000])
def test_what_is_none_says_where_to_find_one(text: str) -> None:
    with pytest.raises(ValueError, match="gotapi tls show"):
        parse_fingerprint(text)


def test_spaces_without_end_are_not_read() -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        parse_fingerprint(" " * 400 + KEY)


@given(st.binary())
def test_groups_are_read_back(key: bytes) -> None:
    made = fingerprint(key)
    assert parse_fingerprint(grouped(made)) == made
    assert {len(group) for group in grouped(made).split(" ")} == {4}


@given(st.text())
def test_any_text_is_a_fingerprint_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert len(parse_fingerprint(text)) == 64
