"""What the operator sees of applications' files, and how one is deleted."""

import logging
from typing import Annotated

import msgspec

from gotapi_core.hub import Hub
from gotapi_core.server.asgi import Headers, Receive, Scope
from gotapi_core.server.operator_api import Caller, decode_body

log = logging.getLogger(__name__)

MAX_LISTED = 1000  # files in one answer, the newest; more nobody reads


class DeleteBlob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Delete a file, or an upload that is under way."""

    id: Annotated[str, msgspec.Meta(max_length=64)]


class Listed(msgspec.Struct, frozen=True):
    """One file; sizes in bytes, `created` in seconds since 1970.

    `received` is less than `size` while the file is still on its way; `plugin` made it, or is
    empty where the application uploaded it.
    """

    id: str
    name: str
    size: int
    received: int
    application: str
    plugin: str
    created: float


class BlobActions:
    """Reads and actions of the operator API that are about files, by name."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.reads = {"blobs": self._list}
        self.actions = {"blob-delete": self._delete}

    async def _list(self, scope: Scope, headers: Headers, _: Receive) -> dict[str, object]:
        names = {one.id: one.name for one in self._hub.auth.applications()}
        stored = await self._hub.blobs.listed()
        found = [
            Listed(
                row.id, row.name, row.size, row.size, names.get(row.owner, row.owner),
                row.plugin, row.created,
            )
            for row in stored
        ]  # fmt: skip
        found += [
            Listed(
                one.row.id, one.row.name, one.row.length, one.offset,
                names.get(one.row.owner, one.row.owner), "", one.row.created,
            )
            for one in self._hub.blobs.uploads.listed()
        ]  # fmt: skip
        found.sort(key=lambda one: one.created, reverse=True)
        return {
            "blobs": [msgspec.structs.asdict(one) for one in found[:MAX_LISTED]],
            "count": len(found),
            "bytes": sum(one.received for one in found),
        }

    async def _delete(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        wish = decode_body(raw, DeleteBlob)
        await self._hub.blobs.delete(wish.id)
        log.info("%s: deleted the file %s", caller.value, wish.id)
        return {}
