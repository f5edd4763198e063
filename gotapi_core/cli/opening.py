"""`gotapi open`: does what a launch URI asks for, after asking where that matters."""

import os
import subprocess
import sys
import time
from pathlib import Path

import click

from gotapi_core.cli.asking import Refused, ask, home_option, paths_of
from gotapi_core.cli.running import Note, running
from gotapi_core.cli.terminal import Terminal
from gotapi_core.paths import Paths
from gotapi_core.protocol.launch import Action, Launch, LaunchError, Manner, parse_launch

_START_TIME = 20.0  # seconds; a hub with many plug-ins on a slow card
_LOOK = 0.05  # seconds between two looks whether it runs
_KEY_HELD = 409  # the status for an origin that has another key


@click.command(name="open")
@click.argument("uri")
@click.option("--yes", is_flag=True, help="Answer every question with yes.")
@home_option
def open_command(uri: str, yes: bool, home: Path | None) -> None:
    """Do what the launch URI asks for: gotapi://start or gotapi://stop.

    Pages and applications open such addresses (`gotapi install-handler` makes them work). start
    starts the hub if none runs, start/activity opens the operator page too; the parameters origin
    and key hand the hub the key by which that application recognises it. stop stops the hub,
    unless applications are connected.
    """
    try:
        launch = parse_launch(uri)
    except LaunchError as error:
        raise click.BadParameter(error.message, param_hint="URI") from error
    terminal = Terminal(yes=yes)
    if launch.action is Action.STOP:
        _stop(launch, home)
    else:
        _start(launch, terminal, home)


def _start(launch: Launch, terminal: Terminal, home: Path | None) -> None:
    paths = paths_of(home)
    note = running(paths.lock) or _start_hub(paths, home)
    click.echo(f"The hub runs at {note.url}")
    if launch.origin is not None and launch.key is not None:
        hand_over(launch.origin, launch.key, terminal, home)
    if launch.manner is Manner.ACTIVITY:
        _show(ask("POST", "link", {}, home)["url"], "the operator page")
    if launch.url is not None:
        _go_back(launch, terminal)


def _stop(launch: Launch, home: Path | None) -> None:
    if running(paths_of(home).lock) is None:
        click.echo("No hub runs.")
        return
    ask("POST", "stop", {"silent": launch.manner is Manner.SERVER}, home)
    click.echo("The hub stops.")


def _start_hub(paths: Paths, home: Path | None) -> Note:
    """Start a hub that lives on when this command has ended; raises ClickException."""
    paths.prepare()
    log = paths.data / "hub.log"
    words = ["run", *(["--home", str(home)] if home else [])]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "gotapi_core", *words],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # so that it does not end with the terminal
        )
    log.chmod(0o600)
    deadline = time.monotonic() + _START_TIME
    while time.monotonic() < deadline and process.poll() is None:
        if note := _answering(paths, home):
            process.returncode = 0  # it outlives this command, which is not to wait for it
            return note
        time.sleep(_LOOK)
    raise click.ClickException(f"The hub did not start; {log} says why")


def _answering(paths: Paths, home: Path | None) -> Note | None:
    """Return the note of the hub once it answers; the note is there a moment before."""
    note = running(paths.lock)
    if note is None:
        return None
    try:
        ask("GET", "state", home=home)
    except click.ClickException:
        return None
    return note


def hand_over(origin: str, key: str, terminal: Terminal, home: Path | None) -> None:
    """Give the hub a launch key; one that takes the place of another only after a yes."""
    # Any page can open such an address, also in another one's name.
    if not key and not terminal.confirm(f"Forget the key by which {origin} recognises this hub?"):
        raise click.ClickException(f"The key of {origin} stays; --yes removes it")
    body = {"origin": origin, "key": key, "replace": not key}
    try:
        ask("POST", "key", body, home)
    except Refused as error:
        if error.status != _KEY_HELD:
            raise
        if not terminal.confirm(f"{error.message} Replace it?"):
            raise click.ClickException(f"The key of {origin} stays; --yes replaces it") from error
        ask("POST", "key", {**body, "replace": True}, home)
    click.echo(f"The hub {'knows' if key else 'has forgotten'} the key of {origin}.")


def _go_back(launch: Launch, terminal: Terminal) -> None:
    url = launch.url or ""
    where = "a page of this computer" if launch.page_is_local else "a web page"
    if terminal.confirm(f"Open {where}, {url}?"):
        _show(url, "the page")


def _show(url: str, what: str) -> None:
    if not _has_display() or not _browse(url):
        click.echo(f"Open {what} in a browser: {url}")


def _has_display() -> bool:
    return sys.platform != "linux" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _browse(url: str) -> bool:
    import webbrowser  # late: it looks for every browser there is

    return webbrowser.open(url)
