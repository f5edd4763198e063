"""The checks that plug-ins add to `gotapi conformance`; what nobody approved is not imported."""

import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from gotapi_core.cli.plugin_commands import approved
from gotapi_core.conformance import CLASSES, Suite, Target
from gotapi_core.host.loader import Found, find_plugins

log = logging.getLogger(__name__)


def plugin_suites() -> list[Suite]:
    """Return the suites of the hub's own plug-ins and of those that were approved."""
    found = [one for one in find_plugins() if one.sound and one.manifest.conformance]
    foreign = [one for one in found if not one.bundled]
    trusted = [one for one in found if one.bundled] + (approved(foreign) if foreign else [])
    suites = (_suite(one) for one in trusted)
    return [suite for suite in suites if suite is not None]


def may_be_other(url: str, names: Sequence[str]) -> bool:
    """Tell whether a target may be something else than a hub, which has no path and no query."""
    parts = urlsplit(url)
    other = parts.path not in ("", "/") or bool(parts.query)
    return parts.scheme in ("http", "https") and (other or any(one not in CLASSES for one in names))


async def find_suite(suites: Sequence[Suite], target: Target) -> Suite | None:
    """Return the suite whose kind of service answers at the target."""
    for suite in suites:
        if await suite.recognises(target):
            return suite
    return None


def classes_of(suite: Suite, names: Sequence[str]) -> tuple[str, ...]:
    """Return classes of a suite by their names, which may begin with the suite's; all by its own.

    Raises BadParameter for others.
    """
    chosen: list[str] = []
    for name in names:
        if name == suite.name:
            chosen += suite.classes
            continue
        plain = name.removeprefix(f"{suite.name}-")
        if plain not in suite.classes:
            raise click.BadParameter(f"{name!r} is none of {', '.join(suite.classes)}")
        chosen.append(plain)
    return tuple(dict.fromkeys(chosen))


def target_of(url: str, token: str, origin: str, ca: Path | None) -> Target:
    """Return a target as suites get it; an origin without a token means nothing to them."""
    return Target(url.strip(), token, origin if token else "", ca)


def _suite(found: Found) -> Suite | None:
    try:
        suite: Suite = importlib.import_module(found.manifest.conformance).SUITE
    except Exception:  # the boundary: an import may raise anything
        log.exception("the checks of plug-in %s cannot be loaded", found.manifest.id)
        return None
    return suite
