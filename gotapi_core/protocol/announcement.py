"""What a hub says of itself by multicast DNS: that it is there, and nothing about whose. PURE.

The instance name and the host name are random; the text record (RFC 6763 6) holds the version,
the TLS port and the key's fingerprint. Everything in an announcement that was heard is a claim of
some machine on the network, to be checked by the TLS handshake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from gotapi_core.protocol.fingerprint import parse_fingerprint

SERVICE_TYPE: Final = "_gotapi._tcp.local."
PREFIX: Final = "gotapi-hub-"
_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,32}", re.ASCII)
_NAME: Final = re.compile(r"[0-9a-z-]{1,63}", re.ASCII)  # one DNS label


class Announcement(msgspec.Struct, frozen=True):
    """One hub on the network; `name` is its instance and, under .local, its host."""

    name: str
    version: str
    port: int
    fingerprint: str

    @property
    def host(self) -> str:
        """The host name that the announcement resolves."""
        return f"{self.name}.local"

    def txt(self) -> dict[str, str]:
        """Return the text record."""
        return {"version": self.version, "tls": str(self.port), "fp": self.fingerprint}


def parse_announcement(instance: str, txt: Mapping[bytes, bytes | None]) -> Announcement | None:
    """Return what a hub says, None where it is not one of ours or not well-formed.

    `instance` is the full name `<name>._gotapi._tcp.local.`; the keys of a text record do not
    depend on case (RFC 6763 6.4).
    """
    name = instance.lower().removesuffix(f".{SERVICE_TYPE}")
    values = {key.lower(): value or b"" for key, value in txt.items()}
    try:
        version = values[b"version"].decode("ascii")
        port = values[b"tls"].decode("ascii")
        key = parse_fingerprint(values[b"fp"].decode("ascii"))
    except (KeyError, ValueError):
        return None
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return None
    if not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or not 0 < int(port) < 65536:
        return None
    return Announcement(name, version, int(port), key)
