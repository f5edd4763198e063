"""Delivery options that change the scene itself, whatever its format (Table 33)."""

from gotapi_portrayal.offer import REDUCE_QUALITY, REGROUP, TEXTURE_ATLAS
from gotapi_portrayal.scene.model import SceneModel
from gotapi_portrayal.scene.regroup import regrouped


def applied(scene: SceneModel, options: frozenset[str]) -> SceneModel:
    """Return a scene with delivery options, by their URIs."""
    if REDUCE_QUALITY in options:
        from gotapi_portrayal.scene.reduce import reduced  # late: loads Pillow

        scene = reduced(scene)
    if TEXTURE_ATLAS in options and scene.pictures:
        from gotapi_portrayal.scene.atlas import with_atlas  # late: loads Pillow

        scene = with_atlas(scene)
    return regrouped(scene) if REGROUP in options else scene
