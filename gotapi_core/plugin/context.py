"""What the hub hands to a plug-in: at start its `Context`, with each request a `Call`."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from gotapi_core.plugin import reach
from gotapi_core.plugin.rights import Rights
from gotapi_core.protocol.errors import IllegalServerState
from gotapi_core.protocol.messages import Method, Service

S = TypeVar("S", bound=msgspec.Struct)
CACHE_TAG = "CACHEDIR.TAG"
CACHE_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
"""The name and the first bytes of the file by which backups know a cache (bford.info/cachedir)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the plug-in sees it.

    `service_id` is the plug-in's own id of the service (without `.<plugin id>`), empty where the
    request named none. `origin` says who asks (an http origin or an application's name) and
    `application` is the hub's id of its grant. `base_url` is how the application reached the hub.
    `plugin_token` is what the plug-in's own `request_access_token` gave for it, if it has that.
    """

    service_id: str
    origin: str
    application: str
    base_url: str = ""
    request_code: int = 0
    plugin_token: str = ""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file the hub keeps: `path` may be read, never written."""

    id: str
    name: str
    size: int  # bytes
    sha256: str
    path: Path
    content_type: str = ""


class Blobs(ABC):
    """Files that applications uploaded or plug-ins made, by uri."""

    @abstractmethod
    async def open(self, uri: str, *, application: str) -> Blob:
        """Return the blob behind a uri the application may use.

        Raises InvalidParameter where there is none, it expired, or it belongs to another one.
        A plug-in that needs the file for longer than the call links or copies it to its folder.
        """

    async def publish(
        self,
        path: Path,
        name: str,
        content_type: str,
        application: str,
        *,
        base_url: str = "",
        lifetime: float | None = None,
    ) -> str:
        """Give an application a file that lies in the plug-in's folder; returns its uri.

        The hub copies it, so the plug-in may delete its own at once. `application` and `base_url`
        are those of the call. Who has the uri needs no token for `lifetime` seconds (the hub's
        setting if None); after that the application itself still can open it, for a day. Raises
        InvalidParameter for a path outside the folder, StorageFull and PayloadTooLarge.
        """
        raise IllegalServerState("This plug-in's port cannot hand files to applications")


class Collection(ABC):
    """A durable, ordered list of a plug-in's small documents; a finished `put` survives a kill."""

    @abstractmethod
    async def put(self, key: str, document: msgspec.Struct) -> None:
        """Store a document under a key, replacing what was there."""

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Forget a document; an unknown key is no error."""

    @abstractmethod
    async def all(self, kind: type[S]) -> list[S]:
        """Return every document in order of creation; one that no longer fits `kind` is skipped."""


class Others(ABC):
    """Services of other plug-ins, used with the grant of an application that asks this one.

    Only profiles that the operator approved as the right `calls`, and only what the application's
    own grant covers at that moment.
    """

    @abstractmethod
    async def services(self, application: str) -> Sequence[Service]:
        """Return the services the application may use, with the ids that applications see."""

    @abstractmethod
    async def call(
        self,
        application: str,
        method: Method,
        profile: str,
        attribute: str,
        service_id: str,
        params: Mapping[str, object],
        *,
        base_url: str = "",
    ) -> Mapping[str, object]:
        """Make a one-shot call as the application would; returns the members of the answer.

        Raises OutOfScope where its grant does not cover the profile, and what the call raises.
        """


class _NoOthers(Others):
    """Stands in where there is no hub."""

    async def services(self, application: str) -> Sequence[Service]:
        return ()

    async def call(
        self,
        application: str,
        method: Method,
        profile: str,
        attribute: str,
        service_id: str,
        params: Mapping[str, object],
        *,
        base_url: str = "",
    ) -> Mapping[str, object]:
        raise IllegalServerState("This plug-in's port cannot call other plug-ins")


def _nobody_listens() -> None:
    """Stand in for `services_changed` where there is no hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The plug-in's view of the hub, for as long as it runs."""

    plugin_id: str
    settings: Any  # an instance of the plug-in's own settings_type
    folder: Path  # private, durable, made by the hub
    log: logging.Logger
    blobs: Blobs
    collection: Callable[[str], Collection]
    spawn: Callable[[Coroutine[Any, Any, None]], None] = field(repr=False)
    rights: Rights = field(default_factory=Rights)  # what the operator approved
    # Say that `services()` has another answer than before; from any thread. The hub also looks by
    # itself, but only every 10 s.
    services_changed: Callable[[], None] = field(default=_nobody_listens, repr=False)
    others: Others = field(default_factory=_NoOthers, repr=False)

    def cache(self, name: str) -> Path:
        """Make a folder in the private one for what is of today only or can be made anew.

        Backups leave it out. Raises OSError.
        """
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CACHE_TAG).write_bytes(CACHE_SIGNATURE + b"\n")
        return folder

    @property
    def serial(self) -> reach.Serial:
        """The approved serial ports."""
        return reach.Serial(self.rights.serial_patterns)

    @property
    def http(self) -> reach.Http:
        """HTTP clients for the approved hosts."""
        return reach.Http(self.rights.network)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The approved folders, to read."""
        return reach.folders(self.rights.folders)

    @property
    def bluetooth(self) -> bool:
        """Whether Bluetooth was approved."""
        return self.rights.bluetooth
