"""`gotapi blobs`: the files that applications keep at the hub, for its operator."""

import time
from pathlib import Path

import click
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from gotapi_core.cli.apps import _plain
from gotapi_core.cli.asking import ask, home_option


@click.group()
def blobs() -> None:
    """See and delete the files that applications keep at the hub."""


@blobs.command("list")
@home_option
def list_blobs(home: Path | None) -> None:
    """List the files, the newest first."""
    answer = ask("GET", "blobs", home=home)
    console = Console()
    if not answer["blobs"]:
        console.print("No application keeps a file.")
        return
    table = Table()
    for column in ("id", "file", "size", "of", "by", "since"):
        table.add_column(column, no_wrap=column == "id")
    for one in answer["blobs"]:
        whole = one["received"] == one["size"]
        size = decimal(one["size"])
        row = (
            one["id"],
            one["name"],
            size if whole else f"{decimal(one['received'])} of {size}",
            one["application"],
            one["plugin"] or "upload",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(one["created"])),
        )
        table.add_row(*map(_plain, row))
    console.print(table)
    console.print(f"{answer['count']} files, {decimal(answer['bytes'])}; each is kept for a day")


@blobs.command()
@click.argument("blob")
@home_option
def delete(blob: str, home: Path | None) -> None:
    """Delete the file with this ID; links to it end at once."""
    ask("POST", "blob-delete", {"id": blob}, home)
    click.echo(f"Deleted {blob}.")
