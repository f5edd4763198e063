"""`gotapi apps` and `gotapi operator`: the operator's side of consent, in a terminal."""

import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from gotapi_core.cli.asking import ask, home_option
from gotapi_core.cli.opening import hand_over
from gotapi_core.cli.terminal import Terminal
from gotapi_core.protocol.mac import KEY_SIZE

_LIFETIMES = click.Choice(["once", "day", "always"])


@click.group()
def apps() -> None:
    """See which applications ask for access or have it, and decide."""


@apps.command("list")
@home_option
def list_apps(home: Path | None) -> None:
    """List the requests that wait and the applications that are allowed."""
    state = ask("GET", "state", home=home)
    console = Console()
    _print_requests(console, state["requests"])
    _print_applications(console, state["applications"])


@apps.command()
@click.argument("code")
@click.option("--for", "lifetime", type=_LIFETIMES, default="always", help="How long.")
@click.option("--replace", "replaced", multiple=True, metavar="ID", help="Revoke this one with it.")
@home_option
def approve(code: str, lifetime: str, replaced: tuple[str, ...], home: Path | None) -> None:
    """Allow the request CODE.

    `once` is an hour, after which the application asks again; `day` is 24 hours; `always` is until
    you revoke it, 180 days at most. --replace takes an earlier approval of the same origin back.
    """
    body = {"code": code, "lifetime": lifetime, "replace": list(replaced)}
    ask("POST", "approve", body, home)
    click.echo(f"Approved {code}.")


@apps.command()
@click.argument("application")
@click.option("--scopes", metavar="A,B", help="Allow these only, of those it asked for.")
@click.option("--for", "lifetime", type=_LIFETIMES, help="End this long from now.")
@click.option(
    "--until", metavar="DATE", help="End then: 2026-12-31 (that day included), or a time."
)
@home_option
def change(
    application: str, scopes: str | None, lifetime: str | None, until: str | None, home: Path | None
) -> None:
    """Change what the application with this ID may do, or when that ends; at once."""
    body: dict[str, object] = {"id": application}
    if scopes is not None:
        body["scopes"] = [word for part in scopes.split(",") if (word := part.strip())]
    if lifetime is not None:
        body["lifetime"] = lifetime
    if until is not None:
        body["until"] = _end_of(until)
    if len(body) == 1:
        raise click.UsageError("Say what to change: --scopes, --for or --until")
    changed = ask("POST", "change", body, home)
    click.echo(
        f"{application} may {', '.join(changed['scopes'])} until {_when(changed['expires'])}."
    )


@apps.command()
@click.argument("application")
@home_option
def history(application: str, home: Path | None) -> None:
    """Show what the application with this ID did: which routes, how often and when."""
    _print_uses(ask("GET", f"history?id={quote(application)}", home=home)["uses"])


@apps.command()
@click.argument("code")
@home_option
def deny(code: str, home: Path | None) -> None:
    """Refuse the request CODE."""
    ask("POST", "deny", {"code": code}, home)
    click.echo(f"Denied {code}.")


@apps.command()
@click.argument("application")
@home_option
def revoke(application: str, home: Path | None) -> None:
    """Take access away from the application with this ID, at once."""
    ask("POST", "revoke", {"id": application}, home)
    click.echo(f"Revoked {application}.")


@apps.command()
@click.argument("origin")
@click.option("--yes", is_flag=True, help="Replace or forget a key without asking.")
@click.option("--forget", is_flag=True, help="Forget the key of this origin.")
@home_option
def key(origin: str, yes: bool, forget: bool, home: Path | None) -> None:
    """Make a key by which the application at ORIGIN recognises this hub, and show it.

    Give it to the application: HubKey.from_hex in Python, the parameter key of a launch address,
    or the QR code. It is shown once. From then on that application notices when another program
    answers in the hub's place, and sends it nothing.
    """
    if forget:
        hand_over(origin, "", Terminal(yes=yes), home)
        return
    made = secrets.token_hex(KEY_SIZE)
    hand_over(origin, made, Terminal(yes=yes), home)
    from gotapi_core.tls.qr import terminal_code  # late: segno is needed nowhere else here

    click.echo(f"\n{terminal_code(made)}\n{made}")


@click.command()
@home_option
def operator(home: Path | None) -> None:
    """Print a link that opens the operator page, once, within ten minutes."""
    click.echo(ask("POST", "link", {}, home)["url"])


def _print_requests(console: Console, requests: list[dict[str, Any]]) -> None:
    if not requests:
        console.print("No application is asking for access.")
        return
    table = Table(title="Asking for access")
    for column in ("code", "application", "origin", "wants to"):
        table.add_column(column)
    for one in requests:
        wants = ", ".join(scope["words"] or scope["scope"] for scope in one["scopes"])
        table.add_row(*(_plain(text) for text in (one["code"], one["name"], one["origin"], wants)))
    console.print(table)
    for one in requests:
        if one["known"]:
            _print_known(console, one)
    console.print("Decide with: gotapi apps approve CODE, or gotapi apps deny CODE")


def _print_applications(console: Console, applications: list[dict[str, Any]]) -> None:
    if not applications:
        console.print("No application has access.")
        return
    table = Table(title="Allowed")
    for column in ("id", "application", "origin", "scopes", "until"):
        table.add_column(column)
    for one in applications:
        until = _when(one["expires"])
        row = (one["id"], one["name"], one["origin"], ", ".join(one["scopes"]), until)
        table.add_row(*(_plain(text) for text in row))
    console.print(table)


def _print_known(console: Console, request: dict[str, Any]) -> None:
    last = request["known"][-1]
    console.print(
        f"{request['code']}: this origin already has access under '{_plain(last['name'])}' since "
        f"{_when(last['created'])}; --replace {last['id']} revokes that."
    )


def _print_uses(uses: Sequence[dict[str, Any]]) -> None:
    console = Console()
    if not uses:
        console.print("Nothing yet.")
        return
    table = Table()
    for column in ("last", "route", "times", "first"):
        table.add_column(column)
    for use in uses:
        first, last = _when(use["first"]), _when(use["last"])
        table.add_row(last, _plain(use["route"]), str(use["count"]), first)
    console.print(table)


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _end_of(text: str) -> float:
    """Return the end of a day, or a time, in seconds since 1970; by the local clock."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no date; write it as 2026-12-31 or 2026-12-31T18:00", param_hint="--until"
        ) from None
    if len(text) <= len("2026-12-31"):
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment.timestamp()


def _plain(text: str) -> str:
    """Take away what a terminal or rich would read as a command in an application's text."""
    return "".join(c for c in text if c.isprintable()).replace("[", "\\[")
