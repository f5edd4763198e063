"""`gotapi printers content`: the operator registers content servers."""

from pathlib import Path

import click

from gotapi_printer.content.servers import ContentServer, Registered, ServerError

Home = Path | None


@click.group()
def content() -> None:
    """Register content servers, where files to print come from."""


_home = click.option(
    "--home",
    envvar="GOTAPI_HOME",
    type=click.Path(path_type=Path, file_okay=False),
    help="The hub's folder.",
)
_file = click.Path(path_type=Path, dir_okay=False, exists=True, resolve_path=True)


@content.command("list")
@_home
def list_servers(home: Home) -> None:
    """List the servers that were added; those of gotapi.toml stand there."""
    try:
        found = _registered(home).read()
    except ServerError as error:
        raise click.ClickException(str(error)) from error
    if not found:
        click.echo("No content server was added.")
    for one in found:
        how = one.login_file or one.token_file
        click.echo(f"{one.name}  {one.url}" + (f"  (with {how})" if how else ""))


@content.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--login-file", type=_file, help="Its first line is user:password.")
@click.option("--token-file", type=_file, help="Its first line is a bearer token.")
@click.option("--ca-file", type=_file, help="PEM of the authority that signed its certificate.")
@_home
def add_server(
    name: str,
    url: str,
    login_file: Path | None,
    token_file: Path | None,
    ca_file: Path | None,
    home: Home,
) -> None:
    """Add the content server NAME at URL, or replace it; a running hub knows it at once."""
    server = ContentServer(
        name, url, str(login_file or ""), str(token_file or ""), str(ca_file or "")
    )
    try:
        _registered(home).add(server)
    except ServerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Added {name}.")
    if url.startswith("http://") and (login_file or token_file):
        click.echo("Its log-in goes over http, where others can read it.", err=True)


@content.command("remove")
@click.argument("name")
@_home
def remove_server(name: str, home: Home) -> None:
    """Forget the content server NAME."""
    try:
        _registered(home).remove(name)
    except ServerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Removed {name}.")


def _registered(home: Home) -> Registered:
    from gotapi_printer.cli import plugin_folder  # late: it has this group in it

    return Registered(plugin_folder(home))
