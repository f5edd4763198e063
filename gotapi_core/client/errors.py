"""What can go wrong between an application and the hub. PURE.

No message holds an access token.
"""

# ruff: noqa: N818  # named by what happened, as gotapi_core.protocol.errors; all are HubErrors
from __future__ import annotations


class HubError(Exception):
    """The hub could not be asked, or did not do what was asked; the text says what to do."""


class HubUnreachable(HubError):
    """No hub answers at the address, or it stopped answering."""


class HubUntrusted(HubError):
    """What answers is not the hub that this client trusts; nothing secret was sent to it."""


class HubIdentityChanged(HubUntrusted):
    """The hub has another key than the one that was trusted."""


class HubImpostor(HubUntrusted):
    """An answer did not come from the hub that knows the key: another program has its port."""


class HubFault(HubError):
    """Something answered, but not as a hub does."""


class HubRefused(HubError):
    """The hub answered with a failure.

    `code` is its result code (`gotapi_core.protocol.errors.ResultCode`), `status` the HTTP status
    of the answer, 0 where it came over the WebSocket.
    """

    def __init__(self, code: int, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class TokenRejected(HubRefused):
    """The access token is unknown, expired or revoked: call `HubClient.authorize` again."""


class ConsentDenied(HubRefused):
    """The user does not allow the application what it asked for."""


class ConsentPending(HubError):
    """The user has not answered in the time given; asking again joins the same request."""
