"""Figures become models: the 3DCAPI server of the hub and an embedded creation service."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gotapi_core.plugin import hookimpl

if TYPE_CHECKING:
    import click
    import msgspec

    from gotapi_core.plugin import Plugin

# Imports are late: the worker of an engine and `gotapi create` import this package too.


@hookimpl
def gotapi_plugins() -> "Sequence[type[Plugin]]":
    from gotapi_creation.plugin import CreationPlugin

    return [CreationPlugin]


@hookimpl
def gotapi_profiles() -> dict[str, str]:
    return {"3dcapi": "make 3D models of your drawings, with a service on this machine or another"}


@hookimpl
def gotapi_commands() -> "Sequence[click.Command]":
    from gotapi_creation.cli import creation
    from gotapi_creation.create.command import create
    from gotapi_creation.demo.command import demo
    from gotapi_creation.service.cli import creation_service

    return [create, creation, creation_service, demo]


@hookimpl
def gotapi_settings() -> "dict[str, type[msgspec.Struct]]":
    from gotapi_creation.model import CreationSettings

    return {"creation": CreationSettings}
