"""Server authentication: the member `hmac`, in both encodings."""

import hashlib
import hmac
import secrets

from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import (
    NODE_CLIENT,
    SAFETY,
    SDK,
    CheckList,
    Level,
    Skipped,
    expect,
)
from gotapi_core.conformance.subject import Subject, urlencoded
from gotapi_core.protocol.errors import Lineage

RULES = CheckList()
check = RULES.check

STATUS = Lineage.STATUS
_NONCE = "0123456789abcdef" * 4


def _text_mac(key: str, nonce: str) -> str:
    return hmac.new(key.encode(), nonce.encode(), hashlib.sha256).hexdigest()


def _hex_mac(key: str, nonce: str) -> str:
    return hmac.new(bytes.fromhex(key), bytes.fromhex(nonce), hashlib.sha256).hexdigest()


def _must_carry(answer: Answer, mac: str) -> None:
    found = answer.members.get("hmac")
    expect(found == mac, f"hmac must be {mac[:8]}..., not {str(found)[:8]}... in {answer}")


async def _key(subject: Subject, origin: str, key: str) -> None:
    query = {"key": key}
    answer = await subject.ask("GET", "availability", query, lineage=STATUS, origin=origin)
    answer.must_be_good()


async def _granted(subject: Subject, origin: str, nonce: str | None) -> Answer:
    query = {} if nonce is None else {"nonce": nonce}
    path = "authorization/grant"
    answer = await subject.ask("GET", path, query, lineage=STATUS, origin=origin)
    return answer.must_be_good()


@check(
    "hmac-text",
    Level.SILVER,
    NODE_CLIENT,
    "with a key from availability hmac is HMAC-SHA-256 of the nonce, both as their characters",
    "gotapi-client.js refuses any other answer of grant",
)
async def _(subject: Subject) -> None:
    origin = subject.unknown_origin()
    await _key(subject, origin, subject.key)
    _must_carry(await _granted(subject, origin, _NONCE), _text_mac(subject.key, _NONCE))


@check(
    "hmac-everywhere",
    Level.SILVER,
    NODE_CLIENT,
    "answers to requests with a token carry the hmac of the key that came before it",
    "gotapi-client.js checks each of them",
)
async def _(subject: Subject) -> None:
    access = await subject.access()
    if access.answer is None:
        raise Skipped("the key that belongs to the token of --token is not known")
    mac = _text_mac(subject.key, _NONCE)
    answer = await subject.call("GET", "servicediscovery", {"nonce": _NONCE}, lineage=STATUS)
    _must_carry(answer.must_be_good(), mac)
    known, _ = await subject.one_shot()
    query = {"serviceId": known.service_id, "nonce": _NONCE}
    _must_carry(await subject.call("GET", known.path, query, lineage=STATUS), mac)


@check(
    "hmac-in-body",
    Level.SILVER,
    NODE_CLIENT,
    "a nonce in the body of a PUT counts, as does one in the query",
    "gotapi-client.js sends it there, the SDK in the query",
)
async def _(subject: Subject) -> None:
    access = await subject.access()
    if access.answer is None:
        raise Skipped("the key that belongs to the token of --token is not known")
    path = "conformance-unknown/attribute"
    mac = _text_mac(subject.key, _NONCE)
    fields = {"accessToken": access.token, "nonce": _NONCE}
    _must_carry(await subject.ask("PUT", path, body=urlencoded(fields), lineage=STATUS), mac)
    body = urlencoded({"accessToken": access.token})
    query = {"nonce": _NONCE}
    _must_carry(await subject.ask("PUT", path, query, body=body, lineage=STATUS), mac)


@check(
    "hmac-empty-nonce",
    Level.SILVER,
    SDK,
    "an empty nonce is a nonce of no bytes",
    "SDK 2.3.0 sends an empty one and checks the answer",
)
async def _(subject: Subject) -> None:
    origin = subject.unknown_origin()
    await _key(subject, origin, subject.key)
    _must_carry(await _granted(subject, origin, ""), _text_mac(subject.key, ""))


@check(
    "hmac-unasked",
    Level.SILVER,
    NODE_CLIENT,
    "without a nonce, or without a key, there is no hmac",
    "there is nothing to prove, and clients without a key would not know it",
)
async def _(subject: Subject) -> None:
    keyed, keyless = subject.unknown_origin(), subject.unknown_origin()
    await _key(subject, keyed, subject.key)
    for origin, nonce in ((keyed, None), (keyless, _NONCE)):
        answer = await _granted(subject, origin, nonce)
        expect("hmac" not in answer.members, f"hmac without need in {answer}")


@check(
    "hmac-own-key",
    Level.GOLD,
    SAFETY,
    "the key of one application is not used for another",
    "a page could else replace the key by which another knows its hub",
)
async def _(subject: Subject) -> None:
    mine, other = subject.unknown_origin(), subject.unknown_origin()
    await _key(subject, mine, subject.key)
    await _key(subject, other, secrets.token_hex(32))
    _must_carry(await _granted(subject, mine, _NONCE), _text_mac(subject.key, _NONCE))


@check(
    "hmac-hex",
    Level.SILVER,
    SDK,
    "with a key from a launch URI hmac is HMAC-SHA-256 of the bytes that key and nonce spell",
    "the DeviceConnect SDK decodes both from hex",
)
async def _(subject: Subject) -> None:
    origin, key, nonce = subject.unknown_origin(), secrets.token_hex(16), _NONCE[:32]
    await subject.operator.launch(origin, key)
    for sent in (nonce, ""):
        answer = await subject.ask("GET", "authorization/grant", {"nonce": sent}, origin=origin)
        _must_carry(answer.must_be_good(), _hex_mac(key, sent))
