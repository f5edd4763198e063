"""`gotapi plugins`: make one; each subcommand lives in a module of its own."""

from collections.abc import Mapping

import click

from gotapi_core.cli import import_command

SUBCOMMANDS: Mapping[str, tuple[str, str]] = {
    "list": ("gotapi_core.cli.plugins_approval:list_plugins", "List the plug-ins of the hub."),
    "show": ("gotapi_core.cli.plugins_approval:show", "Show what a plug-in is and wants."),
    "approve": ("gotapi_core.cli.plugins_approval:approve", "Approve a plug-in and start it."),
    "revoke": ("gotapi_core.cli.plugins_approval:revoke", "Take an approval back."),
    "disable": ("gotapi_core.cli.plugins_approval:disable", "Stop a plug-in and keep it off."),
    "enable": (
        "gotapi_core.cli.plugins_host:enable",
        "Start a plug-in again that failed or was turned off.",
    ),
    "settings": ("gotapi_core.cli.plugins_settings:settings", "Show a plug-in's settings."),
    "set": ("gotapi_core.cli.plugins_settings:set_settings", "Change a plug-in's settings."),
    "token": (
        "gotapi_core.cli.plugins_host:token",
        "Make a token for a plug-in that connects by itself.",
    ),
    "new": ("gotapi_core.cli.plugins_new:new", "Make the project of a new plug-in."),
}


class PluginCommands(click.Group):
    """The subcommands of the table, imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        target, short_help = SUBCOMMANDS[cmd_name]
        command = import_command(target)
        command.short_help = short_help
        return command


@click.group(cls=PluginCommands)
def plugins() -> None:
    """Make plug-ins and look after them."""
