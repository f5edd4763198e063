"""GetScene and the resources its answers link to (clause 9, 8.5)."""

import weakref
from dataclasses import dataclass, field, replace
from typing import Final

from gotapi_portrayal.answers import Answer, Resource, World
from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.gather import Gathered
from gotapi_portrayal.offer import SPATIAL_INDEX
from gotapi_portrayal.request.errors import invalid
from gotapi_portrayal.request.types import GetResourceById, GetScene
from gotapi_portrayal.scene import formats
from gotapi_portrayal.scene.asked import Asked, opened
from gotapi_portrayal.scene.build import build, gathered
from gotapi_portrayal.scene.kept import Kept
from gotapi_portrayal.scene.options import applied
from gotapi_portrayal.scene.scopes import TiledScope
from gotapi_portrayal.scene.tiling import Tree

ROOM: Final = 64 << 20
"""Bytes of answers kept; a city of 36,000 triangles is 3 MB as GLB."""
TREES: Final = 100_000
"""Tiles of trees kept; some hundred bytes each."""
FRESH: Final = 3600
"""Seconds for which a tile is not asked for again: its id has the versions of its layers in it."""
MOST_TRIANGLES: Final = 4_000_000
"""Of one answer: 350 MB as GLB, which no browser shows; `spatialIndex` has no such limit."""


@dataclass(slots=True, eq=False)
class _Desk:
    """What was made of one store, kept while there is room and as long as the store is there."""

    answers: Kept[Answer] = field(
        default_factory=lambda: Kept(ROOM, lambda answer: len(answer.body))
    )
    trees: Kept[Tree] = field(default_factory=lambda: Kept(TREES, lambda tree: len(tree.tiles)))


_DESKS: Final[weakref.WeakKeyDictionary[SceneStore, _Desk]] = weakref.WeakKeyDictionary()


def get_scene(world: World, request: GetScene) -> Answer:
    """Answer GetScene; raises OwsError."""
    asked = Asked.of(world, request)
    asked.check()
    desk = _desk(world.store)
    return desk.answers.get(asked.key, lambda: _made(asked, desk))


def find(world: World, request: GetResourceById) -> Resource | None:
    """Find what a link of a scene is for; None where it is none, or the data is another by now."""
    place, _, rest = request.resource_id.partition("/")
    token, _, path = rest.partition("/")
    finder, asked = formats.finder(place), opened(world, token)
    if finder is None or asked is None or not path:
        return None
    desk = _desk(world.store)
    scope = TiledScope(asked, desk.trees)

    def make() -> Answer:
        answer = finder(scope, path)
        if answer is None:
            raise _MissingError
        return answer

    try:
        answer = desk.answers.get((asked.key, place, path), make)
    except _MissingError:
        return None
    return Resource(replace(answer, fresh=FRESH), (answer.media.partition(";")[0],))


def _made(asked: Asked, desk: _Desk) -> Answer:
    media = asked.request.format
    row, index, encoder = formats.FORMATS[media], formats.index(media), formats.encoder(media)
    if index is not None and (SPATIAL_INDEX in asked.options or encoder is None):
        scope = TiledScope(asked, desk.trees)
        return Answer(index(scope), row.index_media or media, row.encoding)
    assert encoder is not None  # a format has one of them
    world = asked.world
    parts = _bounded(asked)
    scene = build(world.store, world.shelf, asked.request, asked.selection, parts)
    return Answer(encoder(applied(scene, asked.options)), media, row.encoding)


def _bounded(asked: Asked) -> list[Gathered]:
    parts, count = [], 0
    for one in gathered(asked.world.store, asked.selection, asked.request):
        parts.append(one)
        count += len(one.part.triangles)
        if count > MOST_TRIANGLES:
            raise invalid(
                "boundingBox",
                f"the scene has more than {MOST_TRIANGLES:,} triangles; ask for a smaller box, a "
                "lower LOD, or the delivery option spatialIndex",
            )
    return parts


class _MissingError(Exception):
    """A resource that is not there: there is nothing to keep."""


def _desk(store: SceneStore) -> _Desk:
    return _DESKS.setdefault(store, _Desk())
