"""`gotapi creation`: which creation services the hub uses."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gotapi_creation.registry import Registry, RegistryError

_home = click.option(
    "--home",
    envvar="GOTAPI_HOME",
    type=click.Path(path_type=Path, file_okay=False),
    help="The hub's folder.",
)


def plugin_folder(home: Path | None) -> Path:
    """Where a hub keeps what belongs to this plug-in: under its home, else by the XDG folders."""
    below = Path("plugins") / "creation"
    if home is not None:
        return home.expanduser().absolute() / "data" / below
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path.home() / ".local" / "share"
    return data / "gotapi" / below


@click.group()
def creation() -> None:
    """Register services that make 3D models (3DCAPI)."""


@creation.command()
@click.argument("url")
@click.option("--name", default="", help="What people call it.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Its first line is the access token that the service wants.",
)
@_home
def add(url: str, name: str, key_file: Path | None, home: Path | None) -> None:
    """Add the creation service at URL; a running hub knows it at once."""
    try:
        key = (key_file.read_text().splitlines() or [""])[0].strip() if key_file else ""
        made = Registry(plugin_folder(home)).add(url, name, key)
    except (OSError, UnicodeDecodeError, RegistryError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Added {made.id}  {made.url}")


@creation.command("list")
@_home
def list_services(home: Path | None) -> None:
    """List the services that were added; those of gotapi.toml stand there."""
    try:
        found = Registry(plugin_folder(home)).load()
    except RegistryError as error:
        raise click.ClickException(str(error)) from error
    if not found:
        click.echo("No creation service was added.")
    for one in found:
        click.echo(f"{one.id}  {one.url}" + ("  (with a key)" if one.key else ""))


@creation.command()
@click.argument("service")
@_home
def remove(service: str, home: Path | None) -> None:
    """Remove the creation service with this id or URL."""
    try:
        gone = Registry(plugin_folder(home)).remove(service)
    except (OSError, RegistryError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Removed {gone.id}  {gone.url}")
