"""Which bytes of a file a request wants: Range, If-Range and If-None-Match of RFC 9110. PURE."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

MAX_RANGES: Final = 16  # more are ignored, as RFC 9110 14.2 allows; viewers of PDF ask for five
_MAX_FIELD: Final = 1024  # characters of a Range that are looked at; 16 ranges have under 700
_SPEC: Final = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)


class Span(msgspec.Struct, frozen=True):
    """The bytes from `start` up to, but without, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class Unsatisfiable(Exception):  # noqa: N818  # reads as what it is: HTTP 416
    """All the ranges asked for lie behind the end of the file."""


def parse_ranges(field: str, size: int) -> tuple[Span, ...]:
    """Return the spans of a Range field for a file of `size` bytes; none means the whole file.

    A field that is malformed, has another unit, more than 16 ranges or overlapping ones is
    ignored (RFC 9110 14.2), so that nobody makes the hub send a file many times over. Raises
    Unsatisfiable.
    """
    unit, equals, rest = field[: _MAX_FIELD + 1].partition("=")
    if len(field) > _MAX_FIELD or not equals or unit.strip().lower() != "bytes":
        return ()
    spans: list[Span] = []
    specs = [text for part in rest.split(",") if (text := part.strip(" \t"))]
    if not 1 <= len(specs) <= MAX_RANGES:
        return ()
    for text in specs:
        bounds = _bounds(text, size)
        if bounds is None:
            return ()
        spans.append(bounds)
    wanted = tuple(span for span in spans if len(span))
    if not wanted:
        raise Unsatisfiable
    return () if _overlapping(wanted) else wanted


def if_range_holds(field: str | None, etag: str) -> bool:
    """Tell whether Range counts: no If-Range, or the strong entity tag that the file has.

    A date never holds: files do not change, and the hub sends no Last-Modified (RFC 9110 13.1.5).
    """
    return field is None or field.strip() == etag


def none_match(field: str | None, etag: str) -> bool:
    """Tell whether If-None-Match names this tag, compared weakly (RFC 9110 13.1.2): answer 304."""
    if field is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in field.split(",")}
    return etag in tags or "*" in tags


def content_range(span: Span, size: int) -> str:
    """Return the Content-Range of one span (RFC 9110 14.4)."""
    return f"bytes {span.start}-{span.stop - 1}/{size}"


def part_heads(
    spans: Sequence[Span], size: int, boundary: str, content_type: str
) -> tuple[tuple[bytes, ...], bytes]:
    """Return what stands before each part of multipart/byteranges, and what ends them (14.6)."""
    heads = [
        f"--{boundary}\r\nContent-Type: {content_type}\r\n"
        f"Content-Range: {content_range(span, size)}\r\n\r\n"
        for span in spans
    ]
    joined = [heads[0], *(f"\r\n{head}" for head in heads[1:])]
    return tuple(head.encode("ascii") for head in joined), f"\r\n--{boundary}--\r\n".encode("ascii")


def _bounds(text: str, size: int) -> Span | None:
    """Return one range cut to the file, of no length where it lies behind its end."""
    match = _SPEC.fullmatch(text)
    if match is None or text == "-":
        return None
    first, last = match.groups()
    if not first:
        return Span(max(0, size - int(last)), size)
    start = int(first)
    if last and int(last) < start:
        return None
    stop = min(int(last) + 1, size) if last else size
    return Span(min(start, stop), stop)


def _overlapping(spans: Sequence[Span]) -> bool:
    ordered = sorted(spans, key=lambda span: span.start)
    return any(a.stop > b.start for a, b in pairwise(ordered))
