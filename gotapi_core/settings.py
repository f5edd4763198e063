"""The hub's settings: `gotapi.toml`, checked member by member, with `--set a.b=c` laid over it."""

import ipaddress
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from gotapi_core.host.ports import PluginHost
from gotapi_core.host.supervisor import CallLimits, Seconds
from gotapi_core.tls.settings import TlsSettings, misfit

Positive = Annotated[int, msgspec.Meta(ge=1)]
Size = Annotated[int, msgspec.Meta(ge=1024)]  # bytes; with less, nothing works
_MISFIT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>[^`]*)`)?", re.DOTALL)
_FIELD = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<name>[^`]*)`")


class SettingsError(ValueError):
    """A setting is unknown or does not fit; the message names it and what it should be."""


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where and within what limits the hub answers. Sizes in bytes, times in seconds."""

    host: str = "localhost"  # both loopback addresses; or one address to listen on
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = (
        4035  # 4035 is GotAPI's; 0 lets the system choose
    )
    names: tuple[str, ...] = ()  # further host names that requests may address the hub by
    header_time: Seconds = 10.0  # to send a request's header
    body_idle_time: Seconds = 10.0  # between two pieces of a body
    json_size: Size = 1024 * 1024
    json_depth: Annotated[int, msgspec.Meta(ge=1, le=512)] = 64  # decoders recurse
    upload_size: Positive = 1024 * 1024 * 1024
    upload_quota: Positive = 4 * 1024 * 1024 * 1024  # for all files of one application
    link_time: Seconds = 600.0  # a signed link to a file is good for so long
    event_queue: Size = 256 * 1024  # for each WebSocket
    stall_time: Seconds = 5.0  # a WebSocket that takes nothing for so long is closed
    linger_time: Seconds = 30.0  # events stay subscribed so long without an open WebSocket
    console: bool = True  # the web console at `/`, where it was built
    sockets: Positive = 1000
    sockets_per_application: Positive = 16


class ConsentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long an application's request waits for its user, in seconds."""

    wait: Seconds = 60.0


class LaunchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What launch URIs (`gotapi open`) may do."""

    allow_stop: bool = False  # gotapi://stop/server stops the hub without a question


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; every member has a default, so an empty file is complete."""

    server: ServerSettings = ServerSettings()
    tls: TlsSettings = TlsSettings()
    consent: ConsentSettings = ConsentSettings()
    launch: LaunchSettings = LaunchSettings()
    limits: CallLimits = CallLimits()
    plugins: dict[str, dict[str, Any]] = {}
    plugin_host: dict[str, PluginHost] = {}  # where each plug-in runs


def load_settings(file: Path, overrides: Sequence[str] = ()) -> Settings:
    """Read the settings file (its absence is no error) and lay `key=value` texts over it."""
    table: dict[str, Any] = {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{file} is not TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    for text in overrides:
        lay_over(table, text)
    return convert_settings(table, source=str(file))


def convert_settings(table: dict[str, Any], *, source: str) -> Settings:
    """Check a table of settings; raises SettingsError that says where it came from."""
    try:
        settings = msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {explain(str(error))}") from error
    _check(settings, source)
    return settings


def convert_plugin_settings(
    settings: Settings, plugin_id: str, kind: type[msgspec.Struct] | None
) -> msgspec.Struct | None:
    """Fit the section `[plugins.<id>]` to the plug-in's own type; raises SettingsError."""
    section = settings.plugins.get(plugin_id, {})
    if kind is None:
        if section:
            raise SettingsError(
                f"plug-in '{plugin_id}' has no settings, but {sorted(section)} is set"
            )
        return None
    try:
        return msgspec.convert(section, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(f"[plugins.{plugin_id}]: {explain(str(error))}") from error


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(settings: Settings, source: str) -> None:
    host = settings.server.host
    if not is_loopback(host):
        raise SettingsError(
            f"{source}: server.host {host!r} is not a loopback address. This hub speaks plain "
            "HTTP, so it listens on this machine only: use localhost, 127.0.0.1 or ::1"
        )
    if what := misfit(settings.tls):
        raise SettingsError(f"{source}: {what}")


def explain(error: str) -> str:
    """Say it with the setting's name first, as the file spells it."""
    found = _MISFIT.fullmatch(error)
    what, where = (found["what"], found["where"]) if found else (error, None)
    if field := _FIELD.fullmatch(what):
        name = ".".join(part for part in (where, field["name"]) if part)
        unknown = field["what"].endswith("unknown")
        return f"there is no setting '{name}'" if unknown else f"the setting '{name}' is missing"
    what = what.replace("`", "")
    return f"{where}: {what}" if where else what


def lay_over(table: dict[str, Any], text: str) -> None:
    """Put what one `--set` says into a table of settings; raises SettingsError."""
    names, value = override_of(text)
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise SettingsError(f"--set {text}: {name!r} is a value, not a section")
    table[names[-1]] = value


def override_of(text: str) -> tuple[list[str], Any]:
    """Return the path and the value of a `--set`; raises SettingsError."""
    key, equals, value = text.partition("=")
    names = [name.strip() for name in key.split(".")]
    if not equals or not all(names):
        raise SettingsError(f"--set takes section.name=value, not {text!r}")
    return names, text_value(value.strip())


def text_value(text: str) -> Any:
    """Return what a text says in TOML, or the text itself where it says nothing there."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text  # a bare word is a string
