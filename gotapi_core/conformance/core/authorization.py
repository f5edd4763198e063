"""GotAPI-2: availability, grant and access token (facts of both server lineages)."""

import asyncio
import time

from gotapi_core.conformance.model import (
    BOTH,
    DEVICE_CONNECT,
    NODE_CLIENT,
    SAFETY,
    SDK,
    CheckList,
    Level,
    Skipped,
    expect,
)
from gotapi_core.conformance.subject import NAME, Subject
from gotapi_core.conformance.transport import NotAnswered
from gotapi_core.protocol.errors import Lineage

RULES = CheckList()
check = RULES.check

STATUS, ENVELOPE = Lineage.STATUS, Lineage.ENVELOPE
_PATH = "authorization/accesstoken"
_UNKNOWN = "conformance-unknown"


@check(
    "availability",
    Level.BRONZE,
    BOTH,
    "GET availability with a key answers result 0, product and version",
    "it is the first call of every application",
)
async def _(subject: Subject) -> None:
    for lineage in (STATUS, ENVELOPE):
        answer = await subject.ask("GET", "availability", {"key": subject.key}, lineage=lineage)
        answer.must_be_good()
        expect(bool(answer.text("product") and answer.text("version")), f"{answer}")


@check(
    "availability-without-key",
    Level.SILVER,
    SDK,
    "GET availability answers without a key",
    "the DeviceConnect SDK has none to send",
)
async def _(subject: Subject) -> None:
    (await subject.ask("GET", "availability")).must_be_good()


@check(
    "availability-old-token",
    Level.SILVER,
    SDK,
    "availability and grant ignore an accessToken that is no longer good",
    "the DeviceConnect SDK sends its stored token with every call",
)
async def _(subject: Subject) -> None:
    origin = subject.unknown_origin()
    for path in ("availability", "authorization/grant"):
        query = {"accessToken": _UNKNOWN}
        (await subject.ask("GET", path, query, origin=origin)).must_be_good()


@check(
    "grant",
    Level.BRONZE,
    BOTH,
    "GET authorization/grant answers a clientId",
    "nobody can ask for access without one",
)
async def _(subject: Subject) -> None:
    for lineage in (STATUS, ENVELOPE):
        await subject.register(subject.unknown_origin(), lineage)


@check(
    "token",
    Level.BRONZE,
    BOTH,
    "GET authorization/accesstoken answers an accessToken once the user has approved",
    "every further call needs it",
)
async def _(subject: Subject) -> None:
    access = await subject.access(own=True)
    expect(access.token != "", "the accessToken is empty")


@check(
    "token-scopes",
    Level.GOLD,
    "DeviceConnect-Spec",
    "the answer tells scopes with expirePeriod in seconds, and expire in milliseconds since 1970",
    "an application must know what it got and for how long",
)
async def _(subject: Subject) -> None:
    answer = (await subject.access()).answer
    if answer is None:
        raise Skipped("the access token was given with --token")
    for one in answer.listed("scopes"):
        fits = isinstance(one, dict) and isinstance(one.get("scope"), str)
        period = one.get("expirePeriod") if isinstance(one, dict) else None
        expect(fits and isinstance(period, int | float), f"scopes holds {one!r}")
    expire = answer.members.get("expire")
    expect(
        isinstance(expire, int | float) and expire > time.time() * 1000,
        f"expire must be milliseconds since 1970, in the future, not {expire!r}",
    )


@check(
    "token-all",
    Level.SILVER,
    NODE_CLIENT,
    "the single scope `all` is accepted, and an applicationName is not required",
    "gotapi-client.js always asks so",
)
async def _(subject: Subject) -> None:
    access = await subject.access()
    if not access.client_id:
        raise Skipped("the clientId that belongs to the token of --token is not known")
    query = {"clientId": access.client_id, "scope": "all"}
    try:
        answer = await subject.ask("GET", _PATH, query, lineage=STATUS, within=subject.times.quiet)
    except NotAnswered:
        return  # the user is being asked, so the request was fine
    answer.must_be_good()


