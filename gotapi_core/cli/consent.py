"""A hub client with the user's consent, for the commands that are applications themselves."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import click

from gotapi_core.cli.own_key import own_key, verbose_option
from gotapi_core.cli.terminal import clean
from gotapi_core.cli.tokens import Access, TokenCache
from gotapi_core.cli.trust import trust_in, trust_options
from gotapi_core.client import (
    DEFAULT_URL,
    Code,
    ConsentDenied,
    ConsentPending,
    HubClient,
    HubError,
    HubUnreachable,
    Token,
    TokenRejected,
)
from gotapi_core.client.wire import checked_url
from gotapi_core.paths import default_paths
from gotapi_core.protocol.errors import ResultCode

ORIGIN: Final = "gotapi-cli"
NAME: Final = "gotapi command line"

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return checked_url(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_url_alone = click.option(
    "--url",
    envvar="GOTAPI_URL",
    default=DEFAULT_URL,
    show_default=True,
    callback=_address,
    help="The hub's address; also GOTAPI_URL.",
)


def url_option(command: F) -> F:
    """Add --url, --verbose, and what says how a hub is known."""
    return _url_alone(verbose_option(trust_options(command)))


def how_to_allow(code: Code | None) -> str:
    """Return what the user has to do; without a code from a hub that has none."""
    page = "on the hub's operator page (the link that `gotapi run` printed, or `gotapi operator`)"
    if code is None:
        return (
            f"Waiting until you allow it: {page}, or in another terminal with `gotapi apps list`, "
            "then `gotapi apps approve CODE`"
        )
    shown = clean(code.user_code[:40])
    return (
        f"Waiting until you allow it: approve {shown} {page}, or in another terminal with "
        f"`gotapi apps approve {shown}`"
    )


def token_cache() -> TokenCache:
    """Return the cache in the user's config folder."""
    return TokenCache(default_paths().config / "client.json")


def open_client(url: str, cache: TokenCache) -> HubClient:
    """Return a client with what is cached for the hub.

    Raises ValueError for a bad address, HubError for an https hub that nobody vouches for.
    """
    access = cache.load(checked_url(url))
    return HubClient(
        url,
        ORIGIN,
        NAME,
        access.to_token(),
        client_id=access.client_id,
        trust=trust_in(url),
        key=own_key(checked_url(url), proved=access.proved),
    )


async def with_consent(
    client: HubClient,
    cache: TokenCache,
    scopes: Sequence[str],
    waiting: Callable[[str], None],
    work: Callable[[], Awaitable[T]],
) -> T:
    """Do the work with a token for the scopes; asks the user where there is none, or a bad one.

    `waiting` gets the text for the user. Raises ConsentDenied where a scope was left out.
    """
    await client.availability()  # a hub that is not there is reported before anything else
    if client.token is not None and client.token.good(time.time(), scopes):
        try:
            return await work()
        except TokenRejected:
            cache.forget_token(client.url)
    await _ask(client, cache, scopes, waiting)
    return await work()


async def _ask(
    client: HubClient, cache: TokenCache, scopes: Sequence[str], waiting: Callable[[str], None]
) -> None:
    known = client.token.scopes if client.token is not None else ()
    client.token = None
    # Kept before the wait, so that a command that is started again joins the same request.
    client_id = await client.register()
    _remember(cache, client.url, Access(client_id=client_id, proved=client.keyed))
    wanted = list(dict.fromkeys([*scopes, *known]))
    token = await client.authorize_by_code(wanted, lambda code: waiting(how_to_allow(code)))
    _remember(cache, client.url, _access(token, proved=client.keyed))
    missing = sorted(set(scopes) - set(token.scopes))
    if missing:
        raise ConsentDenied(
            int(ResultCode.NOT_AUTHORIZED), f"The user did not allow {', '.join(missing)}"
        )


def _access(token: Token, *, proved: bool) -> Access:
    return Access(token.client_id, token.value, token.scopes, token.expires, proved)


def _remember(cache: TokenCache, url: str, access: Access) -> None:
    with suppress(OSError):  # a home that cannot be written to: the user is asked each time
        cache.save(url, access)


def exit_code(error: HubError) -> int:
    """Return the exit code of a failure: 3 no hub, 4 no consent, 1 anything else."""
    if isinstance(error, HubUnreachable):
        return 3
    return 4 if isinstance(error, ConsentDenied | ConsentPending | TokenRejected) else 1
