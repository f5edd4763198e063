"""`gotapi plugins enable | token`: what the operator decides about plug-ins that run apart."""

from pathlib import Path

import click

from gotapi_core.cli.asking import ask, home_option


@click.command()
@click.argument("plugin")
@home_option
def enable(plugin: str, home: Path | None) -> None:
    """Start PLUGIN (its id) again after it failed, or crashed so often that it was turned off."""
    answer = ask("POST", "plugin-enable", {"id": plugin}, home)
    reason = f": {answer['reason']}" if answer["reason"] else ""
    click.echo(f"Plug-in {plugin} is {answer['state']}{reason}")


@click.command()
@click.argument("name")
@click.option("--delete", is_flag=True, help="Delete the token: the plug-in is refused from now.")
@home_option
def token(name: str, delete: bool, home: Path | None) -> None:
    """Print a new token for the plug-in NAME, which connects to ws://HUB/gotapi/plugin by itself.

    It is shown this once. An older token of the same name is good no more.
    """
    if delete:
        ask("POST", "plugin-token-delete", {"id": name}, home)
        click.echo(f"The token of plug-in {name} is deleted.")
        return
    click.echo(ask("POST", "plugin-token", {"id": name}, home)["token"])
