"""What the operator page shows of TLS: the key's fingerprint, and a QR code for phones."""

import asyncio
from functools import lru_cache
from pathlib import Path

import msgspec

from gotapi_core.settings import Settings
from gotapi_core.tls.files import authority_certificate


class TlsView(msgspec.Struct, frozen=True):
    """Where others find the hub and how they know it; empty texts where TLS is off.

    `fingerprint` is in groups of four digits, `qr` a data URI of an SVG image that says `link`.
    """

    enabled: bool = False
    lan: bool = False
    fingerprint: str = ""
    link: str = ""
    qr: str = ""


async def tls_view(settings: Settings, data: Path) -> TlsView:
    """Return what there is to show."""
    if not settings.tls.enabled:
        return TlsView()
    # Out of the loop: the first time this imports and draws.
    return await asyncio.to_thread(_view, settings, data)


def _view(settings: Settings, data: Path) -> TlsView:
    # Late: hubs without TLS need none of it.
    from gotapi_core.tls.addresses import chosen_addresses, lan_addresses
    from gotapi_core.tls.qr import trust_link

    certificate = authority_certificate(data)
    if certificate is None:
        return TlsView()
    tls = settings.tls
    here = chosen_addresses(tls, lan_addresses()) if tls.lan else ()
    plain, grouped = _fingerprint(certificate)
    link = trust_link(here[0] if here else "localhost", tls.port, plain)
    return TlsView(True, tls.lan, grouped, link, _drawn(link))


@lru_cache(maxsize=4)  # pages ask now and then, for the same
def _fingerprint(certificate: bytes) -> tuple[str, str]:
    from cryptography import x509

    from gotapi_core.protocol.fingerprint import grouped
    from gotapi_core.tls.authority import fingerprint_of

    found = fingerprint_of(x509.load_pem_x509_certificate(certificate))
    return found, grouped(found)


@lru_cache(maxsize=4)
def _drawn(link: str) -> str:
    from gotapi_core.tls.qr import svg_data_uri

    return svg_data_uri(link)
