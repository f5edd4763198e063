"""How a client makes sure that a hub with an https address is the one that is meant.

A hub signs its certificates with an authority of its own. A client that was told the fingerprint
of that authority's key fetches the authority's certificate from the hub, checks it against the
fingerprint, and from then on trusts this certificate and no other. Nothing is sent before that.
"""

import asyncio
import http.client
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gotapi_core.client.errors import HubError, HubIdentityChanged, HubUnreachable, HubUntrusted
from gotapi_core.client.known_hubs import KnownHub, KnownHubs
from gotapi_core.protocol.fingerprint import fingerprint, grouped, parse_fingerprint
from gotapi_core.protocol.identity import NATIVE_HEADER

PATH: Final = "/ca.crt"
MAX_CERTIFICATE: Final = 64 * 1024  # bytes; a hub's has about 1 KiB
FETCH: Final = 5.0  # seconds for each step of fetching it


class Trust(msgspec.Struct, frozen=True):
    """What a client goes by; without any, the certificates that the system trusts.

    `ca_file` is the authority's certificate, `pin` the fingerprint of its key. With `known_hubs`
    a hub is trusted at first contact, and its key must be the same ever after.
    """

    ca_file: Path | None = None
    pin: str = ""
    known_hubs: Path | None = None


class Verifier:
    """Makes the TLS context for one hub, and explains what a failed handshake means."""

    def __init__(self, url: str, origin: str, trust: Trust) -> None:
        """Raises ValueError where the pin is no fingerprint."""
        self._url = url
        self._origin = origin
        self._trust = trust
        self._pin = parse_fingerprint(trust.pin) if trust.pin else ""
        self._known = KnownHubs(trust.known_hubs) if trust.known_hubs is not None else None
        self._context: ssl.SSLContext | None = None
        self._lock = asyncio.Lock()

    async def context(self) -> ssl.SSLContext | None:
        """Return the context, None for plain HTTP; raises HubUntrusted and HubUnreachable."""
        if not self._url.startswith("https:"):
            return None
        async with self._lock:
            if self._context is None:
                self._context = await asyncio.to_thread(self._make)
            return self._context

    async def explain(self, error: ssl.SSLCertVerificationError) -> HubError:
        """Return what is wrong with a hub whose certificate was refused."""
        try:
            pin = self._expected()
            found = (
                await asyncio.to_thread(fetch_identity, self._url, self._origin) if pin else None
            )
        except HubError as failure:
            return failure
        if found is not None and found.fingerprint != pin:
            return changed(self._url, pin, found.fingerprint)
        return HubUntrusted(
            f"The certificate of the hub at {self._url} was not accepted: {error.verify_message}. "
            "Give the hub's own authority with --ca or its fingerprint with --fingerprint "
            "(`gotapi tls show` on the hub's computer), and look whether both clocks are right"
        )

    def _expected(self) -> str:
        known = self._known.get(self._url) if self._known is not None else None
        return self._pin or (known.fingerprint if known is not None else "")

    def _make(self) -> ssl.SSLContext:
        if self._trust.ca_file is not None:
            return _context_of_file(self._trust.ca_file)
        known = self._known.get(self._url) if self._known is not None else None
        if not self._pin and self._known is None:
            return ssl.create_default_context()
        if self._pin and known is not None and known.fingerprint != self._pin:
            known = None  # the caller knows better than the file
        if known is None:
            known = fetch_identity(self._url, self._origin)
            if self._pin and known.fingerprint != self._pin:
                raise changed(self._url, self._pin, known.fingerprint)
            if self._known is not None:
                self._known.add(self._url, known)
        return _pinned(known)


def fetch_identity(url: str, origin: str) -> KnownHub:
    """Return the key that a hub shows, unchecked; blocks. Raises HubUntrusted, HubUnreachable."""
    parts = urlsplit(url)
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE  # only a public certificate goes over it, and it is checked
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port or 443, timeout=FETCH, context=blind
    )
    try:
        connection.request("GET", PATH, headers={NATIVE_HEADER: origin})
        answer = connection.getresponse()
        content = answer.read(MAX_CERTIFICATE)
    except (OSError, http.client.HTTPException) as error:
        raise HubUnreachable(f"No hub answers at {url}; look whether it runs with --tls") from error
    finally:
        connection.close()
    try:
        pem = content.decode("ascii")
        return KnownHub(_fingerprint_of(pem), pem)
    except ValueError:
        raise HubUntrusted(
            f"What answers at {url} shows no certificate authority of its own (HTTP status "
            f"{answer.status} for {PATH}); it is not a gotapi-hub"
        ) from None


def changed(url: str, expected: str, found: str) -> HubIdentityChanged:
    """Return the failure that a hub has another key than it had."""
    return HubIdentityChanged(
        f"The hub at {url} has another key than the one that was trusted. Expected "
        f"{grouped(expected)}, found {grouped(found)}. Either the hub was set up anew, or "
        "somebody stands in between; nothing was sent to it. Compare the new fingerprint with "
        f"`gotapi tls show` on the hub's computer; if it is the same, run `gotapi tls forget {url}`"
        " (or give it with --fingerprint)"
    )


def verification_failure(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return the refused certificate among the causes of an error, if that is what it was."""
    for _ in range(10):  # causes may be a ring
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _context_of_file(path: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        raise HubUntrusted(
            f"{path} cannot be used: {error.strerror or error}. Expected a certificate in PEM, as "
            "`gotapi tls export FILE` writes it"
        ) from error


def _pinned(hub: KnownHub) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=hub.certificate)
    except ssl.SSLError as error:
        raise HubUntrusted(f"The hub's certificate cannot be used: {error}") from error
    # This authority signs for one hub, so whoever has a certificate of it is that hub, whatever
    # name or address led there (a tunnel, a router's own names).
    context.check_hostname = False
    return context


def _fingerprint_of(pem: str) -> str:
    from cryptography import x509  # late: most clients never need it
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_pem_x509_certificate(pem.encode("ascii")).public_key()
    return fingerprint(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
