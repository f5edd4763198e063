"""Keeps tokens out of logs: of the hub's own, and of the libraries it uses."""

from __future__ import annotations

import logging
import re
from typing import Final

_TOKENS: Final = re.compile(
    r"(?i)((?:access|secure)token[\"']?\s*(?:=|:|%3d)\s*[\"']?)[^&\s\"'<>,}]+|"
    r"(/3dcapi/files/[^/\s]+/)[^/\s\"']+"
)


def redacted(text: str) -> str:
    """Return a text without the tokens and keys of 3DCAPI addresses in it."""
    return _TOKENS.sub(lambda found: f"{found[1] or found[2]}...", text)


class Redact(logging.Filter):
    """Takes tokens out of every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, without tokens."""
        text = record.getMessage()
        clean = redacted(text)
        if clean != text:
            record.msg, record.args = clean, ()
        return True


_REDACT: Final = Redact()


def quiet() -> None:
    """Take tokens out of what the HTTP client logs: it names the address of every request."""
    for name in ("httpx2", "gotapi.plugin.creation"):
        logging.getLogger(name).addFilter(_REDACT)  # a filter is added once only
