"""How the commands know an https hub: an authority's file, a fingerprint, or the user's yes."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from gotapi_core.cli.terminal import clean
from gotapi_core.client import HubUntrusted
from gotapi_core.client.known_hubs import KnownHubs
from gotapi_core.client.trust import Trust, fetch_identity
from gotapi_core.client.wire import checked_url
from gotapi_core.paths import default_paths
from gotapi_core.protocol.fingerprint import grouped, parse_fingerprint

_META: Final = "gotapi_core.cli.trust."
_ORIGIN: Final = "gotapi-cli"

F = TypeVar("F", bound=Callable[..., object])


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Note an option for `trust_in`, so that commands need not hand it on."""
    context.meta[_META + str(parameter.name)] = value


def _keep_pin(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    try:
        _keep(context, parameter, parse_fingerprint(value) if value else "")
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_ca = click.option(
    "--ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="GOTAPI_CA",
    callback=_keep,
    expose_value=False,
    help="Certificate of the https hub's authority; also GOTAPI_CA.",
)
_fingerprint = click.option(
    "--fingerprint",
    envvar="GOTAPI_FINGERPRINT",
    callback=_keep_pin,
    expose_value=False,
    help="Key fingerprint of the https hub; also GOTAPI_FINGERPRINT.",
)


def trust_options(command: F) -> F:
    """Add --ca and --fingerprint."""
    return _ca(_fingerprint(command))


def known_hubs_file() -> Path:
    """Return where the user's known hubs are kept."""
    return default_paths().config / "known_hubs.json"


def trust_in(url: str) -> Trust:
    """Return how the hub is known, asking the user at first contact.

    Raises HubUntrusted and HubUnreachable.
    """
    url = checked_url(url)
    if not url.startswith("https:"):
        return Trust()
    context = click.get_current_context(silent=True)
    given = context.meta if context is not None else {}
    if ca_file := given.get(f"{_META}ca"):
        return Trust(ca_file=ca_file)
    pin = given.get(f"{_META}fingerprint") or ""
    known = KnownHubs(known_hubs_file())
    if not pin and known.get(url) is None:
        _first_contact(url, known)
    return Trust(pin=pin, known_hubs=known.path)


def _first_contact(url: str, known: KnownHubs) -> None:
    found = fetch_identity(url, _ORIGIN)
    told = (
        f"This is the first contact with the hub at {clean(url)}. Its key fingerprint is\n"
        f"  {grouped(found.fingerprint)}\n"
        "Compare it with what `gotapi tls show` prints on the hub's computer."
    )
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise HubUntrusted(f"{told} If it is the same, give it with --fingerprint.")
    click.echo(told, err=True)
    if not click.confirm("Is it the same?", default=False, err=True):
        raise HubUntrusted("The hub is not trusted; nothing was sent to it.")
    known.add(url, found)
