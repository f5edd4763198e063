"""How a client makes sure that answers come from its hub: the MAC of HMAC v2 over each of them.

A program that took the hub's port, or relays to a hub on another one, cannot make that MAC. So
nothing goes out over a connection before the hub at its other end has proved itself.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gotapi_core.client.errors import HubImpostor
from gotapi_core.protocol.mac import (
    INSTANCE_HEADER,
    KEY_ID_HEADER,
    MAC_HEADER,
    NONCE_HEADER,
    OPERATOR_KEY,
    Answer,
    operator_key,
    parse_key,
    verified,
)

_NONCE_SIZE: Final = 16  # bytes: 2**64 requests before two of them are likely to be the same
_MAX_INSTANCE: Final = 64  # characters; a hub's has 16
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}


class HubKey(msgspec.Struct, frozen=True):
    """A key that the hub knows too; `id` says which where it is not that of the origin."""

    value: bytes
    id: str = ""

    def __repr__(self) -> str:
        return f"HubKey(id={self.id!r})"

    @classmethod
    def from_hex(cls, text: str) -> "HubKey":
        """Return the key that `gotapi apps key` showed; raises InvalidParameter."""
        return cls(parse_key(text.strip()))

    @classmethod
    def of_operator(cls, secret: str) -> "HubKey":
        """Return the key of the user's own programs, from the content of the operator's file."""
        return cls(operator_key(secret), OPERATOR_KEY)


class Proof:
    """What is asked of the hub at one address, and whether its answers are good."""

    def __init__(self, key: HubKey, url: str) -> None:
        self._key = key
        self.url = url
        parts = urlsplit(url)
        self._port = parts.port or _PORTS[parts.scheme]

    def headers(self) -> dict[str, str]:
        """Return the headers of one request; its answer is checked with the same ones."""
        found = {NONCE_HEADER: secrets.token_hex(_NONCE_SIZE)}
        return {**found, KEY_ID_HEADER: self._key.id} if self._key.id else found

    def check(
        self,
        asked: Mapping[str, str],
        method: str,
        target: str,
        status: int,
        fields: Mapping[str, str],
        body: bytes,
    ) -> None:
        """Raise HubImpostor unless the hub made this answer to this request.

        `asked` are the request's `headers`, `fields` the answer's, by lower-case name.
        """
        answer = Answer(
            nonce=asked[NONCE_HEADER],
            port=self._port,
            instance=fields.get(INSTANCE_HEADER, "")[:_MAX_INSTANCE],
            method=method,
            target=target.encode("ascii"),
            status=status,
            body=hashlib.sha256(body).digest(),
        )
        if not verified(self._key.value, answer, fields.get(MAC_HEADER)):
            raise self._impostor(MAC_HEADER in fields)

    def _impostor(self, claimed: bool) -> HubImpostor:
        what = "its proof is wrong" if claimed else "it gave no proof"
        who = "the operator's key" if self._key.id == OPERATOR_KEY else "the application's key"
        repair = (
            "give the home of the hub that runs there (GOTAPI_HOME)"
            if self._key.id == OPERATOR_KEY
            else "make a new key with `gotapi apps key ORIGIN`"
        )
        return HubImpostor(
            f"What answers at {self.url} is not the hub that knows {who}: {what}, and its answer "
            "is not used. Look which program listens on that port, stop it if it is not your hub, "
            f"and start the hub with `gotapi run`. If it is your hub, {repair}"
        )
