"""Device codes and loopback redirects over the engine, and the attacks on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from gotapi_auth.events import Revoked
from gotapi_auth.flows import LIFE, Flows
from gotapi_auth.grants import Lifetime
from gotapi_auth.tickets import CODE_LIFE, KEEP, Stage
from gotapi_core.protocol.errors import (
    ExpiredToken,
    InvalidParameter,
    StorageFull,
    TooManyRequests,
    UnknownClient,
    UnknownToken,
)
from gotapi_core.protocol.identity import Identity, Lineage
from gotapi_core.protocol.oauth import OAuthError, Redirect, challenge_of

APP = Identity("org.example.app", Lineage.STATUS, browser=False)
ELSE = Identity("org.example.else", Lineage.STATUS, browser=False)
URI = "http://127.0.0.1:49152/cb"
VERIFIER = "v" * 43
ISSUER = "http://127.0.0.1:4035"


@dataclass
class Way:
    """Flows on a bench, and the shortest ways through them."""

    bench: object
    flows: Flows
    client: str

    def device(self, scope: str = "3dp") -> object:
        return self.flows.begin_device(APP, self.client, scope, "App")

    async def poll(self, code: str, **options: object) -> object:
        self.bench.clock.now += 6
        return await self.flows.redeem_device(APP, self.client, code, **options)

    def redirect(self, scope: str = "3dp") -> str:
        client = self.bench.server.client(self.client, None)
        redirect = Redirect(URI, challenge_of(VERIFIER), "st", ISSUER)
        return self.flows.begin_redirect(client, scope, "App", redirect)

    async def code(self) -> str:
        """Go as far as the authorization code."""
        secret = self.redirect()
        await self.bench.server.approve(self.bench.server.requests()[-1].code)
        return fields(self.flows.location(self.flows.find(secret)))["code"]

    async def fetch(self, code: str, **changes: object) -> object:
        given = {"identity": APP, "client_id": self.client, "redirect_uri": URI}
        given |= {"verifier": VERIFIER, **changes}
        return await self.flows.redeem_code(code=code, **given)


def fields(location: str | None) -> dict[str, str]:
    assert location is not None
    return {name: value for name, (value,) in parse_qs(urlsplit(location).query).items()}


async def refused(work, error: str) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        await work
    assert caught.value.error == error
    return caught.value


@pytest.fixture
async def way(bench) -> AsyncIterator[Way]:
    flows = Flows(bench.server, bench.clock)
    yield Way(bench, flows, await bench.server.grant(APP))
    flows.close()


async def test_who_was_given_a_device_code_waits_before_the_first_poll_and_while_it_polls(
    way, monkeypatch
) -> None:
    device = way.device()
    assert [request.waiting for request in way.bench.server.requests()] == [True]
    monkeypatch.setattr("gotapi_auth.desk.POLLING", 0.0)  # as if all of that time had gone by
    assert [request.waiting for request in way.bench.server.requests()] == [False]
    monkeypatch.undo()
    await refused(way.poll(device.device_code), "authorization_pending")
    assert [request.waiting for request in way.bench.server.requests()] == [True]


async def test_a_device_code_becomes_a_token_once(way) -> None:
    device = way.device()
    (request,) = way.bench.server.requests()
    assert (request.code, request.shows_code) == (device.user_code, True)
    assert request.deadline == way.bench.clock.now + LIFE
    await refused(way.poll(device.device_code), "authorization_pending")
    await way.bench.server.approve(device.user_code, Lifetime.ONCE)
    issued = await way.poll(device.device_code)
    assert way.bench.server.authenticate(issued.access_token, APP).scopes == {"3dp"}
    await refused(way.poll(device.device_code), "invalid_grant")


async def test_a_poll_that_is_held_ends_with_the_answer(way) -> None:
    device = way.device()
    poll = asyncio.create_task(way.poll(device.device_code, hold=20.0))
    await way.bench.until(lambda: way.bench.server.requests()[0].waiting)
    await way.bench.server.approve(device.user_code)
    async with asyncio.timeout(5):
        assert (await poll).access_token


async def test_a_held_poll_comes_back_without_an_answer(way) -> None:
    device = way.device()
    await refused(way.poll(device.device_code, hold=0.01), "authorization_pending")


async def test_denied(way) -> None:
    device = way.device()
    await way.bench.server.deny(device.user_code)
    await refused(way.poll(device.device_code), "access_denied")
    await refused(way.poll(device.device_code), "access_denied")
    # The answer was heard: asking again asks the operator again.
    assert way.device().user_code == way.bench.server.requests()[0].code


async def test_a_denial_that_nobody_heard_is_the_first_answer(way) -> None:
    call = await way.bench.ask(APP, client=way.client)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await way.bench.server.deny(way.bench.server.requests()[0].code)
    await refused(way.poll(way.device().device_code), "access_denied")


async def test_nobody_answered(way) -> None:
    device = way.device()
    way.bench.clock.now += LIFE
    await refused(way.poll(device.device_code), "expired_token")
    way.bench.clock.now += KEEP
    way.client = await way.bench.server.grant(APP)
    await refused(way.poll(device.device_code), "invalid_grant")


async def test_too_fast_is_told_to_slow_down_but_loses_nothing(way) -> None:
    device = way.device()
    await refused(way.poll(device.device_code), "authorization_pending")
    for _ in range(3):
        again = way.flows.redeem_device(APP, way.client, device.device_code)
        await refused(again, "slow_down")
    await way.bench.server.approve(device.user_code)
    issued = await way.flows.redeem_device(APP, way.client, device.device_code)
    assert issued.access_token


async def test_what_is_remembered_needs_no_answer(way) -> None:
    await way.bench.token(APP, client=way.client)
    device = way.device()
    assert (await way.poll(device.device_code)).access_token
    assert way.bench.server.requests() == []


async def test_a_second_code_ends_the_first(way) -> None:
    first, second = way.device(), way.device()
    assert first.user_code == second.user_code
    await way.bench.server.approve(second.user_code)
    await refused(way.poll(first.device_code), "expired_token")
    assert (await way.poll(second.device_code)).access_token


async def test_a_call_and_a_code_for_the_same_get_the_same_answer(way) -> None:
    call = await way.bench.ask(APP, client=way.client)
    assert not way.bench.server.requests()[0].shows_code
    device = way.device()
    (request,) = way.bench.server.requests()
    assert request.shows_code
    await way.bench.server.approve(request.code)
    assert (await call).access_token != (await way.poll(device.device_code)).access_token


async def test_an_approval_taken_back_before_the_token_is_a_denial(way) -> None:
    await way.bench.token(APP, "3dps", client=way.client)  # or the client would be forgotten too
    device = way.device()
    application = await way.bench.server.approve(device.user_code)
    await way.bench.server.revoke(application.id)
    await refused(way.poll(device.device_code), "access_denied")


async def test_a_full_disk_does_not_use_the_code_up(way, monkeypatch) -> None:
    device = way.device()
    await way.bench.server.approve(device.user_code)

    async def full(*_: object) -> None:
        raise StorageFull

    with monkeypatch.context() as patch:
        patch.setattr(way.bench.store, "run", full)
        with pytest.raises(StorageFull):
            await way.poll(device.device_code)
    assert (await way.poll(device.device_code)).access_token


async def test_two_polls_at_once_get_one_token(way) -> None:
    device = way.device()
    await way.bench.server.approve(device.user_code)
    polls = [way.poll(device.device_code) for _ in range(5)]
    answers = await asyncio.gather(*polls, return_exceptions=True)
    assert sum(not isinstance(answer, OAuthError) for answer in answers) == 1


async def test_another_client_cannot_use_a_device_code(way) -> None:
    device = way.device()
    await way.bench.server.approve(device.user_code)
    for identity in (APP, ELSE):
        other = await way.bench.server.grant(identity)
        work = way.flows.redeem_device(identity, other, device.device_code)
        await refused(work, "invalid_grant")
    with pytest.raises(UnknownClient):
        await way.flows.redeem_device(ELSE, way.client, device.device_code)
    assert (await way.poll(device.device_code)).access_token


async def test_guessing_codes_is_stopped_for_that_client_alone(way) -> None:
    device = way.device()
    attacker = await way.bench.server.grant(APP)
    for number in range(5):
        guess = way.flows.redeem_device(APP, attacker, f"guess{number}")
        await refused(guess, "invalid_grant")
    stopped = await refused(way.flows.redeem_device(APP, attacker, "guess"), "slow_down")
    assert stopped.status == 429
    await way.bench.server.approve(device.user_code)
    assert (await way.poll(device.device_code)).access_token
    way.bench.clock.now += 60
    await refused(way.flows.redeem_device(APP, attacker, "guess"), "invalid_grant")


@pytest.mark.parametrize(("client", "scope"), [("", "3dp"), ("known", ""), ("known", "gps")])
async def test_what_is_missing_is_said(way, client, scope) -> None:
    with pytest.raises(InvalidParameter):
        way.flows.begin_device(APP, client and way.client, scope, None)


async def test_the_flood_is_bounded_as_for_calls(way) -> None:
    for _ in range(5):
        way.client = await way.bench.server.grant(APP)
        way.device()
    way.client = await way.bench.server.grant(APP)
    with pytest.raises(TooManyRequests, match="5 requests"):
        way.device()


async def test_the_way_of_the_redirect(way) -> None:
    secret = way.redirect()
    ticket = way.flows.find(secret)
    assert way.flows.location(ticket) is None
    waiting = asyncio.create_task(way.flows.wait(secret))
    await way.bench.until(lambda: way.bench.server.requests()[0].waiting)
    await way.bench.server.approve(ticket.request)
    ticket = await waiting
    assert ticket.stage is Stage.APPROVED
    location = way.flows.location(ticket)
    assert location.startswith(f"{URI}?code=")
    back = fields(location)
    assert (back["state"], back["iss"]) == ("st", ISSUER)
    issued = await way.fetch(back["code"])
    assert way.bench.server.authenticate(issued.access_token, APP).scopes == {"3dp"}
    assert way.flows.location(way.flows.find(secret)) is None
    assert (await way.flows.wait(secret)).stage is Stage.SPENT


async def test_the_code_is_handed_out_once(way) -> None:
    secret = way.redirect()
    await way.bench.server.approve(way.bench.server.requests()[0].code)
    assert way.flows.location(way.flows.find(secret)) is not None
    assert way.flows.location(way.flows.find(secret)) is None


async def test_a_code_used_again_ends_the_token_it_brought(way) -> None:
    code = await way.code()
    issued = await way.fetch(code)
    access = way.bench.server.authenticate(issued.access_token, APP)
    await refused(way.fetch(code), "invalid_grant")
    with pytest.raises(UnknownToken):
        way.bench.server.authenticate(issued.access_token, APP)
    assert way.bench.events[-1] == Revoked(access.application_id, (access.token_id,))
    await refused(way.fetch(code), "invalid_grant")


@pytest.mark.parametrize(
    "wrong",
    [
        {"verifier": "w" * 43},
        {"verifier": None},
        {"verifier": challenge_of(VERIFIER)},
        {"redirect_uri": URI + "/"},
        {"redirect_uri": URI.replace("49152", "49153")},
        {"redirect_uri": None},
    ],
)
async def test_whoever_took_the_code_cannot_use_it_nor_try_on(way, wrong) -> None:
    code = await way.code()
    await refused(way.fetch(code, **wrong), "invalid_grant")
    await refused(way.fetch(code), "invalid_grant")


async def test_another_client_cannot_use_a_code_nor_use_it_up(way) -> None:
    code = await way.code()
    other = await way.bench.server.grant(ELSE)
    await refused(way.fetch(code, identity=ELSE, client_id=other), "invalid_grant")
    with pytest.raises(UnknownClient):
        await way.fetch(code, identity=ELSE)
    assert (await way.fetch(code)).access_token


async def test_a_code_lives_for_a_minute(way) -> None:
    code = await way.code()
    way.bench.clock.now += CODE_LIFE
    await refused(way.fetch(code), "invalid_grant")


async def test_codes_of_one_flow_are_nothing_in_the_other(way) -> None:
    code = await way.code()
    await refused(way.poll(code), "invalid_grant")
    device = way.device("3dps")
    await refused(way.fetch(device.device_code), "invalid_grant")
    secret = way.redirect("3dcapi")
    await refused(way.poll(secret), "invalid_grant")
    assert way.flows.find(device.device_code) is None


async def test_a_denial_goes_back_to_the_application(way) -> None:
    secret = way.redirect()
    await way.bench.server.deny(way.bench.server.requests()[0].code)
    back = fields(way.flows.location(way.flows.find(secret)))
    assert (back["error"], back["state"]) == ("access_denied", "st")
    assert "code" not in back


async def test_silence_goes_back_too(way) -> None:
    secret = way.redirect()
    way.bench.clock.now += LIFE
    assert fields(way.flows.location(way.flows.find(secret)))["error"] == "access_denied"
    assert await way.flows.wait("nobody's") is None


async def test_a_token_of_a_code_ends_with_its_approval(way) -> None:
    issued = await way.fetch(await way.code())
    way.bench.clock.now += 181 * 86400
    with pytest.raises(ExpiredToken):
        way.bench.server.authenticate(issued.access_token, APP)
    device = way.device()
    assert device.user_code == way.bench.server.requests()[0].code
