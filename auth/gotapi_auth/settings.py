"""What the auth server allows, and for how long. PURE."""

from __future__ import annotations

import msgspec


class AuthSettings(msgspec.Struct, frozen=True):
    """Times in seconds and limits of the auth server."""

    wait: float = 60.0  # how long accesstoken waits; DeviceConnect's SDK gives up after 60 s
    answerable: float = 300.0  # how long the operator may answer after the call has gone
    client_life: float = 900.0  # of a client that is not approved, from its last use
    clients_per_origin: int = 20
    clients_in_all: int = 2000
    pending_per_origin: int = 5
    pending_in_all: int = 50
    applications: int = 1000  # approvals that hold; far more than an operator can oversee
    tokens_per_application: int = 20  # the oldest goes: each open page has one
    note_use_every: float = 60.0
