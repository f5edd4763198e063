"""`gotapi conformance`: checks any hub, or a plug-in in a hub of its own, against every rule."""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import msgspec

from gotapi_core.cli.conformance_report import Progress, as_json, print_report
from gotapi_core.cli.conformance_suites import (
    classes_of,
    find_suite,
    may_be_other,
    plugin_suites,
    target_of,
)
from gotapi_core.cli.demo import Demo
from gotapi_core.cli.terminal import INTERRUPTED, clean
from gotapi_core.client.wire import checked_url
from gotapi_core.conformance import (
    CLASSES,
    HttpTransport,
    Level,
    Report,
    Subject,
    run_checks,
)
from gotapi_core.conformance.classes import checks_of, fitting
from gotapi_core.conformance.model import Failed, Skipped
from gotapi_core.conformance.subject import scopes_of
from gotapi_core.host.loader import Found, Loaded, find_module, find_plugins, load
from gotapi_core.paths import paths_under
from gotapi_core.settings import Settings


class Unreachable(click.ClickException):
    """No hub answers."""

    exit_code = 3  # as for the other commands


class Person:
    """Somebody at the hub, who is told on the terminal what to do."""

    decides = False

    def __init__(self, url: str) -> None:
        self._url = url

    async def allow(self, origin: str, name: str) -> None:
        """Ask for the approval."""
        click.echo(
            f"Waiting: approve {name!r} of {clean(origin)} at the hub {self._url}. It comes twice: "
            "once for everything, once for the list of services.",
            err=True,
        )

    async def deny(self, origin: str) -> None:
        """Leave a refusal to be tried by hand."""
        raise Skipped("only a person at that hub could refuse")

    async def revoke(self, origin: str) -> None:
        """Leave a revocation to be tried by hand."""
        raise Skipped("only a person at that hub could take access away")

    async def launch(self, origin: str, key: str) -> None:
        """Leave launch URIs to the machine of that hub."""
        raise Skipped("launch URIs are opened on the machine of that hub")


class Options(msgspec.Struct, frozen=True):
    """What the command line says about a hub elsewhere."""

    token: str
    origin: str
    scope: str
    ca: Path | None
    classes: tuple[str, ...]


