"""The hub's settings: `gotapi.toml`, checked member by member, with `--set a.b=c` laid over it."""

import ipaddress
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gotapi_core.host.supervisor import CallLimits


class SettingsError(ValueError):
    """A setting is unknown or does not fit; the message names it and what it should be."""


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where and within what limits the hub answers. Sizes in bytes, times in seconds."""

    host: str = "localhost"  # both loopback addresses; or one address to listen on
    port: int = 4035  # 4035 is GotAPI's; 0 lets the system choose
    names: tuple[str, ...] = ()  # further host names that requests may address the hub by
    header_time: float = 10.0  # to send a request's header
    body_idle_time: float = 10.0  # between two pieces of a body
    json_size: int = 1024 * 1024
    json_depth: int = 64
    upload_size: int = 1024 * 1024 * 1024
    event_queue: int = 256 * 1024  # for each WebSocket
    stall_time: float = 5.0  # a WebSocket that takes nothing for so long is closed
    linger_time: float = 30.0  # events stay subscribed so long without an open WebSocket
    sockets: int = 1000
    sockets_per_application: int = 16


class ConsentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long an application's request waits for its user, in seconds."""

    wait: float = 60.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; every member has a default, so an empty file is complete."""

    server: ServerSettings = ServerSettings()
    consent: ConsentSettings = ConsentSettings()
    limits: CallLimits = CallLimits()
    plugins: dict[str, dict[str, Any]] = {}


def load_settings(file: Path, overrides: Sequence[str] = ()) -> Settings:
    """Read the settings file (its absence is no error) and lay `key=value` texts over it."""
    table: dict[str, Any] = {}
    if file.exists():
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise SettingsError(f"{file}: {error}") from error
    for text in overrides:
        _lay_over(table, text)
    return convert_settings(table, source=str(file))


def convert_settings(table: dict[str, Any], *, source: str) -> Settings:
    """Check a table of settings; raises SettingsError that says where it came from."""
    try:
        settings = msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {error}") from error
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
        raise SettingsError(f"[plugins.{plugin_id}]: {error}") from error


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(settings: Settings, source: str) -> None:
    host, port = settings.server.host, settings.server.port
    if not 0 <= port <= 65535:
        raise SettingsError(f"{source}: server.port must be 0 to 65535, not {port}")
    if not is_loopback(host):
        raise SettingsError(
            f"{source}: server.host {host!r} is not a loopback address. This hub speaks plain "
            "HTTP, so it listens on this machine only: use localhost, 127.0.0.1 or ::1"
        )


def _lay_over(table: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise SettingsError(f"--set takes section.name=value, not {text!r}")
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise SettingsError(f"--set {text}: {name!r} is a value, not a section")
    table[names[-1]] = _value(value.strip())


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # a bare word is a string
