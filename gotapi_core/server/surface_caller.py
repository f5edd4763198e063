"""Who asks a surface that has a scope; the token itself never reaches the plug-in."""

import re
from urllib.parse import unquote_plus

from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import GotapiError, OutOfScope
from gotapi_core.protocol.identity import identify
from gotapi_core.protocol.messages import Caller
from gotapi_core.server.asgi import Headers
from gotapi_core.server.files import bearer

# The path too: some protocols write `/operation&accessToken=...` (3DCAPI 7.2.2).
_TOKEN = re.compile(rb"(?i)(^|[&?;]|%26)accessToken(?:=|%3d)(?P<token>[^&;]*)")
_QUOTES = "\"'\u2018\u2019\u201c\u201d "


def token_in(path: bytes, query: bytes) -> tuple[str | None, bytes, bytes]:
    """Return the access token of a path and a query, and both without it."""
    found = [one["token"] for part in (query, path) for one in _TOKEN.finditer(part)]
    token = unquote_plus(found[0].decode("latin-1")).strip(_QUOTES) if found else None
    return token or None, _TOKEN.sub(rb"\1", path), _TOKEN.sub(rb"\1", query)


def caller_of(hub: Hub, scope: str, token: str | None, headers: Headers, what: str) -> Caller:
    """Return who a token belongs to, or why it does not do; `what` goes into the past use."""
    try:
        access = hub.auth.authenticate(token or bearer(headers), identify(headers))
        if scope not in access.scopes:
            granted = ", ".join(sorted(access.scopes)) or "nothing"
            raise OutOfScope(
                f"The access token covers {granted}, not '{scope}'; ask for that scope at "
                "authorization/accesstoken"
            )
    except GotapiError as error:
        return Caller(refused=int(error.code), reason=error.message)
    hub.auth.past_use.note(access.application_id, what)
    return Caller(access.application_id, access.origin)
