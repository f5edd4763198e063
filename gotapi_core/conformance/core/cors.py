"""CORS: what a page of another origin needs to read the answers."""

from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import BOTH, DEVICE_CONNECT, SDK, CheckList, Level, expect
from gotapi_core.conformance.subject import Subject
from gotapi_core.protocol.errors import Lineage

RULES = CheckList()
check = RULES.check


def _readable(answer: Answer, origin: str) -> None:
    allowed = answer.headers.get("access-control-allow-origin")
    expect(allowed in ("*", origin), f"Access-Control-Allow-Origin is {allowed!r} on {answer}")


def _listed(answer: Answer, header: str) -> set[str]:
    return {word.strip().lower() for word in answer.headers.get(header, "").split(",")}


@check(
    "cors-answer",
    Level.BRONZE,
    BOTH,
    "answers carry Access-Control-Allow-Origin",
    "the browser hides them from the page otherwise",
)
async def _(subject: Subject) -> None:
    for lineage in Lineage:
        query = {"key": subject.key}
        answer = await subject.ask("GET", "availability", query, lineage=lineage)
        _readable(answer, subject.origin)


@check(
    "cors-error",
    Level.SILVER,
    DEVICE_CONNECT,
    "failures carry Access-Control-Allow-Origin too",
    "a page must read why",
)
async def _(subject: Subject) -> None:
    for path in ("servicediscovery", "a/b/c/d/e", "conformance-unknown/attribute"):
        _readable(await subject.ask("GET", path), subject.origin)


@check(
    "cors-preflight",
    Level.SILVER,
    SDK,
    "OPTIONS from any origin is 2xx and allows x-gotapi-origin and every method",
    "each call of the SDK to another origin is preflighted",
)
async def _(subject: Subject) -> None:
    headers = {
        "X-GotAPI-Origin": None,
        "Origin": subject.unknown_origin(),
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,x-gotapi-origin",
    }
    for path in ("servicediscovery", "3dp/status", "conformance-unknown/attribute"):
        answer = await subject.ask("OPTIONS", path, headers=headers)
        expect(200 <= answer.status < 300, f"expected HTTP 2xx, got {answer}")
        _readable(answer, headers["Origin"] or "")
        methods = _listed(answer, "access-control-allow-methods")
        expect("*" in methods or {"put", "delete"} <= methods, f"the methods are {methods}")
        allowed = _listed(answer, "access-control-allow-headers")
        expect("*" in allowed or "x-gotapi-origin" in allowed, f"the headers are {allowed}")


@check(
    "cors-vary",
    Level.GOLD,
    "WHATWG Fetch",
    "where the origin is echoed, Vary names Origin",
    "a cache would else give one page the answer of another",
)
async def _(subject: Subject) -> None:
    answer = await subject.ask("GET", "availability", {"key": subject.key})
    if answer.headers.get("access-control-allow-origin") != "*":
        expect("origin" in _listed(answer, "vary"), "Vary does not name Origin")
