"""PURE: the viewpoints of a request as those of KML: angles on the ellipsoid."""

from collections.abc import Sequence

import numpy as np

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.kml_earth import Floats, geocentric, look
from gotapi_portrayal.scene.kml_elements import view
from gotapi_portrayal.scene.kml_text import plain
from gotapi_portrayal.scene.model import Camera, Frame


def viewpoints(frame: Frame, origin: Triple, cameras: Sequence[Camera]) -> tuple[str, str]:
    """Return the viewpoint of a document, and a folder of all where there are several.

    The first one is the default (9.3.4), which KML has as the viewpoint of the document.
    """
    views = [_view(frame, np.array(origin), camera) for camera in cameras]
    if not views:
        return "", ""
    if len(views) == 1:
        return views[0], ""
    named = "".join(
        f"<Placemark><name>{plain(camera.title)}</name>{one}</Placemark>\n"
        for camera, one in zip(cameras, views, strict=True)
    )
    return views[0], f"<Folder><name>Viewpoints</name>\n{named}</Folder>\n"


def _view(frame: Frame, origin: Floats, camera: Camera) -> str:
    poc, poi = origin + camera.poc, origin + camera.poi
    # One metre along `up`: its way is followed to the ellipsoid, so that north of the grid becomes
    # true north with the convergence of the meridians, and a degree what it is there.
    up = np.array(camera.up) / (np.linalg.norm(camera.up) or 1.0)
    above = poc + up / np.array(frame.unit)
    places = frame.degrees(np.array([poc, poi, above]))
    here, _, over = geocentric(places)
    how = look(places[0], places[1], over - here)
    return view(_triple(places[0]), _triple(places[1]), how, camera.fovx)


def _triple(place: Floats) -> Triple:
    return float(place[0]), float(place[1]), float(place[2])
