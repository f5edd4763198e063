"""A plug-in's durable documents, kept as JSON in the hub's store."""

import logging
from typing import TypeVar

import msgspec

from gotapi_core.plugin.context import Collection
from gotapi_core.store import Documents

log = logging.getLogger(__name__)

S = TypeVar("S", bound=msgspec.Struct)


class StoredCollection(Collection):
    """One named collection of one plug-in."""

    def __init__(self, documents: Documents, name: str) -> None:
        self._documents = documents
        self._name = name

    async def put(self, key: str, document: msgspec.Struct) -> None:
        await self._documents.put(self._name, key, msgspec.json.encode(document))

    async def delete(self, key: str) -> None:
        await self._documents.delete(self._name, key)

    async def all(self, kind: type[S]) -> list[S]:
        found: list[S] = []
        for key, body in await self._documents.list(self._name):
            try:
                found.append(msgspec.json.decode(body, type=kind))
            except msgspec.DecodeError as error:  # written by another version of the plug-in
                log.warning("document %s of %s no longer fits: %s", key, self._name, error)
        return found
