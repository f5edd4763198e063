"""What keeps the user safe from applications, pages and names that lie."""

from gotapi_core.conformance.model import SAFETY, CheckList, Level, expect
from gotapi_core.conformance.subject import Subject
from gotapi_core.protocol.errors import Lineage

RULES = CheckList()
check = RULES.check


@check(
    "scope-enforced",
    Level.GOLD,
    SAFETY,
    "a token opens no profile that it was not given for: error 14",
    "node-gotapi ignores scopes",
)
async def _(subject: Subject) -> None:
    known, _ = await subject.one_shot()
    narrow = await subject.stranger()
    query = {"accessToken": narrow.token, "serviceId": known.service_id}
    for lineage in Lineage:
        answer = await subject.ask("GET", known.path, query, lineage=lineage, origin=narrow.origin)
        answer.must_be(14)


@check(
    "scope-hides",
    Level.GOLD,
    SAFETY,
    "discovery lists no service that the token does not reach",
    "what devices somebody has is nobody's business without approval",
)
async def _(subject: Subject) -> None:
    narrow = await subject.stranger()
    await subject.services()
    query = {"accessToken": narrow.token}
    answer = await subject.ask("GET", "servicediscovery", query, origin=narrow.origin)
    expect(answer.must_be_good().listed("services") == [], f"it lists {answer}")


@check(
    "token-bound",
    Level.GOLD,
    SAFETY,
    "the token of one origin is refused to another",
    "a token that leaked must not open the door for everybody",
)
async def _(subject: Subject) -> None:
    query = {"accessToken": (await subject.access()).token}
    origin = subject.unknown_origin()
    for lineage in Lineage:
        answer = await subject.ask("GET", "servicediscovery", query, lineage=lineage, origin=origin)
        answer.must_be(11, 13, 15, 18)


@check(
    "token-not-repeated",
    Level.GOLD,
    SAFETY,
    "no failure repeats the access token",
    "messages end up in logs and on screens",
)
async def _(subject: Subject) -> None:
    token = (await subject.access()).token
    for path in ("conformance-unknown/attribute", f"3dp/{token}"[:60], "a/b/c/d/e"):
        answer = await subject.ask("GET", path, {"accessToken": token})
        expect(token.encode() not in answer.body, f"the answer to {path[:20]} repeats the token")


@check(
    "host-foreign",
    Level.GOLD,
    SAFETY,
    "a request that is addressed to another host is refused",
    "else DNS rebinding makes any page a local one",
)
async def _(subject: Subject) -> None:
    for host in ("rebound.example", "rebound.example:4035", "127.0.0.1.rebound.example"):
        answer = await subject.ask("GET", "availability", headers={"Host": host})
        expect(not _succeeds(answer.status, answer.body), f"Host {host} got {answer}")


@check(
    "fetch-foreign",
    Level.GOLD,
    SAFETY,
    "a page cannot use the hub as an image, a script or a form of another site",
    "such requests carry no Origin, so nobody would know who asks",
)
async def _(subject: Subject) -> None:
    token = (await subject.access()).token
    headers = {
        "Origin": None,
        "X-GotAPI-Origin": None,
        "Referer": f"{subject.origin}/",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
        "Sec-Fetch-Dest": "image",
    }
    query = {"accessToken": token}
    answer = await subject.ask("GET", "servicediscovery", query, headers=headers)
    expect(not _succeeds(answer.status, answer.body), f"it got {answer}")


def _succeeds(status: int, body: bytes) -> bool:
    return 200 <= status < 300 and b'"result":0' in body.replace(b" ", b"")
