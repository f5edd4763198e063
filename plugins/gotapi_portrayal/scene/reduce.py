"""Scenes with less in them, for `reduceQuality`: smaller pictures; encoders write fewer digits."""

from dataclasses import replace
from typing import Final

from PIL import Image

from gotapi_portrayal.scene.model import Picture, SceneModel
from gotapi_portrayal.scene.pictures import opened, written

LARGEST: Final = 512
"""Pixels of a side; a smaller picture is halved down to `SMALLEST`."""
SMALLEST: Final = 64
QUALITY: Final = 60


def reduced(scene: SceneModel) -> SceneModel:
    """Return a scene that takes less bandwidth, and says so."""
    pictures = tuple(_smaller(picture) for picture in scene.pictures)
    return replace(scene, pictures=pictures, reduced=True)


def _smaller(picture: Picture) -> Picture:
    image = opened(picture)
    if image is None:
        return picture
    longest = max(image.size)
    share = min(LARGEST / longest, max(0.5, min(1.0, SMALLEST / longest)))
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    small = written(image.resize(size, Image.Resampling.BOX), picture.number, QUALITY)
    return small if len(small.data) < len(picture.data) else picture
