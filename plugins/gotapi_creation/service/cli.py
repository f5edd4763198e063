"""`gotapi creation-service`: a 3D contents creation service of one's own, for any hub."""

import asyncio
import contextlib
import errno
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    import msgspec

    from gotapi_creation.service.host import Settings

PORT: Final = 4045  # 3DCAPI gives services none of their own; 4035 is the hub's
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def default_home() -> Path:
    """Return where a service keeps its files: below the XDG data folder."""
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path.home() / ".local" / "share"
    return data / "gotapi" / "creation-service"


@click.command(name="creation-service")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="Keep everything in here."
)
@click.option("--id", "service_id", default="embedded", show_default=True, help="Its serviceId.")
@click.option("--name", default="Creation service of this computer", show_default=True)
@click.option("--address", default="", metavar="URL", help="How others reach it, behind a proxy.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 16),
    help="Models made at a time; each takes up to 400 MB.",
)
@click.option(
    "--time-limit",
    default=300.0,
    show_default=True,
    type=click.FloatRange(1.0, 86400.0),
    help="Seconds that a model may take; engines elsewhere may need more.",
)
@click.option("--ftp", metavar="HOST", help="Take files by FTP too, on this address.")
@click.option(
    "--ftp-certificate",
    type=click.Path(exists=True, dir_okay=False),
    help="PEM with key and certificate: FTP by TLS only.",
)
@click.option(
    "--engines",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='JSON file: {"name of an engine": {its settings}}.',
)
@click.option("--lan", is_flag=True, help="Allow a --host that others can reach.")
@click.option(
    "--with-parent", is_flag=True, hidden=True, help="End with the program that reads our output."
)
def creation_service(
    host: str,
    port: int,
    home: Path | None,
    service_id: str,
    name: str,
    address: str,
    workers: int,
    time_limit: float,
    ftp: str | None,
    ftp_certificate: str | None,
    engines: Path | None,
    lan: bool,
    with_parent: bool,
) -> None:
    """Make models of drawings for hubs (OMA 3DCAPI 1.0), until Ctrl-C.

    A hub is told of it with its address and its access token, which is kept in the home folder.
    People who only want a model use `gotapi create`.
    """
    if host not in _LOOPBACK and not lan:
        raise click.ClickException(
            f"At {host} others can reach the service, and what they send is not encrypted. Give "
            "--lan too if that is what you want, or leave --host away"
        )
    from gotapi_creation.service.host import Settings  # late: --help needs none of it
    from gotapi_creation.service.model import Limits

    settings = Settings(
        home=str((home or default_home()).expanduser().absolute()),
        service_id=service_id,
        name=name,
        address=address.rstrip("/"),
        ftp=ftp,
        ftp_certificate=ftp_certificate or "",
        workers=workers,
        limits=Limits(seconds=time_limit),
        engines=_engines(engines),
    )
    _run(settings, host, port, with_parent=with_parent)


def _run(settings: "Settings", host: str, port: int, *, with_parent: bool) -> None:
    from gotapi_creation.service.host import HomeInUse, Service
    from gotapi_creation.wire import CreationError

    os.umask(0o077)  # what people draw is nobody else's business
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with contextlib.ExitStack() as stack:
        try:
            listening = stack.enter_context(_listen(host, port))
            service = Service(settings)
        except (HomeInUse, CreationError) as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(f"{settings.home}: {error.strerror}") from error
        if with_parent:
            _end_with_parent()
        url = _url(listening)

        def ready() -> None:
            _say(settings, url, with_parent=with_parent)

        try:
            asyncio.run(service.serve(listening, ready))
        except (RuntimeError, OSError) as error:
            raise click.ClickException(str(error)) from error


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            ("127.0.0.1" if host == "localhost" else host, port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(
                f"Port {port} is taken, perhaps by another creation service; choose another one "
                "with --port"
            ) from error
        raise click.ClickException(f"Cannot listen at {host}: {error.strerror}") from error


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _say(settings: "Settings", url: str, *, with_parent: bool) -> None:
    token_file = Path(settings.home) / "access.token"
    if with_parent:
        click.echo(json.dumps({"url": url, "tokenFile": str(token_file)}))
        return
    click.echo(f"The creation service answers at {settings.address or url}")
    click.echo(f"Its access token is in {token_file}; keep it to yourself and your hub.")
    click.echo(
        f"A hub is told with: gotapi creation add {settings.address or url} --key-file {token_file}"
    )
    click.echo("Ctrl-C stops it; models that are begun go on at the next start.")


def _engines(path: Path | None) -> "dict[str, dict[str, msgspec.Raw]]":
    if path is None:
        return {}
    import msgspec

    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, msgspec.Raw]])
    except (OSError, msgspec.DecodeError) as error:
        raise click.ClickException(
            f'{path} must be JSON such as {{"command": {{"arguments": ["tool"]}}}}: {error}'
        ) from error
    # A Raw is a view of the whole file; copies let go of it.
    return {name: {key: raw.copy() for key, raw in one.items()} for name, one in found.items()}


def _end_with_parent() -> None:
    """Stop when standard input ends: whoever started us is gone, however it ended."""

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                select.select([sys.stdin], [], [])
                if not os.read(sys.stdin.fileno(), 4096):
                    break
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()
