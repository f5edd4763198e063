"""`gotapi plugins list | show | approve | revoke | disable`: which plug-ins run and what for."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from gotapi_core.cli.asking import ask, home_option


@click.command("list")
@home_option
def list_plugins(home: Path | None) -> None:
    """List the plug-ins, and how each of them is."""
    state = ask("GET", "state", home=home)
    console = Console()
    if why := state["hub"]["safeMode"]:
        console.print(f"SAFE MODE: {plain(why)}. Only the hub's own plug-ins run.", markup=False)
    table = Table()
    for column in ("id", "plug-in", "version", "from", "state", "why"):
        table.add_column(column, no_wrap=column == "id")
    for one in state["plugins"]:
        source = "the hub" if one["bundled"] else "others"
        row = (one["id"], one["name"], one["version"], source, one["state"], one["reason"])
        table.add_row(*(plain(text).replace("[", "\\[") for text in row))
    console.print(table)


@click.command()
@click.argument("plugin")
@click.option("--traceback", is_flag=True, help="Show all there is about its last fault.")
@home_option
def show(plugin: str, traceback: bool, home: Path | None) -> None:
    """Show what PLUGIN (its id) is, runs and wants to reach."""
    for line in described(_named(plugin, home)):
        click.echo(line)
    if traceback:
        detail = ask("GET", f"plugin?id={quote(plugin)}", home=home)["detail"]
        for line in detail.splitlines() or ["There is nothing more about a fault."]:
            click.echo(plain(line))


@click.command()
@click.argument("plugin")
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
def approve(plugin: str, yes: bool, home: Path | None) -> None:
    """Approve PLUGIN (its id) as it is now, and start it at once.

    If its files, its version or what it wants change, it waits for your approval again.
    """
    one = _named(plugin, home)
    for line in described(one):
        click.echo(line)
    if not one["digest"]:
        why = "it came with the hub" if one["bundled"] else one["reason"]
        raise click.ClickException(f"Plug-in {plugin} cannot be approved: {plain(why)}")
    if not yes:
        click.confirm("Approve it? Its code runs with your rights", abort=True)
    body = {"id": plugin, "digest": one["digest"]}
    _say(plugin, ask("POST", "plugin-approve", body, home))


@click.command()
@click.argument("plugin")
@home_option
def revoke(plugin: str, home: Path | None) -> None:
    """Take the approval of PLUGIN (its id) back: it is stopped and waits."""
    _say(plugin, ask("POST", "plugin-revoke", {"id": plugin}, home))


@click.command()
@click.argument("plugin")
@home_option
def disable(plugin: str, home: Path | None) -> None:
    """Stop PLUGIN (its id) and keep it off until `gotapi plugins enable`."""
    _say(plugin, ask("POST", "plugin-disable", {"id": plugin}, home))


def described(one: dict[str, Any]) -> list[str]:
    """Return the lines that show a plug-in to the operator."""
    lines = [
        f"{one['name']} {one['version']} ({one['id']}) is {one['state']}",
        f"  {one['reason']}" if one["reason"] else "",
        f"  runs: {one['runs']}" if one["runs"] else "",
        f"  wants: {'; '.join(one['rights']) or 'nothing outside its own folder'}",
        f"  changed since your approval: {', '.join(one['changes'])}" if one["changes"] else "",
        f"  hash: {one['digest']}" if one["digest"] else "",
    ]
    return [plain(line) for line in lines if line]


def plain(text: str) -> str:
    """Take away what a terminal would act on."""
    return "".join(c if c.isprintable() else " " for c in text)


def _named(plugin: str, home: Path | None) -> dict[str, Any]:
    plugins: list[dict[str, Any]] = ask("GET", "state", home=home)["plugins"]
    for one in plugins:
        if one["id"] == plugin:
            return one
    known = ", ".join(one["id"] for one in plugins) or "none"
    raise click.ClickException(f"There is no plug-in {plugin}; there are: {known}")


def _say(plugin: str, answer: dict[str, str]) -> None:
    reason = f": {plain(answer['reason'])}" if answer["reason"] else ""
    click.echo(f"Plug-in {plugin} is {answer['state']}{reason}")
