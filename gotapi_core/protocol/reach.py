"""Which names and addresses a hub may have on a local network. PURE.

They are the ones that the hub's certificate authority may sign for (RFC 5280 4.2.1.10): who trusts
it trusts it for these alone, never for a site of the internet.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DOMAINS: Final = ("localhost", "local")
LOOPBACK: Final = ("127.0.0.1", "::1")
NETWORKS: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8", "::1/128",
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "169.254.0.0/16", "fe80::/10",  # RFC 3927 and RFC 4291: link-local
        "fc00::/7",  # RFC 4193: unique local
    )
)  # fmt: skip

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_LONGEST: Final = 253  # characters of a DNS name (RFC 1035 2.3.4)


def local_address(text: str) -> Address | None:
    """Return the address if it belongs to a local network or to this machine, else None."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found if any(found in network for network in NETWORKS) else None


def lan_address(text: str) -> Address | None:
    """Return the address if other machines of a local network can reach it.

    IPv6 link-local ones are left out: they mean nothing without an interface, which no URL names.
    """
    found = local_address(text)
    if found is None or found.is_loopback:
        return None
    return None if found.version == 6 and found.is_link_local else found


def local_name(text: str) -> str | None:
    """Return a DNS name in lower case if it is under one of DOMAINS, else None."""
    name = text.lower().removesuffix(".")
    if len(name) > _LONGEST or not _DNS_NAME.fullmatch(name):
        return None
    return name if any(f".{name}".endswith(f".{domain}") for domain in DOMAINS) else None


def host_label(hostname: str) -> str | None:
    """Return the first label of a machine's name, as it is used under `.local`, else None."""
    label = hostname.lower().partition(".")[0]
    return label if re.fullmatch(_LABEL, label, re.ASCII) and label != "localhost" else None


def in_url(address: str) -> str:
    """Return a host as it stands in a URL and in a Host header: IPv6 in brackets."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return f"[{found}]" if found.version == 6 else str(found)
