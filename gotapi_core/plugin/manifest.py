"""PURE. `gotapi-plugin.toml`: what a plug-in offers, known before any of its code is imported."""

import re
import tomllib
from typing import Any

import msgspec

FILE_NAME = "gotapi-plugin.toml"
API_VERSION = 1  # of `gotapi_core.plugin`; a manifest names the one it was written for
_SIZE_LIMIT = 64 * 1024  # bytes; the bundled manifests are below 2 KiB
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class ManifestError(ValueError):
    """A manifest is missing, unreadable, or says something that does not hold."""


class Rights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the plug-in wants to reach, shown to the operator."""

    serial: bool = False
    bluetooth: bool = False
    network: tuple[str, ...] = ()  # host names or addresses
    folders: tuple[str, ...] = ()


class Demo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How `gotapi run --demo` gives the plug-in something to work with.

    `command` is a `gotapi` command kept running beside the hub and `settings` are laid over the
    plug-in's own; in both `{run}` stands for a folder of this run.
    """

    command: tuple[str, ...] = ()
    settings: dict[str, Any] = {}


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A checked manifest."""

    id: str
    name: str
    version: str
    module: str
    api: int = API_VERSION
    description: str = ""
    profiles: tuple[str, ...] = ()
    aliases: dict[str, str] = {}  # other scope names applications use -> the profile they mean
    surfaces: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    rights: Rights = Rights()
    demo: Demo = Demo()


def parse_manifest(text: bytes) -> Manifest:
    """Read a manifest; raises ManifestError that names the member and what it should be."""
    if len(text) > _SIZE_LIMIT:
        raise ManifestError(f"{FILE_NAME} is larger than {_SIZE_LIMIT} bytes")
    try:
        table = tomllib.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{FILE_NAME} is not TOML: {error}") from error
    try:
        manifest = msgspec.convert(table, Manifest)
    except msgspec.ValidationError as error:
        raise ManifestError(f"{FILE_NAME}: {error}") from error
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    if not _ID.fullmatch(manifest.id):
        raise ManifestError(
            f"{FILE_NAME}: id {manifest.id!r} must be 1 to 40 lower-case letters, digits, hyphens"
        )
    if manifest.api != API_VERSION:
        raise ManifestError(
            f"{FILE_NAME}: {manifest.id} was written for plug-in API {manifest.api}, this hub has "
            f"{API_VERSION}; install a version of the plug-in made for it"
        )
    if not all(part.isidentifier() for part in manifest.module.split(".")):
        raise ManifestError(f"{FILE_NAME}: module {manifest.module!r} is not a Python module name")
