"""`gotapi plugins settings | set`: a plug-in's settings, where they come from, and changes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from gotapi_core.cli.asking import Refused, ask, home_option, paths_of
from gotapi_core.cli.plugins_approval import plain
from gotapi_core.cli.running import running
from gotapi_core.plugin_settings.spelling import toml_value
from gotapi_core.settings import SettingsError, text_value

_ORIGINS = {"file": "gotapi.toml", "default": "default"}


@click.command("settings")
@click.argument("plugin")
@home_option
def settings(plugin: str, home: Path | None) -> None:
    """Show the settings of PLUGIN (its id), and where each value comes from."""
    view = _view(plugin, home)
    for text in (view["problem"], view["refusal"]):
        if text:
            click.echo(plain(text))
    if not view["known"]:
        click.echo("The plug-in has not told what settings it has; these are in the file:")
    if not view["settings"]:
        click.echo(f"Plug-in {plugin} has no settings." if view["known"] else "none")
        return
    Console().print(_table(view["settings"]))
    click.echo(f"The file is {plain(view['file'])}, the section [plugins.{plugin}].")
    if any(one["outdated"] for one in view["settings"]):
        click.echo(f"* It runs with an earlier value still; run: gotapi plugins set {plugin}")


@click.command("set")
@click.argument("plugin")
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--unset", multiple=True, metavar="NAME", help="Back to the default.")
@click.option("--yes", is_flag=True, help="Do not ask, also where the plug-in is at work.")
@home_option
def set_settings(
    plugin: str, changes: tuple[str, ...], unset: tuple[str, ...], yes: bool, home: Path | None
) -> None:
    """Change settings of PLUGIN (its id) in gotapi.toml, and restart it with them.

    A value is written as in TOML; a bare word is a text. Without a change the plug-in is restarted
    with what the file says now.
    """
    values = dict(_pair(text) for text in changes)
    if running(paths_of(home).lock) is None:
        from gotapi_core.cli.plugins_offline import change  # late: it looks for plug-ins

        change(plugin, values, unset, home)
        click.echo(f"Written to {paths_of(home).settings_file}; it holds when the hub starts.")
        return
    answer = _ask_hub(plugin, values, unset, yes, home)
    reason = f": {plain(answer['reason'])}" if answer["reason"] else ""
    waits = f" ({answer['waits']})" if answer["waits"] else ""
    click.echo(f"Plug-in {plugin} is {answer['state']}{reason}{waits}")


def _ask_hub(
    plugin: str, values: Mapping[str, Any], unset: Sequence[str], yes: bool, home: Path | None
) -> dict[str, Any]:
    body = {
        "id": plugin,
        "revision": _view(plugin, home)["revision"],
        "set": values,
        "unset": list(unset),
        "sure": yes,
    }
    try:
        answer: dict[str, Any] = ask("POST", "plugin-set", body, home)
    except Refused as refusal:
        if refusal.status != 409:
            raise
        click.confirm(f"{plain(refusal.message)}. Go on?", abort=True)
        answer = ask("POST", "plugin-set", {**body, "sure": True}, home)
    return answer


def _view(plugin: str, home: Path | None) -> dict[str, Any]:
    if running(paths_of(home).lock) is None:
        from gotapi_core.cli.plugins_offline import view

        return view(plugin, home)
    answer: dict[str, Any] = ask("GET", f"plugin-settings?id={quote(plugin)}", home=home)
    return answer


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.BadParameter(f"a change is NAME=VALUE, not {text!r}")
    return name.strip(), text_value(value.strip())


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table()
    for column in ("name", "value", "default", "from"):
        table.add_column(column, no_wrap=column == "name", overflow="fold")
    for one in found:
        origin = one["by"] or _ORIGINS[one["source"]]
        unknown = "" if one["known"] else " (the plug-in does not know it)"
        row = (one["name"], _value(one), _spelled(one, "default"), f"{origin}{unknown}")
        table.add_row(*(plain(text).replace("[", "\\[") for text in row))
    return table


def _value(one: Mapping[str, Any]) -> str:
    mark = " *" if one["outdated"] else ""
    if one["secret"]:
        return f"{'set, not shown' if one['isSet'] else 'not set'}{mark}"
    return f"{_spelled(one, 'value')}{mark}"


def _spelled(one: Mapping[str, Any], member: str) -> str:
    if one.get(member) is None:
        return ""
    try:
        return " ".join(line.strip() for line in toml_value(one[member]).splitlines())
    except SettingsError:
        return str(one[member])
