"""`gotapi apps` and `gotapi operator`: the operator's side of consent, in a terminal."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import httpx2
from rich.console import Console
from rich.table import Table

from gotapi_core.cli.running import running
from gotapi_core.paths import Paths, default_paths, paths_under

_TIMEOUT = 10.0  # seconds
_LIFETIMES = click.Choice(["once", "day", "always"])
_home_option = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The hub's folder."
)


@click.group()
def apps() -> None:
    """See which applications ask for access or have it, and decide."""


@apps.command("list")
@_home_option
def list_apps(home: Path | None) -> None:
    """List the requests that wait and the applications that are allowed."""
    state = _ask("GET", "state", home=home)
    console = Console()
    _print_requests(console, state["requests"])
    _print_applications(console, state["applications"])


@apps.command()
@click.argument("code")
@click.option("--for", "lifetime", type=_LIFETIMES, default="always", help="How long.")
@_home_option
def approve(code: str, lifetime: str, home: Path | None) -> None:
    """Allow the request CODE. `once` is an hour, `always` is until you revoke it or 180 days."""
    _ask("POST", "approve", {"code": code, "lifetime": lifetime}, home)
    click.echo(f"Approved {code}.")


@apps.command()
@click.argument("code")
@_home_option
def deny(code: str, home: Path | None) -> None:
    """Refuse the request CODE."""
    _ask("POST", "deny", {"code": code}, home)
    click.echo(f"Denied {code}.")


@apps.command()
@click.argument("application")
@_home_option
def revoke(application: str, home: Path | None) -> None:
    """Take access away from the application with this ID, at once."""
    _ask("POST", "revoke", {"id": application}, home)
    click.echo(f"Revoked {application}.")


@click.command()
@_home_option
def operator(home: Path | None) -> None:
    """Print a link that opens the operator page, once, within ten minutes."""
    click.echo(_ask("POST", "link", {}, home)["url"])


def _ask(
    method: str, what: str, body: Mapping[str, str] | None = None, home: Path | None = None
) -> Any:
    paths = paths_under(home) if home else default_paths()
    note = running(paths.lock)
    if note is None:
        raise click.ClickException(
            f"No hub runs in {paths.data}; start one with: gotapi run (and give the same --home)"
        )
    try:
        answer = httpx2.request(
            method,
            f"{note.url}/operator/api/{what}",
            json=body,
            headers={"Authorization": f"Bearer {_secret(paths)}"},
            timeout=_TIMEOUT,
            trust_env=False,
        )
    except httpx2.HTTPError as error:
        raise click.ClickException(f"The hub at {note.url} does not answer: {error}") from error
    if answer.status_code >= 400:
        raise click.ClickException(_error_of(answer))
    return answer.json()


def _secret(paths: Paths) -> str:
    try:
        return paths.operator_secret.read_text(encoding="ascii").strip()
    except OSError as error:
        raise click.ClickException(
            f"{paths.operator_secret} cannot be read: {error.strerror}. Only the user who runs the "
            "hub may decide"
        ) from error


def _error_of(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"The hub answered {answer.status_code}"


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
    console.print("Decide with: gotapi apps approve CODE, or gotapi apps deny CODE")


def _print_applications(console: Console, applications: list[dict[str, Any]]) -> None:
    if not applications:
        console.print("No application has access.")
        return
    table = Table(title="Allowed")
    for column in ("id", "application", "origin", "scopes", "until"):
        table.add_column(column)
    for one in applications:
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(one["expires"]))
        row = (one["id"], one["name"], one["origin"], ", ".join(one["scopes"]), until)
        table.add_row(*(_plain(text) for text in row))
    console.print(table)


def _plain(text: str) -> str:
    """Take away what a terminal or rich would read as a command in an application's text."""
    return "".join(c for c in text if c.isprintable()).replace("[", "\\[")
