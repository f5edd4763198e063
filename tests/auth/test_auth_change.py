"""What the operator does after the approval: change it, replace it, see it end."""

from __future__ import annotations

import asyncio

import pytest

from gotapi_auth.events import Changed, Known, Revoked, WaitingChanged
from gotapi_auth.failures import AuthError, KeyHeldError, UnknownApplicationError
from gotapi_auth.grants import DAY, HOUR, Lifetime
from gotapi_core.protocol.errors import ExpiredToken, InvalidParameter, OutOfScope, UnknownToken
from gotapi_core.protocol.hmac import Encoding

BOTH = "3dp,3dps"


async def test_narrowed_scopes_count_at_once_and_after_a_restart(start, page) -> None:
    async with start() as bench:
        token = await bench.token(page, BOTH)
        (application,) = bench.server.applications()
        assert application.asked == ("3dp", "3dps")
        changed = await bench.server.change(application.id, scopes=["3DP"])
        assert (changed.scopes, changed.asked) == (("3dp",), ("3dp", "3dps"))
        assert bench.server.check(token, page, "3dp").scopes == {"3dp"}
        with pytest.raises(OutOfScope):
            bench.server.check(token, page, "3dps")
        assert bench.events[-1] == Changed(application.id, frozenset({"3dp"}), application.expires)
    async with start() as bench:
        with pytest.raises(OutOfScope):
            bench.server.check(token, page, "3dps")
        await bench.server.change(application.id, scopes=["3dp", "3dps"])
        assert bench.server.check(token, page, "3dps").scopes == {"3dp", "3dps"}


async def test_a_token_never_opens_more_than_it_was_asked_for(bench, page) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, BOTH, client=client)
    (application,) = bench.server.applications()
    narrow = (await bench.server.access_token(page, client, "3dp")).access_token
    await bench.server.change(application.id, scopes=["3dps", "3dp"])
    assert bench.server.authenticate(narrow, page).scopes == {"3dp"}


async def test_a_narrowed_client_is_not_asked_about_again(bench, page) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, BOTH, client=client)
    (application,) = bench.server.applications()
    await bench.server.change(application.id, scopes=["3dp"])
    issued = await bench.server.access_token(page, client, BOTH)
    assert [scope for scope, _ in issued.scopes] == ["3dp"]
    assert bench.server.requests() == []


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"lifetime": Lifetime.ONCE}, HOUR),
        ({"lifetime": Lifetime.DAY}, DAY),
        ({"lifetime": Lifetime.ALWAYS}, 180 * DAY),
        ({"until": 1_700_000_000.0 + 77}, 77),
    ],
)
async def test_another_end(start, page, change, left) -> None:
    async with start() as bench:
        token = await bench.token(page, lifetime=Lifetime.DAY)
        (application,) = bench.server.applications()
        changed = await bench.server.change(application.id, **change)
        end = bench.clock.now + left
        assert changed.expires == end
        assert bench.server.authenticate(token, page).expires == end
    async with start() as bench:
        assert bench.server.authenticate(token, page).expires == end
        bench.clock.now = end
        with pytest.raises(ExpiredToken):
            bench.server.authenticate(token, page)


async def test_once_means_that_it_is_asked_about_again(bench, page) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, client=client)
    (application,) = bench.server.applications()
    await bench.server.change(application.id, lifetime=Lifetime.ONCE)
    call = await bench.ask(page, client=client)
    assert len(bench.server.requests()) == 1
    call.cancel()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scopes": []}, "at least one of: 3dp"),
        ({"scopes": ["3dps"]}, "Only scopes that the application asked for"),
        ({"until": 0.0}, "must lie ahead"),
        ({"until": float("inf")}, "within 180 days"),
        ({"until": float("nan")}, "within 180 days"),
        ({"until": 1_700_000_001.0, "lifetime": Lifetime.DAY}, "not both"),
    ],
)
async def test_changes_that_cannot_be(bench, page, change, message) -> None:
    await bench.token(page)
    (application,) = bench.server.applications()
    with pytest.raises(AuthError, match=message):
        await bench.server.change(application.id, **change)
    assert bench.server.applications() == [application]


async def test_nobody_knows_the_application(bench) -> None:
    with pytest.raises(UnknownApplicationError, match="no application 'abcdef'"):
        await bench.server.change("abcdef", scopes=["3dp"])


async def test_an_end_is_told_once_when_it_comes(bench, page) -> None:
    token = await bench.token(page, lifetime=Lifetime.DAY)
    access = bench.server.authenticate(token, page)
    before = len(bench.events)
    bench.clock.now += DAY
    await bench.until(lambda: len(bench.events) > before)
    ended = Revoked(access.application_id, (access.token_id,), expired=True)
    assert bench.events[before:] == [ended]
    bench.clock.now -= 10  # a clock that was wrong: it holds again, and ends again
    await asyncio.sleep(0.6)
    bench.clock.now += 10
    await bench.until(lambda: len(bench.events) > before + 1)
    assert bench.events[before:] == [ended, ended]


