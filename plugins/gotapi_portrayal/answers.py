"""What an operation is given and what it returns; its code is imported when first asked for.

A handler blocks, and is called in a thread of its own; it raises OwsError.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gotapi_portrayal.check import Shelf
from gotapi_portrayal.offer import HANDLERS, RESOURCES
from gotapi_portrayal.request.errors import Code, OwsError, invalid, shown
from gotapi_portrayal.request.types import GetResourceById, Request

if TYPE_CHECKING:
    from gotapi_portrayal.data.store import SceneStore


@dataclass(frozen=True, slots=True)
class World:
    """What a request is about: the scenes, what of them the asker may have, and where we are."""

    store: "SceneStore"
    shelf: Shelf
    url: str  # of the service, without a slash at its end

    @property
    def version(self) -> int:
        """The version of everything; what was made of it before may be used again."""
        return self.shelf.catalogue.version


@dataclass(frozen=True, slots=True)
class Answer:
    """A document; `encoding` is a Content-Encoding that the body already has.

    `fresh` is for how many seconds a client need not ask whether it is still the same.
    """

    body: bytes
    media: str
    encoding: str = ""
    fresh: int = 0


@dataclass(frozen=True, slots=True)
class Resource:
    """What a resource id stands for; `formats` are all its MIME types, this one's first."""

    answer: Answer
    formats: tuple[str, ...]


Handler = Callable[[World, Any], Answer]
Finder = Callable[[World, GetResourceById], Resource | None]


def answer(world: World, request: Request) -> Answer:
    """Return the answer to a request that is no GetCapabilities; raises OwsError."""
    if isinstance(request, GetResourceById):
        return _resource(world, request)
    world.shelf.check_operation(request)
    handler: Handler = _load(HANDLERS[type(request)])
    return handler(world, request)


def _resource(world: World, request: GetResourceById) -> Answer:
    place = RESOURCES.get(request.resource_id.partition("/")[0])
    finder: Finder | None = None if place is None else _load(place)
    found = None if finder is None else finder(world, request)
    if found is None:
        # 8.4.3: the status of HTTP is that of the case, and 404 is what caches understand.
        raise OwsError(
            Code.INVALID_PARAMETER_VALUE,
            f"resourceId: there is no resource {shown(request.resource_id)}, or no more",
            "resourceId",
            404,
        )
    wanted = request.output_format
    if wanted and wanted not in found.formats:  # 8.5.3: used for validation
        raise invalid(
            "outputFormat",
            f"{shown(request.output_format)}; the resource is {', '.join(found.formats)}",
        )
    return found.answer


@cache
def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
