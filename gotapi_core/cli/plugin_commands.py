"""The commands that plug-ins add to `gotapi`; what nobody approved is not imported for them."""

from collections.abc import Iterable

import click

from gotapi_core.host.loader import Found, find_plugins, load


def plugin_commands() -> dict[str, click.Command]:
    """Return name -> command; one of a plug-in that is not approved only says so."""
    found = find_plugins()
    commands: dict[str, click.Command] = {}
    foreign = [one for one in found if not one.bundled and one.sound and one.manifest.commands]
    for one in foreign:
        commands |= {name: _refusing(name, one) for name in one.manifest.commands}
    if foreign:
        commands |= _commands(approved(foreign))
    return commands | _commands(one for one in found if one.bundled)


def approved(found: Iterable[Found]) -> list[Found]:
    """Return those that are as the operator of the default hub approved them."""
    from gotapi_core.approvals import approved_in  # late: opening the store costs 0.3 s
    from gotapi_core.paths import default_paths
    from gotapi_core.plugin_desk import is_approved
    from gotapi_core.store import Store, StoreError

    path = default_paths().store
    if not path.exists():
        return []
    try:
        with Store(path) as store:
            approvals = approved_in(store)
    except StoreError:
        return []
    return [one for one in found if is_approved(one, approvals)]


def _commands(plugins: Iterable[Found]) -> dict[str, click.Command]:
    loaded = (load(one) for one in plugins)
    return {command.name or "": command for one in loaded for command in one.commands}


def _refusing(name: str, found: Found) -> click.Command:
    manifest = found.manifest

    def refuse() -> None:
        raise click.ClickException(
            f"The command {name} belongs to plug-in {manifest.id}, which waits for your approval: "
            f"gotapi plugins approve {manifest.id}"
        )

    return click.Command(
        name,
        callback=refuse,
        short_help=f"(Plug-in {manifest.id} is not approved.)",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
    )
