"""The QR code by which a phone finds the hub and learns its key. PURE.

It holds the address of the authority's certificate with the fingerprint as the fragment: a camera
opens the download, an application pins the key.
"""

import base64
import io

import segno

from gotapi_core.protocol.reach import in_url


def trust_link(host: str, port: int, fingerprint: str) -> str:
    """Return what the code says."""
    return f"https://{in_url(host)}:{port}/ca.crt#sha256={fingerprint}"


def terminal_code(text: str) -> str:
    """Return the code in block characters, for a terminal with dark or light ground."""
    written = io.StringIO()
    segno.make_qr(text, error="m").terminal(written, compact=True, border=2)
    return written.getvalue()


def svg_code(text: str) -> bytes:
    """Return the code as an SVG file, black on white whatever the page's colours are."""
    written = io.BytesIO()
    segno.make_qr(text, error="m").save(
        written, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False
    )
    return written.getvalue()


def svg_data_uri(text: str) -> str:
    """Return the code as a data URI for an image."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg_code(text)).decode('ascii')}"
