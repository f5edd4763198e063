"""What the auth server keeps on the disk, as values. PURE."""

from __future__ import annotations

import msgspec

from gotapi_auth.grants import Grant
from gotapi_auth.keys import Key


class Approval(msgspec.Struct, frozen=True):
    """What the operator approved once; `client` is the digest of the clientId."""

    id: str
    client: bytes
    origin: str
    name: str
    grant: Grant
    last_used: float | None = None
    key: Key | None = None


class LaunchKey(msgspec.Struct, frozen=True):
    """The key that the user's launch URI brought for an origin."""

    origin: str
    key: Key
    created: float


class StoredToken(msgspec.Struct, frozen=True):
    """An access token as it is stored; times are seconds since 1970 (UTC).

    `scopes` are those it was asked for: it opens the part of them that its approval allows, and
    ends with the approval.
    """

    digest: bytes
    application: str
    scopes: tuple[str, ...]
    created: float
    expires: float
