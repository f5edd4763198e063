"""The key by which the user's own commands recognise the user's own hub."""

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

import click

from gotapi_auth.failures import AuthError
from gotapi_auth.operator import read_secret
from gotapi_core.cli.running import running
from gotapi_core.client import HubKey
from gotapi_core.paths import default_paths
from gotapi_core.protocol.reach import LOOPBACK

_HERE: Final = frozenset({*LOOPBACK, "localhost"})

F = TypeVar("F", bound=Callable[..., object])


def _tell_later(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[__name__] = value


_verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    callback=_tell_later,
    expose_value=False,
    help="Say how the hub was recognised.",
)


def verbose_option(command: F) -> F:
    """Add --verbose."""
    return _verbose(command)


def own_key(url: str, *, proved: bool) -> HubKey | None:
    """Return the key for the hub at an address, where it is this user's own.

    It is when the hub that runs from the user's folder says that it answers there, or when the
    hub there has `proved` it before: then also while none runs, as that is when another program
    can take its port. An https hub is known by its certificate.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or (parts.hostname or "") not in _HERE:
        return None
    if not proved and not _runs_at(parts.port or 80):
        _say(f"No hub of yours is known at {url}; it is not asked to prove itself.")
        return None
    try:
        return HubKey.of_operator(read_secret(default_paths().operator_secret))
    except AuthError as error:
        _say(f"The hub at {url} is not asked to prove itself: {error}")
        return None


def _runs_at(port: int) -> bool:
    try:
        note = running(default_paths().lock)
    except OSError:
        return False
    return note is not None and urlsplit(note.url).port == port


def _say(text: str) -> None:
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.pop(__name__, False):
        click.echo(text, err=True)
