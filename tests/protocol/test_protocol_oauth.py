"""OAuth without a server: redirect URIs, PKCE, parameters."""

from __future__ import annotations

import string
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.oauth import (
    MAX_URI,
    OAuthError,
    Redirect,
    challenge_of,
    check_challenge,
    check_redirect,
    check_state,
    scope_list,
    text,
    token_members,
    verified,
)

# The pair of RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
GOOD = "http://127.0.0.1:49152/callback"


@pytest.mark.parametrize(
    "uri",
    [
        GOOD,
        "http://127.0.0.1:1",
        "http://127.0.0.1:65535/",
        "http://[::1]:8080/a/b%20c;d",
        "http://127.0.0.1:8080/?a=b&c=%2F",
    ],
)
def test_a_loopback_address_with_any_port_is_good(uri: str) -> None:
    assert check_redirect(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "https://127.0.0.1:8080/",
        "HTTP://127.0.0.1:8080/",
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://127.0.0.1:/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:08080/",
        "http://127.0.0.1:8080#f",
        "http://127.0.0.1:8080/#f",
        "http://127.0.0.1:8080@evil.example/",
        "http://evil.example@127.0.0.1:8080/",
        "http://127.0.0.1:8080.evil.example/",
        "http://127.0.0.1.evil.example:8080/",
        "http://127.0.0.2:8080/",
        "http://127.1:8080/",
        "http://2130706433:8080/",
        "http://0177.0.0.1:8080/",
        "http://[::ffff:127.0.0.1]:8080/",
        "http://[::1]8080/",
        "http://127.0.0.1:8080\\@evil.example/",
        "http://127.0.0.1:8080/\r\nset-cookie:a=b",
        "http://127.0.0.1:8080/\n",
        "http://127.0.0.1:8080/a b",
        "http://127.0.0.1:8080/é",
        "http://127.0.0.1:8080evil",
        "//127.0.0.1:8080/",
        "javascript:alert(1)//127.0.0.1:8080/",
        f"http://127.0.0.1:8080/{'a' * MAX_URI}",
    ],
)
def test_nothing_else_is(uri: str | None) -> None:
    with pytest.raises(OAuthError, match=r"redirect_uri must be http://127\.0\.0\.1:PORT"):
        check_redirect(uri)


def test_the_hub_itself_is_no_place_to_go_back_to() -> None:
    with pytest.raises(OAuthError, match="leads to the hub itself"):
        check_redirect("http://127.0.0.1:4035/operator", frozenset({4035}))
    assert check_redirect("http://127.0.0.1:4037/", frozenset({4035}))


@given(st.text(max_size=60) | st.builds(lambda tail: f"http://127.0.0.1:8080{tail}", st.text()))
def test_what_passes_leads_to_this_machine(uri: str) -> None:
    try:
        passed = check_redirect(uri)
    except OAuthError:
        return
    parts = urlsplit(passed)
    assert (parts.scheme, parts.hostname in ("127.0.0.1", "::1")) == ("http", True)
    assert parts.port
    assert parts.username is None
    assert passed.isascii()


def test_the_pair_of_the_rfc() -> None:
    assert challenge_of(VERIFIER) == CHALLENGE
    assert verified(VERIFIER, CHALLENGE)


@pytest.mark.parametrize(
    "verifier",
    [None, "", CHALLENGE, VERIFIER[:-1], VERIFIER + "=", VERIFIER[:-1] + "l", "a" * 129, "é" * 43],
)
def test_another_verifier_is_refused(verifier: str | None) -> None:
    assert not verified(verifier, CHALLENGE)


@given(st.text(alphabet=string.ascii_letters + string.digits + "-._~", min_size=43, max_size=128))
def test_every_verifier_fits_its_challenge_alone(verifier: str) -> None:
    challenge = check_challenge(challenge_of(verifier), "S256")
    assert verified(verifier, challenge)
    assert not verified(verifier[::-1] + "x", challenge)


@pytest.mark.parametrize("method", [None, "plain", "s256", "S512"])
def test_only_s256_is_taken(method: str | None) -> None:
    with pytest.raises(OAuthError, match="must be S256"):
        check_challenge(CHALLENGE, method)


@pytest.mark.parametrize("challenge", [None, "", CHALLENGE + "=", CHALLENGE[:-1], "+" * 43])
def test_a_challenge_is_43_characters_of_base64url(challenge: str | None) -> None:
    with pytest.raises(OAuthError, match="base64url SHA-256"):
        check_challenge(challenge, "S256")


def test_state_is_short_and_printable() -> None:
    assert check_state(None) is None
    assert check_state(" ~") == " ~"
    for state in ("a\n", "é", "a" * 513):
        with pytest.raises(OAuthError, match="state must be"):
            check_state(state)


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_state_comes_back_as_it_was_and_adds_nothing(state: str) -> None:
    redirect = Redirect(f"{GOOD}?x=1", CHALLENGE, state, "http://127.0.0.1:4035")
    parts = urlsplit(redirect.approved("secret"))
    fields = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
    assert fields == {
        "x": ["1"],
        "code": ["secret"],
        "state": [state],
        "iss": ["http://127.0.0.1:4035"],
    }


def test_a_refusal_goes_back_too() -> None:
    redirect = Redirect(GOOD, CHALLENGE, None, "http://127.0.0.1:4035")
    location = redirect.refused(OAuthError("access_denied", "No & no"))
    assert location.startswith(f"{GOOD}?error=access_denied&error_description=No+%26+no&iss=")
    assert "state" not in location


@pytest.mark.parametrize(
    ("given_", "expected"),
    [(None, ""), ("", ""), ("3dp", "3dp"), ("a b", "a,b"), ("a,b", "a,b"), (" a , b  c", "a,b,c")],
)
def test_scopes_by_spaces_and_by_commas(given_: str | None, expected: str) -> None:
    assert scope_list(given_) == expected


def test_a_parameter_by_any_of_its_names() -> None:
    params = {"clientid": "a", "scope": "", "n": 1}
    assert text(params, "client_id", "clientId") == "a"
    assert text(params, "scope") is None
    assert text(params, "nothing") is None
    with pytest.raises(OAuthError, match="n must be text"):
        text(params, "n")


def test_the_token_answer_has_the_names_of_both() -> None:
    members = token_members("t", (("3dp", 60), ("system", 50)), 1_000)
    assert members["access_token"] == members["accessToken"] == "t"
    assert members["expires_in"] == 50
    assert members["scope"] == "3dp system"
    assert members["token_type"] == "Bearer"
    assert members["expire"] == 1_000
    assert token_members("t", (), 0)["expires_in"] == 0


def test_an_error_says_both_things() -> None:
    error = OAuthError("invalid_grant", "Too old", 400)
    assert error.members() == {"error": "invalid_grant", "error_description": "Too old"}
    assert str(error) == "invalid_grant: Too old"
