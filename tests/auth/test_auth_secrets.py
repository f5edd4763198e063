"""Secrets, codes, HMAC keys and unapproved clients."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_auth import tokens
from gotapi_auth.clients import Client, Clients
from gotapi_auth.keys import Key, KeyRing
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.hmac import Encoding

TEXT, HEX = Encoding.TEXT, Encoding.HEX


def test_a_secret_has_256_bits_and_is_url_safe() -> None:
    secret = tokens.new_secret()
    assert len(secret) == 43
    assert secret.replace("-", "").replace("_", "").isalnum()
    assert len({tokens.new_secret() for _ in range(100)}) == 100


def test_a_secret_is_stored_as_its_sha_256() -> None:
    assert tokens.digest("abc") == hashlib.sha256(b"abc").digest()


@given(st.text(st.characters()))
def test_any_presented_text_has_a_digest(text: str) -> None:
    # A lone surrogate can come out of a query string.
    assert len(tokens.digest(text)) == 32


def test_matching() -> None:
    stored = tokens.digest("secret")
    assert tokens.matches("secret", stored)
    assert not tokens.matches("secreT", stored)
    assert not tokens.matches("", stored)
    assert not tokens.matches("x" * 1_000_000, stored)


def test_the_comparison_of_secrets_takes_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(tokens.hmac, "compare_digest", lambda *pair: compared.append(pair))
    tokens.matches("guess", b"stored")
    assert compared == [(tokens.digest("guess"), b"stored")]


def test_a_token_id_is_no_token() -> None:
    stored = tokens.digest("secret")
    assert tokens.token_id(stored) == stored.hex()[:16]


def test_a_code_is_easy_to_read_and_to_type() -> None:
    code = tokens.new_code()
    assert len(code) == 9
    assert code[4] == "-"
    assert set(code) <= set(tokens.CODE_ALPHABET) | {"-"}
    assert not set("01OIL") & set(tokens.CODE_ALPHABET)
    for typed in (code, code.lower(), code.replace("-", ""), f" {code[:4]} {code[5:]}\n"):
        assert tokens.read_code(typed) == code


@given(st.text(st.characters()))
def test_any_typed_text_is_read_as_some_code(text: str) -> None:
    assert len(tokens.read_code(text)) <= 200


def test_an_application_id_is_short() -> None:
    assert len(tokens.new_application_id()) == 6
    int(tokens.new_application_id(), 16)


def test_a_name_that_is_taken_is_made_anew() -> None:
    made = iter(["a", "b", "c"])
    assert tokens.unused(lambda: next(made), {"a", "b"}) == "c"


def test_the_newest_key_of_an_origin_is_used_for_a_client_without_one() -> None:
    ring = KeyRing()
    assert ring.prefer("o", None) is None
    ring.remember("o", "first", TEXT, trusted=False)
    ring.remember("o", "second", TEXT, trusted=False)
    ring.remember("p", "other", TEXT, trusted=False)
    key = ring.prefer("o", None)
    assert key is not None
    assert (key.value, key.encoding) == ("second", TEXT)
    assert key == ring.newest("o")


def test_a_client_keeps_its_key_when_somebody_sends_another_for_its_origin() -> None:
    ring = KeyRing()
    bound = Key("mine", TEXT)
    ring.remember("o", "evil", TEXT, trusted=False)
    assert ring.prefer("o", bound) is bound


def test_the_users_own_launch_replaces_the_keys_of_clients() -> None:
    ring = KeyRing()
    ring.remember("o", "aa", HEX, trusted=True)
    ring.remember("o", "evil", TEXT, trusted=False)
    for bound in (Key("from the disk", TEXT), None):
        key = ring.prefer("o", bound)
        assert key is not None
        assert (key.value, key.encoding) == ("aa", HEX)


def test_a_client_that_came_after_the_launch_keeps_its_key() -> None:
    ring = KeyRing()
    ring.remember("o", "aa", HEX, trusted=True)
    ring.remember("o", "mine", TEXT, trusted=False)
    bound = ring.newest("o")
    assert ring.prefer("o", bound) is bound


def test_an_empty_key_removes_the_keys_only_if_the_user_launched() -> None:
    ring = KeyRing()
    ring.remember("o", "aa", HEX, trusted=True)
    with pytest.raises(InvalidParameter, match=r"1 to 256 printable"):
        ring.remember("o", "", HEX, trusted=False)
    assert ring.newest("o") is not None
    ring.remember("o", "", HEX, trusted=True)
    assert ring.prefer("o", None) is None
    ring.remember("o", "", HEX, trusted=True)


@pytest.mark.parametrize(
    ("key", "encoding"), [("x" * 257, TEXT), ("é", TEXT), ("\n", TEXT), ("abc", HEX), ("zz", HEX)]
)
def test_keys_that_cannot_be_used_are_refused(key: str, encoding: Encoding) -> None:
    with pytest.raises(InvalidParameter, match=r"pairs of hex digits"):
        KeyRing().remember("o", key, encoding, trusted=False)


def test_the_keys_of_a_thousand_origins_are_remembered() -> None:
    ring = KeyRing()
    for number in range(1000):
        ring.remember(str(number), "k", TEXT, trusted=number % 2 == 0)
    ring.remember("0", "newer", TEXT, trusted=False)
    for number in range(1000, 1500):
        ring.remember(str(number), "k", TEXT, trusted=False)
    assert len(ring) == 1000
    assert ring.newest("0") is not None
    assert ring.newest("1") is None
    assert ring.newest("1499") is not None


def client(name: str, origin: str = "o", created: float = 0.0) -> Client:
    return Client(name.encode(), origin, True, created)


def test_a_client_lives_for_a_quarter_of_an_hour_from_its_last_use() -> None:
    clients = Clients(900, 20, 2000)
    clients.add(client("a"))
    assert clients.use(b"a", 899) == client("a")
    assert clients.use(b"a", 1798) is not None
    assert clients.use(b"a", 2699) is None
    assert len(clients) == 0


def test_a_client_of_the_future_is_dropped() -> None:
    clients = Clients(900, 20, 2000)
    clients.add(client("a", created=1000))
    assert clients.use(b"a", 941) is not None
    assert clients.use(b"a", 0) is None


def test_the_oldest_client_of_an_origin_makes_room() -> None:
    clients = Clients(900, 3, 2000)
    clients.add(client("other", "p"))
    for name in "abc":
        clients.add(client(name))
    clients.use(b"a", 1)
    clients.add(client("d"))
    assert [bool(clients.find(name.encode())) for name in "abcd"] == [True, False, True, True]
    assert clients.find(b"other") is not None


def test_the_oldest_client_of_all_makes_room() -> None:
    clients = Clients(900, 3, 5)
    for number in range(9):
        clients.add(client(str(number), origin=str(number)))
    assert len(clients) == 5
    assert clients.find(b"3") is None
    assert clients.find(b"4") is not None


def test_dropping_a_client_twice_is_no_error() -> None:
    clients = Clients(900, 3, 5)
    clients.add(client("a"))
    clients.drop(b"a")
    clients.drop(b"a")
    assert clients.find(b"a") is None
    assert clients.use(b"a", 0) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "use", "drop"]), st.integers(0, 9), st.integers(-40, 400)
        ),
        max_size=40,
    )
)
def test_the_limits_hold_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    clients, now = Clients(900, 2, 5), 0.0
    for what, number, seconds in steps:
        now += seconds
        digest = str(number).encode()
        if what == "add" and clients.find(digest) is None:
            clients.add(client(str(number), origin=str(number % 4), created=now))
        elif what == "use":
            found = clients.use(digest, now)
            assert found is None or found.digest == digest
        else:
            clients.drop(digest)
        alive = [c for n in range(10) if (c := clients.find(str(n).encode())) is not None]
        assert len(alive) == len(clients) <= 5
        for origin in "0123":
            assert sum(c.origin == origin for c in alive) <= 2
