"""What applications see: grant, accesstoken, and the checks of a token."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from gotapi_auth.consent import State
from gotapi_auth.events import RequestAdded, RequestEnded, Revoked
from gotapi_auth.grants import Lifetime
from gotapi_auth.server import AuthServer
from gotapi_core.protocol.errors import (
    ExpiredToken,
    InvalidOrigin,
    InvalidParameter,
    Lineage,
    MissingToken,
    NotAuthorized,
    OutOfScope,
    StorageFull,
    TimedOut,
    TooManyRequests,
    UnknownClient,
    UnknownToken,
    error_body,
)

HOUR = 3600


async def test_the_whole_way(bench, page) -> None:
    client = await bench.server.grant(page)
    call = asyncio.create_task(bench.server.access_token(page, client, "3dps,3dp,gps", "Draw"))
    await bench.until(bench.server.requests)

    (request,) = bench.server.requests()
    assert (request.application_name, request.origin) == ("Draw", "https://draw.example")
    assert request.browser is True
    assert request.scopes == ("3dps", "3dp")
    assert request.created == bench.clock.now
    assert request.deadline == bench.clock.now + 5 + 300

    application = await bench.server.approve(request.code, Lifetime.DAY)
    issued = await call
    assert issued.scopes == (("3dps", 86400), ("3dp", 86400))
    assert issued.expire_ms == int((bench.clock.now + 86400) * 1000)

    access = bench.server.check(issued.access_token, page, "3dp")
    assert access.application_id == application.id
    assert access.origin == page.origin
    assert access.scopes == {"3dp", "3dps"}
    assert access.expires == bench.clock.now + 86400
    assert bench.server.authenticate(issued.access_token, page) == access
    assert bench.server.requests() == []
    assert bench.events == [
        RequestAdded(request),
        RequestEnded(request.code, State.APPROVED, application.id),
    ]


@pytest.mark.parametrize(
    ("client", "scope", "message"),
    [
        (None, "3dp", "clientId is missing"),
        ("", "3dp", "clientId is missing"),
        ("known", None, "scope is missing"),
        ("known", "", "scope is missing"),
        ("known", "gps", "None of the scopes gps is known"),
    ],
)
async def test_missing_and_bad_parameters(bench, page, client, scope, message) -> None:
    if client == "known":
        client = await bench.server.grant(page)
    with pytest.raises(InvalidParameter, match=message):
        await bench.server.access_token(page, client, scope, "Draw")
    assert bench.server.requests() == []


@pytest.mark.parametrize("client", ["nobody", "x" * 100_000, "\ud800", "placeHolder"])
async def test_an_unknown_client_is_15_and_11_in_the_envelope_lineage(
    bench, page, native, client
) -> None:
    for identity, code in ((page, "15"), (native, 11)):
        with pytest.raises(UnknownClient) as caught:
            await bench.server.access_token(identity, client, "3dp", "Draw")
        assert error_body(caught.value, identity.lineage)[1]["errorCode"] == code


async def test_a_client_of_another_origin_is_unknown(bench, page, other) -> None:
    client = await bench.server.grant(page)
    with pytest.raises(UnknownClient):
        await bench.server.access_token(other, client, "3dp", "Draw")
    assert bench.server.requests() == []


async def test_an_unapproved_client_ends_after_a_quarter_of_an_hour(bench, page) -> None:
    client = await bench.server.grant(page)
    bench.clock.now += 901
    with pytest.raises(UnknownClient):
        await bench.server.access_token(page, client, "3dp", "Draw")


async def test_the_name_is_optional_and_cleaned(bench, page) -> None:
    calls = [await bench.ask(page, name=None), await bench.ask(page, name="a\u202eb" + "x" * 200)]
    names = [request.application_name for request in bench.server.requests()]
    assert names == [page.origin, "ab" + "x" * 98]
    for call in calls:
        call.cancel()


async def test_all_means_what_is_offered_at_the_time(bench, page) -> None:
    client = await bench.server.grant(page)
    token = await bench.token(page, "all", client=client)
    assert bench.server.authenticate(token, page).scopes == bench.offered
    bench.offered |= {"camera"}
    call = await bench.ask(page, "all", client=client)  # a new plug-in is a new question
    assert "camera" in bench.server.requests()[0].scopes
    call.cancel()


async def test_a_refusal_is_11(bench, page) -> None:
    call = await bench.ask(page)
    (request,) = bench.server.requests()
    await bench.server.deny(request.code)
    with pytest.raises(NotAuthorized, match=r"did not allow"):
        await call
    assert bench.server.applications() == []
    assert bench.events[-1] == RequestEnded(request.code, State.DENIED)


async def test_after_a_refusal_that_was_heard_the_application_may_ask_again(bench, page) -> None:
    client = await bench.server.grant(page)
    call = await bench.ask(page, client=client)
    await bench.server.deny(bench.server.requests()[0].code)
    with pytest.raises(NotAuthorized):
        await call
    call = await bench.ask(page, client=client)
    assert len(bench.server.requests()) == 1
    call.cancel()


async def test_no_answer_is_7_and_says_what_to_do(start, page) -> None:
    async with start(wait=0.01) as bench:
        client = await bench.server.grant(page)
        with pytest.raises(TimedOut, match=r"open the operator page.*try again") as caught:
            await bench.server.access_token(page, client, "3dp", "Draw")
        assert bench.server.requests()[0].code in caught.value.message


async def test_an_approval_that_comes_late_is_there_for_the_next_call(start, page) -> None:
    async with start(wait=0.01) as bench:
        client = await bench.server.grant(page)
        with pytest.raises(TimedOut):
            await bench.server.access_token(page, client, "3dp,3dps", "Draw")
        with pytest.raises(TimedOut):  # the same request, not a second one
            await bench.server.access_token(page, client, "3dps,3dp", "Draw")
        (request,) = bench.server.requests()
        bench.clock.now += 299
        await bench.server.approve(request.code, Lifetime.ONCE)
        bench.clock.now += 299
        issued = await bench.server.access_token(page, client, "3dp,3dps", "Draw")
        assert bench.server.check(issued.access_token, page, "3dps")


async def test_a_refusal_that_comes_late_is_heard_once(start, page) -> None:
    async with start(wait=0.01) as bench:
        client = await bench.server.grant(page)
        for expected in (TimedOut, NotAuthorized, TimedOut):
            with pytest.raises(expected):
                await bench.server.access_token(page, client, "3dp", "Draw")
            if bench.server.requests():
                await bench.server.deny(bench.server.requests()[0].code)


async def test_a_request_ends_at_its_deadline(bench, page) -> None:
    call = await bench.ask(page)
    (request,) = bench.server.requests()
    bench.clock.now += 305
    assert bench.server.requests() == []
    with pytest.raises(TimedOut):
        await call
    assert bench.events[-1] == RequestEnded(request.code, State.EXPIRED)


async def test_a_deadline_passes_by_itself(start, page) -> None:
    async with start(wait=0.005, answerable=0.01) as bench:
        ended = asyncio.Event()
        bench.server.subscribe(lambda event: isinstance(event, RequestEnded) and ended.set())
        call = await bench.ask(page)
        bench.clock.now += 1
        await asyncio.wait_for(ended.wait(), 5)
        with pytest.raises(TimedOut):
            await call


async def test_a_caller_that_has_gone_leaves_its_request_to_be_answered(bench, page) -> None:
    client = await bench.server.grant(page)
    call = await bench.ask(page, client=client)
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled()
    (request,) = bench.server.requests()
    await bench.server.approve(request.code)
    issued = await bench.server.access_token(page, client, "3dp", "Draw")
    assert bench.server.check(issued.access_token, page, "3dp")


async def test_two_calls_for_one_request_get_a_token_each(bench, page) -> None:
    client = await bench.server.grant(page)
    calls = [
        asyncio.create_task(bench.server.access_token(page, client, "3dp", "Draw"))
        for _ in range(2)
    ]
    await bench.until(bench.server.requests)
    (request,) = bench.server.requests()
    await bench.server.approve(request.code, Lifetime.ONCE)
    first, second = [issued.access_token for issued in await asyncio.gather(*calls)]
    assert first != second
    assert bench.server.check(first, page, "3dp")
    assert bench.server.check(second, page, "3dp")
    assert len(bench.server.applications()) == 1


async def test_one_of_two_callers_going_does_not_disturb_the_other(bench, page) -> None:
    client = await bench.server.grant(page)
    first = await bench.ask(page, client=client)
    second = asyncio.create_task(bench.server.access_token(page, client, "3dp", "Draw"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    await bench.server.approve(bench.server.requests()[0].code)
    assert (await second).access_token


async def test_a_remembered_client_gets_new_tokens_without_asking(bench, page) -> None:
    client = await bench.server.grant(page)
    first = await bench.token(page, "3dp,3dps", client=client, lifetime=Lifetime.DAY)
    bench.clock.now += 23 * HOUR
    issued = await bench.server.access_token(page, client, "3dps", None)
    assert issued.scopes == (("3dps", HOUR),)  # until the approval ends, not longer
    assert bench.server.check(first, page, "3dp")
    with pytest.raises(OutOfScope):
        bench.server.check(issued.access_token, page, "3dp")


async def test_another_client_of_the_same_origin_is_asked_for(bench, page) -> None:
    await bench.token(page)
    call = await bench.ask(page)
    assert len(bench.server.requests()) == 1
    call.cancel()


async def test_more_scopes_than_were_approved_are_asked_for(bench, page) -> None:
    client = await bench.server.grant(page)
    old = await bench.token(page, "3dp", client=client)
    new = await bench.token(page, "3dp,3dps", client=client)
    assert bench.server.check(new, page, "3dps")
    with pytest.raises(OutOfScope, match=r"does not cover '3dps', only 3dp; ask"):
        bench.server.check(old, page, "3dps")


async def test_once_means_that_the_next_time_is_asked_for(bench, page) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, client=client, lifetime=Lifetime.ONCE)
    call = await bench.ask(page, client=client)
    assert len(bench.server.requests()) == 1
    call.cancel()


async def test_the_operator_may_allow_a_part(bench, page) -> None:
    client = await bench.server.grant(page)
    call = await bench.ask(page, "3dp,3dps", client=client)
    application = await bench.server.approve(bench.server.requests()[0].code, scopes=["3DPS"])
    assert application.scopes == ("3dps",)
    token = (await call).access_token
    with pytest.raises(OutOfScope):
        bench.server.check(token, page, "3dp")
    # The rest was refused: the same question is answered in the same way.
    again = await bench.server.access_token(page, client, "3dp,3dps", None)
    assert [scope for scope, _ in again.scopes] == ["3dps"]


@pytest.mark.parametrize("token", [None, ""])
async def test_no_token_is_missing(bench, page, token) -> None:
    with pytest.raises(MissingToken):
        bench.server.check(token, page, "3dp")


@pytest.mark.parametrize("token", ["placeHolder", "x" * 257, "x" * 1_000_000, "\udcff", "\0"])
async def test_what_was_never_given_out_is_unknown(bench, page, token) -> None:
    await bench.token(page)
    with pytest.raises(UnknownToken):
        bench.server.check(token, page, "3dp")


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [(Lifetime.ONCE, HOUR), (Lifetime.DAY, 24 * HOUR), (Lifetime.ALWAYS, 180 * 24 * HOUR)],
)
async def test_a_token_expires_with_its_approval(bench, page, lifetime, seconds) -> None:
    client = await bench.server.grant(page)
    token = await bench.token(page, client=client, lifetime=lifetime)
    bench.clock.now += seconds - 1
    assert bench.server.check(token, page, "3dp")
    assert len(bench.server.applications()) == 1
    bench.clock.now += 1
    with pytest.raises(ExpiredToken):
        bench.server.check(token, page, "3dp")
    assert bench.server.applications() == []
    call = await bench.ask(page, client=client)  # the client is still known, and asks again
    assert len(bench.server.requests()) == 1
    call.cancel()


async def test_a_token_is_good_for_its_origin_only(bench, page, other) -> None:
    token = await bench.token(page)
    with pytest.raises(InvalidOrigin, match=r"another origin"):
        bench.server.check(token, other, "3dp")
    with pytest.raises(InvalidOrigin):
        bench.server.authenticate(token, other)
    assert bench.server.check(token, None, "3dp").origin == page.origin
    # The lineage may differ: the same page may use both kinds of client.
    assert bench.server.check(token, replace(page, lineage=Lineage.ENVELOPE), "3dp")


async def test_the_oldest_of_too_many_tokens_ends_and_its_sockets_hear_of_it(start, page) -> None:
    async with start(tokens_per_application=2) as bench:
        client = await bench.server.grant(page)
        issued = [await bench.token(page, client=client)]
        oldest = bench.server.authenticate(issued[0], page)
        for _ in range(2):
            bench.clock.now += 1
            one = await bench.server.access_token(page, client, "3dp", None)
            issued.append(one.access_token)
        assert bench.events[-1] == Revoked(oldest.application_id, (oldest.token_id,))
        with pytest.raises(UnknownToken):
            bench.server.check(issued[0], page, "3dp")
        for token in issued[1:]:
            assert bench.server.check(token, page, "3dp")


async def test_tokens_asked_for_at_once_are_bounded_too(start, page) -> None:
    async with start(tokens_per_application=2) as bench:
        client = await bench.server.grant(page)
        await bench.token(page, client=client)
        for _ in range(3):
            await asyncio.gather(
                *(bench.server.access_token(page, client, "3dp", None) for _ in range(4))
            )
        assert len(bench.server._tokens) <= 5
        await bench.server.access_token(page, client, "3dp", None)
        assert len(bench.server._tokens) == 2


async def test_one_token_per_application_is_possible(start, page) -> None:
    async with start(tokens_per_application=1) as bench:
        client = await bench.server.grant(page)
        first = await bench.token(page, client=client)
        second = (await bench.server.access_token(page, client, "3dp", None)).access_token
        with pytest.raises(UnknownToken):
            bench.server.check(first, page, "3dp")
        assert bench.server.check(second, page, "3dp")


async def test_too_many_requests_of_one_origin(bench, page, other) -> None:
    calls = [await bench.ask(page) for _ in range(5)]
    with pytest.raises(TooManyRequests, match=r"5 requests of https://draw.example"):
        await (await bench.ask(page))
    calls.append(await bench.ask(other))
    assert len(bench.server.requests()) == 6
    for call in calls:
        call.cancel()


async def test_a_full_disk_gives_no_token_and_keeps_the_approval(bench, page, monkeypatch) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, client=client)

    async def full(*_: object) -> None:
        raise StorageFull

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "run", full)
        with pytest.raises(StorageFull):
            await bench.server.access_token(page, client, "3dp", None)
    assert (await bench.server.access_token(page, client, "3dp", None)).access_token


async def test_closing_ends_the_waiting(start, page) -> None:
    async with start() as bench:
        call = await bench.ask(page)
    with pytest.raises(TimedOut):
        await call


async def test_two_servers_in_one_process_are_apart(start, page, tmp_path) -> None:
    from gotapi_core.store import Store

    async with start() as bench:
        token = await bench.token(page)
        with Store(tmp_path / "second.db") as store:
            second = AuthServer(store, bench.clock, lambda: bench.offered)
            await second.load()
            with pytest.raises(UnknownToken):
                second.check(token, page, "3dp")
            await second.close()


async def test_a_check_takes_microseconds(bench, page) -> None:
    # The bound is ten times the measured figure: a disk access or a scan would break it.
    import time

    token = await bench.token(page)
    best = 1.0
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(100):
            bench.server.check(token, page, "3dp")
        best = min(best, (time.perf_counter() - start) / 100)
    assert best < 30e-6
