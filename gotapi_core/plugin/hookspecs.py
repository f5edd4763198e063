"""The six hooks; a module implements one with `@hookimpl`. Requests never pass through them.

The first four are called once while the plug-in is loaded, the last two when something happens.
Each is synchronous, must return at once, and is called for each plug-in alone behind a guard, so
one that raises harms only itself.
"""

from collections.abc import Sequence

import click
import msgspec
import pluggy

from gotapi_core.plugin.base import Plugin

PROJECT = "gotapi"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def gotapi_plugins() -> Sequence[type[Plugin]]:
    """Return the plug-in classes of this distribution."""
    raise AssertionError("a specification is never called")


@hookspec
def gotapi_profiles() -> dict[str, str]:
    """Return profile name -> what it lets an application do, in the user's words, for consent."""
    raise AssertionError("a specification is never called")


@hookspec
def gotapi_commands() -> Sequence[click.Command]:
    """Return commands to add to `gotapi`."""
    raise AssertionError("a specification is never called")


@hookspec
def gotapi_settings() -> dict[str, type[msgspec.Struct]]:
    """Return plug-in id -> the struct its section `[plugins.<id>]` of the settings must fit."""
    raise AssertionError("a specification is never called")


@hookspec(firstresult=True)
def gotapi_authorize(origin: str, scopes: Sequence[str]) -> bool | None:
    """Answer a request for access in place of the operator: True, False, or None to abstain.

    True allows everything that was asked for, for a day. The first plug-in that answers wins.
    """
    raise AssertionError("a specification is never called")


@hookspec
def gotapi_on_state(plugin_id: str, state: str, reason: str) -> None:
    """Hear that a plug-in changed its state (starting, ready, failed, stopped)."""
    raise AssertionError("a specification is never called")
