"""What the operator does: answering, listing, revoking; and the HMAC keys."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from gotapi_auth.consent import State
from gotapi_auth.events import RequestEnded, Revoked
from gotapi_auth.failures import AuthError, UnknownApplicationError, UnknownRequestError
from gotapi_auth.grants import Lifetime
from gotapi_core.protocol.errors import (
    InvalidParameter,
    NotAuthorized,
    StorageFull,
    UnknownClient,
    UnknownToken,
)
from gotapi_core.protocol.hmac import Encoding

DAY = 86400
TEXT, HEX = Encoding.TEXT, Encoding.HEX


async def test_a_code_may_be_typed_in_any_form(bench, page) -> None:
    call = await bench.ask(page)
    code = bench.server.requests()[0].code
    await bench.server.approve(f" {code.lower().replace('-', ' ')}\n")
    assert (await call).access_token


@pytest.mark.parametrize("code", ["", "XXXX-XXXX", "x" * 10_000, "\ud800", "<img onerror>"])
async def test_an_unknown_code_lists_what_waits(bench, page, code) -> None:
    call = await bench.ask(page)
    waiting = bench.server.requests()[0].code
    for answer in (bench.server.approve(code), bench.server.deny(code)):
        with pytest.raises(UnknownRequestError, match=f"waiting are: {waiting}") as caught:
            await answer
        assert len(caught.value.message) < 200
    assert caught.value.status == 404
    call.cancel()


async def test_with_nothing_waiting_the_message_says_none(bench) -> None:
    with pytest.raises(UnknownRequestError, match=r"waiting are: none"):
        await bench.server.approve("AAAA-AAAA")


async def test_a_request_is_answered_once(bench, page) -> None:
    call = await bench.ask(page)
    code = bench.server.requests()[0].code
    answers = await asyncio.gather(
        bench.server.approve(code), bench.server.approve(code), return_exceptions=True
    )
    assert [isinstance(a, UnknownRequestError) for a in answers] == [False, True]
    with pytest.raises(UnknownRequestError):
        await bench.server.deny(code)
    await call
    assert len(bench.server.applications()) == 1


@pytest.mark.parametrize("scopes", [[], ["gps"], ["3dp", "3dcapi"]])
async def test_only_what_was_asked_for_can_be_allowed(bench, page, scopes) -> None:
    call = await bench.ask(page, "3dp,3dps")
    code = bench.server.requests()[0].code
    with pytest.raises(AuthError, match=r"at least one of: 3dp, 3dps"):
        await bench.server.approve(code, scopes=scopes)
    assert len(bench.server.requests()) == 1
    call.cancel()


async def test_the_list_of_applications(bench, page, other) -> None:
    await bench.token(page, "3dps,3dp", lifetime=Lifetime.DAY)
    bench.clock.now += 10
    await bench.token(other)
    first, second = bench.server.applications()
    assert (first.name, first.origin, first.scopes) == ("Draw", page.origin, ("3dp", "3dps"))
    assert first.expires == first.created + DAY
    assert first.last_used is None
    assert second.origin == other.origin
    assert second.created == first.created + 10
    assert len(first.id) == 6


async def test_use_is_noted_in_memory_at_once_and_on_the_disk_later(bench, page, path) -> None:
    token = await bench.token(page)
    bench.clock.now += 100
    bench.server.check(token, page, "3dp")
    assert bench.server.applications()[0].last_used == bench.clock.now
    assert stored(path, "SELECT last_used FROM applications") == [(None,)]
    await bench.server.note_use()
    assert stored(path, "SELECT last_used FROM applications") == [(bench.clock.now,)]


async def test_use_is_written_only_when_there_was_some(bench, page, monkeypatch) -> None:
    token = await bench.token(page)
    bench.server.check(token, page, "3dp")
    await bench.server.note_use()

    async def unexpected(*_: object) -> None:
        raise AssertionError("written without need")

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "run", unexpected)
        await bench.server.note_use()


async def test_an_application_that_is_revoked_while_its_use_is_noted(bench, page) -> None:
    bench.server.check(await bench.token(page), page, "3dp")
    revoking = asyncio.create_task(bench.server.revoke(bench.server.applications()[0].id))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the revocation is on its way to the disk
    await bench.server.note_use()
    await revoking
    assert bench.server.applications() == []


async def test_a_loop_that_stops_in_the_middle_makes_no_noise(bench, page) -> None:
    call = await bench.ask(page)
    approving = asyncio.create_task(bench.server.approve(bench.server.requests()[0].code))
    await asyncio.sleep(0)
    for task in bench.server._tasks:
        task.cancel()
    await asyncio.wait([approving])
    assert approving.cancelled()
    call.cancel()


async def test_use_is_noted_by_itself(start, page, path) -> None:
    async with start(note_use_every=0.005) as bench:
        bench.server.check(await bench.token(page), page, "3dp")
        async with asyncio.timeout(5):
            while stored(path, "SELECT last_used FROM applications") == [(None,)]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_upkeep_survives_a_full_disk(start, page, path, monkeypatch, caplog) -> None:
    async with start(note_use_every=0.005) as bench:
        token = await bench.token(page)
        tried = asyncio.Event()

        async def full(*_: object) -> None:
            tried.set()
            raise StorageFull

        with monkeypatch.context() as patch:
            patch.setattr(bench.store, "run", full)
            bench.server.check(token, page, "3dp")
            await asyncio.wait_for(tried.wait(), 5)
        async with asyncio.timeout(5):
            while stored(path, "SELECT last_used FROM applications") == [(None,)]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    assert "put off" in caplog.text


async def test_closing_on_a_full_disk_is_only_logged(bench, page, monkeypatch, caplog) -> None:
    bench.server.check(await bench.token(page), page, "3dp")

    async def full(*_: object) -> None:
        raise StorageFull

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "run", full)
        await bench.server.close()
    assert "could not be stored" in caplog.text


async def test_revoking_ends_all_tokens_of_one_application(bench, page, path) -> None:
    client = await bench.server.grant(page)
    tokens = [await bench.token(page, client=client)]
    tokens.append((await bench.server.access_token(page, client, "3dp", None)).access_token)
    kept = await bench.token(page)
    ids = tuple(bench.server.authenticate(token, page).token_id for token in tokens)
    doomed = bench.server.applications()[0].id

    heard: list[object] = []

    def listener(event: object) -> None:
        # On the disk before anybody hears of it.
        assert stored(path, "SELECT count(*) FROM tokens") == [(1,)]
        heard.append(event)

    bench.server.subscribe(listener)
    await bench.server.revoke(f" {doomed.upper()} ")
    assert heard == [Revoked(doomed, ids)]
    for token in tokens:
        with pytest.raises(UnknownToken):
            bench.server.check(token, page, "3dp")
    assert bench.server.check(kept, page, "3dp")
    with pytest.raises(UnknownClient):
        await bench.server.access_token(page, client, "3dp", None)
    assert stored(path, "SELECT count(*) FROM clients") == [(1,)]


async def test_revoking_one_of_two_approvals_of_a_client_leaves_the_other(bench, page) -> None:
    client = await bench.server.grant(page)
    old = await bench.token(page, "3dp", client=client)
    new = await bench.token(page, "3dps", client=client)
    await bench.server.revoke(bench.server.authenticate(old, page).application_id)
    assert bench.server.check(new, page, "3dps")
    assert (await bench.server.access_token(page, client, "3dps", None)).access_token


async def test_an_unknown_application_lists_those_that_are(bench, page) -> None:
    with pytest.raises(UnknownApplicationError, match=r"approved are: none"):
        await bench.server.revoke("a1b2c3")
    await bench.token(page)
    known = bench.server.applications()[0].id
    with pytest.raises(UnknownApplicationError, match=f"approved are: {known}"):
        await bench.server.revoke("x" * 1000)


async def test_a_revocation_that_meets_a_token_being_made_wins(bench, page) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, client=client)
    application = bench.server.applications()[0].id
    for order in (0, 1):
        if order:
            await bench.token(page, client=client)
            application = bench.server.applications()[0].id
        pair = [
            bench.server.revoke(application),
            bench.server.access_token(page, client, "3dp", None),
        ]
        await asyncio.gather(*(pair[::-1] if order else pair), return_exceptions=True)
        assert bench.server.applications() == []
        assert bench.server._tokens == {}
        client = await bench.server.grant(page)


async def test_a_token_for_an_approval_that_is_gone_is_refused(bench, page) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, client=client)
    application = bench.server.applications()[0].id
    revoking = asyncio.create_task(bench.server.revoke(application))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the revocation is on its way to the disk
    with pytest.raises((NotAuthorized, UnknownClient)):
        await bench.server.access_token(page, client, "3dp", None)
    await revoking


async def test_a_cancelled_revocation_is_done_all_the_same(bench, page) -> None:
    token = await bench.token(page)
    revoking = asyncio.create_task(bench.server.revoke(bench.server.applications()[0].id))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    revoking.cancel()
    await bench.until(lambda: not bench.server.applications())
    with pytest.raises(UnknownToken):
        bench.server.check(token, page, "3dp")


async def test_a_cancelled_approval_that_fails_makes_no_noise(bench, page) -> None:
    call = await bench.ask(page)
    approving = asyncio.create_task(bench.server.approve("AAAA-AAAA"))
    await asyncio.sleep(0)
    approving.cancel()
    await asyncio.wait([approving])
    await bench.server.close()  # an unheard exception would be a warning, and fail the test
    assert approving.cancelled()
    call.cancel()


async def test_a_full_disk_leaves_the_request_to_be_answered_again(
    bench, page, monkeypatch
) -> None:
    call = await bench.ask(page)
    code = bench.server.requests()[0].code

    async def full(*_: object) -> None:
        raise StorageFull

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "run", full)
        with pytest.raises(StorageFull):
            await bench.server.approve(code)
    assert bench.server.applications() == []
    await bench.server.approve(code)
    assert (await call).access_token


async def test_a_deadline_that_passes_while_the_disk_is_written_takes_nothing_back(
    bench, page, monkeypatch
) -> None:
    client = await bench.server.grant(page)
    call = await bench.ask(page, client=client)
    code = bench.server.requests()[0].code
    run = bench.store.run

    async def slow(*args: object) -> object:
        bench.clock.now += 1000
        assert bench.server.requests() == []
        return await run(*args)

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "run", slow)
        await bench.server.approve(code)
    assert bench.events[-1] == RequestEnded(code, State.EXPIRED)
    await asyncio.wait([call])
    bench.clock.now -= 1000
    assert (await bench.server.access_token(page, client, "3dp", None)).access_token


async def test_the_number_of_applications_is_bounded(start, page) -> None:
    async with start(applications=2) as bench:
        await bench.token(page, lifetime=Lifetime.ONCE)
        await bench.token(page)
        call = await bench.ask(page)
        code = bench.server.requests()[0].code
        with pytest.raises(AuthError, match=r"2 applications are approved already; revoke some"):
            await bench.server.approve(code)
        await bench.server.revoke(bench.server.applications()[1].id)
        await bench.server.approve(code)
        assert (await call).access_token


async def test_what_ended_a_month_ago_is_forgotten(start, page, path) -> None:
    async with start() as bench:
        await bench.token(page, lifetime=Lifetime.ONCE)
        kept = await bench.token(page)
        bench.clock.now += 31 * DAY
    async with start() as bench:
        assert stored(path, "SELECT count(*) FROM applications") == [(1,)]
        assert stored(path, "SELECT count(*) FROM clients") == [(1,)]
        assert bench.server.check(kept, page, "3dp")


async def test_a_clock_that_was_a_month_ahead_for_a_while_costs_nothing(start, page, path) -> None:
    async with start() as bench:
        token = await bench.token(page, lifetime=Lifetime.DAY)
        bench.clock.now += 29 * DAY
    async with start() as bench:
        assert bench.server.applications() == []
        bench.clock.now -= 29 * DAY
        assert bench.server.check(token, page, "3dp")


async def test_a_clock_that_is_set_back_drops_requests_and_prolongs_tokens(bench, page) -> None:
    token = await bench.token(page, lifetime=Lifetime.ONCE)
    call = await bench.ask(page)
    bench.clock.now -= DAY
    assert bench.server.requests() == []
    assert bench.server.check(token, page, "3dp")
    await asyncio.wait([call])


async def test_a_failing_listener_does_not_keep_the_others_from_hearing(
    bench, page, caplog
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("socket trouble")

    unsubscribe = bench.server.subscribe(broken)
    late: list[object] = []
    bench.server.subscribe(late.append)
    await bench.token(page)
    await bench.server.revoke(bench.server.applications()[0].id)
    assert isinstance(late[-1], Revoked)
    assert "socket trouble" in caplog.text
    unsubscribe()
    unsubscribe()
    caplog.clear()
    await bench.token(page)
    assert caplog.text == ""


async def test_an_application_keeps_its_key_through_a_restart(start, page) -> None:
    async with start() as bench:
        bench.server.remember_key(page.origin, "k1", TEXT)
        client = await bench.server.grant(page)
        token = await bench.token(page, client=client)
    async with start() as bench:
        for of in ({}, {"token": token}, {"client_id": client}):
            assert bench.server.key_for(page.origin, **of) == ("k1", TEXT)


async def test_before_the_grant_the_newest_key_counts(bench, page, other) -> None:
    assert bench.server.key_for(page.origin) is None
    bench.server.remember_key(page.origin, "k1", TEXT)
    bench.server.remember_key(page.origin, "k2", TEXT)
    assert bench.server.key_for(page.origin) == ("k2", TEXT)
    assert bench.server.key_for(page.origin, token="unknown", client_id="unknown") == ("k2", TEXT)
    assert bench.server.key_for(other.origin) is None
    with pytest.raises(InvalidParameter):
        bench.server.remember_key(page.origin, "", TEXT)


async def test_without_a_key_there_is_none_after_a_restart(start, page) -> None:
    async with start() as bench:
        token = await bench.token(page)
    async with start() as bench:
        assert bench.server.key_for(page.origin, token=token) is None


async def test_a_native_client_gets_the_key_of_its_launch(bench, native) -> None:
    bench.server.remember_key(native.origin, "aabb", HEX, trusted=True)
    bench.server.remember_key(native.origin, "from somebody", TEXT)
    client = await bench.server.grant(native)
    assert bench.server.key_for(native.origin, client_id=client) == ("aabb", HEX)
    token = await bench.token(native, client=client)
    assert bench.server.key_for(native.origin, token=token) == ("aabb", HEX)
    bench.server.remember_key(native.origin, "ccdd", HEX, trusted=True)  # launched again
    assert bench.server.key_for(native.origin, token=token) == ("ccdd", HEX)


def stored(path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
