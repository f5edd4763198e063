"""Events: PUT to start, DELETE to stop, frames in between."""

import asyncio

from gotapi_core.conformance.model import (
    BOTH,
    DEVICE_CONNECT,
    NODE,
    SDK,
    CheckList,
    Level,
    Skipped,
    expect,
)
from gotapi_core.conformance.offer import Event
from gotapi_core.conformance.subject import Subject, frame
from gotapi_core.conformance.transport import Wire

RULES = CheckList()
check = RULES.check

_DRAIN = 0.05  # seconds; what was under way when the events were stopped has come then


async def _next(subject: Subject, wire: Wire) -> dict[str, object]:
    text = await wire.receive(subject.times.soon)
    if text is None:
        raise Skipped(f"the service sent no event within {subject.times.soon:g} s")
    return frame(text, "an event")


async def _drain(subject: Subject, wire: Wire) -> None:
    """Take what was under way, but not for ever."""
    loop = asyncio.get_running_loop()
    until = loop.time() + subject.times.quiet
    while loop.time() < until and await wire.receive(_DRAIN) is not None:
        continue


async def _stop(subject: Subject, event: Event) -> None:
    (await subject.listen("DELETE", event)).must_be_good()


@check(
    "event",
    Level.BRONZE,
    BOTH,
    "PUT starts the events, DELETE of the same path stops them; both answer result 0",
    "it is GotAPI's event pattern",
)
async def _(subject: Subject) -> None:
    event = await subject.event()
    async with subject.open_socket() as wire:
        (await subject.listen("PUT", event)).must_be_good()
        await wire.receive(subject.times.quiet)
        await _stop(subject, event)


@check(
    "event-members",
    Level.BRONZE,
    BOTH,
    "an event has serviceId, profile and attribute, as they were asked for",
    "the SDK finds the listener by them",
)
async def _(subject: Subject) -> None:
    event = await subject.live_event()
    async with subject.open_socket() as wire:
        await subject.listen("PUT", event)
        try:
            members = await _next(subject, wire)
        finally:
            await subject.listen("DELETE", event)
    expect(event.is_meant_by(members), f"it was {members}")


@check(
    "event-result",
    Level.SILVER,
    "gotapi-client.js",
    "an event has result 0",
    "gotapi-client.js takes any other for an error",
)
async def _(subject: Subject) -> None:
    event = await subject.live_event()
    async with subject.open_socket() as wire:
        await subject.listen("PUT", event)
        try:
            members = await _next(subject, wire)
        finally:
            await subject.listen("DELETE", event)
    expect(members.get("result") == 0, f"it was {members}")


@check(
    "event-stop",
    Level.SILVER,
    BOTH,
    "after DELETE was answered no event comes any more",
    "node-gotapi's sample plug-ins go on for ever once a socket was lost",
)
async def _(subject: Subject) -> None:
    event = await subject.live_event()
    async with subject.open_socket() as wire:
        await subject.listen("PUT", event)
        await _next(subject, wire)
        await _stop(subject, event)
        await _drain(subject, wire)
        late = await wire.receive(subject.times.quiet)
    expect(late is None, f"it went on with {late}")


@check(
    "event-case",
    Level.SILVER,
    DEVICE_CONNECT,
    "events are found by their names without case",
    "applications write onXxx and onxxx",
)
async def _(subject: Subject) -> None:
    event = await subject.event()
    shouted = Event(event.service_id, event.path.upper())
    async with subject.open_socket():
        (await subject.listen("PUT", shouted)).must_be_good()
        await _stop(subject, event)


@check(
    "event-twice",
    Level.SILVER,
    SDK,
    "PUT of what is listened to already is no error",
    "the SDK subscribes again after it re-opened its socket",
)
async def _(subject: Subject) -> None:
    event = await subject.event()
    async with subject.open_socket():
        for _ in range(2):
            (await subject.listen("PUT", event)).must_be_good()
        await _stop(subject, event)


@check(
    "event-other-socket",
    Level.GOLD,
    NODE,
    "a socket that closes does not take the events of the application's other socket away",
    "in node-gotapi the second socket takes them over and loses them",
)
async def _(subject: Subject) -> None:
    event = await subject.live_event()
    async with subject.open_socket() as first:
        async with subject.open_socket():
            await subject.listen("PUT", event)
            await _next(subject, first)
        await subject.listen("DELETE", event)
        await _drain(subject, first)
        await subject.listen("PUT", event)
        try:
            heard = await first.receive(subject.times.soon)
        finally:
            await subject.listen("DELETE", event)
    expect(heard is not None, "the first socket heard nothing any more")


@check(
    "event-needs-token",
    Level.GOLD,
    BOTH,
    "an event without a token is error 13",
    "listening needs approval as much as asking",
)
async def _(subject: Subject) -> None:
    event = await subject.event()
    query = {"serviceId": event.service_id}
    (await subject.ask("PUT", event.path, query)).must_be(13)


@check(
    "service-change",
    Level.GOLD,
    DEVICE_CONNECT,
    "servicediscovery/onservicechange can be listened to",
    "applications learn of new devices without asking again and again",
)
async def _(subject: Subject) -> None:
    for method in ("PUT", "DELETE"):
        (await subject.call(method, "servicediscovery/onservicechange")).must_be_good()
