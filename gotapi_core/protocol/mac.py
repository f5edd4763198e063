"""Server authentication, second version: a MAC over the whole answer. PURE.

The first version (`hmac.py`) covers only the nonce, so a program that took the hub's port can pass
the nonce on to the real hub and put the true MAC on a false answer. This one covers where the
answer came from and what is in it: nonce, port, hub instance, method, target, status and body. A
relay sits on another port, or is another instance; what it changes no longer fits.

Wire: the request has `X-GotAPI-Nonce`, the answer `X-GotAPI-Instance` and `X-GotAPI-MAC: v2 <hex>`.
The key is 32 bytes, handed over by launch URI, by the operator, or read from the operator's file
by the user's own programs (which say so with `X-GotAPI-Key-Id: operator`); never by a network
request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

import msgspec

from gotapi_core.protocol.errors import InvalidParameter

NONCE_HEADER: Final = "x-gotapi-nonce"
INSTANCE_HEADER: Final = "x-gotapi-instance"
MAC_HEADER: Final = "x-gotapi-mac"
KEY_ID_HEADER: Final = "x-gotapi-key-id"
OPERATOR_KEY: Final = "operator"
"""The key id of the user's own programs; without an id it is the key of the origin."""
KEY_SIZE: Final = 32  # bytes, the size of the hash: more adds nothing, less weakens it
_SCHEME: Final = "v2 "
_LABEL: Final = b"gotapi-hub answer v2\n"
_NONCE: Final = re.compile(r"[0-9a-f]{32,128}", re.ASCII)  # 16 to 64 bytes
_KEY: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the MAC of an answer covers.

    `port` is the one the client connected to and the server listens on; `target` is the request
    target as sent, path and query; `body` the SHA-256 of the answer's body.
    """

    nonce: str
    port: int
    instance: str
    method: str
    target: bytes
    status: int
    body: bytes


def valid_nonce(nonce: str) -> bool:
    """Return whether a nonce can be used: 16 to 64 bytes as lower-case hex digits."""
    return _NONCE.fullmatch(nonce) is not None


def parse_key(text: str) -> bytes:
    """Return the key that 64 hex digits spell; raises InvalidParameter."""
    if not _KEY.fullmatch(text):
        raise InvalidParameter(f"The key must be {2 * KEY_SIZE} hex digits")
    return bytes.fromhex(text)


def mac_header(key: bytes, answer: Answer) -> str:
    """Return the value of the MAC header of an answer."""
    return _SCHEME + hmac.new(key, _message(answer), hashlib.sha256).hexdigest()


def verified(key: bytes, answer: Answer, header: str | None) -> bool:
    """Return whether the header is the MAC of the answer; takes the same time for any other one."""
    expected = mac_header(key, answer)
    return hmac.compare_digest(expected.encode(), (header or "").encode("utf-8", "replace"))


def derived_key(secret: str, purpose: str) -> bytes:
    """Return a key made from a secret that both sides hold, for one purpose."""
    return hmac.new(secret.encode(), f"gotapi-hub key {purpose}".encode(), hashlib.sha256).digest()


def operator_key(secret: str) -> bytes:
    """Return the key of the user's own programs, which can read the operator's file."""
    return derived_key(secret, "cli")


def _message(answer: Answer) -> bytes:
    """Return the members in a form that no two answers share: each with its length before it."""
    parts = (
        answer.nonce.encode(),
        b"%d" % answer.port,
        answer.instance.encode(),
        answer.method.encode(),
        answer.target,
        b"%d" % answer.status,
        answer.body,
    )
    return _LABEL + b"".join(b"%d:%b\n" % (len(part), part) for part in parts)