def _classes(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _of_hubs(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in CLASSES:
            raise click.BadParameter(f"{name!r} is none of {', '.join(CLASSES)}")
    return names


@click.command()
@click.argument("target", metavar="URL|PLUGIN")
@click.option(
    "--level",
    type=click.Choice([level.name.lower() for level in Level]),
    default="gold",
    show_default=True,
    help="The level that must be reached for exit code 0.",
)
@click.option(
    "--class",
    "classes",
    default="",
    callback=_classes,
    help=f"Which rules, as a,b of {', '.join(CLASSES)}; of a 3D Portrayal Service core, scene, "
    "view, info. [default: those that fit]",
)
@click.option("--token", default="", help="An access token of the origin; nobody is asked then.")
@click.option(
    "--origin",
    default="http://localhost:8080",
    show_default=True,
    help="The application to be; others get the ports after it.",
)
@click.option("--scope", default="all", show_default=True, help="What to ask access for.")
@click.option(
    "--ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The certificate of the authority that signed an https hub's.",
)
@click.option("--json", "json", is_flag=True, help="Write one JSON object instead of a table.")
@click.pass_context
def conformance(
    context: click.Context,
    target: str,
    level: str,
    classes: tuple[str, ...],
    token: str,
    origin: str,
    scope: str,
    ca: Path | None,
    json: bool,
) -> None:
    """Check the hub at URL, or the installed PLUGIN (its id or package), against every rule.

    A hub's user must approve the checks twice (once with --token). URL may also be a 3D Portrayal
    Service, anybody's. Exit codes: 0 the level was reached, 1 it was not, 2 wrong use, 3 no hub
    answers.
    """
    logging.basicConfig(level=logging.ERROR)  # checks provoke warnings on purpose
    options = Options(token, origin, scope, ca, classes)
    progress = Progress(shown=sys.stderr.isatty() and not json)
    try:
        if "://" in target:
            report = asyncio.run(_check_url(target, options, progress))
        else:
            report = _check_plugin(target, _of_hubs(classes), progress)
    except KeyboardInterrupt:
        context.exit(INTERRUPTED)
    if json:
        click.echo(as_json(report))
    else:
        print_report(report)
    reached = report.level
    context.exit(0 if reached is not None and reached >= Level[level.upper()] else 1)


async def _check_url(target: str, options: Options, progress: Progress) -> Report:
    if may_be_other(target, options.classes):
        report = await _check_other(target, options, progress)
        if report is not None:
            return report
    try:
        url = checked_url(target)
    except ValueError as error:
        if may_be_other(target, ()):
            raise Unreachable(
                f"No service that can be checked answers at {clean(target)}: neither a hub nor, at "
                "GetCapabilities, a 3D Portrayal Service"
            ) from None
        raise click.BadParameter(str(error)) from error
    async with HttpTransport(url, options.ca) as transport:
        subject = Subject(
            url,
            transport,
            Person(url),
            origin=options.origin,
            token=options.token,
            scope=options.scope,
        )
        try:
            await subject.ask("GET", "availability", {"key": subject.key})
        except Failed as error:
            raise Unreachable(f"No hub answers at {url}: {clean(str(error))}") from None
        names = _of_hubs(options.classes)
        await subject.prepare()
        return await run_checks(subject, checks_of(names or await _fitting(subject)), progress.told)


async def _check_other(target: str, options: Options, progress: Progress) -> Report | None:
    """Check a service that is no hub by the checks of a plug-in; None where none knows it."""
    found = target_of(target, options.token, options.origin, options.ca)
    suite = await find_suite(plugin_suites(), found)
    if suite is None:
        return None
    return await suite.check(found, classes_of(suite, options.classes), progress.told)


async def _fitting(subject: Subject) -> Sequence[str]:
    try:
        services = await subject.services()
    except (Failed, Skipped):
        services = []
    return fitting({scope for one in services for scope in scopes_of(one)})


def _check_plugin(name: str, classes: tuple[str, ...], progress: Progress) -> Report:
    """Run a hub with one plug-in, and with the devices it simulates for `--demo`."""
    loaded = _load(name)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gotapi-")))
        paths = paths_under(home)
        paths.prepare()
        settings = stack.enter_context(
            Demo(paths, Settings(), lambda found: found.manifest.id == loaded.manifest.id)
        )
        own = settings.plugins.get(loaded.manifest.id)
        table = {"plugins": {loaded.manifest.id: own}} if own else {}
        return asyncio.run(_check_loaded(home, loaded, table, classes, progress))


async def _check_loaded(
    home: Path,
    loaded: Loaded,
    settings: Mapping[str, Any],
    classes: tuple[str, ...],
    progress: Progress,
) -> Report:
    from gotapi_core.testing import live_hub  # late: a hub elsewhere needs none here
    from gotapi_core.testing.conform import check_hub

    async with live_hub(home, [loaded], settings=settings) as live:
        report = await check_hub(live, classes, told=progress.told)
        broken = [one for one in live.hub.registry if not one.ready]
    if broken:
        raise click.ClickException(f"{loaded.manifest.id}: {broken[0].health.reason}")
    subject = f"plug-in {loaded.manifest.id} {loaded.manifest.version}"
    return msgspec.structs.replace(report, subject=subject)


def _load(name: str) -> Loaded:
    found = [one for one in find_plugins() if name in (one.manifest.id, one.manifest.module)]
    one: Found = found[0] if found else find_module(name, name)
    loaded = load(one)
    if loaded.plugin_type is None:
        known = ", ".join(plugin.manifest.id for plugin in find_plugins()) or "none"
        raise click.ClickException(
            f"The plug-in {name} cannot be loaded: {loaded.reason}. Installed: {known}. "
            "A hub is given by its address, like http://127.0.0.1:4035"
        )
    return loaded
