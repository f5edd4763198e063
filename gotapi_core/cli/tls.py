"""`gotapi tls`: the hub's key, its certificate, and who of other hubs is trusted."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from gotapi_core.cli.running import running
from gotapi_core.paths import Paths, default_paths, paths_under
from gotapi_core.protocol.fingerprint import grouped
from gotapi_core.settings import Settings, SettingsError, load_settings
from gotapi_core.tls.failures import TlsError
from gotapi_core.tls.keeper import Identity, Keeper

home_option = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The hub's folder."
)


@click.group()
def tls() -> None:
    """See, export and renew what the hub shows of itself by TLS."""


@tls.command()
@home_option
def show(home: Path | None) -> None:
    """Show the key's fingerprint, the certificate's file, and a QR code with both.

    Makes the keys where there are none yet.
    """
    paths, settings = _hub(home)
    identity = _ensured(paths, settings)
    host = _host(identity, settings)
    from gotapi_core.tls.qr import terminal_code, trust_link

    link = trust_link(host, settings.tls.port, identity.fingerprint)
    click.echo(f"Key fingerprint (SHA-256): {grouped(identity.fingerprint)}")
    click.echo(f"Authority's certificate:   {Keeper(paths.data).certificate_file}")
    click.echo(f"Server certificate:        until {_day(identity.ends)}, renewed by itself, for")
    for name in sorted(identity.names):
        click.echo(f"                           {name}")
    click.echo(f"Link in the code:          {link}")
    try:
        click.echo(terminal_code(link))
    except UnicodeEncodeError:
        click.echo(f"This terminal's encoding ({sys.stdout.encoding}) cannot show the code.")


@tls.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@home_option
def export(file: Path, home: Path | None) -> None:
    """Write the authority's certificate to FILE in PEM (- for the terminal); no secret is in it."""
    paths, settings = _hub(home)
    content = _ensured(paths, settings).authority_pem
    try:
        with click.open_file(str(file), "wb") as out:
            out.write(content)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error


@tls.command()
@click.option("--new-authority", is_flag=True, help="Make a new key; all have to trust it anew.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
def renew(new_authority: bool, yes: bool, home: Path | None) -> None:
    """Make a new server certificate now. The hub does that by itself 30 days before its end."""
    paths, _ = _hub(home)
    if new_authority and not yes:
        click.confirm(
            "Whoever trusts this hub will refuse it until they trust the new key. Go on?",
            abort=True,
        )
    from gotapi_core.tls.addresses import names_here

    try:
        identity = Keeper(paths.data).renew(names_here(), time.time(), new_authority=new_authority)
    except TlsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Renewed, until {_day(identity.ends)}.")
    click.echo(f"Key fingerprint (SHA-256): {grouped(identity.fingerprint)}")
    if running(paths.lock) is not None:
        click.echo("The hub that runs uses it within half a minute.")


@tls.command()
@click.argument("url")
def forget(url: str) -> None:
    """Forget the key of the hub at URL, so that it can be trusted anew."""
    from gotapi_core.cli.trust import known_hubs_file
    from gotapi_core.client import HubUntrusted
    from gotapi_core.client.known_hubs import KnownHubs
    from gotapi_core.client.wire import checked_url

    try:
        known = KnownHubs(known_hubs_file()).forget(checked_url(url))
    except (HubUntrusted, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Forgotten: {url}" if known else f"No key was known for {url}.")


def _hub(home: Path | None) -> tuple[Paths, Settings]:
    paths = paths_under(home) if home else default_paths()
    try:
        paths.prepare()
        return paths, load_settings(paths.settings_file)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"{paths.data} cannot be used: {error.strerror}. Only the user who runs the hub may "
            "see its keys"
        ) from error


def _ensured(paths: Paths, settings: Settings) -> Identity:
    """Return what the hub shows, as it is: a hub that runs knows better what it is called."""
    from gotapi_core.tls.addresses import names_here

    keeper = Keeper(paths.data)
    try:
        names = keeper.names() or names_here()
        return keeper.ensure(names, time.time())
    except TlsError as error:
        raise click.ClickException(str(error)) from error


def _host(identity: Identity, settings: Settings) -> str:
    """Return the name a phone would use: an address on the network, where there is one."""
    from gotapi_core.protocol.reach import lan_address

    lan = sorted(one for one in identity.names if lan_address(one) is not None)
    return lan[0] if lan else "localhost"


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
