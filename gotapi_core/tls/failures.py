"""What can be wrong with the hub's certificates. PURE."""


class TlsError(Exception):
    """The hub's keys or certificates cannot be made, kept or used; the text says what to do."""
