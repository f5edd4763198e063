"""`gotapi services`: what can be used, and why something cannot."""

import asyncio
import sys
from collections.abc import Sequence

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gotapi_core.cli.consent import (
    exit_code,
    open_client,
    token_cache,
    url_option,
    with_consent,
)
from gotapi_core.cli.terminal import INTERRUPTED, clean
from gotapi_core.client import HubError, Service

_WIDE = 1000  # columns where no terminal sets them: lines of a pipe are not folded


@click.command()
@url_option
@click.option("--scope", default="", help="Profiles to list, as a,b. [default: 3dp]")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per line.")
@click.pass_context
def services(context: click.Context, url: str, scope: str, as_json: bool) -> None:
    """List the services of the hub: id, name, state, scopes, and why one is offline.

    Exit codes: 0 listed, 1 refused, 2 wrong use, 3 no hub, 4 no consent.
    """
    wanted = [word.strip() for word in scope.split(",") if word.strip()]
    try:
        found = asyncio.run(_fetch(url, wanted))
    except HubError as error:
        click.echo(clean(str(error)), err=True)
        context.exit(exit_code(error))
    except KeyboardInterrupt:
        context.exit(INTERRUPTED)
    if as_json:
        for service in found:
            click.echo(msgspec.json.encode(service.to_wire()).decode())
    else:
        _show(found)


async def _fetch(url: str, wanted: Sequence[str]) -> list[Service]:
    cache = token_cache()
    async with open_client(url, cache) as client:
        known = client.token.scopes if client.token is not None else ()
        scopes = wanted or known or ["3dp"]
        return await with_consent(client, cache, scopes, _say, client.services)


def _say(text: str) -> None:
    click.echo(clean(text), err=True)


def _show(found: Sequence[Service]) -> None:
    if not found:
        click.echo("The hub has no service for the scopes that were allowed.")
        return
    table = Table(box=box.SIMPLE)
    for column in ("id", "name", "state", "scopes", "reason"):
        table.add_column(column, overflow="fold")
    for one in found:
        state = "online" if one.online else "offline"
        row = (one.id, one.name, state, ", ".join(one.scopes), one.reason)
        table.add_row(*(Text(clean(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
