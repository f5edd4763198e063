"""The desk where applications wait for the operator's answers, and the listeners of both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from gotapi_auth import tokens
from gotapi_auth.clients import Client
from gotapi_auth.consent import Docket, Limits, Move, Request, State
from gotapi_auth.events import (
    AuthEvent,
    RequestAdded,
    RequestEnded,
    WaitingChanged,
    pending_request,
)
from gotapi_auth.failures import UnknownRequestError
from gotapi_auth.keys import Key
from gotapi_auth.ledger import Holder
from gotapi_core.protocol.errors import NotAuthorized, TimedOut

log = logging.getLogger(__name__)

POLLING: Final = 15.0  # seconds after a poll in which the next is awaited; RFC 8628 asks for 5


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

    __slots__ = ("answer", "heard", "key", "left", "waiters")

    def __init__(self, key: Key | None) -> None:
        self.answer: asyncio.Future[Holder | State] = asyncio.get_running_loop().create_future()
        self.key = key
        self.waiters = 0  # calls that are open
        self.left = False  # whether there were calls, and all had gone
        self.heard = float("-inf")  # when an application that polls last asked, by the loop's time


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
        request = self.ask(client, name, asked)
        answer: Holder | State = request.state
        if request.state is State.PENDING:
            answer = await self.wait(request.code, self._wait)
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

    async def wait(self, code: str, seconds: float) -> Holder | State:
        """Wait until a request is answered; returns PENDING when it is not in that time.

        EXPIRED where there is no such request any more.
        """
        one = self._open.get(code)
        if one is None:
            return State.EXPIRED
        self._count(code, one, 1)
        try:
            # Not wait_for: it would cancel the answer that others may be waiting for.
            await asyncio.wait({one.answer}, timeout=seconds)
        finally:
            self._count(code, one, -1)
        return one.answer.result() if one.answer.done() else State.PENDING

    def hear(self, code: str) -> None:
        """Note that the application asked after its request just now."""
        if code in self._open:
            self._open[code].heard = asyncio.get_running_loop().time()

    def waiting(self, code: str) -> bool:
        """Tell whether the application waits for the answer: in a call, or polling."""
        one = self._open.get(code)
        if one is None:
            return False
        return one.waiters > 0 or asyncio.get_running_loop().time() - one.heard < POLLING

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

    def ask(
        self,
        client: Client,
        name: str,
        asked: tuple[str, ...],
        *,
        life: float | None = None,
        shows_code: bool = False,
    ) -> Request:
        """Put a request to the operator, or return the equal one that is there.

        `life` is how long it can be answered, in seconds. Raises TooManyRequests.
        """
        self.lapse()
        now = self._clock()
        left = self._wait + self._answerable if life is None else life
        wish = Request(
            code=tokens.unused(tokens.new_code, self._docket),
            client=client.digest,
            application_name=name,
            origin=client.origin,
            browser=client.browser,
            scopes=asked,
            created=now,
            deadline=now + left,
            shows_code=shows_code,
        )
        request = self._docket.ask(wish)
        if request is wish:
            self._open[wish.code] = _Open(client.key)
            asyncio.get_running_loop().call_later(left, self.lapse)
            self._listeners.emit(RequestAdded(pending_request(request)))
        return request

    def _count(self, code: str, one: _Open, change: int) -> None:
        before, one.waiters = one.waiters > 0, one.waiters + change
        if before == (one.waiters > 0) or code not in self._open:
            return
        if one.left or one.waiters == 0:  # that the first call waits goes without saying
            one.left = one.waiters == 0
            self._listeners.emit(WaitingChanged(code))

    def _end(self, code: str, outcome: State, answer: Holder | State) -> None:
        self._open.pop(code).answer.set_result(answer)
        application = answer.approval.id if isinstance(answer, Holder) else ""
        self._listeners.emit(RequestEnded(code, outcome, application))
