"""GetScene as KMZ: a KML document with its models in COLLADA and their textures."""

from collections.abc import Sequence
from typing import Final

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.scene.kml_bodies import Body, bodies
from gotapi_portrayal.scene.kml_document import document
from gotapi_portrayal.scene.kml_elements import model
from gotapi_portrayal.scene.kml_links import branch, links
from gotapi_portrayal.scene.kml_models import paint, placed
from gotapi_portrayal.scene.kml_where import check
from gotapi_portrayal.scene.kml_zip import archive
from gotapi_portrayal.scene.model import Picture, SceneModel, Scope

KMZ: Final = "application/vnd.google-earth.kmz"
_PLACE: Final = "kmz"


def encode(scene: SceneModel) -> bytes:
    """Return a scene as KMZ, a model for each feature; raises OwsError where it cannot be one."""
    check(scene.frame, scene.offset, KMZ)
    taken = bodies(scene)
    pictures = _portable(scene.pictures)
    names = [f"texture-{number}{picture.suffix}" for number, picture in enumerate(pictures)]
    paints = {
        number: paint(look, names[look.picture] if look.picture >= 0 else "")
        for number, look in enumerate(scene.looks)
    }
    models: list[tuple[str, bytes]] = []

    def drawn(body: Body) -> Sequence[tuple[str, str]]:
        # Models and textures are side by side: some readers do not follow a path with `..`.
        name = f"files/model-{len(models)}.dae"
        made = placed(body, taken, paints, fine=not scene.reduced)
        models.append((name, made.document.encode()))
        return [("", model(made.place, name))]

    written = document(scene, taken, "", drawn)
    used = {body.look for one in taken.bodies for body in one.pieces}
    wanted = {scene.looks[look].picture for look in used}
    textures = [
        (f"files/{name}", picture.data)
        for number, (name, picture) in enumerate(zip(names, pictures, strict=True))
        if number in wanted
    ]
    return archive([("doc.kml", written), *models, *textures])


def _portable(pictures: Sequence[Picture]) -> list[Picture]:
    if not pictures:
        return []
    from gotapi_portrayal.scene.kml_pictures import portable  # late: loads Pillow

    return [portable(picture) for picture in pictures]


def index(scope: Scope) -> bytes:
    """Return links to the tiles of a scene."""
    check(scope.frame, None, KMZ)
    return archive([("doc.kml", links(scope, scope.root, _PLACE, ".kmz", KMZ))])


def resource(scope: Scope, path: str) -> Answer | None:
    """Return a tile: its content, or links to those in it."""
    tile = branch(scope, path, ".kmz")
    if tile is None:
        return None
    if not tile.children:
        return Answer(encode(scope.scene(tile)), KMZ)
    return Answer(archive([("doc.kml", links(scope, tile, _PLACE, ".kmz", KMZ))]), KMZ)
