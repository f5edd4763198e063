"""How the hub speaks TLS: versions, ciphers and handshakes, in one place."""

import ssl
from pathlib import Path

from gotapi_core.tls.failures import TlsError

# RFC 9325 4.2: for TLS 1.2 only suites with forward secrecy and authenticated encryption; those of
# TLS 1.3 are all of that kind.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(server_file: Path) -> ssl.SSLContext:
    """Return the context of the hub's listeners; raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    # Renegotiation lets a client have the server compute for nothing.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    load(context, server_file)
    return context


def load(context: ssl.SSLContext, server_file: Path) -> None:
    """Use the certificate of the file for the handshakes to come; raises TlsError."""
    try:
        context.load_cert_chain(server_file)
    except (OSError, ssl.SSLError) as error:
        raise TlsError(
            f"{server_file} cannot be used: {error}. Remove it; the hub makes a new one"
        ) from error
