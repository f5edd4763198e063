"""The server's proof that it knows the application's key."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.hmac import Encoding, server_mac, valid_key


def test_text_against_rfc_4231_case_2():
    assert (
        server_mac("Jefe", "what do ya want for nothing?", Encoding.TEXT)
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize(
    ("key", "nonce", "mac"),
    [
        (
            "0b" * 20,
            b"Hi There".hex(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            "AA" * 20,
            "DD" * 50,
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
    ],
)
def test_hex_against_rfc_4231_cases_1_and_3(key, nonce, mac):
    assert server_mac(key, nonce, Encoding.HEX) == mac


@pytest.mark.parametrize("encoding", Encoding)
def test_an_empty_nonce_is_a_nonce(encoding):
    key = "ab" * 16
    raw = key.encode() if encoding is Encoding.TEXT else bytes.fromhex(key)
    assert server_mac(key, "", encoding) == hmac.new(raw, b"", hashlib.sha256).hexdigest()


def test_hex_digits_are_characters_in_text():
    assert server_mac("ab" * 32, "cd" * 32, Encoding.TEXT) != server_mac(
        "ab" * 32, "cd" * 32, Encoding.HEX
    )


@pytest.mark.parametrize("nonce", ["a", "zz", "ab cd", "0x", "abc", "\u0660\u0660", "ab\n"])
def test_a_hex_nonce_is_pairs_of_digits(nonce):
    with pytest.raises(InvalidParameter, match="nonce must be pairs of hex digits"):
        server_mac("ab", nonce, Encoding.HEX)


@pytest.mark.parametrize(
    ("key", "text", "hexadecimal"),
    [
        ("", False, False),
        ("ab", True, True),
        ("AB" * 128, True, True),
        ("ab" * 129, False, False),
        ("abc", True, False),
        ("key!", True, False),
        ("a b", True, False),
        ("ab\n", False, False),
        ("k\u00e9", False, False),
        ("\u0660\u0660", False, False),
    ],
)
def test_keys(key, text, hexadecimal):
    assert valid_key(key) is text
    assert valid_key(key, Encoding.HEX) is hexadecimal


@pytest.mark.parametrize("encoding", Encoding)
def test_a_bad_key_is_refused(encoding):
    with pytest.raises(InvalidParameter, match="key must be"):
        server_mac("\u20ac", "", encoding)


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=64))
def test_hex_is_the_mac_of_the_bytes(key, nonce):
    assume(not nonce.startswith(b"gotapi-hub "))
    expected = hmac.new(key, nonce, hashlib.sha256).hexdigest()
    assert server_mac(key.hex(), nonce.hex().upper(), Encoding.HEX) == expected


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(Encoding))
def test_any_text_gives_a_mac_or_is_refused(key, nonce, encoding):
    try:
        mac = server_mac(key, nonce, encoding)
    except InvalidParameter:
        return
    assert len(mac) == 64
    assert mac == mac.lower()


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_nonce_that_reads_as_a_message_of_the_second_version_is_not_signed(encoding):
    text = "gotapi-hub answer v2\n"
    nonce = text.encode().hex() if encoding is Encoding.HEX else text
    with pytest.raises(InvalidParameter, match="not random"):
        server_mac("ab" * 32, nonce, encoding)
    assert server_mac("ab" * 32, nonce[2:], encoding)
