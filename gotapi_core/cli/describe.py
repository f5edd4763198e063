"""`gotapi describe`: the machine-readable description of what the hub answers."""

import json
from collections.abc import Callable, Collection, Mapping

import click

from gotapi_core import __version__
from gotapi_core.cli.plugin_commands import approved
from gotapi_core.faces.asyncapi import asyncapi
from gotapi_core.faces.catalog import Catalog, Source
from gotapi_core.faces.openapi import openapi
from gotapi_core.faces.schemas import Json, standalone
from gotapi_core.host.loader import find_plugins, load
from gotapi_core.server.endpoints import OWN_ROUTES

DOCUMENTS: Mapping[str, Callable[[Catalog], Json]] = {
    "openapi": openapi,
    "asyncapi": asyncapi,
    "schema": lambda catalog: standalone(catalog.schemas),
}


@click.command()
@click.argument("document", type=click.Choice(list(DOCUMENTS)))
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    help="Describe only this plug-in; may be repeated. [default: all that are installed]",
)
def describe(document: str, plugins: tuple[str, ...]) -> None:
    """Print what the hub answers, as OpenAPI 3.1, AsyncAPI 3.0 or JSON schema.

    The installed plug-ins are read, no hub needs to run. A running hub answers the first two at
    /gotapi/openapi.json and /gotapi/asyncapi.json.
    """
    found = _sources(plugins)
    unknown = sorted(set(plugins) - {source.id for source in found})
    if unknown:
        known = ", ".join(source.id for source in found)
        raise click.UsageError(f"There is no plug-in {unknown[0]!r}; installed are: {known}")
    chosen = [source for source in found if not plugins or source.id in plugins]
    catalog = Catalog(tuple(OWN_ROUTES), chosen, __version__)
    click.echo(json.dumps(DOCUMENTS[document](catalog), indent=2, ensure_ascii=False))


def _sources(named: Collection[str]) -> list[Source]:
    """Import the plug-ins that may run here, and those that were asked for by name."""
    installed = [one for one in find_plugins() if not one.bundled]
    trusted = approved(installed) if installed else []
    found = []
    for one in find_plugins():
        if not (one.bundled or one in trusted or one.manifest.id in named):
            click.echo(f"plug-in {one.manifest.id} is left out: it is not approved", err=True)
            continue
        loaded = load(one)
        kind = loaded.plugin_type
        if kind is None:
            click.echo(f"plug-in {loaded.manifest.id} is left out: {loaded.reason}", err=True)
        else:
            found.append(Source(kind.id, kind.name, kind.version, tuple(kind.routes)))
    return found
