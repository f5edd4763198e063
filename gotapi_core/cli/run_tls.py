"""The TLS side of `gotapi run`: its options, its door, and what is said of it."""

import time
from typing import TYPE_CHECKING

import click

from gotapi_core.cli.refusal import Refusal
from gotapi_core.paths import Paths
from gotapi_core.settings import Settings

if TYPE_CHECKING:
    from gotapi_core.server.secure import SecureDoor


def tls_options(tls: bool, lan: bool) -> list[str]:
    """Return the command's options as settings."""
    wanted = (("tls.enabled", tls), ("tls.lan", lan))
    return [f"{name}=true" for name, given in wanted if given]


def check_demo(settings: Settings) -> None:
    """Refuse simulated devices on a local network: nobody there expects toys to answer."""
    if settings.tls.lan:
        raise Refusal(
            "--demo answers on this machine only, so it cannot be used with --lan (tls.lan); leave "
            "one of them away"
        )


def open_door(settings: Settings, paths: Paths) -> "SecureDoor | None":
    """Return the TLS door, listening already, where the settings want one; raises Refusal."""
    if not settings.tls.enabled:
        return None
    from gotapi_core.server.listen import PortTaken
    from gotapi_core.server.secure import SecureDoor  # late: it takes time, and most hubs need none
    from gotapi_core.tls.failures import TlsError

    door = SecureDoor(settings, paths, time.time)
    try:
        door.prepare()
    except (TlsError, PortTaken) as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        port = settings.tls.port
        raise Refusal(f"The hub cannot listen on TLS port {port}: {error.strerror}") from error
    return door


def say_door(door: "SecureDoor", settings: Settings) -> None:
    """Tell the operator where the door is and how others know it."""
    from gotapi_core.protocol.fingerprint import grouped

    click.echo(f"  TLS: {door.url}")
    for url in door.lan_urls:
        click.echo(f"  open to the local network: {url}")
    if settings.tls.lan and not door.lan_urls:
        click.echo("  no address on a local network yet; the hub answers there once it has one")
    click.echo(f"  key fingerprint: {grouped(door.identity.fingerprint)}")
    click.echo("  (QR code and how to trust it: gotapi tls show)")
