"""PURE: which addresses a file may be fetched from, and how far a server's token goes."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

import msgspec

MAX_URL = 2048  # characters; browsers and servers agree on no more
PORTS = {"http": 80, "https": 443}
# Ports of other protocols, which a request could be made to speak (as browsers refuse them).
_FOREIGN_PORTS = frozenset({22, 23, 25, 110, 119, 143, 465, 587, 993, 995, 6379, 11211})
_BAD = re.compile(r"[\x00-\x20\x7f-\xff\\]|[^\x00-\xff]")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UrlError(ValueError):
    """An address no file is fetched from; the text says why and what to do."""


class Site(msgspec.Struct, frozen=True):
    """A host and how it is spoken to: what browsers call an origin."""

    scheme: str
    host: str
    port: int

    @property
    def host_header(self) -> str:
        """What goes into the Host field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORTS[self.scheme] == self.port else f"{host}:{self.port}"


def site_of(url: str) -> Site:
    """Return the site of an http or https address; raises UrlError."""
    if len(url) > MAX_URL:
        raise UrlError(f"the address is longer than {MAX_URL} characters")
    if _BAD.search(url):
        raise UrlError("the address has characters that must be percent-encoded")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlError(f"the address cannot be read: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise UrlError("the address must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise UrlError("the address must not have a user name or password in it")
    if port == 0 or port in _FOREIGN_PORTS:
        raise UrlError(f"port {port} is not a web server's")
    return Site(parts.scheme, parts.hostname.rstrip(".").lower(), port or PORTS[parts.scheme])


def redirected(url: str, location: str) -> str:
    """Return where a redirect leads; raises UrlError for one from https to http."""
    target = urljoin(url, location)
    if site_of(url).scheme == "https" and site_of(target).scheme == "http":
        raise UrlError("the server leads from https to http, where the file could be changed")
    return target


def check_addresses(site: Site, addresses: Iterable[str], vouched: Iterable[Site]) -> None:
    """Raise UrlError unless every address of a site may be connected to.

    The operator vouches for the sites of registered servers; all others must be on the public
    internet: this computer and its network are not for applications to reach through the hub.
    """
    if site in tuple(vouched):
        return
    for text in addresses:
        if not public(ipaddress.ip_address(text.partition("%")[0])):
            raise UrlError(
                f"{site.host} is on this computer or its own network; the operator can register "
                "it as a content server: gotapi printers content add"
            )


def public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, however it is wrapped."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address)
        if inner is not None:
            return public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """RFC 6052: the last four bytes behind 64:ff9b::/96."""
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def belongs(url: str, server: str) -> bool:
    """Tell whether an address is at a server: the same site, and below its path."""
    try:
        if site_of(url) != site_of(server):
            return False
    except UrlError:
        return False
    base = urlsplit(server).path.rstrip("/") + "/"
    path = urlsplit(url).path
    # What a server would read as a way up must not carry its token elsewhere.
    climbs = "/../" in f"{path}/" or "%2e" in path.lower() or "/./" in f"{path}/"
    return f"{path}/".startswith(base) and not climbs
