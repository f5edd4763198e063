"""The six hooks, called once while the hub loads; requests never pass through them.

Each is synchronous and each plug-in is called alone behind a guard, so one that raises harms only
itself. A module implements a hook with `@hookimpl`.
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
    """Answer a request for access in place of the operator: True, False, or None to abstain."""
    raise AssertionError("a specification is never called")


@hookspec
def gotapi_on_state(plugin_id: str, state: str, reason: str) -> None:
    """Hear that a plug-in changed its state (starting, ready, failed, stopped)."""
    raise AssertionError("a specification is never called")
