"""Failures: their codes, and their form in both lineages."""

from gotapi_core.conformance.model import (
    BOTH,
    DEVICE_CONNECT,
    NODE,
    NODE_CLIENT,
    SDK,
    CheckList,
    Level,
    expect,
)
from gotapi_core.conformance.subject import Subject
from gotapi_core.protocol.errors import Lineage

RULES = CheckList()
check = RULES.check

STATUS = Lineage.STATUS
_UNKNOWN = "conformance-unknown"


@check(
    "error-form-sdk",
    Level.SILVER,
    SDK,
    "with X-GotAPI-Origin a failure is HTTP 200 with result 1 and a numeric errorCode",
    "the SDK reports any other status as `no server` and never starts authorization",
)
async def _(subject: Subject) -> None:
    answer = await subject.ask("GET", "servicediscovery")
    members = answer.members
    fits = answer.status == 200 and members.get("result") == 1
    fits = fits and type(members.get("errorCode")) is int
    expect(fits, f"expected HTTP 200, result 1 and a numeric errorCode, got {answer}")
    answer.text("errorMessage")


@check(
    "error-form-status",
    Level.SILVER,
    NODE_CLIENT,
    "without X-GotAPI-Origin a failure is HTTP 4xx or 5xx with result and errorMessage",
    "gotapi-client.js takes any 2xx for a success",
)
async def _(subject: Subject) -> None:
    answer = await subject.ask("GET", "servicediscovery", lineage=STATUS)
    result = answer.result
    fits = answer.status >= 400 and type(result) is int and result > 0
    expect(fits, f"expected HTTP 4xx and result 13, got {answer}")
    answer.text("errorMessage")


@check(
    "error-code-text",
    Level.SILVER,
    NODE,
    "without X-GotAPI-Origin errorCode is the code as text, "
    "errorMessage begins with its name, statusCode is the HTTP status",
    "GotAPI 1.1 makes errorCode text, says the changelog of node-gotapi",
)
async def _(subject: Subject) -> None:
    answer = await subject.ask("GET", "servicediscovery", lineage=STATUS)
    members = answer.members
    fits = members.get("errorCode") == str(members.get("result"))
    fits = fits and members.get("statusCode") == answer.status
    fits = fits and answer.text("errorMessage").startswith("[INVALID_TOKEN]")
    expect(fits and bool(answer.text("errorText")), f"another form: {answer}")


@check(
    "error-json",
    Level.BRONZE,
    SDK,
    "every answer is JSON and says so in Content-Type",
    "the promise of the SDK never settles when a body is no JSON",
)
async def _(subject: Subject) -> None:
    for path in ("availability", "servicediscovery", f"{_UNKNOWN}/{_UNKNOWN}", "a/b/c/d/e"):
        for lineage in Lineage:
            answer = await subject.ask("GET", path, lineage=lineage)
            kind = answer.headers.get("content-type", "").partition(";")[0].strip()
            expect(bool(answer.members) and kind == "application/json", f"{kind!r}: {answer}")


@check(
    "error-profile",
    Level.SILVER,
    DEVICE_CONNECT,
    "a profile that nobody offers is error 2",
    "the application learns that it is no passing trouble",
)
async def _(subject: Subject) -> None:
    query = {"serviceId": await subject.service()}
    (await subject.call("GET", f"{_UNKNOWN}/{_UNKNOWN}", query)).must_be(2)


@check(
    "error-attribute",
    Level.SILVER,
    DEVICE_CONNECT,
    "an attribute that the profile does not have is error 8, or 4 without X-GotAPI-Origin",
    "as above",
)
async def _(subject: Subject) -> None:
    known, _ = await subject.one_shot()
    profile = known.path.partition("/")[0]
    query = {"serviceId": known.service_id}
    for lineage, codes in ((Lineage.ENVELOPE, (8,)), (STATUS, (4, 8))):
        answer = await subject.call("GET", f"{profile}/{_UNKNOWN}", query, lineage=lineage)
        answer.must_be(*codes)


@check(
    "error-service",
    Level.SILVER,
    BOTH,
    "an unknown service is error 6, a missing serviceId error 5",
    "the application must look for services again, or send the parameter",
)
async def _(subject: Subject) -> None:
    known, _ = await subject.one_shot()
    for lineage in Lineage:
        query = {"serviceId": _UNKNOWN}
        (await subject.call("GET", known.path, query, lineage=lineage)).must_be(6)
        (await subject.call("GET", known.path, lineage=lineage)).must_be(5)


@check(
    "origin-needed",
    Level.SILVER,
    BOTH,
    "grant without any origin is error 18, as is X-GotAPI-Origin with two values",
    "nobody would know who asks",
)
async def _(subject: Subject) -> None:
    nobody = {"Origin": None, "X-GotAPI-Origin": None}
    (await subject.ask("GET", "authorization/grant", headers=nobody)).must_be(18)
    two = {"Origin": None, "X-GotAPI-Origin": "org.example.a org.example.b"}
    (await subject.ask("GET", "authorization/grant", headers=two)).must_be(18)


@check(
    "origin-native",
    Level.SILVER,
    DEVICE_CONNECT,
    "X-GotAPI-Origin alone says who asks, be it a package name",
    "native applications have no Origin",
)
async def _(subject: Subject) -> None:
    native = {"Origin": None, "X-GotAPI-Origin": "org.example.conformance"}
    (await subject.ask("GET", "authorization/grant", headers=native)).must_be_good()


@check(
    "origin-referer",
    Level.SILVER,
    NODE_CLIENT,
    "the origin of Referer counts where Origin is missing",
    "browsers send no Origin with a GET to the page's own server",
)
async def _(subject: Subject) -> None:
    headers = {"Origin": None, "Referer": f"{subject.unknown_origin()}/page.html"}
    answer = await subject.ask("GET", "authorization/grant", lineage=STATUS, headers=headers)
    answer.must_be_good()


@check(
    "origin-null",
    Level.GOLD,
    DEVICE_CONNECT,
    "the origin `null` may ask as any other",
    "pages from files and sandboxed frames have it",
)
async def _(subject: Subject) -> None:
    headers = {"Origin": "null"}
    answer = await subject.ask("GET", "authorization/grant", lineage=STATUS, headers=headers)
    answer.must_be_good()
