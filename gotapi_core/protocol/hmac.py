"""Server authentication: the `hmac` member that proves a server knows the application's key. PURE.

The peers agree on HMAC-SHA-256 over the nonce alone, lower-case hex, and differ in what the key
and nonce are: node-gotapi takes their characters, DeviceConnect the bytes their hex digits spell.
The channel through which the key came tells which: the availability call or the launch URI.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from enum import Enum
from typing import Final

from gotapi_core.protocol.errors import InvalidParameter

MAX_KEY: Final = 256  # characters; the clients send 64 and 32
# The messages of the second version (`mac.py`) begin with this. Where one key serves both, the
# first version, which signs whatever nonce it is sent, must not be made to sign those.
_SECOND_VERSION: Final = b"gotapi-hub "
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*", re.ASCII)


class Encoding(Enum):
    """How key and nonce become bytes."""

    TEXT = "text"
    """Their characters (node-gotapi; keys from the availability call)."""

    HEX = "hex"
    """Two hex digits a byte (DeviceConnect; keys from the launch URI)."""


def valid_key(key: str, encoding: Encoding = Encoding.TEXT) -> bool:
    """Return whether a key can be used: 1 to 256 printable ASCII characters, or hex digit pairs."""
    if not 1 <= len(key) <= MAX_KEY:
        return False
    if encoding is Encoding.HEX:
        return _HEX.fullmatch(key) is not None
    return key.isascii() and key.isprintable()


def server_mac(key: str, nonce: str, encoding: Encoding) -> str:
    """Return the `hmac` member for a request's nonce.

    An empty nonce is a nonce of no bytes. Raises InvalidParameter for a key or nonce that does
    not fit the encoding.
    """
    if not valid_key(key, encoding):
        raise InvalidParameter(
            f"The key must be 1 to {MAX_KEY} characters, and with a launch URI pairs of hex digits"
        )
    if encoding is Encoding.TEXT:
        secret, message = key.encode(), nonce.encode()
    elif _HEX.fullmatch(nonce):
        secret, message = bytes.fromhex(key), bytes.fromhex(nonce)
    else:
        raise InvalidParameter("The nonce must be pairs of hex digits, as the key is")
    if message.startswith(_SECOND_VERSION):
        raise InvalidParameter("The nonce is not random; use 16 random bytes")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()
