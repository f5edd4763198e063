"""The OAuth side of consent: device codes and loopback redirects with PKCE. PURE.

RFC 8628 (device authorization grant), RFC 8252 7.3 (loopback redirects of native applications),
RFC 7636 (PKCE, S256 only), RFC 9207 (`iss`). What is refused here has the error form of RFC 6749
5.2, never that of GotAPI: the clients of these endpoints are OAuth libraries.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

import msgspec

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
CODE_GRANT: Final = "authorization_code"
MAX_URI: Final = 512  # characters of a redirect URI; a path for an own loopback server is short
MAX_STATE: Final = 512  # characters; libraries send 16 to 64

# RFC 8252 7.3: the loopback address itself, not `localhost`, which a hosts file can send anywhere.
# RFC 3986 3.3 and 3.4 for the rest; no fragment, no user information, no empty port.
_REDIRECT: Final = re.compile(
    r"http://(?:127\.0\.0\.1|\[::1\]):(?P<port>[1-9][0-9]{0,4})"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 4.2: BASE64URL of 32 bytes
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 4.1
_STATE: Final = re.compile(r"[\x20-\x7e]*")  # RFC 6749 A.5


class OAuthError(Exception):
    """A refusal: `error` is the code of the RFCs, `description` is for people."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    def members(self) -> dict[str, str]:
        """Return the members of the answer (RFC 6749 5.2)."""
        return {"error": self.error, "error_description": self.description}


class Redirect(msgspec.Struct, frozen=True):
    """Where the browser is sent with the code, and what proves who fetches the token."""

    uri: str
    challenge: str
    state: str | None
    issuer: str

    def approved(self, code: str) -> str:
        """Return the address that hands the code over (RFC 6749 4.1.2)."""
        return self._with(code=code)

    def refused(self, error: OAuthError) -> str:
        """Return the address that tells of a refusal (RFC 6749 4.1.2.1)."""
        return self._with(**error.members())

    def _with(self, **params: str) -> str:
        if self.state is not None:
            params["state"] = self.state
        params["iss"] = self.issuer  # RFC 9207 2
        return f"{self.uri}{'&' if '?' in self.uri else '?'}{urlencode(params)}"


def check_redirect(uri: str | None, own_ports: frozenset[int] = frozenset()) -> str:
    """Return a redirect URI that leads to this machine and nowhere else; raises OAuthError.

    `own_ports` are those of the hub, where no application listens.
    """
    found = _REDIRECT.fullmatch(uri) if uri is not None and len(uri) <= MAX_URI else None
    if uri is None or found is None or not 1 <= int(found["port"]) <= 65535:
        raise OAuthError(
            "invalid_request",
            "redirect_uri must be http://127.0.0.1:PORT/... or http://[::1]:PORT/..., without a "
            f"fragment, of at most {MAX_URI} characters",
        )
    if int(found["port"]) in own_ports:
        raise OAuthError("invalid_request", "redirect_uri leads to the hub itself")
    return uri


def check_state(state: str | None) -> str | None:
    """Return the state of an authorization request; raises OAuthError."""
    if state is not None and (len(state) > MAX_STATE or not _STATE.fullmatch(state)):
        raise OAuthError(
            "invalid_request", f"state must be at most {MAX_STATE} printable ASCII characters"
        )
    return state


def check_challenge(challenge: str | None, method: str | None) -> str:
    """Return the PKCE challenge of an authorization request; raises OAuthError."""
    if method != "S256":
        # RFC 7636 4.2: `plain` protects from nobody who sees the address.
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if challenge is None or not _CHALLENGE.fullmatch(challenge):
        raise OAuthError(
            "invalid_request", "code_challenge must be the base64url SHA-256 of code_verifier"
        )
    return challenge


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def verified(verifier: str | None, challenge: str) -> bool:
    """Tell whether a verifier is the one of a challenge (RFC 7636 4.6), in constant time."""
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(challenge_of(verifier), challenge)


def scope_list(scope: str | None) -> str:
    """Return the comma list that GotAPI has for scopes, from that or from RFC 6749's spaces."""
    return ",".join((scope or "").replace(",", " ").split())


def text(params: Mapping[str, object], *names: str) -> str | None:
    """Return the first of the parameters that is there, by any of its names; None without one.

    An empty value is none (RFC 6749 3.1). Raises OAuthError where it is no text.
    """
    lower = {name.lower(): value for name, value in params.items()}
    for name in names:
        value = lower.get(name.lower())
        if value is not None and not isinstance(value, str):
            raise OAuthError("invalid_request", f"{name} must be text")
        if value:
            return value
    return None


def token_members(
    token: str, scopes: tuple[tuple[str, int], ...], expire_ms: int
) -> dict[str, object]:
    """Return the token answer: the names of RFC 6749 5.1 beside those of GotAPI."""
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": min((left for _, left in scopes), default=0),
        "scope": " ".join(scope for scope, _ in scopes),
        "accessToken": token,
        "scopes": [{"scope": scope, "expirePeriod": left} for scope, left in scopes],
        "expire": expire_ms,
    }