@check(
    "token-needs-client",
    Level.SILVER,
    DEVICE_CONNECT,
    "accesstoken without or with an empty clientId is error 10",
    "the Manager's own tests pin it",
)
async def _(subject: Subject) -> None:
    query = {"scope": "all", "applicationName": NAME}
    for more in ({}, {"clientId": ""}):
        (await subject.ask("GET", _PATH, {**query, **more})).must_be(10)


@check(
    "token-needs-scope",
    Level.SILVER,
    DEVICE_CONNECT,
    "accesstoken without or with an empty scope is error 10",
    "the Manager's own tests pin it",
)
async def _(subject: Subject) -> None:
    origin = subject.unknown_origin()
    query = {"clientId": await subject.register(origin), "applicationName": NAME}
    for more in ({}, {"scope": ""}):
        (await subject.ask("GET", _PATH, {**query, **more}, origin=origin)).must_be(10)


@check(
    "token-unknown-client",
    Level.SILVER,
    BOTH,
    "an unknown clientId is error 11 with X-GotAPI-Origin, else 15",
    "the clients register again when they see it",
)
async def _(subject: Subject) -> None:
    query = {"clientId": _UNKNOWN, "scope": "all", "applicationName": NAME}
    (await subject.ask("GET", _PATH, query)).must_be(11)
    (await subject.ask("GET", _PATH, query, lineage=STATUS)).must_be(15)


@check(
    "token-foreign-client",
    Level.GOLD,
    SAFETY,
    "a clientId is no good for another origin",
    "else a page could ask in the name of another",
)
async def _(subject: Subject) -> None:
    client_id = await subject.register(subject.unknown_origin())
    query = {"clientId": client_id, "scope": "all", "applicationName": NAME}
    origin = subject.unknown_origin()
    answer = await subject.ask("GET", _PATH, query, origin=origin)
    answer.must_be(11, 15, 18)


@check(
    "two-at-once",
    Level.GOLD,
    "node-gotapi, read and run",
    "two applications that register at the same time do not disturb each other",
    "node-gotapi knows one authorizing client at a time and refuses the first",
)
async def _(subject: Subject) -> None:
    first, second = subject.unknown_origin(), subject.unknown_origin()
    client = await subject.register(first, STATUS)
    query = {"key": subject.key}
    await subject.ask("GET", "availability", query, lineage=STATUS, origin=second)
    await subject.register(second, STATUS)
    # Without a scope nobody is asked, and a client that was forgotten would be 15.
    query = {"clientId": client}
    (await subject.ask("GET", _PATH, query, lineage=STATUS, origin=first)).must_be(10)


@check(
    "approval",
    Level.GOLD,
    SAFETY,
    "no token is given before a person has approved the application",
    "a silent local server that any page can drive is an incident",
)
async def _(subject: Subject) -> None:
    origin = subject.unknown_origin()
    query = {"clientId": await subject.register(origin), "scope": "all"}
    query["applicationName"] = "GotAPI conformance: please do not approve"
    try:
        answer = await subject.ask("GET", _PATH, query, origin=origin, within=subject.times.quiet)
    except NotAnswered:
        return  # it waits for a person
    # DeviceConnect: error 2 here means that any token is good.
    expect(not answer.good and answer.code != 2, f"nobody was asked: {answer}")


@check(
    "denied",
    Level.GOLD,
    BOTH,
    "error 11 tells the application that the user said no",
    "it must not ask again and again",
)
async def _(subject: Subject) -> None:
    if not subject.operator.decides:
        raise Skipped("only a person at that hub could refuse; try it by hand")
    origin = subject.unknown_origin()
    query = {"clientId": await subject.register(origin), "scope": "all", "applicationName": NAME}
    answer, _ = await asyncio.gather(
        subject.ask("GET", _PATH, query, origin=origin), subject.operator.deny(origin)
    )
    answer.must_be(11)
