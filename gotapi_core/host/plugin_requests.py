"""What a plug-in of another process may ask of the hub: documents, blobs, other plug-ins."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from gotapi_core.plugin.context import Context
from gotapi_core.protocol.errors import GotapiError, UnknownError
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
    Members,
    PluginRequest,
    ServiceData,
    ServicesAnswer,
)

log = logging.getLogger(__name__)


class PluginRequests:
    """Answers the requests of one plug-in from its Context."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def answer(self, message: PluginRequest) -> Members:
        """Return the members of the answer; raises only GotapiError."""
        try:
            return await self._answer(message)
        except GotapiError:
            raise
        except Exception as error:  # the boundary: of the hub's own, so it is its fault
            log.exception("a request of plug-in %s failed", self._context.plugin_id)
            raise UnknownError("the hub failed to do this; its log has the details") from error

    async def _answer(self, message: PluginRequest) -> Members:
        match message:
            case DocumentPut():
                # A collection writes its documents as JSON, so one that is JSON already will do.
                document = cast(msgspec.Struct, message.document)
                await self._context.collection(message.collection).put(message.key, document)
                return {}
            case DocumentDelete():
                await self._context.collection(message.collection).delete(message.key)
                return {}
            case DocumentList():
                kind = cast(type[msgspec.Struct], dict)
                found: list[Any] = await self._context.collection(message.collection).all(kind)
                return {"documents": found}
            case BlobOpen():
                return await self._blob(message)
            case BlobPublish():
                uri = await self._context.blobs.publish(
                    Path(message.path),
                    message.name,
                    message.content_type,
                    message.application,
                    base_url=message.base_url,
                    lifetime=message.lifetime,
                )
                return {"uri": uri}
            case CallOther():
                return await self._other(message)
            case FindOthers():
                services = await self._context.others.services(message.application)
                return _services(services)

    async def _other(self, message: CallOther) -> Members:
        answer = await self._context.others.call(
            message.application,
            Method(message.method),
            message.profile,
            message.attribute,
            message.service,
            message.params,
            base_url=message.base_url,
        )
        return dict(answer)

    async def _blob(self, message: BlobOpen) -> Members:
        blob = await self._context.blobs.open(message.uri, application=message.application)
        return cast(
            Members,
            msgspec.to_builtins(
                BlobAnswer(blob.id, blob.name, blob.size, blob.sha256, str(blob.path))
            ),
        )


def _services(services: Sequence[Service]) -> Members:
    found = [ServiceData(**msgspec.structs.asdict(one)) for one in services]
    return cast(Members, msgspec.to_builtins(ServicesAnswer(tuple(found))))
