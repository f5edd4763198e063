"""The command `gotapi`. Each subcommand lives in a module of its own, imported when it is used."""

import importlib
from collections.abc import Mapping

import click

from gotapi_core import __version__

BUILT_IN: Mapping[str, tuple[str, str]] = {
    "run": ("gotapi_core.cli.run:run", "Start the hub."),
    "apps": ("gotapi_core.cli.apps:apps", "List, approve, change and revoke applications."),
    "operator": ("gotapi_core.cli.apps:operator", "Print a link to the operator page."),
    "open": ("gotapi_core.cli.opening:open_command", "Do what a launch URI asks for."),
    "install-handler": ("gotapi_core.cli.handler:install_handler", "Make launch URIs work."),
    "blobs": ("gotapi_core.cli.blobs:blobs", "List and delete the files of applications."),
    "backup": ("gotapi_core.cli.backup:backup", "Write all that the hub keeps to one file."),
    "restore": ("gotapi_core.cli.backup:restore", "Put back what a backup holds."),
    "services": ("gotapi_core.cli.services:services", "List the services of the hub."),
    "tls": ("gotapi_core.cli.tls:tls", "Show, export and renew the hub's certificates."),
    "discover": ("gotapi_core.cli.discover:discover", "Find hubs on the local network."),
    "plugins": ("gotapi_core.cli.plugins:plugins", "Make plug-ins and look after them."),
    "conformance": ("gotapi_core.cli.conformance:conformance", "Check a hub or a plug-in."),
    "describe": ("gotapi_core.cli.describe:describe", "Print OpenAPI, AsyncAPI or JSON schema."),
    "print": ("gotapi_core.cli.printing:print_command", "Print a G-code file."),
}


class Commands(click.Group):
    """The built-in commands, then those of the plug-ins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*BUILT_IN, *sorted(set(_plugin_commands()) - set(BUILT_IN))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in BUILT_IN:
            command = import_command(BUILT_IN[cmd_name][0])
            command.short_help = BUILT_IN[cmd_name][1]
            return command
        return _plugin_commands().get(cmd_name)


def import_command(target: str) -> click.Command:
    """Return the command that `module:name` names."""
    module, _, name = target.partition(":")
    command = getattr(importlib.import_module(module), name)
    assert isinstance(command, click.Command)
    return command


def _plugin_commands() -> dict[str, click.Command]:
    from gotapi_core.cli.plugin_commands import plugin_commands  # late: only where it is needed

    return plugin_commands()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gotapi")
def main() -> None:
    """Use the devices of this machine from pages, apps and scripts, with your consent."""
