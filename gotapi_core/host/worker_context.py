"""A plug-in's Context in a process of its own: what it asks of the hub goes over the wire."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from gotapi_core.plugin.context import Blob, Blobs, Collection, Others
from gotapi_core.protocol.messages import Method, Service
from gotapi_core.protocol.plugin_wire import (
    BlobAnswer,
    BlobOpen,
    BlobPublish,
    CallOther,
    DocumentDelete,
    DocumentList,
    DocumentPut,
    FindOthers,
    Log,
    Members,
    PluginRequest,
    ServicesAnswer,
)

log = logging.getLogger(__name__)

S = TypeVar("S", bound=msgspec.Struct)

Ask = Callable[[Callable[[int], PluginRequest]], Awaitable[Members]]
"""Sends a request to the hub and returns the members of its answer; raises its GotapiError."""


class RemoteCollection(Collection):
    """Documents in the hub's store."""

    def __init__(self, ask: Ask, name: str) -> None:
        self._ask = ask
        self._name = name

    async def put(self, key: str, document: msgspec.Struct) -> None:
        members: Members = msgspec.json.decode(msgspec.json.encode(document))
        await self._ask(lambda number: DocumentPut(number, self._name, key, members))

    async def delete(self, key: str) -> None:
        await self._ask(lambda number: DocumentDelete(number, self._name, key))

    async def all(self, kind: type[S]) -> list[S]:
        answer = await self._ask(lambda number: DocumentList(number, self._name))
        found: list[S] = []
        for document in answer.get("documents", []):
            try:
                found.append(msgspec.json.decode(msgspec.json.encode(document), type=kind))
            except msgspec.DecodeError as error:  # written by another version of the plug-in
                log.warning("a document of %s no longer fits: %s", self._name, error)
        return found


class RemoteBlobs(Blobs):
    """Files of applications: the hub checks who may read one and says where it is."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def open(self, uri: str, *, application: str) -> Blob:
        answer = await self._ask(lambda number: BlobOpen(number, uri, application))
        found = msgspec.convert(answer, BlobAnswer)
        return Blob(found.id, found.name, found.size, found.sha256, Path(found.path))

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
        where = _absolute(path)
        answer = await self._ask(
            lambda number: BlobPublish(
                number, where, name, content_type, application, base_url, lifetime
            )
        )
        return str(answer["uri"])


class RemoteOthers(Others):
    """Other plug-ins, through the hub, which checks the application's grant."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def services(self, application: str) -> Sequence[Service]:
        answer = await self._ask(lambda number: FindOthers(number, application))
        found = msgspec.convert(answer, ServicesAnswer).services
        return [Service(**msgspec.structs.asdict(one)) for one in found]

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
        return await self._ask(
            lambda number: CallOther(
                number,
                application,
                method.value,
                profile,
                attribute,
                service_id,
                dict(params),
                base_url,
            )
        )


def _absolute(path: Path) -> str:
    """Return a path that means the same in the hub's process."""
    return os.path.abspath(path)


class HubLog(logging.Handler):
    """Sends what is logged to the hub's log, from whichever thread."""

    def __init__(self, send: Callable[[Log], None]) -> None:
        super().__init__()
        self._send = send
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = Log(self.format(record)[:8000], _level(record.levelno))
            self._loop.call_soon_threadsafe(self._send, message)
        except RuntimeError:  # the loop is closed: this is the end
            return
        except Exception:  # the boundary: as logging has it, a bad record stops nothing
            self.handleError(record)


def _level(number: int) -> Literal["debug", "info", "warning", "error"]:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


def schema_of_settings(kind: type[msgspec.Struct] | None) -> dict[str, Any]:
    """Return the JSON schema of the plug-in's own type; one without any has no settings."""
    if kind is None:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    try:
        return msgspec.json.schema(kind)
    except TypeError:  # of a custom type, which msgspec cannot describe
        return {"type": "object"}


def settings_for(kind: type[msgspec.Struct] | None, section: dict[str, Any]) -> Any:
    """Fit the section of the settings to the plug-in's own type; raises ValueError."""
    if kind is None:
        if section:
            raise ValueError(f"it has no settings, but {sorted(section)} is set")
        return None
    try:
        return msgspec.convert(section, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"its settings do not fit: {error}") from error
