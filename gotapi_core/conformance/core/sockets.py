"""GotAPI-5: the WebSocket and the verdict on its token."""

import json

from gotapi_core.conformance.model import (
    BOTH,
    DEVICE_CONNECT,
    NODE,
    SAFETY,
    SDK,
    CheckList,
    Level,
    Skipped,
    expect,
)
from gotapi_core.conformance.subject import Subject, frame
from gotapi_core.conformance.transport import PATIENCE, Refused

RULES = CheckList()
check = RULES.check


@check(
    "socket",
    Level.BRONZE,
    BOTH,
    'the first frame after {"accessToken": ...} has result 0, a number',
    "the SDK hears no events otherwise",
)
async def _(subject: Subject) -> None:
    token = (await subject.access()).token
    async with subject.socket() as wire:
        verdict = await subject.say_token(wire, token)
    expect(verdict.get("result") == 0 and verdict["result"] is not False, f"it was {verdict}")


@check(
    "socket-unknown-token",
    Level.SILVER,
    DEVICE_CONNECT,
    "an unknown token is refused with result 1 and errorCode 3, a number",
    "node-gotapi accepts any token",
)
async def _(subject: Subject) -> None:
    async with subject.socket() as wire:
        verdict = await subject.say_token(wire, "conformance-unknown")
    fits = verdict.get("result") == 1 and verdict.get("errorCode") == 3
    expect(fits, f"expected result 1 and errorCode 3, got {verdict}")


@check(
    "socket-garbage",
    Level.SILVER,
    DEVICE_CONNECT,
    "a frame that is no JSON is answered with errorCode 5, one without a token with 1",
    "the Manager numbers them so",
)
async def _(subject: Subject) -> None:
    for text, code in (("conformance", 5), (json.dumps({"a": 1}), 1)):
        async with subject.socket() as wire:
            await wire.send(text)
            verdict = frame(await wire.receive(PATIENCE), "the verdict")
        expect(verdict.get("errorCode") == code, f"{text} gave {verdict}")


@check(
    "socket-again",
    Level.SILVER,
    SDK,
    "an application may open a second WebSocket while its first one is open",
    "the SDK closes and re-opens at once; the new one comes before the old one is gone",
)
async def _(subject: Subject) -> None:
    token = (await subject.access()).token
    async with subject.open_socket(), subject.socket() as second:
        verdict = await subject.say_token(second, token)
    expect(verdict.get("result") == 0, f"the second socket was refused: {verdict}")


@check(
    "socket-path",
    Level.GOLD,
    NODE,
    "a WebSocket elsewhere than at /gotapi/websocket is not taken",
    "what answers everywhere answers the wrong things",
)
async def _(subject: Subject) -> None:
    token = (await subject.access()).token
    try:
        async with subject.socket(target="/gotapi/conformance") as wire:
            await wire.send(json.dumps({"accessToken": token}))
            answered = await wire.receive(subject.times.quiet)
    except Refused:
        return
    expect(answered is None, f"it was taken and answered {answered}")


@check(
    "socket-foreign-origin",
    Level.GOLD,
    SAFETY,
    "the token of one origin is not taken from another",
    "node-gotapi checks neither the token nor the origin of a WebSocket",
)
async def _(subject: Subject) -> None:
    token = (await subject.access()).token
    try:
        async with subject.socket(origin=subject.other_origin(2)) as wire:
            verdict = await subject.say_token(wire, token)
    except Refused:
        return
    expect(verdict.get("result") != 0, f"it was taken: {verdict}")


@check(
    "socket-silent",
    Level.GOLD,
    SAFETY,
    "nothing is sent before a token was accepted",
    "OctoPrint once gave its key to anyone in the first frame",
)
async def _(subject: Subject) -> None:
    async with subject.socket() as wire:
        early = await wire.receive(subject.times.quiet)
    expect(early is None, f"it began with {early}")


@check(
    "socket-revoked",
    Level.GOLD,
    SAFETY,
    "when the user takes access back, the WebSocket closes and the token fails, within a second",
    "else the application would go on",
)
async def _(subject: Subject) -> None:
    access = await subject.spare()
    async with subject.socket(origin=access.origin) as wire:
        verdict = await subject.say_token(wire, access.token)
        if verdict.get("result") != 0:
            raise Skipped("the WebSocket does not take the access token")
        await subject.operator.revoke(access.origin)
        answer = await subject.ask(
            "GET", "servicediscovery", {"accessToken": access.token}, origin=access.origin
        )
        answer.must_be(11, 12, 13, 15)
        expect(await wire.closed(subject.times.at_once), "the WebSocket stayed open")
