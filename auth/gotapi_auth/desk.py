"""The desk where applications wait for the operator's answers, and the listeners of both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from gotapi_auth import tokens
from gotapi_auth.clients import Client
from gotapi_auth.consent import Docket, Limits, Move, Request, State
from gotapi_auth.events import AuthEvent, RequestAdded, RequestEnded, pending_request
from gotapi_auth.failures import UnknownRequestError
from gotapi_auth.keys import Key
from gotapi_auth.ledger import Holder
from gotapi_core.protocol.errors import NotAuthorized, TimedOut

log = logging.getLogger(__name__)


class Listeners:
    """Who wants to hear of events."""

    def __init__(self) -> None:
        self._all: list[Callable[[AuthEvent], None]] = []

    def subscribe(self, listener: Callable[[AuthEvent], None]) -> Callable[[], None]:
        """Call `listener` with each event from now on; returns how to stop that."""
        self._all.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._all.remove(listener)

        return unsubscribe

    def emit(self, event: AuthEvent) -> None:
        """Call every listener."""
        for listener in tuple(self._all):
            try:
                listener(event)
            except Exception:
                # A listener that fails must not keep the others from closing their sockets.
                log.exception("A listener failed on %s", type(event).__name__)


class _Open:
    """A request that is not answered: who waits for that, and the key of its client."""

    __slots__ = ("answer", "key")

    def __init__(self, key: Key | None) -> None:
        self.answer: asyncio.Future[Holder | State] = asyncio.get_running_loop().create_future()
        self.key = key


class Desk:
    """Requests and those who wait for them. Times are in seconds, as the clock has them."""

    def __init__(
        self,
        clock: Callable[[], float],
        limits: Limits,
        listeners: Listeners,
        *,
        wait: float,
        answerable: float,
    ) -> None:
        """Let a call wait for `wait` seconds, and its request for `answerable` longer."""
        self._clock = clock
        self._limits = limits
        self._docket = Docket(limits)
        self._open: dict[str, _Open] = {}
        self._listeners = listeners
        self._wait = wait
        self._answerable = answerable

    async def consent(self, client: Client, name: str, asked: tuple[str, ...]) -> Holder:
        """Ask the operator, or join the asking, and return the approval.

        Raises TooManyRequests, NotAuthorized and TimedOut.
        """
        request = self._ask(client, name, asked)
        answer: Holder | State = request.state
        if request.state is State.PENDING:
            waiting = self._open[request.code].answer
            # Not wait_for: it would cancel the answer that others may be waiting for.
            await asyncio.wait({waiting}, timeout=self._wait)
            answer = waiting.result() if waiting.done() else State.PENDING
        if isinstance(answer, Holder):
            return answer
        if answer is State.DENIED:
            self.collect(client.digest, asked)
            raise NotAuthorized("The user did not allow the application what it asked for.")
        raise TimedOut(
            f"The user has not answered request {request.code}. Ask the user to open the operator "
            "page of the hub (`gotapi apps list` shows requests too), and try again."
        )

    def pending(self) -> list[Request]:
        """Return what waits for the operator, oldest first."""
        self.lapse()
        return self._docket.pending()

    def find(self, code: str) -> Request:
        """Return a request that waits; raises UnknownRequestError with those that do."""
        pending = {request.code: request for request in self.pending()}
        if code in pending:
            return pending[code]
        raise UnknownRequestError(
            f"No request {code[:20]!r} waits for an answer (it may have been answered, or be too "
            f"old); waiting are: {', '.join(pending) or 'none'}."
        )

    def key_of(self, code: str) -> Key | None:
        """Return the HMAC key that the client of a waiting request has."""
        return self._open[code].key

    def approve(self, code: str, holder: Holder) -> None:
        """Tell those who wait; no error when the deadline has come in between."""
        # The operator was in time, and the approval is on the disk: the application finds it when
        # it asks again.
        if code in self._docket:
            self._docket.move(code, Move.APPROVE)
            self._end(code, State.APPROVED, holder)

    def deny(self, code: str) -> None:
        """Tell those who wait, or the next call that asks the same; raises UnknownRequestError."""
        self._docket.move(self.find(code).code, Move.DENY)
        self._end(code, State.DENIED, State.DENIED)

    def collect(self, client: bytes, asked: tuple[str, ...] | None = None) -> None:
        """Note that a client heard the answers for these scopes, or all of its answers."""
        self._docket.collect(client, asked)

    def lapse(self) -> None:
        """End what is too late."""
        for request in self._docket.lapse(self._clock()):
            self._end(request.code, State.EXPIRED, State.EXPIRED)

    def close(self) -> None:
        """Forget all requests; those who wait hear that nobody answered."""
        waiting, self._open, self._docket = self._open, {}, Docket(self._limits)
        for one in waiting.values():
            one.answer.set_result(State.EXPIRED)

    def _ask(self, client: Client, name: str, asked: tuple[str, ...]) -> Request:
        self.lapse()
        now = self._clock()
        left = self._wait + self._answerable
        code = tokens.unused(tokens.new_code, self._docket)
        wish = Request(
            code, client.digest, name, client.origin, client.browser, asked, now, now + left
        )
        request = self._docket.ask(wish)
        if request is wish:
            self._open[code] = _Open(client.key)
            asyncio.get_running_loop().call_later(left, self.lapse)
            self._listeners.emit(RequestAdded(pending_request(request)))
        return request

    def _end(self, code: str, outcome: State, answer: Holder | State) -> None:
        self._open.pop(code).answer.set_result(answer)
        self._listeners.emit(RequestEnded(code, outcome))
