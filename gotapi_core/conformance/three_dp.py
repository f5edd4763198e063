"""The checks of profile 3dp: OMA DWAPI-3DP 1.0, 7.2 (messages) and 7.3 (policies)."""

import time

from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import THREE_DP, CheckList, Failed, Level, Skipped, expect
from gotapi_core.conformance.offer import Event
from gotapi_core.conformance.subject import Subject, frame

RULES = CheckList()
check = RULES.check

_PROFILE = "3dp"


async def _get(subject: Subject, service_id: str, attribute: str) -> Answer:
    return await subject.call("GET", f"{_PROFILE}/{attribute}", {"serviceId": service_id})


async def _latest(subject: Subject, attribute: str) -> tuple[str, Answer]:
    """Return the answer of a printer that has a result; Skipped where none has."""
    for service_id in await subject.profile(_PROFILE):
        answer = await _get(subject, service_id, attribute)
        if answer.good:
            return service_id, answer
    raise Skipped("no printer has a result now")


@check(
    "3dp-scopes",
    Level.BRONZE,
    f"{THREE_DP} 7.2.1",
    "a printer's scopes have 3dp or 3dprinter",
    "applications look for printers by them",
)
async def _(subject: Subject) -> None:
    for one in await subject.services():
        scopes = one.get("scopes")
        if isinstance(scopes, list) and "3dprinter" in scopes:
            expect(_PROFILE in scopes, f"3dprinter without 3dp: {scopes}")
    await subject.profile(_PROFILE)


@check(
    "3dp-information",
    Level.BRONZE,
    f"{THREE_DP} 7.2.2",
    "GET information answers an array 3dp, whose elements have scopes, type and online",
    "the message flow prints it so",
)
async def _(subject: Subject) -> None:
    _, answer = await _latest(subject, "information")
    printers = answer.listed(_PROFILE)
    expect(printers != [], "the array is empty")
    for one in printers:
        fits = (
            isinstance(one, dict)
            and isinstance(one.get("scopes"), list)
            and isinstance(one.get("type"), str)
            and isinstance(one.get("online"), bool)
        )
        expect(fits, f"3dp holds {one!r}")


@check(
    "3dp-status",
    Level.BRONZE,
    f"{THREE_DP} 7.2.7",
    "GET status answers an object 3dp",
    "an application shows what the printer does",
)
async def _(subject: Subject) -> None:
    _, answer = await _latest(subject, "status")
    expect(isinstance(answer.members.get(_PROFILE), dict | list), f"3dp is missing in {answer}")


@check(
    "3dp-one-shot-at-once",
    Level.SILVER,
    f"{THREE_DP} 7.3.2",
    "a one-shot request is answered immediately: with the latest result, else with an error",
    "it reports; it does not wait for a measurement",
)
async def _(subject: Subject) -> None:
    for service_id in await subject.profile(_PROFILE):
        for attribute in ("information", "status"):
            began = time.monotonic()
            answer = await _get(subject, service_id, attribute)
            took = time.monotonic() - began
            expect(took < subject.times.at_once, f"{attribute} took {took:.1f} s")
            expect(
                _PROFILE in answer.members or answer.code > 0,
                f"neither a result nor an error: {answer}",
            )


@check(
    "3dp-event-at-once",
    Level.SILVER,
    f"{THREE_DP} 7.3.3",
    "a listener gets the latest result immediately, if there is one",
    "it must not wait for the next change",
)
async def _(subject: Subject) -> None:
    service_id, _ = await _latest(subject, "status")
    event = Event(service_id, f"{_PROFILE}/status")
    async with subject.open_socket() as wire:
        (await subject.listen("PUT", event)).must_be_good()
        try:
            members = frame(await wire.receive(subject.times.at_once), "the latest result")
        finally:
            await subject.listen("DELETE", event)
    expect(_PROFILE in members, f"it was {members}")


@check(
    "3dp-event-nothing",
    Level.SILVER,
    f"{THREE_DP} 7.3.3",
    "a listener gets nothing while there is no result",
    "the Plug-In SHALL NOT send anything",
)
async def _(subject: Subject) -> None:
    for service_id in await subject.profile(_PROFILE):
        if (await _get(subject, service_id, "information")).good:
            continue
        event = Event(service_id, f"{_PROFILE}/information")
        async with subject.open_socket() as wire:
            (await subject.listen("PUT", event)).must_be_good()
            text = await wire.receive(subject.times.quiet)
            await subject.listen("DELETE", event)
        if text is not None and not (await _get(subject, service_id, "information")).good:
            raise Failed(f"it got {text}")
        return
    raise Skipped("every printer has a result")


@check(
    "3dp-print-needs-file",
    Level.SILVER,
    f"{THREE_DP} 7.2.5",
    "PUT printingcommand without a file is an error, and nothing is printed",
    "a printer that moves without a reason is dangerous",
)
async def _(subject: Subject) -> None:
    service_id = (await subject.profile(_PROFILE))[0]
    query = {"serviceId": service_id}
    answer = await subject.call("PUT", f"{_PROFILE}/printingcommand", query)
    expect(not answer.good and answer.code > 0, f"expected an error, got {answer}")


@check(
    "3dp-print-foreign-file",
    Level.GOLD,
    f"{THREE_DP} 7.1.3",
    "a file of this machine cannot be printed by its name",
    "an application could read what is not its own",
)
async def _(subject: Subject) -> None:
    service_id = (await subject.profile(_PROFILE))[0]
    for uri in ("file:///etc/hostname", "/etc/hostname"):
        query = {"serviceId": service_id, "uri": uri}
        answer = await subject.call("PUT", f"{_PROFILE}/printingcommand", query)
        expect(not answer.good, f"{uri} was taken: {answer}")
