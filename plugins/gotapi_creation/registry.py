"""Which creation services the hub knows: the embedded one, the settings', the operator's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.whole_file import replacing
from gotapi_creation.model import ServiceSettings
from gotapi_creation.wire import CreationError, service_url

_FILE: Final = "services.json"
_MOST: Final = 100  # services; each is asked at every discovery


class Registration(msgspec.Struct, frozen=True):
    """A creation service; `id` is its own id in the hub, `key` the access token it wants."""

    id: str
    url: str
    name: str = ""
    key: str = ""


class RegistryError(ValueError):
    """What the operator wants cannot be done; the message says why."""


class Registry:
    """The operator's file of services; the command line writes it, the hub reads it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def load(self) -> tuple[Registration, ...]:
        """Return what was added; nothing where the file is missing. Raises RegistryError."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=tuple[Registration, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError) as error:
            raise RegistryError(f"{self._path} cannot be read: {error}") from error

    def add(self, url: str, name: str = "", key: str = "") -> Registration:
        """Add a service; raises RegistryError for a url that is unfit or known already."""
        full = checked_url(url)
        known = self.load()
        if any(one.url == full for one in known):
            raise RegistryError(f"{full} is there already; remove it first")
        if len(known) >= _MOST:
            raise RegistryError(f"there are {_MOST} services already; remove one first")
        taken = {one.id for one in known}
        made = Registration(unique_id(name or full, taken), full, name, key)
        self._write((*known, made))
        return made

    def remove(self, wanted: str) -> Registration:
        """Remove a service by its id or url; raises RegistryError."""
        known = self.load()
        found = [one for one in known if wanted in (one.id, one.url, one.url + "/")]
        if not found:
            names = ", ".join(one.id for one in known) or "none"
            raise RegistryError(f"there is no service '{wanted}'; there is: {names}")
        self._write(tuple(one for one in known if one != found[0]))
        return found[0]

    def _write(self, services: tuple[Registration, ...]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(self._path) as file:  # for its owner only: there are keys in it
            file.write(msgspec.json.format(msgspec.json.encode(services), indent=2))


def of_settings(services: tuple[ServiceSettings, ...]) -> tuple[Registration, ...]:
    """Return the services of the settings; raises RegistryError."""
    made: list[Registration] = []
    for one in services:
        full = checked_url(one.url)
        own = unique_id(one.name or full, {other.id for other in made})
        made.append(Registration(own, full, one.name, one.key))
    return tuple(made)


def checked_url(url: str) -> str:
    """Return the base address of a service; raises RegistryError."""
    try:
        full = service_url(url)
    except CreationError as error:
        raise RegistryError(f"{url!r} is no address; write http://HOST:PORT") from error
    if not full.startswith(("http://", "https://")) or "?" in full or "#" in full:
        raise RegistryError(f"{url!r} is no address of a service; write http://HOST:PORT")
    return full.rstrip("/").removesuffix("/3dcapi")


def unique_id(wanted: str, taken: set[str]) -> str:
    """Return an id made of a name or an address that is not taken."""
    words = re.sub(r"[^a-z0-9]+", "-", wanted.lower().partition("://")[2] or wanted.lower())
    own = first = words.strip("-")[:40].strip("-") or "service"
    number = 2
    while own in taken:
        own = f"{first}-{number}"
        number += 1
    return own
