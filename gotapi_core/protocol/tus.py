"""The headers of tus, the open protocol for resumable uploads, version 1.0.0. PURE.

Header names are lower case in every mapping. Each function names the section it follows; all of
them raise InvalidParameter, PayloadTooLarge or one of the two errors here, which only tus has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

import msgspec

from gotapi_core.protocol.errors import IllegalDeviceState, InvalidParameter, PayloadTooLarge

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,expiration,checksum,termination"
CHECKSUMS: Final = ("sha1", "sha256")  # Checksum: a server MUST know sha1
CONTENT_TYPE: Final = "application/offset+octet-stream"
METHODS: Final = frozenset({"POST", "HEAD", "PATCH", "DELETE"})

_DIGITS: Final = 19  # of a length or an offset; 2**63 has as many
_MAX_METADATA: Final = 8 * 1024  # characters of Upload-Metadata; a header may have 64 KiB
_MAX_PAIRS: Final = 32  # in Upload-Metadata; clients in use send five at most
_KEY: Final = re.compile(r"[!-+\--~]+")  # printable ASCII but space and comma
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class UploadBusy(IllegalDeviceState):
    """16 with HTTP 423: another request is writing to the upload."""

    status = 423
    default_message = "Another request is sending this file; wait a moment and ask for its offset"


class WrongOffset(IllegalDeviceState):
    """16 with HTTP 409: the bytes that were sent do not continue those that are there."""


class ChecksumMismatch(InvalidParameter):
    """10 with HTTP 460: what arrived is not what was sent (tus, Checksum)."""

    status = 460


class UnsupportedVersion(InvalidParameter):
    """10 with HTTP 412: the client speaks another version of tus."""

    status = 412


class WrongContentType(InvalidParameter):
    """10 with HTTP 415: the body is not declared as tus wants it."""

    status = 415


class Wish(msgspec.Struct, frozen=True):
    """What a client wants to upload; sizes in bytes, `metadata` as it was sent."""

    length: int
    name: str = ""
    content_type: str = ""
    sha256: str = ""  # lower-case hex; empty where none was given
    metadata: str = ""


class Checksum(msgspec.Struct, frozen=True):
    """The checksum of one body."""

    algorithm: str
    digest: bytes


def is_tus(headers: Mapping[str, str]) -> bool:
    """Tell whether a request is one of tus; plain requests never have the header."""
    return "tus-resumable" in headers


def effective_method(method: str, headers: Mapping[str, str]) -> str:
    """Return the method that is meant: some clients can send nothing but POST (Headers)."""
    override = headers.get("x-http-method-override")
    if override is None or method != "POST":
        return method
    if override not in METHODS:
        raise InvalidParameter(
            f"X-HTTP-Method-Override must be one of {', '.join(sorted(METHODS))}, "
            f"not {override[:20]!r}"
        )
    return override


def check_version(headers: Mapping[str, str]) -> None:
    """Raise UnsupportedVersion unless the client speaks our version (Headers, Tus-Resumable)."""
    version = headers.get("tus-resumable", "")
    if version != VERSION:
        raise UnsupportedVersion(f"This hub speaks tus {VERSION}, not {version[:20]!r}")


def check_content_type(headers: Mapping[str, str]) -> None:
    """Raise WrongContentType unless the body is what PATCH takes (Core, PATCH)."""
    given = headers.get("content-type", "")
    if given.strip().lower() != CONTENT_TYPE:
        raise WrongContentType(f"Send the bytes as {CONTENT_TYPE}, not {given[:60] or 'nothing'!r}")


def parse_wish(headers: Mapping[str, str]) -> Wish:
    """Return what a creation asks for (Creation, POST).

    Of the metadata `filename` (or `name`), `filetype` (or `type`) and `sha256` (64 hex digits of
    the whole file) mean something to the hub; the rest is kept and given back.
    """
    if "upload-defer-length" in headers:
        raise InvalidParameter("This hub wants Upload-Length at once; it cannot be deferred")
    length = _number(headers, "Upload-Length")
    raw = headers.get("upload-metadata", "")
    metadata = parse_metadata(raw)
    sha256 = _text(metadata, "sha256").lower()
    if sha256:
        sha256 = check_sha256(sha256)
    return Wish(
        length=length,
        name=_text(metadata, "filename", "name"),
        content_type=_text(metadata, "filetype", "type"),
        sha256=sha256,
        metadata=raw,
    )


def check_sha256(text: str) -> str:
    """Return a sha256 in lower case; raises InvalidParameter where it is none."""
    if not _SHA256.fullmatch(text.lower()):
        raise InvalidParameter(f"sha256 must be 64 hexadecimal digits, not {text[:70]!r}")
    return text.lower()


def parse_offset(headers: Mapping[str, str]) -> int:
    """Return where in the file a body belongs, in bytes (Core, Upload-Offset)."""
    return _number(headers, "Upload-Offset")


def parse_metadata(raw: str) -> dict[str, bytes]:
    """Return the pairs of Upload-Metadata (Creation, Upload-Metadata)."""
    if len(raw) > _MAX_METADATA:
        raise PayloadTooLarge(f"Upload-Metadata has more than {_MAX_METADATA} characters")
    found: dict[str, bytes] = {}
    if not raw.strip():
        return found
    for pair in raw.split(","):
        key, _, value = pair.strip(" \t").partition(" ")
        if not _KEY.fullmatch(key) or key in found or len(found) >= _MAX_PAIRS:
            raise InvalidParameter(
                f"Upload-Metadata must be up to {_MAX_PAIRS} pairs `key base64`, separated by "
                "commas, each key once"
            )
        found[key] = _base64(value.strip(" "), f"the value of {key[:40]!r} in Upload-Metadata")
    return found


def format_metadata(pairs: Mapping[str, str]) -> str:
    """Return the Upload-Metadata header for texts."""
    encoded = ((key, base64.b64encode(text.encode()).decode()) for key, text in pairs.items())
    return ",".join(f"{key} {value}" if value else key for key, value in encoded)


def parse_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Return the checksum of the body, if there is one (Checksum, Upload-Checksum)."""
    raw = headers.get("upload-checksum")
    if raw is None:
        return None
    algorithm, _, value = raw.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise InvalidParameter(
            f"Upload-Checksum may be one of {', '.join(CHECKSUMS)}, not {algorithm[:20]!r}"
        )
    digest = _base64(value.strip(), "Upload-Checksum")
    if len(digest) != hashlib.new(algorithm).digest_size:
        raise InvalidParameter(f"Upload-Checksum is {len(digest)} bytes long, too few or too many")
    return Checksum(algorithm, digest)


