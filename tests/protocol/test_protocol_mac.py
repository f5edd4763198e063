"""The second version of server authentication: what it covers, and that nothing else fits."""

import hashlib
import hmac

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.mac import (
    Answer,
    derived_key,
    mac_header,
    operator_key,
    parse_key,
    valid_nonce,
    verified,
)

KEY = bytes(range(32))
ANSWER = Answer(
    nonce="00" * 16,
    port=4035,
    instance="hub-1",
    method="GET",
    target=b"/gotapi/availability?x=1",
    status=200,
    body=hashlib.sha256(b"{}").digest(),
)


def test_the_mac_is_computed_over_length_prefixed_members() -> None:
    body = hashlib.sha256(b"{}").digest()
    message = (
        b"gotapi-hub answer v2\n"
        + b"32:" + b"00" * 16 + b"\n"
        + b"4:4035\n5:hub-1\n3:GET\n24:/gotapi/availability?x=1\n3:200\n"
        + b"32:" + body + b"\n"
    )  # fmt: skip
    expected = "v2 " + hmac.new(KEY, message, hashlib.sha256).hexdigest()
    assert mac_header(KEY, ANSWER) == expected
    assert verified(KEY, ANSWER, expected)


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "01" * 16},
        {"port": 4036},
        {"instance": "hub-2"},
        {"method": "PUT"},
        {"target": b"/gotapi/availability?x=2"},
        {"status": 403},
        {"body": hashlib.sha256(b"{ }").digest()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_member_can_be_changed(change: dict[str, object]) -> None:
    assert not verified(KEY, msgspec.structs.replace(ANSWER, **change), mac_header(KEY, ANSWER))


@pytest.mark.parametrize("header", [None, "", "v2 ", "v2 00", "v1 x", "v2 " + "é" * 64])
def test_anything_else_is_no_mac(header: str | None) -> None:
    assert not verified(KEY, ANSWER, header)


def test_another_key_makes_another_mac() -> None:
    assert not verified(bytes(32), ANSWER, mac_header(KEY, ANSWER))


texts = st.text(max_size=20)


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_no_two_answers_share_a_message(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assume(one != other)

    def answer(parts: tuple[str, str, str]) -> Answer:
        return msgspec.structs.replace(
            ANSWER, instance=parts[0], method=parts[1], target=parts[2].encode()
        )

    assert mac_header(KEY, answer(one)) != mac_header(KEY, answer(other))


@pytest.mark.parametrize(
    ("nonce", "good"),
    [("0" * 32, True), ("af" * 64, True), ("0" * 31, False), ("0" * 129, False), ("G" * 32, False),
     ("A" * 32, False), ("0" * 32 + "\n", False), ("", False)],
)  # fmt: skip
def test_nonces(nonce: str, good: bool) -> None:
    assert valid_nonce(nonce) is good


def test_keys() -> None:
    assert parse_key("00" * 31 + "fF") == bytes(31) + b"\xff"
    for text in ("", "00" * 31, "00" * 33, "zz" * 32, "00" * 32 + "\n"):
        with pytest.raises(InvalidParameter, match="64 hex digits"):
            parse_key(text)


def test_a_derived_key_is_for_one_purpose_and_one_secret() -> None:
    keys = {derived_key(secret, purpose) for secret in ("a", "b") for purpose in ("x", "y")}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    assert operator_key("a") == derived_key("a", "cli")
