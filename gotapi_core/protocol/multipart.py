"""multipart/form-data, incrementally: bytes in, fields and file pieces out. PURE.

The DeviceConnect SDK sends every PUT, POST and DELETE this way, the last with an empty body.
"""

from __future__ import annotations

from typing import Final

import msgspec
import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartState, parse_options_header

from gotapi_core.protocol.errors import InvalidParameter, PayloadTooLarge
from gotapi_core.protocol.limits import Limits

_MAX_HEADERS: Final = 16  # per part; RFC 7578 4.8 knows three
_MAX_HEADER: Final = 4096  # bytes of one header line
_MAX_FILENAME: Final = 100  # characters; file systems stop at 255 bytes
_UNSAFE: Final = frozenset('<>:"|?*')  # characters that some file system does not take
_PLAIN_ENCODINGS: Final = frozenset({"", "7bit", "8bit", "binary"})


class FieldDone(msgspec.Struct, frozen=True):
    """A text field, complete."""

    name: str
    value: str


class FileStart(msgspec.Struct, frozen=True):
    """A file begins; `filename` is a safe base name, never empty."""

    name: str
    filename: str
    content_type: str


class FileData(msgspec.Struct, frozen=True):
    """A piece of the file that began last; never empty."""

    data: bytes


class FileEnd(msgspec.Struct, frozen=True):
    """The file that began last is complete."""


Event = FieldDone | FileStart | FileData | FileEnd


def multipart_boundary(content_type: str) -> bytes | None:
    """Return the boundary of a multipart/form-data Content-Type; None for any other type.

    Raises InvalidParameter if the boundary is missing.
    """
    kind, options = parse_options_header(_latin(content_type))
    if kind != b"multipart/form-data":
        return None
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise InvalidParameter("Content-Type multipart/form-data lacks its boundary parameter")
    return boundary


def safe_filename(filename: str) -> str:
    """Return the last part of a client's file name, without what a file system may trip over."""
    base = filename.replace("\\", "/").rpartition("/")[2]
    kept = "".join("_" if c in _UNSAFE else c for c in base if c.isprintable()).strip(" .")
    if len(kept) > _MAX_FILENAME:
        stem, dot, suffix = kept.rpartition(".")
        if not dot or len(suffix) > 16:
            stem, dot, suffix = kept, "", ""
        kept = stem[: _MAX_FILENAME - len(dot + suffix)].rstrip(" .") + dot + suffix
    return kept or "file"


class MultipartParser:
    """Turns the pieces of a multipart body into events; raises InvalidParameter, PayloadTooLarge.

    `Limits` bounds parts, names and text values. File bytes are not counted here. After an error
    the parser must not be used again.
    """

    def __init__(self, boundary: bytes | str, limits: Limits | None = None) -> None:
        raw = boundary.encode("utf-8") if isinstance(boundary, str) else boundary
        # RFC 2046 5.1.1: one to seventy characters.
        if not 1 <= len(raw) <= 70 or not raw.isascii() or not raw.decode("ascii").isprintable():
            raise InvalidParameter("The multipart boundary must be 1 to 70 printable characters")
        self._limits = limits or Limits()
        self._events: list[Event] = []
        self._names: set[str] = set()
        self._parts = 0
        self._started = False
        self._headers: dict[str, bytes] = {}
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._field: str | None = None
        self._in_file = False
        self._data = bytearray()
        self._parser = python_multipart.MultipartParser(
            raw,
            {
                "on_part_begin": self._part_begin,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_header_field": self._header_field,
                "on_header_value": self._header_piece,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
            },
            max_header_count=_MAX_HEADERS,
            max_header_size=_MAX_HEADER,
        )

    def feed(self, data: bytes) -> list[Event]:
        """Take the next piece of the body and return what it completes."""
        self._started = self._started or bool(data)
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InvalidParameter(f"The multipart body is malformed: {error}") from None
        self._flush()
        events, self._events = self._events, []
        return events

    def finish(self) -> None:
        """Say that the body is over; raises InvalidParameter if its closing boundary is missing."""
        # A body of no bytes is a form of no fields: the SDK's DELETE.
        if self._started and self._parser.state != MultipartState.END:
            raise InvalidParameter("The multipart body ends before its closing boundary")

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise InvalidParameter(f"The form has more than {self._limits.parts} parts")
        self._headers.clear()
        self._field = None
        self._in_file = False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_piece(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        name = self._header_name.decode("latin-1").lower()
        if name in self._headers:
            raise InvalidParameter(f"A part of the form has the header {name} twice")
        self._headers[name] = bytes(self._header_value).strip(b" \t")
        self._header_name.clear()
        self._header_value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(_latin(self._headers.get("content-disposition", b"")))
        if not options.get(b"name"):
            raise InvalidParameter("A part of the form has no name in its Content-Disposition")
        name = _text(options[b"name"], "field name")
        check_name(name, self._limits)
        if name in self._names:
            raise InvalidParameter(f"The form has the field {name!r} twice")
        self._names.add(name)
        encoding = _latin(self._headers.get("content-transfer-encoding", b"")).lower()
        if encoding not in _PLAIN_ENCODINGS:
            # RFC 7578 4.7: deprecated, and no browser sends it.
            raise InvalidParameter(f"The form field {name!r} is encoded; send it as it is")
        self._open(name, options.get(b"filename"))

    def _open(self, name: str, filename: bytes | None) -> None:
        if filename is None:
            self._field = name
            return
        self._in_file = True
        content_type = _latin(self._headers.get("content-type", b"")) or "application/octet-stream"
        shown = safe_filename(filename.decode("utf-8", "replace"))
        self._events.append(FileStart(name, shown, content_type))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]
        # Four bytes is the most a character takes; the exact count is made at the end.
        if self._field is not None and len(self._data) > 4 * self._limits.value:
            raise _value_too_long(self._field, self._limits)

    def _flush(self) -> None:
        """Pass file bytes on; small pieces of one `feed` become one event."""
        if self._in_file and self._data:
            self._events.append(FileData(bytes(self._data)))
            self._data.clear()

    def _part_end(self) -> None:
        if self._field is None:
            self._flush()
            self._events.append(FileEnd())
            self._in_file = False
            return
        value = _text(bytes(self._data), f"value of {self._field!r}")
        self._data.clear()
        check_value(self._field, value, self._limits)
        self._events.append(FieldDone(self._field, value))


def check_name(name: str, limits: Limits) -> None:
    """Raise InvalidParameter for a parameter name that is empty, too long or has a NUL."""
    if not name:
        raise InvalidParameter("A parameter has an empty name")
    if len(name) > limits.name:
        raise InvalidParameter(
            f"The parameter name {name[:32]!r}... is longer than {limits.name} characters"
        )
    if "\0" in name:
        raise InvalidParameter(f"The parameter name {name!r} has a NUL character")


def check_value(name: str, value: str, limits: Limits) -> None:
    """Raise PayloadTooLarge for a text that is too long, InvalidParameter for one with a NUL."""
    if len(value) > limits.value:
        raise _value_too_long(name, limits)
    if "\0" in value:
        raise InvalidParameter(f"The parameter {name!r} has a NUL character; remove it")


def _value_too_long(name: str, limits: Limits) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The parameter {name!r} is longer than {limits.value} characters; send it as a file"
    )


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidParameter(f"The {what} in the form is not valid UTF-8") from None


def _latin(value: bytes | str) -> str:
    """Return header text whose characters are bytes; others become question marks."""
    raw = value.encode("latin-1", "replace") if isinstance(value, str) else value
    return raw.decode("latin-1")
