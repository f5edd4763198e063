"""Under which names and addresses this machine is reached."""

import socket

from gotapi_core.protocol.reach import LOOPBACK, host_label, lan_address
from gotapi_core.tls.settings import TlsSettings


def lan_addresses() -> tuple[str, ...]:
    """Return the machine's addresses on local networks, public ones never, in a steady order."""
    import ifaddr  # late: a hub without LAN exposure does not need it

    found = set()
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            text = one.ip if isinstance(one.ip, str) else one.ip[0]
            if (address := lan_address(text)) is not None:
                found.add(address)
    return tuple(str(one) for one in sorted(found, key=lambda one: (one.version, int(one))))


def chosen_addresses(tls: TlsSettings, here: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of this machine's addresses on which the settings want the hub to answer."""
    if not tls.lan:
        return ()
    listed = {str(lan_address(one)) for one in tls.addresses}
    return tuple(one for one in here if not listed or one in listed)


def machine_name() -> str | None:
    """Return the name of this machine under .local, None where it has none that could be one."""
    label = host_label(socket.gethostname())
    return f"{label}.local" if label is not None else None


def names_here(more: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return what a certificate is for: this machine as it calls itself, and `more`."""
    named = machine_name()
    own = {"localhost", *LOOPBACK, *((named,) if named else ())}
    return frozenset(own) | more
