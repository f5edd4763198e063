"""Everything a plug-in author imports: the `Plugin` class, the route markers and their types.

A plug-in is a class. Its methods are marked with the profile and attribute they answer; parameters
and results are frozen structs. `README.md` shows a complete one in thirty lines.
"""

from gotapi_core.plugin.base import Durable, NoParams, Params, Plugin, Result
from gotapi_core.plugin.context import Blob, Blobs, Call, Collection, Context, Others
from gotapi_core.plugin.decorators import delete, event, get, post, put, surface
from gotapi_core.plugin.hookspecs import hookimpl
from gotapi_core.plugin.rights import Rights
from gotapi_core.plugin.secret import Secret
from gotapi_core.plugin.tokens import GivesTokens
from gotapi_core.protocol.messages import Caller, Service, SurfaceReply, SurfaceRequest

__all__ = [
    "Blob",
    "Blobs",
    "Call",
    "Caller",
    "Collection",
    "Context",
    "Durable",
    "GivesTokens",
    "NoParams",
    "Others",
    "Params",
    "Plugin",
    "Result",
    "Rights",
    "Secret",
    "Service",
    "SurfaceReply",
    "SurfaceRequest",
    "delete",
    "event",
    "get",
    "hookimpl",
    "post",
    "put",
    "surface",
]
