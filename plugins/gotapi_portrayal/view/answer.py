"""PURE: several pictures in one answer (3DPS 10.5.1), and what went wrong as a picture."""

from typing import Final

BOUNDARY: Final = "3DPS_MULTIPART_MESSAGE_BOUNDARY"


def multipart(parts: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Return the MIME type and body of parts, each with its own MIME type, in their order.

    RFC 2046, 5.1.1. The boundary is fixed by the text; a picture that had it in its bytes, with
    the dashes and at the beginning of a line, could not be told from its end, so Content-Length
    is there as well.
    """
    body = b"".join(
        b"--%b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b\r\n"
        % (BOUNDARY.encode(), kind.encode(), len(data), data)
        for kind, data in parts
    )
    kind = f"multipart/mixed; boundary={BOUNDARY}"
    return kind, body + f"--{BOUNDARY}--\r\n".encode()