async def test_what_had_ended_before_the_start_is_no_news(start, page) -> None:
    async with start() as bench:
        await bench.token(page, lifetime=Lifetime.DAY)
        bench.clock.now += DAY
    async with start() as bench:
        assert bench.server._ledger.turned(bench.clock.now) == []


async def test_the_operator_sees_whether_the_application_waits(bench, page) -> None:
    client = await bench.server.grant(page)
    call = await bench.ask(page, client=client)
    (request,) = bench.server.requests()
    assert request.waiting
    before = len(bench.events)
    call.cancel()
    await bench.until(lambda: not bench.server.requests()[0].waiting)
    again = asyncio.create_task(bench.server.access_token(page, client, "3dp", "Draw"))
    await bench.until(lambda: bench.server.requests()[0].waiting)
    assert bench.events[before:] == [WaitingChanged(request.code)] * 2
    await bench.server.approve(request.code)
    assert (await again).access_token


async def test_a_new_client_of_a_known_origin_comes_with_a_hint(bench, page, other) -> None:
    await bench.token(page)
    await bench.token(other)
    first = bench.server.applications()[0]
    call = await bench.ask(page)
    (request,) = bench.server.requests()
    assert request.known == (Known(first.id, "Draw", first.created),)
    call.cancel()


async def test_a_client_that_is_known_is_asked_about_no_more(bench, page) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, client=client)
    assert (await bench.server.access_token(page, client, "3dp")).access_token
    assert bench.server.requests() == []


async def test_an_earlier_approval_is_replaced(start, page) -> None:
    async with start() as bench:
        token = await bench.token(page)
        (earlier,) = bench.server.applications()
        call = await bench.ask(page)
        (request,) = bench.server.requests()
        now = await bench.server.approve(request.code, replace=[earlier.id])
        assert (await call).access_token
        assert [one.id for one in bench.server.applications()] == [now.id]
        with pytest.raises(UnknownToken):
            bench.server.authenticate(token, page)
        assert any(isinstance(e, Revoked) and e.application_id == earlier.id for e in bench.events)
    async with start() as bench:
        assert [one.id for one in bench.server.applications()] == [now.id]


async def test_only_approvals_of_the_same_origin_are_replaced(bench, page, other) -> None:
    await bench.token(other)
    (foreign,) = bench.server.applications()
    call = await bench.ask(page)
    (request,) = bench.server.requests()
    with pytest.raises(AuthError, match="no approval of the same origin"):
        await bench.server.approve(request.code, replace=[foreign.id])
    assert bench.server.applications() == [foreign]
    assert bench.server.requests()[0].code == request.code
    call.cancel()


async def test_a_launch_key_stays_and_reaches_what_is_approved(start, native) -> None:
    async with start() as bench:
        token = await bench.token(native)
        await bench.server.launch_key(native.origin, "00ff")
        assert bench.server.key_for(native.origin, token=token) == ("00ff", Encoding.HEX)
    async with start() as bench:
        assert bench.server.key_for(native.origin, token=token) == ("00ff", Encoding.HEX)
        assert bench.server.key_for(native.origin) == ("00ff", Encoding.HEX)
        client = await bench.server.grant(native)
        assert bench.server.key_for(native.origin, client_id=client) == ("00ff", Encoding.HEX)


async def test_another_launch_key_needs_a_yes(bench, native) -> None:
    await bench.server.launch_key(native.origin, "00ff")
    await bench.server.launch_key(native.origin, "00ff")
    with pytest.raises(KeyHeldError, match="has a key already"):
        await bench.server.launch_key(native.origin, "00fe")
    with pytest.raises(KeyHeldError):
        await bench.server.launch_key(native.origin, "")
    assert bench.server.key_for(native.origin) == ("00ff", Encoding.HEX)
    await bench.server.launch_key(native.origin, "00fe", replace=True)
    assert bench.server.key_for(native.origin) == ("00fe", Encoding.HEX)
    with pytest.raises(InvalidParameter, match="pairs of hex"):
        await bench.server.launch_key(native.origin, "0", replace=True)


async def test_the_key_of_an_approved_application_is_not_replaced_in_silence(bench, page) -> None:
    bench.server.remember_key(page.origin, "of the page", Encoding.TEXT)
    token = await bench.token(page)
    with pytest.raises(KeyHeldError):
        await bench.server.launch_key(page.origin, "00ff")
    assert bench.server.key_for(page.origin, token=token) == ("of the page", Encoding.TEXT)
    await bench.server.launch_key(page.origin, "00ff", replace=True)
    assert bench.server.key_for(page.origin, token=token) == ("00ff", Encoding.HEX)


async def test_an_empty_launch_key_removes_it_everywhere(start, native) -> None:
    async with start() as bench:
        await bench.server.launch_key(native.origin, "00ff")
        token = await bench.token(native)
        await bench.server.launch_key(native.origin, "", replace=True)
        assert bench.server.key_for(native.origin, token=token) is None
    async with start() as bench:
        assert bench.server.key_for(native.origin, token=token) is None
        assert bench.server.key_for(native.origin) is None
