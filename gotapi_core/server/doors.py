"""Through which door a request came, what the hub is called there, and what is open to it.

The plain door is on loopback addresses only. The TLS door may be on addresses of a local network,
too; then requests come from other machines.
"""

from ipaddress import ip_address

from gotapi_core.protocol.errors import InvalidOrigin
from gotapi_core.server.asgi import Scope
from gotapi_core.server.operator import OPERATOR
from gotapi_core.server.operator_pages import ASSETS
from gotapi_core.settings import Settings

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Doors:
    """The rules of both doors; `lan_names` is what the TLS door is called on the network now."""

    def __init__(self, settings: Settings) -> None:
        self._names = LOOPBACK_NAMES | {name.lower() for name in settings.server.names}
        self._operator_on_lan = settings.tls.operator_on_lan
        self.lan_names: frozenset[str] = frozenset()

    def names(self, scope: Scope) -> frozenset[str]:
        """Return what a Host header may say, for `check_host`."""
        return self._names | self.lan_names if scope["scheme"] in ("https", "wss") else self._names

    def check_operator(self, scope: Scope) -> None:
        """Raise InvalidOrigin where another machine asks for what is the operator's."""
        path: str = scope["path"]
        # What the pages look like holds nothing of this hub, and the welcome page needs it.
        if not f"{path}/".startswith(f"{OPERATOR}/") or path in ASSETS:
            return
        if self._operator_on_lan or from_here(scope):
            return
        raise InvalidOrigin(
            "The operator page is open to the hub's own computer only: use it there, at a loopback "
            "address, or set operator_on_lan = true in the section [tls] of its settings"
        )

    def check_plugin(self, scope: Scope) -> None:
        """Raise InvalidOrigin where another machine connects as a plug-in."""
        if not from_here(scope):
            raise InvalidOrigin("Plug-ins run on the hub's own computer; connect from there")


def from_here(scope: Scope) -> bool:
    """Tell whether a request comes from the hub's own computer."""
    client = scope.get("client")
    if client is None:
        return False
    address = ip_address(client[0].partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
