"""PURE. `gotapi-plugin.toml`: what a plug-in offers, known before any of its code is imported."""

import re
import tomllib
from typing import Any

import msgspec

from gotapi_core.plugin.rights import Rights as Rights
from gotapi_core.plugin.rights import check_rights

FILE_NAME = "gotapi-plugin.toml"
API_VERSION = 1  # of `gotapi_core.plugin`; a manifest names the one it was written for
_SIZE_LIMIT = 64 * 1024  # bytes; the bundled manifests are below 2 KiB
_WORDS = 64  # of a command
_DEPTH = 32  # levels of [demo.settings]; it is walked by recursion
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")

HUB_PROFILES = frozenset(
    {
        "authorization",
        "availability",
        "events",
        "files",
        "servicediscovery",
        "serviceinformation",
        "system",
        "websocket",
    }
)
"""What follows `/gotapi/` in the hub's own paths; no plug-in can have such a profile."""
HUB_PATHS = ("/gotapi", "/blobs", "/operator", "/console")  # as lower-case first parts of a path


class ManifestError(ValueError):
    """A manifest is missing, unreadable, or says something that does not hold."""


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
    module: str = ""
    command: tuple[str, ...] = ()  # of a plug-in that is no Python: runs in its folder
    api: int = API_VERSION
    description: str = ""
    profiles: tuple[str, ...] = ()
    aliases: dict[str, str] = {}  # other scope names applications use -> the profile they mean
    surfaces: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    conformance: str = ""  # the module whose SUITE checks services of a kind for anybody
    rights: Rights = Rights()
    demo: Demo = Demo()


def parse_manifest(text: bytes) -> Manifest:
    """Read a manifest; raises ManifestError that names the member and what it should be."""
    if len(text) > _SIZE_LIMIT:
        raise ManifestError(f"{FILE_NAME} is larger than {_SIZE_LIMIT} bytes")
    try:
        table = tomllib.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ManifestError(f"{FILE_NAME} is not TOML: {error}") from error
    try:
        manifest = msgspec.convert(table, Manifest)
    except msgspec.ValidationError as error:
        raise ManifestError(f"{FILE_NAME}: {error}") from error
    _check(manifest)
    check_offer(manifest)
    for alias, profile in manifest.aliases.items():
        _check_alias(manifest, alias, profile)
    return manifest


def valid_id(plugin_id: object) -> bool:
    """Tell whether this can be the id of a plug-in: it is part of service ids and of paths."""
    return isinstance(plugin_id, str) and _ID.fullmatch(plugin_id) is not None


def _check(manifest: Manifest) -> None:
    if not valid_id(manifest.id):
        raise ManifestError(
            f"{FILE_NAME}: id {manifest.id!r} must be 1 to 40 lower-case letters, digits and inner "
            "hyphens"
        )
    if not manifest.name.strip() or not manifest.version.strip():
        raise ManifestError(f"{FILE_NAME}: name and version must not be empty")
    if manifest.api != API_VERSION:
        raise ManifestError(
            f"{FILE_NAME}: {manifest.id} was written for plug-in API {manifest.api}, this hub has "
            f"{API_VERSION}; install a version of the plug-in made for it"
        )
    _check_code(manifest)
    try:
        check_rights(manifest.rights)
    except ValueError as error:
        raise ManifestError(f"{FILE_NAME}: {error}") from None
    if _depth(manifest.demo.settings) > _DEPTH:
        raise ManifestError(f"{FILE_NAME}: demo.settings is nested deeper than {_DEPTH} levels")


def _check_code(manifest: Manifest) -> None:
    if manifest.command and manifest.module:
        raise ManifestError(f"{FILE_NAME}: give module (Python) or command (others), not both")
    if manifest.command:
        sound = len(manifest.command) <= _WORDS and all(
            word and "\0" not in word for word in manifest.command
        )
        if not sound:
            raise ManifestError(
                f"{FILE_NAME}: command must be up to {_WORDS} words, none of them empty"
            )
    elif not manifest.module:
        raise ManifestError(f"{FILE_NAME}: missing required field `module`, or `command`")
    elif not all(part.isidentifier() for part in manifest.module.split(".")):
        raise ManifestError(f"{FILE_NAME}: module {manifest.module!r} is not a Python module name")
    if manifest.conformance and not (
        manifest.conformance.startswith(f"{manifest.module}.")
        and all(part.isidentifier() for part in manifest.conformance.split("."))
    ):
        raise ManifestError(
            f"{FILE_NAME}: conformance {manifest.conformance!r} must be a module in the package "
            f"{manifest.module!r}"
        )


def check_offer(manifest: Manifest) -> None:
    """Raise ManifestError where a manifest names profiles or surfaces it cannot have."""
    for profile in manifest.profiles:
        _check_profile(profile)
    for path in manifest.surfaces:
        _check_surface(path)


def _check_profile(profile: str) -> None:
    if profile in HUB_PROFILES:
        raise ManifestError(f"{FILE_NAME}: profile {profile!r} belongs to the hub; choose another")
    if profile != profile.lower() or not re.fullmatch(r"[^\s/\\%?#]{1,64}", profile):
        raise ManifestError(
            f"{FILE_NAME}: profile {profile!r} must be lower case, without spaces and slashes"
        )


def _check_surface(path: str) -> None:
    if not re.fullmatch(r"(/[^\s/%?#]+)+", path):
        raise ManifestError(
            f"{FILE_NAME}: surface {path!r} must be a path like '/3dps', without a slash at its end"
        )
    if "/" + path.split("/")[1].lower() in HUB_PATHS:
        raise ManifestError(f"{FILE_NAME}: surface {path!r} belongs to the hub; choose another")


def _check_alias(manifest: Manifest, alias: str, profile: str) -> None:
    if profile not in manifest.profiles or alias != alias.lower():
        raise ManifestError(
            f"{FILE_NAME}: alias {alias!r} must be lower case and stand for one of the profiles, "
            f"not for {profile!r}"
        )


def _depth(value: object) -> int:
    """Return how deep lists and tables are nested, without recursion."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth
