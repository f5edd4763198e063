"""What a plug-in has that gives out access tokens of its own, and what the hub asks it then."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class GivesTokens(Protocol):
    """A plug-in with these two methods gets no request without a token that it gave.

    The hub asks once for each origin and service. The token comes with each call as
    `call.plugin_token`. Raise ExpiredToken (12) from a handler to be asked for another one, and
    UnknownClient (15) to be asked for a new client first.
    """

    async def create_client(self, origin: str, service_id: str) -> str:
        """Return an id for the application of this origin.

        Raises InvalidProfile (2) where no token is needed, NotAuthorized to refuse.
        """

    async def request_access_token(
        self, client_id: str, application_name: str, scopes: Sequence[str]
    ) -> str:
        """Return a token for a client; `scopes` are all profiles of the plug-in.

        May ask somebody: the hub waits for as long as for any call.
        """


def gives_tokens(kind: type) -> bool:
    """Tell whether a plug-in's class gives tokens; raises TypeError for half of it."""
    has = [callable(getattr(kind, name, None)) for name in _METHODS]
    if any(has) and not all(has):
        raise TypeError(f"{kind.__name__} needs both, {' and '.join(_METHODS)}, or neither")
    return all(has)


_METHODS = ("create_client", "request_access_token")
