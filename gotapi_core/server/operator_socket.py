"""`/operator/live`: the operator's state as it changes, over one WebSocket of each open page.

A browser has six connections for requests to a host, whatever the number of its tabs, and a long
poll takes one of them for ever; WebSockets have a limit of their own (255 in Chromium). Whoever
asks has to give the same proofs as for the API: the Origin of this very address, the session
cookie, and in its first message the page key, as a browser's WebSocket can send no header.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import msgspec

from gotapi_core.protocol.errors import GotapiError, InvalidOrigin
from gotapi_core.server.asgi import Headers, Receive, Scope, Send
from gotapi_core.server.operator_board import Board, Content

PATH: Final = "/operator/live"
KEY_TIME: Final = 10.0  # seconds until the first message must have come
STALL: Final = 30.0  # seconds a page may take to read one state
SIGNED_OUT: Final = 4401  # the code that sockets of applications have for a revoked token
_GOING_AWAY: Final = 1001
_POLICY: Final = 1008
_LATER: Final = 1013
_LONGEST: Final = 1024  # bytes of the first message: a key of 64 digits and a revision
_CLOSE_TIME: Final = 1.0  # seconds from the decision to close to the end of the connection
_REASON: Final = 120  # bytes; RFC 6455 5.5 has 123

Members = Callable[[int, Content, str], dict[str, object]]


class First(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What a page says first: its key, and the revision of the state that it has."""

    page_key: str
    since: int = -1


class OperatorSockets:
    """The WebSockets of all operator pages.

    `session` returns the session of a request's cookie; `proves` tells whether a page key belongs
    to it and it is not over; `members` makes the state's JSON.
    """

    def __init__(
        self,
        board: Board,
        members: Members,
        session: Callable[[Headers], str | None],
        proves: Callable[[str, str], bool],
        clock: Callable[[], float],
        *,
        key_time: float = KEY_TIME,
    ) -> None:
        """Serve a board; `key_time` is in seconds."""
        self._board = board
        self._members = members
        self._session = session
        self._proves = proves
        self._clock = clock
        self._key_time = key_time
        self._open: dict[asyncio.Task[tuple[int, str]], str] = {}  # with their sessions
        self._closed = False

    async def serve(
        self,
        scope: Scope,
        headers: Headers,
        receive: Receive,
        send: Send,
        abort: Callable[[], None],
    ) -> None:
        """Serve one WebSocket until it closes; raises InvalidOrigin before anything is accepted."""
        base = f"{scope['scheme'].replace('ws', 'http')}://{headers['host']}"
        _check_origin(headers, base)
        session = self._session(headers)
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        if self._closed:
            code, reason = _GOING_AWAY, "the hub stops"
        elif session is None:
            # Said by a code: a page cannot read the status of a refused WebSocket.
            code, reason = SIGNED_OUT, ""
        else:
            code, reason = await self._run(session, base, receive, send)
        asyncio.get_running_loop().call_later(_CLOSE_TIME, abort)
        if code:
            text = reason.encode()[:_REASON].decode(errors="ignore")
            with contextlib.suppress(OSError):  # gone by itself
                await send({"type": "websocket.close", "code": code, "reason": text})

    def end(self, session: str) -> None:
        """Close the sockets of a session that was ended."""
        for task, whose in self._open.items():
            if whose == session:
                task.cancel()

    def close(self) -> None:
        """Close every socket because the hub stops."""
        self._closed = True
        for task in self._open:
            task.cancel()

    async def _run(self, session: str, base: str, receive: Receive, send: Send) -> tuple[int, str]:
        """Return the code and reason to close with; the code is 0 where the page is gone."""
        telling = asyncio.create_task(self._tell(session, base, receive, send))
        self._open[telling] = session
        try:
            await asyncio.wait({telling})
        finally:
            del self._open[telling]
            telling.cancel()
        if telling.cancelled():
            return (_GOING_AWAY, "the hub stops") if self._closed else (SIGNED_OUT, "")
        return telling.result()

    async def _tell(self, session: str, base: str, receive: Receive, send: Send) -> tuple[int, str]:
        try:
            async with asyncio.timeout(self._key_time):
                message = await receive()
        except TimeoutError:
            return _POLICY, "no message with a pageKey in time"
        if message["type"] == "websocket.disconnect":
            return 0, ""
        first = _first(message.get("text"))
        if first is None or not self._proves(session, first.page_key):
            return SIGNED_OUT, ""
        gone = asyncio.create_task(_until_gone(receive))
        states = asyncio.create_task(self._states(session, first, base, send))
        try:
            await asyncio.wait({gone, states}, return_when=asyncio.FIRST_COMPLETED)
            return states.result() if states.done() else (0, "")
        finally:
            for one in (gone, states):
                one.cancel()
            await asyncio.gather(gone, states, return_exceptions=True)

    async def _states(self, session: str, first: First, base: str, send: Send) -> tuple[int, str]:
        known = first.since
        while True:
            try:
                revision, content = await self._board.next(known)
            except GotapiError as error:
                return _LATER, error.message
            if not self._proves(session, first.page_key):
                return SIGNED_OUT, ""
            # Without news only the time, by which the page knows that the line is not dead.
            news: dict[str, object] = {"now": self._clock()}
            if revision != known:
                news = self._members(revision, content, base)
            known = revision
            try:
                async with asyncio.timeout(STALL):
                    text = msgspec.json.encode(news).decode()
                    await send({"type": "websocket.send", "text": text})
            except TimeoutError:
                return _POLICY, "what is sent is not read"
            except OSError:
                return 0, ""  # the page went in this moment


def _check_origin(headers: Headers, base: str) -> None:
    site = headers.get("sec-fetch-site", "same-origin")  # not every browser sends it here
    if headers.get("origin") != base or site != "same-origin":
        raise InvalidOrigin("Only the operator's own pages may open this WebSocket")


def _first(text: str | None) -> First | None:
    if text is None or len(text) > _LONGEST:
        return None
    try:
        return msgspec.json.decode(text, type=First)
    except (msgspec.DecodeError, RecursionError):
        return None


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass  # nothing more is expected of a page
