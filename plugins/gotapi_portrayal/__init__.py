"""City models, terrain and models as 3D portrayals: OGC 3DPS 1.0."""

from collections.abc import Sequence

import click
import msgspec

from gotapi_core.plugin import Plugin, hookimpl
from gotapi_portrayal.data.cli import scenes
from gotapi_portrayal.model import PortrayalSettings
from gotapi_portrayal.plugin import PortrayalPlugin
from gotapi_portrayal.view.cli import view as view_command  # `view` is a package here


@hookimpl
def gotapi_plugins() -> Sequence[type[Plugin]]:
    return [PortrayalPlugin]


@hookimpl
def gotapi_profiles() -> dict[str, str]:
    return {"3dps": "see the 3D scenes of this hub, also private ones, and show models in them"}


@hookimpl
def gotapi_commands() -> Sequence[click.Command]:
    return [scenes, view_command]


@hookimpl
def gotapi_settings() -> dict[str, type[msgspec.Struct]]:
    return {"portrayal": PortrayalSettings}
