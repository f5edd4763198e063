"""What the operator did wrong. The failures of applications are those of the protocol."""

from __future__ import annotations

from gotapi_core.protocol.errors import InvalidParameter


class AuthError(InvalidParameter):
    """An approval, denial or revocation that cannot be done; the message says what can."""


class UnknownRequestError(AuthError):
    """No request with this code waits for an answer."""

    status = 404


class KeyHeldError(AuthError):
    """The origin has a launch key already, and nobody said to replace it."""

    status = 409


class UnknownApplicationError(AuthError):
    """No approved application has this id."""

    status = 404
