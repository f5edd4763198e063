"""What went wrong in other GotAPI servers, and must not here."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidOrigin,
    Lineage,
    MissingToken,
    TooManyRequests,
    UnknownClient,
    UnknownToken,
)
from gotapi_core.protocol.hmac import Encoding


async def test_a_websocket_with_an_unknown_token_from_a_foreign_origin_is_refused(
    bench, page, other
) -> None:
    # node-gotapi: the test is inverted, every token is good.
    token = await bench.token(page)
    for bad, identity, error in (
        ("unknown", other, UnknownToken),
        ("unknown", page, UnknownToken),
        ("", page, MissingToken),
        (token, other, InvalidOrigin),
        (token[:-1], page, UnknownToken),
        (token + "=", page, UnknownToken),
        (token.swapcase(), page, UnknownToken),
    ):
        with pytest.raises(error):
            bench.server.authenticate(bad, identity)
    assert bench.server.authenticate(token, page)


async def test_two_applications_at_once_do_not_disturb_each_other(bench, page, other) -> None:
    # node-gotapi: one global "authorising client", the first application gets 401.
    bench.server.remember_key(page.origin, "key of page", Encoding.TEXT)
    bench.server.remember_key(other.origin, "key of other", Encoding.TEXT)
    first = await bench.server.grant(page)
    second = await bench.server.grant(other)
    calls = [
        asyncio.create_task(bench.server.access_token(page, first, "3dp", "A")),
        asyncio.create_task(bench.server.access_token(other, second, "3dps", "B")),
    ]
    await bench.until(lambda: len(bench.server.requests()) == 2)
    codes = {request.application_name: request.code for request in bench.server.requests()}
    await bench.server.approve(codes["B"])
    await bench.server.approve(codes["A"])
    a, b = [issued.access_token for issued in await asyncio.gather(*calls)]
    assert bench.server.check(a, page, "3dp").scopes == {"3dp"}
    assert bench.server.check(b, other, "3dps").scopes == {"3dps"}
    assert bench.server.key_for(page.origin, token=a) == ("key of page", Encoding.TEXT)
    assert bench.server.key_for(other.origin, token=b) == ("key of other", Encoding.TEXT)


async def test_two_pages_of_one_origin_do_not_disturb_each_other(bench, page) -> None:
    # DeviceConnect: a new grant of an origin ends the tokens of the one before.
    first = await bench.token(page)
    await bench.server.grant(page)
    second = await bench.token(page)
    assert bench.server.check(first, page, "3dp")
    assert bench.server.check(second, page, "3dp")


async def test_nothing_is_given_without_the_operator(start, page) -> None:
    # node-gotapi: anybody gets a token for everything, for ever.
    async with start(wait=0.01) as bench:
        client = await bench.server.grant(page)
        for _ in range(3):
            with pytest.raises(GotapiError):
                await bench.server.access_token(page, client, "all", "Draw")
        assert bench.server.applications() == []
        assert bench.server._tokens == {}


async def test_a_stolen_client_id_is_worth_nothing_elsewhere(bench, page, other, native) -> None:
    client = await bench.server.grant(page)
    await bench.token(page, client=client)
    for thief in (other, native):
        with pytest.raises(UnknownClient):
            await bench.server.access_token(thief, client, "3dp", "Draw")


async def test_a_guess_tells_nothing_of_other_clients(bench, page, other) -> None:
    # Of another origin, never there, revoked: the same words.
    client = await bench.server.grant(page)
    messages = set()
    for identity, guess in ((other, client), (page, "never"), (page, client[:-1])):
        with pytest.raises(UnknownClient) as caught:
            await bench.server.access_token(identity, guess, "3dp", "Draw")
        messages.add(caught.value.message)
    assert len(messages) == 1


async def test_grants_of_an_attacker_do_not_push_out_other_origins(bench, page, other) -> None:
    client = await bench.server.grant(page)
    for _ in range(1000):
        await bench.server.grant(other)
    assert len(bench.server._clients) == 21
    call = await bench.ask(page, client=client)
    assert bench.server.requests()[0].origin == page.origin
    call.cancel()


async def test_a_flood_of_origins_is_bounded_in_memory_and_writes_nothing(
    start, page, path
) -> None:
    async with start(wait=0.001) as bench:
        size = path.with_name("hub.db-wal").stat().st_size
        refused = 0
        for number in range(3000):
            identity = replace(page, origin=f"https://{number}.example")
            bench.server.remember_key(identity.origin, "k", Encoding.TEXT)
            client = await bench.server.grant(identity)
            if number < 60:
                with pytest.raises(GotapiError) as caught:
                    await bench.server.access_token(identity, client, "3dp", "x")
                refused += isinstance(caught.value, TooManyRequests)
        assert refused == 10
        assert len(bench.server.requests()) == 50
        assert len(bench.server._clients) == 2000
        assert len(bench.server._keys.ring) == 1000
        assert path.with_name("hub.db-wal").stat().st_size == size


async def test_pushing_out_a_waiting_client_does_not_take_its_answer_away(bench, page) -> None:
    bench.server.remember_key(page.origin, "mine", Encoding.TEXT)
    client = await bench.server.grant(page)
    call = await bench.ask(page, client=client)
    bench.server.remember_key(page.origin, "evil", Encoding.TEXT)
    for _ in range(20):
        await bench.server.grant(page)
    await bench.server.approve(bench.server.requests()[0].code)
    token = (await call).access_token
    assert bench.server.key_for(page.origin, token=token) == ("mine", Encoding.TEXT)
    assert (await bench.server.access_token(page, client, "3dp", None)).access_token


async def test_an_unauthenticated_key_does_not_replace_that_of_an_application(start, page) -> None:
    # DeviceConnect: any later call can replace the key of an origin.
    async with start() as bench:
        bench.server.remember_key(page.origin, "mine", Encoding.TEXT)
        client = await bench.server.grant(page)
        token = await bench.token(page, client=client)
        bench.server.remember_key(page.origin, "evil", Encoding.TEXT)
        assert bench.server.key_for(page.origin, token=token) == ("mine", Encoding.TEXT)
        assert bench.server.key_for(page.origin, client_id=client) == ("mine", Encoding.TEXT)
        await bench.server.access_token(page, client, "3dp", None)  # stored again
    async with start() as bench:
        assert bench.server.key_for(page.origin) == ("mine", Encoding.TEXT)
        assert bench.server.key_for(page.origin, token=token) == ("mine", Encoding.TEXT)


async def test_a_key_is_not_told_to_another_origin(bench, page, other) -> None:
    bench.server.remember_key(page.origin, "mine", Encoding.TEXT)
    client = await bench.server.grant(page)
    assert bench.server.key_for(other.origin, client_id=client) is None
    token = await bench.token(page, client=client)
    assert bench.server.key_for(other.origin, token=token) is None
    assert bench.server.key_for(other.origin, client_id=client) is None


async def test_no_secret_is_on_the_disk(start, page, path) -> None:
    async with start() as bench:
        client = await bench.server.grant(page)
        token = await bench.token(page, client=client)
        await bench.server.access_token(page, client, "3dp", None)
        for file in path.parent.iterdir():
            content = file.read_bytes()
            assert token.encode() not in content
            assert client.encode() not in content


async def test_no_secret_is_in_what_the_operator_and_the_listeners_see(bench, page) -> None:
    client = await bench.server.grant(page)
    token = await bench.token(page, client=client)
    access = bench.server.authenticate(token, page)
    await bench.server.revoke(access.application_id)
    seen = repr([bench.events, access, bench.server.applications()])
    assert token not in seen
    assert client not in seen


async def test_a_program_that_calls_itself_a_page_is_shown_as_a_program(bench) -> None:
    from gotapi_core.protocol.identity import Identity

    liar = Identity("https://bank.example", Lineage.ENVELOPE, browser=False)
    call = await bench.ask(liar, name="Your bank")
    assert bench.server.requests()[0].browser is False
    call.cancel()
