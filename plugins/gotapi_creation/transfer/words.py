"""The text messages of the WebSocket file protocol. PURE.

    uploader   -> {"accessToken", "secureToken", "fileId", "size", "sha256", "type"}
    downloader -> {"accessToken", "secureToken", "fileId", "offset"}
    receiver   -> {"offset"}  at the start and after every MiB
    sender     -> {"offset", "size", "sha256", "type"}  where it was asked to
    receiver   -> {"result", "sha256"}  the end, or {"result", "errorMessage"} from either

The rest are binary frames. Offsets and sizes are bytes.
"""

import re
from typing import Annotated, Final, TypeVar

import msgspec

from gotapi_creation.transfer.failures import BrokenRules

MESSAGE_BYTES: Final = 1 << 20  # of one frame; it bounds what a connection costs in memory
TEXT_BYTES: Final = 8 * 1024  # of one text: two tokens, a number, a hash
PIECE: Final = 256 * 1024  # what we send at once; 146 MB/s measured, larger gains nothing
ACK_EVERY: Final = 1 << 20
WINDOW: Final = 8 * ACK_EVERY  # sent ahead of the acknowledgement; more only fills buffers
MOST_BYTES: Final = 256 << 20  # of any file; a GLB with two million triangles has 60 MB

M = TypeVar("M", bound=msgspec.Struct)

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
Bytes = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]  # what JavaScript counts exactly


class Opening(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The client's first message; without a `size` it wants to download."""

    file_id: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] | str
    access_token: str = ""
    secure_token: str = ""
    size: Bytes | None = None
    sha256: str = ""
    type: str = ""
    offset: Bytes = 0

    @property
    def number(self) -> int:
        """The file's id; figures write it as text. -1 where it is no number."""
        text = str(self.file_id)
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else -1

    @property
    def uploads(self) -> bool:
        return self.size is not None


class Offset(msgspec.Struct, frozen=True):
    """How much the receiver has, safely."""

    offset: Bytes


class Offer(msgspec.Struct, frozen=True):
    """What the sender of a download is about to send, from `offset` on."""

    offset: Bytes
    size: Bytes
    sha256: str = ""
    type: str = ""


class Verdict(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The end: result 0, or a code with words."""

    result: int
    sha256: str = ""
    error_message: str = ""


def read_opening(text: str) -> Opening:
    """Return the first message; raises BrokenRules."""
    opening = _read(text, Opening, "the first message")
    if opening.sha256 and not _SHA256.fullmatch(opening.sha256):
        raise BrokenRules("sha256 must be 64 hexadecimal digits")
    return opening


def read_offset(text: str) -> Offset | Verdict:
    """Return what a receiver says; raises BrokenRules."""
    if _is_verdict(text):
        return _read(text, Verdict, "the result")
    return _read(text, Offset, "the acknowledgement")


def read_offer(text: str) -> Offer | Verdict:
    """Return what a sender says; raises BrokenRules."""
    if _is_verdict(text):
        return _read(text, Verdict, "the result")
    return _read(text, Offer, "the description of the file")


def write(message: Opening | Offset | Offer | Verdict) -> str:
    """Return a message as text."""
    return msgspec.json.encode(message).decode()


class _Kind(msgspec.Struct, frozen=True):
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _is_verdict(text: str) -> bool:
    return _read(text, _Kind, "the message").result is not msgspec.UNSET


def _read(text: str, kind: type[M], what: str) -> M:
    if len(text) > TEXT_BYTES:
        raise BrokenRules(f"{what} has more than {TEXT_BYTES} characters")
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise BrokenRules(f"{what} cannot be read: {error}") from None
