"""PURE: a scene as one KML document; how bodies are written is the caller's."""

from collections.abc import Callable, Sequence
from typing import Final

from gotapi_portrayal.scene.kml_bodies import Bodies, Body
from gotapi_portrayal.scene.kml_elements import HEAD, TAIL, Fields, area, region
from gotapi_portrayal.scene.kml_text import Ids, plain, quoted
from gotapi_portrayal.scene.kml_views import viewpoints
from gotapi_portrayal.scene.model import SceneLayer, SceneModel

# Pixels from which the next finer LOD of a feature is shown, where it has several ("combined").
_STEPS: Final = (64, 256, 512, 1024, 2048, 4096)

Drawn = Callable[[Body], Sequence[tuple[str, str]]]
"""What a body is drawn by: for each part of it its styleUrl element, or "", and its geometry."""


def document(scene: SceneModel, taken: Bodies, styles: str, drawn: Drawn) -> bytes:
    """Return the document of a scene: a folder a layer, a placemark a feature."""
    view, views = viewpoints(scene.frame, scene.origin, scene.viewpoints)
    writer = _Writer(scene, taken, drawn)
    folders = "".join(
        writer.folder(index, layer) for index, layer in enumerate(scene.layers) if layer.parent < 0
    )
    parts = (HEAD, f"<name>{plain(scene.title)}</name>\n", view, styles, *writer.schemas)
    return "".join((*parts, views, folders, TAIL)).encode()


class _Writer:
    def __init__(self, scene: SceneModel, taken: Bodies, drawn: Drawn) -> None:
        self.schemas: list[str] = []
        self._scene = scene
        self._taken = taken
        self._drawn = drawn
        self._ids = Ids()
        self._of_layer: dict[int, list[Body]] = {}
        for body in taken.bodies:
            self._of_layer.setdefault(body.layer, []).append(body)

    def folder(self, index: int, layer: SceneLayer) -> str:
        """Return a layer with those in it."""
        bodies = self._of_layer.get(index, [])
        identifier = self._ids.new(f"layer-{layer.id}")
        within = "".join(
            self.folder(number, one)
            for number, one in enumerate(self._scene.layers)
            if one.parent == index
        )
        marks = "".join(self._marks(bodies, f"schema-{identifier}", layer))
        return (
            f'<Folder id="{quoted(identifier)}"><name>{plain(layer.title or layer.id)}</name>\n'
            f"{marks}{within}</Folder>\n"
        )

    def _marks(self, bodies: list[Body], identifier: str, layer: SceneLayer) -> list[str]:
        """Return the placemarks of a layer's features, whose schema comes before all folders."""
        features = [self._scene.features[one.feature] for one in bodies if one.feature >= 0]
        if not features:
            return [self._plain(body, layer) for body in bodies]
        fields = Fields(self._ids.new(identifier), layer.title or layer.id, features)
        self.schemas.append(fields.schema())
        return [self._mark(body, fields) for body in bodies]

    def _mark(self, body: Body, fields: Fields) -> str:
        feature = self._scene.features[body.feature]
        identifier = quoted(self._ids.new(feature.object_id))
        name = f"<name>{plain(self._scene.name_of(feature))}</name>"
        return self._placed(body, identifier, name, self._region(body) + fields.data(feature))

    def _plain(self, body: Body, layer: SceneLayer) -> str:
        name = plain(" ".join(filter(None, (layer.title or layer.id, body.lod))))
        identifier = quoted(self._ids.new(f"part-{layer.id}"))
        return self._placed(body, identifier, f"<name>{name}</name>", self._region(body))

    def _placed(self, body: Body, identifier: str, name: str, rest: str) -> str:
        parts = self._drawn(body)
        if len(parts) == 1:
            style, geometry = parts[0]
            return f'<Placemark id="{identifier}">{name}{style}{rest}{geometry}</Placemark>\n'
        # A placemark has one style, so a feature of several colours is a folder of them.
        inner = "".join(f"<Placemark>{style}{geometry}</Placemark>\n" for style, geometry in parts)
        return f'<Folder id="{identifier}">{name}{rest}\n{inner}</Folder>\n'

    def _region(self, body: Body) -> str:
        """Return when a body is seen, where its feature has other LODs too (Table 22)."""
        lods = self._taken.lods[body.layer, body.feature]
        if len(lods) < 2:
            return ""
        place = lods.index(body.lod)
        least = 0 if place == 0 else _STEPS[min(place, len(_STEPS)) - 1]
        most = -1 if place == len(lods) - 1 else _STEPS[min(place, len(_STEPS) - 1)]
        return region(area(self._taken.places[body.vertices]), least, most)
