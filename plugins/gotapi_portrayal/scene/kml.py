"""GetScene as KML 2.2: polygons in longitude, latitude and height; links to tiles as its index."""

from collections.abc import Sequence
from typing import Final

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.kml_bodies import Body, bodies
from gotapi_portrayal.scene.kml_document import document
from gotapi_portrayal.scene.kml_elements import polygons, style
from gotapi_portrayal.scene.kml_links import branch, links
from gotapi_portrayal.scene.kml_text import places
from gotapi_portrayal.scene.kml_where import check
from gotapi_portrayal.scene.model import Look, SceneModel, Scope

KML: Final = "application/vnd.google-earth.kml+xml"
_PLACE: Final = "kml"


def encode(scene: SceneModel) -> bytes:
    """Return a scene as KML; raises OwsError where KML cannot have it."""
    check(scene.frame, scene.offset, KML)
    taken = bodies(scene)
    texts = places(taken.places, fine=not scene.reduced)

    def drawn(body: Body) -> Sequence[tuple[str, str]]:
        return [
            (f"<styleUrl>#look-{piece.look}</styleUrl>", polygons(texts, piece.triangles))
            for piece in body.joined()
        ]

    styles = "".join(
        style(f"look-{number}", _colour(scene, look), look.opacity)
        for number, look in enumerate(scene.looks)
    )
    return document(scene, taken, styles, drawn)


def index(scope: Scope) -> bytes:
    """Return links to the tiles of a scene."""
    check(scope.frame, None, KML)
    return links(scope, scope.root, _PLACE, ".kml", KML)


def resource(scope: Scope, path: str) -> Answer | None:
    """Return a tile: its content, or links to those in it."""
    tile = branch(scope, path, ".kml")
    if tile is None:
        return None
    body = links(scope, tile, _PLACE, ".kml", KML) if tile.children else encode(scope.scene(tile))
    return Answer(body, KML)


def _colour(scene: SceneModel, look: Look) -> Triple:
    """Return the one colour that a polygon can have: of a texture, its mean."""
    red, green, blue = 1.0, 1.0, 1.0
    if look.picture >= 0:
        from gotapi_portrayal.scene.kml_pictures import mean_colour  # late: loads Pillow

        red, green, blue = mean_colour(scene.pictures[look.picture])
    (a, b, c), (d, e, f) = look.colour, look.emissive
    return min(1.0, a * red + d), min(1.0, b * green + e), min(1.0, c * blue + f)
