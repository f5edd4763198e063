"""MIME types as requests write them, in one spelling that can be compared. PURE."""

import re

from gotapi_portrayal.request.errors import invalid, shown

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_PARAMETER = re.compile(r"[a-z0-9_-]{1,40}=[a-z0-9 _.,=/:+\"-]{1,80}")
_ESCAPED = re.compile(r"%(2F|3B|2C|3D|2B)", re.I)
_SIGNS = {"2F": "/", "3B": ";", "2C": ",", "3D": "=", "2B": "+"}


def read_mime(text: str, name: str) -> str:
    """Return a MIME type in lower case, without blanks around its parameters.

    `image/png; mode=32Bit` is `image/png;mode=32bit` (RFC 2045, 5.1: without regard to case). What
    was encoded once too often is decoded, and a blank inside a type was a `+` (RFC 6838 has no
    blanks). Raises InvalidParameterValue.
    """
    text = _ESCAPED.sub(lambda match: _SIGNS[match[1].upper()], text.strip()).lower()
    kind, *parameters = (part.strip() for part in text.split(";"))
    kind = kind.replace(" ", "+")
    if not _TYPE.fullmatch(kind) or not all(_PARAMETER.fullmatch(one) for one in parameters):
        raise invalid(name, f"{shown(text)} is no MIME type such as image/png;mode=32bit")
    return ";".join([kind, *parameters])
