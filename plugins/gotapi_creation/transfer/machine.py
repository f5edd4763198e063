"""The two ends of one file transfer as state machines. PURE.

`Receiver` and `Sender` do not know who dialled: an upload has the sender at the client, a download
at the server. Their shells read sockets and files and do what these say. A connection that was cut
is forgotten; the next one begins with new machines at the offset that the receiver has.
"""

from enum import Enum, auto
from typing import Final

from gotapi_creation.transfer.failures import BrokenRules, TooLarge, TransferError
from gotapi_creation.transfer.words import (
    ACK_EVERY,
    PIECE,
    WINDOW,
    Offer,
    Offset,
    Verdict,
    write,
)
from gotapi_creation.wire.codes import code_of


class State(Enum):
    """Where one end is."""

    START = auto()
    BODY = auto()  # bytes are under way
    CHECK = auto()  # all bytes are there; the hash decides
    DONE = auto()
    FAILED = auto()


class Step(Enum):
    """What moves an end on."""

    AGREED = auto()  # size and offset are known
    PIECE = auto()
    LAST = auto()
    GOOD = auto()
    BAD = auto()


TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    (State.START, Step.AGREED): State.BODY,
    (State.START, Step.BAD): State.FAILED,
    (State.BODY, Step.PIECE): State.BODY,
    (State.BODY, Step.LAST): State.CHECK,
    (State.BODY, Step.BAD): State.FAILED,
    (State.CHECK, Step.GOOD): State.DONE,
    (State.CHECK, Step.BAD): State.FAILED,
}


class _End:
    """What both ends have in common."""

    def __init__(self) -> None:
        self.state = State.START
        self.offset = 0
        self.size = 0

    def _go(self, step: Step) -> None:
        following = TRANSITIONS.get((self.state, step))
        if following is None:
            raise BrokenRules(
                f"{step.name.lower()} is not expected in state {self.state.name.lower()}"
            )
        self.state = following

    @property
    def over(self) -> bool:
        """Whether nothing follows."""
        return self.state in (State.DONE, State.FAILED)

    @property
    def whole(self) -> bool:
        """Whether all bytes are there, so that the hash decides."""
        return self.state is State.CHECK

    def _agree(self, offset: int, size: int) -> None:
        if not 0 <= offset <= size:
            raise BrokenRules(f"offset {offset} is not within the {size} bytes of the file")
        self._go(Step.AGREED)
        self.offset, self.size = offset, size
        if offset == size:
            self._go(Step.LAST)


class Receiver(_End):
    """Takes bytes; tell it `stored` once they are safe, and send the texts it returns."""

    def __init__(self) -> None:
        super().__init__()
        self._told = 0

    def begin(self, size: int, have: int, limit: int) -> str:
        """Agree on a file of `size` bytes of which `have` are here; returns the text to send.

        Raises TooLarge.
        """
        if size > limit:
            self._go(Step.BAD)
            raise TooLarge(f"The file has {size} bytes, more than the {limit} that are allowed")
        self._agree(have, size)
        self._told = have
        return write(Offset(have))

    def stored(self, count: int) -> str | None:
        """Count bytes that are safe; returns an acknowledgement now and then."""
        if count > self.size - self.offset:
            self._go(Step.BAD)
            raise BrokenRules(f"There are more than the {self.size} bytes that were announced")
        if count == 0:
            return None
        self.offset += count
        self._go(Step.LAST if self.offset == self.size else Step.PIECE)
        if self.offset - self._told < ACK_EVERY:
            return None
        self._told = self.offset
        return write(Offset(self.offset))

    def good(self, sha256: str) -> str:
        """End well; returns the result to send."""
        self._go(Step.GOOD)
        return write(Verdict(0, sha256))

    def bad(self, error: TransferError) -> str:
        """End with a failure; returns the result to send."""
        if not self.over:
            self._go(Step.BAD)
        return write(Verdict(int(error.code), error_message=error.message))


class Sender(_End):
    """Gives out which bytes to send, never more than a window ahead of what was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged = 0

    def begin(self, size: int, offset: int) -> None:
        """Agree on where to begin in a file of `size` bytes."""
        self._agree(offset, size)
        self.acknowledged = offset

    def offer(self, size: int, offset: int, sha256: str, kind: str) -> str:
        """Begin as the side that knows the file; returns the text to send."""
        self.begin(size, offset)
        return write(Offer(offset, size, sha256, kind))

    def piece(self) -> int:
        """Return how many bytes to send next; 0 where an acknowledgement has to come first."""
        ahead = self.offset - self.acknowledged
        if self.state is not State.BODY or ahead >= WINDOW:
            return 0
        count = min(PIECE, self.size - self.offset)
        self.offset += count
        self._go(Step.LAST if self.offset == self.size else Step.PIECE)
        return count

    def heard(self, message: Offset | Verdict) -> None:
        """Take what the receiver says; raises BrokenRules, or what its failure was."""
        if isinstance(message, Offset):
            if not self.acknowledged <= message.offset <= self.offset:
                raise BrokenRules(f"{message.offset} was acknowledged without having been sent")
            self.acknowledged = message.offset
            return
        self._go(Step.GOOD if message.result == 0 and self.whole else Step.BAD)
        if message.result:
            raise refused(message)
        if self.state is State.FAILED:
            raise BrokenRules("The receiver ended before it had all bytes")
        self.acknowledged = self.size


def refused(verdict: Verdict) -> TransferError:
    """Return the failure that the other side reports."""
    message = verdict.error_message[:500] or "The other side refused the file"
    return TransferError(message, code_of(verdict.result))
