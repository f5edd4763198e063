"""`gotapi run`: checks everything that can be wrong, then starts the hub."""

import asyncio
import contextlib
import json
import logging
import socket
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from gotapi_core import __version__
from gotapi_core.approvals import approved_in
from gotapi_core.backup import BackupError, undo_cut_off
from gotapi_core.cli import running
from gotapi_core.cli.demo import Demo
from gotapi_core.cli.plugins_approval import plain
from gotapi_core.cli.refusal import Refusal
from gotapi_core.cli.run_tls import check_demo, open_door, say_door, tls_options
from gotapi_core.host.loader import find_plugins
from gotapi_core.host.plugin_folders import find_folders
from gotapi_core.host.ports import load_for
from gotapi_core.hub import Hub
from gotapi_core.paths import Paths, default_paths, paths_under
from gotapi_core.plugin_desk import is_trusted
from gotapi_core.plugin_settings.laid import Laid
from gotapi_core.server.app import App
from gotapi_core.server.listen import PortTaken, listen
from gotapi_core.server.serve import serve
from gotapi_core.settings import Settings, SettingsError, is_loopback, load_settings
from gotapi_core.start_marker import safe_mode_reason
from gotapi_core.store import Store, StoreError

if TYPE_CHECKING:
    from gotapi_core.server.secure import SecureDoor


@click.command()
@click.option("--host", help="Loopback address to listen on; both by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 4035 by default.")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Keep all in here.")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.NAME=VALUE", help="A setting.")
@click.option("--demo", is_flag=True, help="Add simulated devices: everything works at once.")
@click.option("--tls", is_flag=True, help="Answer by TLS too, on port 4036.")
@click.option("--lan", is_flag=True, help="Answer by TLS on the local network, too; needs --tls.")
@click.option("--safe-mode", is_flag=True, help="Start only the hub's own plug-ins.")
@click.option("-v", "--verbose", count=True, help="Log more; twice for everything.")
def run(
    host: str | None,
    port: int | None,
    home: Path | None,
    overrides: tuple[str, ...],
    demo: bool,
    tls: bool,
    lan: bool,
    safe_mode: bool,
    verbose: int,
) -> None:
    """Start the hub and keep it running until Ctrl-C."""
    _log_to_stderr(verbose)
    paths = paths_under(home) if home else default_paths()
    overrides = (*overrides, *_options(host, port), *tls_options(tls, lan))
    with ExitStack() as stack:
        if demo and host is not None and not is_loopback(host):
            raise Refusal(
                f"--demo answers on this machine only, so it cannot listen on {host}; "
                "leave --host away"
            )
        _prepare(paths)
        lock = stack.enter_context(_lock(paths))
        _undo_restore(paths)
        settings, laid = _settings(paths, overrides), Laid(overrides)
        if demo:
            check_demo(settings)
        sockets = _listen(settings)
        for one in sockets:
            stack.callback(one.close)
        door = open_door(settings, paths)
        if door is not None:
            stack.callback(door.release)
        running.write(lock, _url(sockets))
        store = _open_store(paths)
        stack.callback(store.close)
        safe = safe_mode_reason(paths.data, wished=safe_mode)
        if demo:
            approvals = {} if safe else approved_in(store)
            trusted = partial(is_trusted, approvals)
            simulated = Demo(paths, settings, trusted)
            settings = stack.enter_context(simulated)
            laid = Laid(overrides, simulated.sections)
        _run(settings, laid, paths, store, sockets, door, safe)


def _run(
    settings: Settings,
    laid: Laid,
    paths: Paths,
    store: Store,
    sockets: list[socket.socket],
    door: "SecureDoor | None",
    safe_mode: str,
) -> None:
    found = [*find_plugins(), *find_folders(paths.config / "plugins.d")]
    plugins = [load_for(one, settings.plugin_host) for one in found]
    hub = Hub(
        settings=settings,
        paths=paths,
        store=store,
        clock=time.time,
        plugins=plugins,
        safe_mode=safe_mode,
        laid=laid,
    )
    with contextlib.suppress(KeyboardInterrupt):  # before the server listens to signals
        asyncio.run(
            serve(
                hub, sockets, door=door, on_ready=lambda app, _: _welcome(app, hub, sockets, door)
            )
        )
    click.echo("The hub has stopped.", err=True)


def _welcome(app: App, hub: Hub, sockets: list[socket.socket], door: "SecureDoor | None") -> None:
    url = _url(sockets)
    click.echo(f"gotapi-hub {__version__} is ready at {url}")
    if door is not None:
        say_door(door, hub.settings)
    if hub.desk.safe_mode:
        click.echo(f"SAFE MODE: {hub.desk.safe_mode}. Only the hub's own plug-ins run.")
        click.echo("  To leave it, turn off what is broken (gotapi plugins disable ID), wait 10 s,")
        click.echo("  then stop the hub and start it again: gotapi run")
    for supervisor in hub.registry:
        health = supervisor.health
        why = f": {health.reason}" if health.reason else ""
        line = f"plug-in {supervisor.manifest.name}: {health.state.value}{why}"
        click.echo(f"  {plain(line)}")
    if not app.operator.has_console and hub.settings.server.console:
        click.echo("The web console was not built; from the sources: make web")
    name = "Console" if app.operator.has_console else "Operator page"
    click.echo(f"{name} (approve applications there): {app.operator.console_link(url)}")
    click.echo("Stop the hub with Ctrl-C.")
    sys.stdout.flush()


def _options(host: str | None, port: int | None) -> list[str]:
    given = []
    if host is not None:
        given.append(f"server.host={json.dumps(host)}")
    if port is not None:
        given.append(f"server.port={port}")
    return given


def _settings(paths: Paths, overrides: tuple[str, ...]) -> Settings:
    try:
        return load_settings(paths.settings_file, overrides)
    except SettingsError as error:
        raise Refusal(str(error)) from error


def _prepare(paths: Paths) -> None:
    try:
        paths.prepare()
    except OSError as error:
        raise Refusal(
            f"The hub cannot keep its files in {paths.data}: {error.strerror}. Make the folder "
            "writable, or choose another with --home"
        ) from error


def _lock(paths: Paths) -> TextIO:
    try:
        return running.take(paths.lock)
    except running.FolderInUse as holder:
        raise Refusal(
            f"The folder {paths.data} is in use by {holder}. Stop that hub, or give this one a "
            "folder and a port of its own: gotapi run --home DIR --port 4135"
        ) from None


def _undo_restore(paths: Paths) -> None:
    try:
        undone = undo_cut_off(paths)
    except BackupError as error:
        raise Refusal(str(error)) from error
    if undone:
        click.echo("A restore was cut off; the hub is as it was before. Restore again.", err=True)


def _listen(settings: Settings) -> list[socket.socket]:
    server = settings.server
    try:
        return listen(server.host, server.port)
    except PortTaken as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        raise Refusal(
            f"The hub cannot listen on {server.host} port {server.port}: {error.strerror}"
        ) from error


def _open_store(paths: Paths) -> Store:
    store = Store(paths.store)
    try:
        store.open()
    except StoreError as error:
        raise Refusal(str(error)) from error
    return store


def _url(sockets: list[socket.socket]) -> str:
    host, port = sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _log_to_stderr(verbose: int) -> None:
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its lines repeat the query string