def http_date(moment: float) -> str:
    """Return seconds since 1970 as Upload-Expires wants them (Expiration; RFC 9110 5.6.7)."""
    return formatdate(max(0.0, moment), usegmt=True)


def capabilities(max_size: int) -> list[tuple[str, str]]:
    """Return the headers that tell a client what there is (Core, OPTIONS)."""
    return [
        ("tus-resumable", VERSION),
        ("tus-version", VERSION),
        ("tus-extension", EXTENSIONS),
        ("tus-max-size", str(max_size)),
        ("tus-checksum-algorithm", ",".join(CHECKSUMS)),
    ]


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name.lower(), "").strip()
    if not (text.isascii() and text.isdecimal()):
        raise InvalidParameter(f"{name} must be a number of bytes, not {text[:30]!r}")
    digits = text.lstrip("0") or "0"
    if len(digits) > _DIGITS:
        raise PayloadTooLarge(f"{name} is larger than any file")
    return int(digits)


def _base64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text.encode("latin-1"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise InvalidParameter(f"{what} is not base64") from None


def _text(metadata: Mapping[str, bytes], *names: str) -> str:
    for name in names:
        if name in metadata:
            try:
                return metadata[name].decode()
            except UnicodeDecodeError:
                raise InvalidParameter(
                    f"The value of {name!r} in Upload-Metadata is not UTF-8"
                ) from None
    return ""
