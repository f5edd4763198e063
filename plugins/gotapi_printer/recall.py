"""PURE: asks a printer, before anything else, which line it took last over an earlier connection.

A line with a number far too high is refused by every firmware that counts, with the number it
expects: `Resend: 58` says that 57 was the last. A board that restarted expects 1.
"""

from gotapi_printer.marlin.replies import Resend, Restarted, classify
from gotapi_printer.marlin.wire import LineAssembler, numbered

FAR = 999_999_999

# The newline ends a line that was half written when the connection broke.
QUESTION = b"\n" + numbered(FAR, b"M105")


class Recall:
    """Reads the answer."""

    def __init__(self) -> None:
        self._lines = LineAssembler()
        self.over = False
        """Whether nothing more is worth waiting for."""
        self.restarted = False
        self.number: int | None = None
        """The last number that the printer took, None where it does not know one."""

    def take(self, data: bytes) -> None:
        """Take bytes from the printer."""
        for line in self._lines.feed(data):
            reply = classify(line)
            if isinstance(reply, Restarted):
                self.restarted = self.over = True
                self.number = None
            elif isinstance(reply, Resend) and not self.over:
                self.number = reply.number - 1 if 1 < reply.number <= FAR else None
                self.over = True
