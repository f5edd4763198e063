"""`GET /ca.crt`: the certificate of the hub's own authority, for those who want to trust it."""

import asyncio
from pathlib import Path

from gotapi_core.protocol.errors import InvalidUrl
from gotapi_core.server.asgi import Headers, Scope, Send, send_bytes
from gotapi_core.server.cors import cors_headers
from gotapi_core.tls.files import authority_certificate

PATH = "/ca.crt"
_TYPE = (b"content-type", b"application/x-x509-ca-cert")  # phones offer to install it
_NAME = (b"content-disposition", b'attachment; filename="gotapi-hub-ca.crt"')


async def send_certificate(data: Path, scope: Scope, headers: Headers, send: Send) -> None:
    """Send the certificate in PEM; raises InvalidUrl where the hub has none."""
    if scope["method"] not in ("GET", "HEAD"):
        raise InvalidUrl(f"{PATH} takes GET")
    content = await asyncio.to_thread(authority_certificate, data)
    if content is None:
        raise InvalidUrl(
            "This hub has no certificate authority yet; it makes one when it is started with TLS: "
            "gotapi run --tls"
        )
    await send_bytes(send, 200, content, [_TYPE, _NAME, *cors_headers(headers)])
