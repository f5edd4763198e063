"""`gotapi discover`: hubs on the local network."""

import asyncio
import sys

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gotapi_core.cli.terminal import clean
from gotapi_core.client import HubUnreachable
from gotapi_core.client.discovery import SECONDS
from gotapi_core.client.discovery import discover as find
from gotapi_core.protocol.fingerprint import grouped

_WIDE = 1000  # columns where no terminal sets them: lines of a pipe are not folded


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 60),
    default=SECONDS,
    show_default=True,
    help="How long.",
)
@click.option("--interface", "interfaces", multiple=True, help="Ask from this address only.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per line.")
def discover(seconds: float, interfaces: tuple[str, ...], as_json: bool) -> None:
    """List the hubs that announce themselves on the local network.

    Anybody there can announce anything: compare the fingerprint with `gotapi tls show`.
    """
    try:
        found = asyncio.run(find(seconds, interfaces))
    except HubUnreachable as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        for hub in found:
            click.echo(msgspec.json.encode(hub).decode())
        return
    if not found:
        click.echo("No hub announces itself; one does when it is started with --tls --lan.")
        return
    table = Table(box=box.SIMPLE)
    for column in ("address", "name", "version", "key fingerprint"):
        table.add_column(column, overflow="fold")
    for hub in found:
        row = (hub.url, hub.name, hub.version, grouped(hub.fingerprint))
        table.add_row(*(Text(clean(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
