"""Paths and methods: case, trailing slash, METHOD paths, what is no path."""

from gotapi_core.conformance.model import (
    BOTH,
    DEVICE_CONNECT,
    NODE_CLIENT,
    SAFETY,
    CheckList,
    Level,
    expect,
)
from gotapi_core.conformance.subject import Subject
from gotapi_core.protocol.errors import Lineage

RULES = CheckList()
check = RULES.check


@check(
    "path-case",
    Level.SILVER,
    DEVICE_CONNECT,
    "profiles and attributes are compared without case",
    "the specification writes accessToken, the clients accesstoken",
)
async def _(subject: Subject) -> None:
    await subject.access()
    for path in ("serviceDiscovery", "servicediscovery", "SERVICEDISCOVERY"):
        (await subject.call("GET", path)).must_be_good()
    # An unknown client is judged only where the path was understood.
    query = {"clientId": "conformance-unknown", "scope": "all", "applicationName": "conformance"}
    (await subject.ask("GET", "authorization/accessToken", query)).must_be(11)


@check(
    "path-slash",
    Level.SILVER,
    NODE_CLIENT,
    "one slash at the end of a path changes nothing",
    "gotapi-client.js writes it where there is no attribute",
)
async def _(subject: Subject) -> None:
    (await subject.ask("GET", "availability/")).must_be_good()
    (await subject.call("GET", "servicediscovery/")).must_be_good()


@check(
    "path-method",
    Level.SILVER,
    DEVICE_CONNECT,
    "GET /gotapi/GET/availability acts as GET /gotapi/availability, in any case",
    "some clients can send no other method than GET",
)
async def _(subject: Subject) -> None:
    for word in ("GET", "get"):
        (await subject.ask("GET", f"{word}/availability")).must_be_good()
    acted = await subject.call("GET", "DELETE/conformance-unknown/attribute")
    plain = await subject.call("DELETE", "conformance-unknown/attribute")
    expect(acted.code == plain.code, f"GET of a DELETE path gave {acted}, DELETE gave {plain}")


@check(
    "path-method-twice",
    Level.SILVER,
    DEVICE_CONNECT,
    "a method in the path of a request that is no GET is error 19",
    "it would say two different things",
)
async def _(subject: Subject) -> None:
    (await subject.ask("PUT", "GET/availability")).must_be(19)


@check(
    "path-empty",
    Level.SILVER,
    DEVICE_CONNECT,
    "a path without a profile is HTTP 400 with error 19 or 20",
    "the Manager answers so",
)
async def _(subject: Subject) -> None:
    answer = (await subject.ask("GET", "/gotapi/")).must_be(19, 20)
    expect(answer.status == 400, f"expected HTTP 400, got {answer}")


@check(
    "method-foreign",
    Level.SILVER,
    DEVICE_CONNECT,
    "a method that GotAPI does not have is HTTP 501, or 405 without X-GotAPI-Origin",
    "the Manager and node-gotapi answer so",
)
async def _(subject: Subject) -> None:
    foreign = await subject.ask("PATCH", "availability")
    expect(foreign.status == 501, f"expected HTTP 501, got {foreign}")
    foreign = await subject.ask("PATCH", "availability", lineage=Lineage.STATUS)
    expect(foreign.status in (405, 501), f"expected HTTP 405, got {foreign}")


@check(
    "method-wrong",
    Level.SILVER,
    DEVICE_CONNECT,
    "another method than GET on accesstoken and servicediscovery is error 8; "
    "on availability and grant it fails",
    "the Manager's own tests pin it",
)
async def _(subject: Subject) -> None:
    for method in ("POST", "PUT", "DELETE"):
        (await subject.ask(method, "authorization/accesstoken")).must_be(8)
        (await subject.call(method, "servicediscovery")).must_be(8)
        for path in ("availability", "authorization/grant"):
            answer = await subject.ask(method, path)
            expect(answer.result != 0, f"{method} {path} succeeded: {answer}")


@check(
    "query-unknown",
    Level.BRONZE,
    BOTH,
    "parameters that nobody knows are ignored",
    "the tests of the DeviceConnect SDK require it",
)
async def _(subject: Subject) -> None:
    query = {"conformance": "1", "unknown": "ä"}
    (await subject.ask("GET", "availability", query | {"key": subject.key})).must_be_good()
    (await subject.call("GET", "servicediscovery", query)).must_be_good()


@check(
    "query-malformed",
    Level.GOLD,
    SAFETY,
    "a malformed query string is no error of the server",
    "node-gotapi crashed on them",
)
async def _(subject: Subject) -> None:
    for query in ("%", "%zz=%f", "=", "&&&", "a=b=c", "%ff=1", "key"):
        answer = await subject.ask("GET", f"/gotapi/servicediscovery?{query}")
        expect(answer.status < 500, f"the query {query!r} gave {answer}")
        expect(answer.result != 0, f"the query {query!r} was taken for a token: {answer}")
