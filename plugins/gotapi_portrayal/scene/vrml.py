"""VRML97 (ISO/IEC 14772-1; 3DPS Table 29)."""

from gotapi_portrayal.scene.model import SceneModel
from gotapi_portrayal.scene.vrml_text import vrml97
from gotapi_portrayal.scene.x3d_scene import Manner, nodes

VRML = "model/vrml"


def encode(scene: SceneModel) -> bytes:
    """Return a scene as VRML97."""
    return vrml97(nodes(scene, Manner(vrml97=True)))
