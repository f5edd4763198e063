"""`gotapi printers`: what the operator does about printers at the terminal of this machine."""

import os
from pathlib import Path

import click

from gotapi_printer.arming import LIFETIME, new_code
from gotapi_printer.content.cli import content
from gotapi_printer.guard import ARMED_FOR

JOBS = "jobs"  # each printer the hub has had has a folder in it


def plugin_folder(home: Path | None) -> Path:
    """Where a hub keeps what belongs to this plug-in: under its home, else by the XDG folders."""
    below = Path("plugins") / "printer"
    if home is not None:
        return home.expanduser().absolute() / "data" / below
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path.home() / ".local" / "share"
    return data / "gotapi" / below


@click.group()
def printers() -> None:
    """Look after printers."""


printers.add_command(content)


@printers.command()
@click.argument("printer")
@click.option(
    "--home",
    envvar="GOTAPI_HOME",
    type=click.Path(path_type=Path, file_okay=False),
    help="The hub's folder.",
)
def arm(printer: str, home: Path | None) -> None:
    """Show a code with which an application may send what is refused otherwise.

    PRINTER is its id, the first part of the service id.
    """
    folder = plugin_folder(home)
    known = sorted(path.name for path in folder.glob(f"{JOBS}/*") if path.is_dir())
    if printer not in known:
        names = ", ".join(known) or "none"
        raise click.ClickException(
            f"there is no printer '{printer}' in {folder}; there is: {names}. Is it another user's "
            "hub, or one with --home?"
        )
    code = new_code(folder, printer)
    click.echo(code)
    click.echo(
        f"Give this code to the application within {LIFETIME / 60:.0f} minutes. It counts once; "
        f"for {ARMED_FOR:.0f} s the printer then takes commands that change its settings, and "
        "files with such commands.",
        err=True,
    )
