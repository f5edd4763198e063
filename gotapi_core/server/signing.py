"""HMAC v2 on the way out: the MAC of a whole answer, for an application whose key the hub knows.

Signed are JSON answers, empty ones (those of uploads), the head of an event stream and the
handshake of a WebSocket. Files are not: they come in pieces, and their SHA-256 is known from the
upload. Whether a nonce was used before does not matter here: the client makes a new one for every
request, so an answer to an old one fits none of its questions.
"""

import hashlib
import logging

from gotapi_auth.failures import AuthError
from gotapi_auth.operator import read_secret
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.protocol.identity import identify
from gotapi_core.protocol.mac import (
    INSTANCE_HEADER,
    KEY_ID_HEADER,
    MAC_HEADER,
    NONCE_HEADER,
    OPERATOR_KEY,
    Answer,
    mac_header,
    operator_key,
    valid_nonce,
)
from gotapi_core.server.asgi import Headers, Message, RawHeaders, Scope, Send

log = logging.getLogger(__name__)

_NOTHING = hashlib.sha256(b"").digest()


class Signer:
    """Signs the answers of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._operator: bytes | None = None

    def wrap(self, scope: Scope, headers: Headers, send: Send) -> Send:
        """Return what sends the answer with its MAC, or `send` where none is asked for."""
        nonce = headers.get(NONCE_HEADER)
        if nonce is None or not valid_nonce(nonce):
            return send
        key = self._key(headers)
        return send if key is None else _Signed(scope, nonce, self._hub.instance, key, send)

    def _key(self, headers: Headers) -> bytes | None:
        key_id = headers.get(KEY_ID_HEADER)
        if key_id is not None:
            return self._operator_key() if key_id == OPERATOR_KEY else None
        try:
            return self._hub.auth.trusted_key(identify(headers).origin)
        except GotapiError:
            return None  # nobody's key

    def _operator_key(self) -> bytes | None:
        if self._operator is None:
            try:
                self._operator = operator_key(read_secret(self._hub.paths.operator_secret))
            except AuthError as error:
                log.warning("answers cannot be signed with the operator's key: %s", error)
        return self._operator


class _Signed:
    """Holds the head of an answer back until its body is known."""

    def __init__(self, scope: Scope, nonce: str, instance: str, key: bytes, send: Send) -> None:
        self._scope = scope
        self._nonce = nonce
        self._instance = instance
        self._key = key
        self._send = send
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if message["type"] == "websocket.accept":
            fields = [*message.get("headers", ()), *self._fields(101, _NOTHING)]
            await self._send({**message, "headers": fields})
            return
        head, self._head = self._head, None
        if head is not None:
            digest = self._digest(head, message)
            if digest is not None:
                fields = [*head["headers"], *self._fields(head["status"], digest)]
                head = {**head, "headers": fields}
            await self._send(head)
        await self._send(message)

    def _digest(self, head: Message, message: Message) -> bytes | None:
        """Return the hash of the body as the client sees it; None where it is not covered."""
        kind = next((value for name, value in head["headers"] if name == b"content-type"), b"")
        body: bytes = message.get("body", b"")
        if kind.startswith(b"text/event-stream") or self._scope["method"] == "HEAD":
            return _NOTHING
        if message.get("more_body") or not (b"json" in kind or not body):
            return None
        return hashlib.sha256(body).digest()

    def _fields(self, status: int, digest: bytes) -> RawHeaders:
        scope = self._scope
        query: bytes = scope["query_string"]
        target: bytes = scope["raw_path"]
        answer = Answer(
            nonce=self._nonce,
            port=scope["server"][1],
            instance=self._instance,
            method=scope.get("method", "GET"),
            target=target + b"?" + query if query else target,
            status=status,
            body=digest,
        )
        mac = mac_header(self._key, answer)
        return [
            (INSTANCE_HEADER.encode(), self._instance.encode()),
            (MAC_HEADER.encode(), mac.encode()),
        ]
