"""Secrets and the names derived from them.

A secret is 256 bits of randomness and is stored as its SHA-256 only. A plain hash is enough: what
cannot be guessed needs no salt and no slow hash. Looking a digest up in a dict or an index tells
an attacker nothing by its time, because he cannot steer the digest of his guess.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Container
from hashlib import sha256
from typing import Final

MAX_SECRET: Final = 256  # characters of a presented secret that are hashed; ours have 43

# Without 0 O, 1 I L, which a person cannot tell apart. 31**8 codes are 39 bits; a code is no
# secret, it only names a request.
CODE_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH: Final = 8


def new_secret() -> str:
    """Return 256 random bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return the 32 bytes under which a secret is stored; never fails, whatever came in."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def matches(secret: str, stored: bytes) -> bool:
    """Compare a presented secret with a stored digest in constant time."""
    return hmac.compare_digest(digest(secret[:MAX_SECRET]), stored)


def token_id(stored: bytes) -> str:
    """Return the public name of a token: 64 bits of its digest in hex, useless as a token."""
    return stored[:8].hex()


def new_code() -> str:
    """Return the name of a request, for a person to type: XXXX-XXXX."""
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    return f"{code[:4]}-{code[4:]}"


def read_code(text: str) -> str:
    """Return a typed code in the form XXXX-XXXX, whatever its case, hyphens and spaces."""
    letters = [c for c in text[:64].upper() if c.isalnum()]
    return f"{''.join(letters[:4])}-{''.join(letters[4:])}"


def new_application_id() -> str:
    """Return a short public name of an approval, such as a1b2c3."""
    return secrets.token_hex(3)


def unused(make: Callable[[], str], taken: Container[str]) -> str:
    """Return the first made name that is not taken."""
    while (name := make()) in taken:
        pass
    return name
