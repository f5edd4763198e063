"""The fingerprint by which a hub's key is known: SHA-256 of the public key's SPKI. PURE.

The key is that of the hub's own certificate authority, which signs nothing but this hub's
certificates. So the fingerprint stays when a certificate is renewed.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_SEPARATORS: Final = re.compile(r"[\s:-]")
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PREFIX: Final = "sha256"
_LONGEST: Final = 400  # characters; 64 digits, each with a separator, and the prefix


def fingerprint(spki: bytes) -> str:
    """Return the fingerprint of a SubjectPublicKeyInfo in DER (RFC 5280 4.1.2.7): 64 hex digits."""
    return hashlib.sha256(spki).hexdigest()


def parse_fingerprint(text: str) -> str:
    """Return a fingerprint that a person typed; raises ValueError.

    Case, spaces, colons, hyphens and a leading `sha256` do not matter.
    """
    bare = _SEPARATORS.sub("", text[:_LONGEST]).lower().removeprefix(_PREFIX)
    if len(text) > _LONGEST or not _HEX.fullmatch(bare):
        raise ValueError(
            "A fingerprint has 64 hexadecimal digits; `gotapi tls show` on the hub's computer "
            "prints it"
        )
    return bare


def grouped(text: str) -> str:
    """Return a fingerprint in groups of four digits, as people compare it."""
    return " ".join(text[index : index + 4] for index in range(0, len(text), 4))
