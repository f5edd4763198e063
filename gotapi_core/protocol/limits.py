"""How much a request may carry. PURE."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one request; file parts of a form are bounded by whoever stores them."""

    body: int = 1024 * 1024
    """Bytes of a body that is parsed in memory; Django accepts 2.5 MB, node-gotapi anything."""

    depth: int = 64
    """Levels of JSON nesting; the deepest known document, a Swagger answer, has about 12."""

    fields: int = 1000
    """Parameters per source; Django's bound is 1000 too."""

    name: int = 128
    """Characters of a parameter name."""

    value: int = 64 * 1024
    """Characters of a text parameter; larger things are files."""

    query: int = 16 * 1024
    """Bytes of a query string; browsers send up to 32 KiB or more, servers often stop at 8."""

    parts: int = 32
    """Parts of a multipart form."""
