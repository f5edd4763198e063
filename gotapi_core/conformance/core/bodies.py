"""Bodies: where a profile is unknown, error 2 instead of 13 shows that the token was read."""

from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import (
    NODE,
    NODE_CLIENT,
    SAFETY,
    SDK,
    CheckList,
    Level,
    expect,
)
from gotapi_core.conformance.subject import FORM, Subject, multipart, urlencoded
from gotapi_core.protocol.errors import Lineage

RULES = CheckList()
check = RULES.check

_PATH = "conformance-unknown/attribute"  # a profile that nobody offers
# What says that token and service were read; node-gotapi calls it out of scope (14).
_REACHED = (2, 4, 6, 8, 14)
_BIG = 4 * 1024 * 1024  # bytes of a form; 1 MiB is plenty
_DEEP = 20_000  # levels of JSON


async def _fields(subject: Subject) -> dict[str, str]:
    token = (await subject.access()).token
    return {"accessToken": token, "serviceId": await subject.service()}


def _understood(answer: Answer) -> None:
    expect(answer.code in _REACHED, f"the body was not read, expected error 2: {answer}")


@check(
    "body-form",
    Level.BRONZE,
    NODE_CLIENT,
    "PUT and POST read their parameters from an urlencoded body",
    "gotapi-client.js sends them there",
)
async def _(subject: Subject) -> None:
    body = urlencoded(await _fields(subject))
    for method in ("PUT", "POST"):
        _understood(await subject.ask(method, _PATH, body=body, lineage=Lineage.STATUS))


@check(
    "body-charset",
    Level.SILVER,
    NODE,
    "`; charset=UTF-8` after the content type changes nothing",
    "node-gotapi silently drops such a body, though browsers may send it",
)
async def _(subject: Subject) -> None:
    body = urlencoded(await _fields(subject))
    _understood(await subject.ask("PUT", _PATH, body=body, content_type=f"{FORM}; charset=UTF-8"))


@check(
    "body-multipart",
    Level.SILVER,
    SDK,
    "PUT and POST read their parameters from a multipart body",
    "the SDK sends no other",
)
async def _(subject: Subject) -> None:
    body, kind = multipart(await _fields(subject))
    for method in ("PUT", "POST"):
        _understood(await subject.ask(method, _PATH, body=body, content_type=kind))


@check(
    "body-of-delete",
    Level.SILVER,
    SDK,
    "DELETE reads its parameters from the query though an empty multipart body comes along",
    "the SDK sends it so",
)
async def _(subject: Subject) -> None:
    body, kind = multipart({})
    query = await _fields(subject)
    _understood(await subject.ask("DELETE", _PATH, query, body=body, content_type=kind))


@check(
    "body-over-query",
    Level.GOLD,
    NODE,
    "a parameter of the body overrides the one of the query",
    "else a link could change what a form says",
)
async def _(subject: Subject) -> None:
    body = urlencoded(await _fields(subject))
    query = {"accessToken": "conformance-unknown"}
    _understood(await subject.ask("PUT", _PATH, query, body=body))


@check(
    "body-large",
    Level.GOLD,
    SAFETY,
    "a form of 4 MiB is refused",
    "a server that takes any size can be filled up",
)
async def _(subject: Subject) -> None:
    body = urlencoded(await _fields(subject)) + b"&a=" + b"x" * _BIG
    answer = await subject.ask("PUT", _PATH, body=body, lineage=Lineage.STATUS)
    expect(answer.status in (400, 413), f"expected HTTP 413, got {answer}")


@check(
    "body-deep",
    Level.GOLD,
    SAFETY,
    "deeply nested JSON is an error of the client, not of the server",
    "20,000 levels end a recursive decoder",
)
async def _(subject: Subject) -> None:
    body = b'{"a":' * _DEEP + b"1" + b"}" * _DEEP
    answer = await subject.ask(
        "PUT", _PATH, body=body, content_type="application/json", lineage=Lineage.STATUS
    )
    expect(400 <= answer.status < 500, f"expected HTTP 4xx, got {answer}")


@check(
    "body-garbage",
    Level.GOLD,
    SAFETY,
    "a body that is not what its content type says is no error of the server",
    "anybody can send anything",
)
async def _(subject: Subject) -> None:
    _, kind = multipart({})
    for content_type in (kind, "multipart/form-data", "application/json", FORM):
        answer = await subject.ask("PUT", _PATH, body=b"\x00\xff--\r\n{", content_type=content_type)
        expect(answer.status < 500, f"{content_type} gave {answer}")
        expect(answer.result != 0, f"{content_type} gave {answer}")
