"""How a browser becomes the operator's: one-time links, the session cookie, the page key."""

from __future__ import annotations

import re

import pytest

from gotapi_auth.grants import Lifetime

BASE = "http://127.0.0.1:4035"


def link_of(running) -> str:
    return running.operator.login_link(BASE).removeprefix(BASE)


async def test_a_link_signs_in_and_hands_over_cookie_and_key(running, wire):
    answer = await wire("GET", link_of(running))

    assert answer.status == 303
    assert re.fullmatch(r"/operator#key=[0-9a-f]{64}", answer.headers["location"])
    session, hint = answer.cookies
    assert session.startswith("gotapi-operator-4035=")
    assert session.endswith("; Path=/operator; Max-Age=43200; HttpOnly; SameSite=Strict")
    assert hint == ("gotapi-operator-4035-here=1; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict")


async def test_over_tls_the_cookies_are_for_tls_only(running, wire):
    answer = await wire("GET", link_of(running), scheme="https")
    assert all(cookie.endswith("; Secure") for cookie in answer.cookies)


async def test_a_used_link_says_what_to_do(running, wire):
    link = link_of(running)
    await wire("GET", link)
    answer = await wire("GET", link)

    assert answer.status == 401
    assert answer.cookies == []
    assert "used already" in answer.text
    assert "gotapi operator" in answer.text


async def test_a_used_link_in_the_browser_that_used_it_opens_the_page(running, wire):
    link = link_of(running)
    cookie = (await wire("GET", link)).cookies[0].partition(";")[0]
    answer = await wire("GET", link, {"cookie": cookie})

    assert answer.status == 303
    assert answer.headers["location"] == "/operator"  # and no key: a cookie alone earns none


async def test_an_old_link_does_not_work(running, wire, clock):
    link = link_of(running)
    clock.now += 601
    assert (await wire("GET", link)).status == 401


@pytest.mark.parametrize(
    "query",
    ["", "?token=", "?token=x", "?token=" + "x" * 5000, "?token=%ff", "?\xff", "?" + "a=b&" * 50],
)
async def test_a_link_that_was_never_made_does_not_work(wire, query):
    answer = await wire("GET", f"/operator/login{query}")
    assert answer.status == 401
    assert answer.cookies == []


@pytest.mark.parametrize("headers", [{"sec-purpose": "prefetch;prerender"}, {}])
async def test_looking_ahead_does_not_use_a_link_up(running, wire, headers):
    link = link_of(running)
    assert (await wire("GET" if headers else "HEAD", link, headers)).status == 405
    assert (await wire("GET", link)).status == 303


async def test_the_page_needs_a_session(wire):
    answer = await wire("GET", "/operator")
    assert answer.status == 401
    assert "gotapi operator" in answer.text


async def test_the_page_comes_with_a_session(wire, page):
    for path in ("/operator", "/operator/"):
        answer = await wire("GET", path, page)
        assert answer.status == 200
        assert "Waiting for your answer" in answer.text


async def test_a_session_ends_after_twelve_hours(wire, page, clock):
    clock.now += 12 * 3600
    assert (await wire("GET", "/operator", page)).status == 401
    answer = await wire("GET", "/operator/api/state", page)
    assert answer.status == 401
    assert "gotapi operator" in answer.json()["error"]


async def test_the_session_of_another_port_is_another_cookie(wire, page):
    answer = await wire("GET", "/operator", {**page, "host": "127.0.0.1:4135"})
    assert answer.status == 401


async def test_a_cookie_planted_before_ours_does_not_hide_it(wire, page):
    planted = {**page, "cookie": f"gotapi-operator-4035=planted; {page['cookie']}"}
    assert (await wire("GET", "/operator", planted)).status == 200


@pytest.mark.parametrize(
    "cookie", ["", ";;;", "gotapi-operator-4035", "gotapi-operator-4035=", "=", "a=b; " * 5000]
)
async def test_other_cookies_open_nothing(wire, cookie):
    assert (await wire("GET", "/operator", {"cookie": cookie})).status == 401


async def test_signing_out_ends_the_session(wire, page):
    answer = await wire("POST", "/operator/logout", page, b"{}")
    assert answer.status == 200
    assert all("Max-Age=0" in cookie for cookie in answer.cookies)
    assert (await wire("GET", "/operator", page)).status == 401


async def test_nobody_else_can_sign_the_operator_out(wire, page):
    for headers in (
        {**page, "x-gotapi-page-key": ""},
        {**page, "sec-fetch-site": "same-site"},
        {**page, "cookie": ""},
    ):
        assert (await wire("POST", "/operator/logout", headers, b"{}")).status == 401
    assert (await wire("GET", "/operator/logout", page)).status == 401
    assert (await wire("GET", "/operator", page)).status == 200


async def test_the_front_page_tells_people_and_developers_where_to_go(wire):
    answer = await wire("GET", "/")
    assert answer.status == 200
    assert "gotapi operator" in answer.text
    assert "curl http://127.0.0.1:4035/gotapi/availability" in answer.text


async def test_the_front_page_leads_the_operator_to_the_page(wire, page):
    answer = await wire("GET", "/", {"cookie": page["cookie"]})
    assert answer.status == 303
    assert answer.headers["location"] == "/operator"


async def test_the_front_page_is_back_once_the_session_is_over(wire, page, clock):
    clock.now += 12 * 3600
    answer = await wire("GET", "/operator", page)
    assert any("4035-here=;" in cookie for cookie in answer.cookies)


async def test_the_front_page_escapes_what_it_shows(running, wire):
    answer = await wire("GET", "/", {"host": '"><script>alert(1)</script>'})
    assert "<script>alert" not in answer.text


async def test_the_words_for_the_times_are_those_of_the_auth_server(wire, page):
    text = (await wire("GET", "/operator", page)).text
    assert Lifetime.ONCE.seconds == 3600
    assert "an hour at most" in text
    assert Lifetime.DAY.seconds == 24 * 3600
    assert "For a day" in text
    assert Lifetime.ALWAYS.seconds == 180 * 24 * 3600
    assert "180 days at most" in text
