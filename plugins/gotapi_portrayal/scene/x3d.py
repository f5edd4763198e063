"""X3D 3.3 in XML and in classic VRML encoding (3DPS Table 29, Annex D)."""

from gotapi_portrayal.scene.model import SceneModel
from gotapi_portrayal.scene.x3d_index import CLASSIC, XML, written
from gotapi_portrayal.scene.x3d_scene import Manner, nodes


def encode_xml(scene: SceneModel) -> bytes:
    """Return a scene as X3D in XML."""
    return written(nodes(scene, Manner()), scene.title, XML)


def encode_classic(scene: SceneModel) -> bytes:
    """Return a scene as X3D in classic VRML encoding."""
    return written(nodes(scene, Manner()), scene.title, CLASSIC)
