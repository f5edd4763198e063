"""PURE: multipart/mixed answers of GetView (3DPS 10.5.1, RFC 2046 5.1)."""

import re
from typing import Final

import msgspec

from gotapi_core.conformance.model import Failed, expect
from gotapi_portrayal.conformance.reply import Reply

BOUNDARY: Final = "3DPS_MULTIPART_MESSAGE_BOUNDARY"


class Part(msgspec.Struct, frozen=True):
    """One part: its MIME type and its body."""

    media: str
    body: bytes


def read_parts(reply: Reply) -> list[Part]:
    """Return the parts; raises Failed where the message is not as 10.5.1 has it."""
    reply.must_be_good()
    expect(reply.kind == "multipart/mixed", f"several pictures came as {reply.media!r}; {reply}")
    found = re.search(r'boundary="?([^";]+)"?', reply.media, re.IGNORECASE)
    boundary = found.group(1) if found else ""
    expect(boundary == BOUNDARY, f"the boundary in {reply.media!r} is not {BOUNDARY}")
    mark = b"--" + BOUNDARY.encode()
    pieces = (b"\r\n" + reply.body).split(b"\r\n" + mark)
    expect(len(pieces) > 2, f"the body does not have the boundary; {reply}")
    end = pieces.pop()
    expect(end.startswith(b"--"), "the message does not end with its boundary and two hyphens")
    return [_part(piece) for piece in pieces[1:]]


def _part(piece: bytes) -> Part:
    line, sign, rest = piece.partition(b"\r\n")
    if not sign or line.strip():
        raise Failed("a boundary is not followed by the end of its line")
    head, sign, body = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if not sign:
        raise Failed("a part has no empty line between its header and its body")
    rows = (row.partition(b":") for row in head.split(b"\r\n") if row)
    rows = (row.partition(b":") for row in head.split(b"\r\n") if row)
    fields = {name.strip().lower(): value.strip() for name, _, value in rows}
    media = fields.get(b"content-type", b"").decode("latin-1")
    expect(media != "", "a part does not declare its MIME type")
    return Part(media, body)
