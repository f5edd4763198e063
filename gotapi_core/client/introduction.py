"""The first exchange over each new connection: the hub proves itself before anything else is sent.

It is made on the bare connection, before the HTTP library has it: so no other request can use a
connection whose hub was not recognised, however many are under way.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from gotapi_core.client.errors import HubUnreachable
from gotapi_core.client.proof import Proof
from gotapi_core.protocol.identity import NATIVE_HEADER

HELLO: Final = "/gotapi/availability"  # needs no token
MAX_HELLO: Final = 64 * 1024  # bytes of the answer; a hub's has about 600
_TIME: Final = 5.0  # seconds


class Stream(Protocol):
    """A connection of the HTTP library."""

    async def read(self, max_bytes: int) -> bytes: ...

    async def write(self, buffer: bytes) -> None: ...

    async def aclose(self) -> None: ...


class Introduction:
    """What the HTTP library calls at each step of a request (its extension `trace`)."""

    def __init__(self, proof: Proof, origin: str) -> None:
        self._proof = proof
        self._origin = origin
        secure = proof.url.startswith("https:")
        self._step = f"connection.{'start_tls' if secure else 'connect_tcp'}.complete"

    async def __call__(self, step: str, info: Mapping[str, object]) -> None:
        """Have a new connection introduced; raises HubImpostor and HubUnreachable."""
        if step != self._step:
            return
        stream: Stream = info["return_value"]  # type: ignore[assignment]  # the library's word
        try:
            async with asyncio.timeout(_TIME):
                await self._introduce(stream)
        except BaseException:
            await stream.aclose()
            raise

    async def _introduce(self, stream: Stream) -> None:
        asked = self._proof.headers()
        fields = {
            "Host": self._proof.url.partition("://")[2],
            NATIVE_HEADER: self._origin,
            **asked,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await stream.write(f"GET {HELLO} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        got = b""
        while (answer := parse_answer(got)) is None:
            piece = await stream.read(MAX_HELLO)
            if not piece:
                raise HubUnreachable(
                    f"What answers at {self._proof.url} closes connections at once"
                )
            got += piece
        self._proof.check(asked, "GET", HELLO, *answer)


def parse_answer(raw: bytes) -> tuple[int, Mapping[str, str], bytes] | None:
    """Return status, fields and body of an HTTP answer as hubs send it; None if more must come.

    Of anything else, and of more than MAX_HELLO bytes, status 0 is returned, which proves nothing.
    """
    nothing: tuple[int, Mapping[str, str], bytes] = (0, {}, b"")
    head, ended, body = raw.partition(b"\r\n\r\n")
    if not ended:
        return None if len(raw) <= MAX_HELLO else nothing
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length, status = fields.get("content-length", ""), words[1] if len(words) > 1 else ""
    if not (words[0].startswith("HTTP/1.") and _number(status) and _number(length)):
        return nothing
    if int(length) > MAX_HELLO or len(body) > int(length):
        return nothing
    return (int(status), fields, body) if len(body) == int(length) else None


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_HELLO))
