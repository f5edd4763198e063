"""Pictures of a scene put together into few, for `textureAtlas`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from PIL import Image

from gotapi_portrayal.scene.model import Floats, Look, Mesh, Picture, SceneModel
from gotapi_portrayal.scene.pictures import opened, written

SIDE: Final = 4096
"""Pixels of a side of an atlas: every device of the last ten years takes as much."""
LARGEST: Final = 2048  # pixels of a side of a picture that is put into one
_BORDER: Final = 2  # pixels around each, of its own edge: filters look beyond it
_SLACK: Final = 1e-3  # of a picture, by which coordinates may leave it
_QUALITY: Final = 88


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a picture is: in which atlas, from which pixel, upper left."""

    atlas: int
    x: int
    y: int


def with_atlas(scene: SceneModel) -> SceneModel:
    """Return a scene whose pictures are joined where nothing repeats them.

    Meshes that differed only in the picture become one.
    """
    images = {place: opened(scene.pictures[place]) for place in sorted(_once(scene))}
    spots: dict[int, _Spot] = {}
    made: list[Picture] = []
    for photo in (True, False):  # photographs would be several times as large as PNG
        fitting = {
            place: image
            for place, image in images.items()
            if image is not None
            and max(image.size) <= LARGEST
            and (scene.pictures[place].mime == "image/jpeg") == photo
        }
        if len(fitting) < 2:
            continue
        found, sizes = _packed(
            {place: image.size for place, image in fitting.items()}, first=len(made)
        )
        for n, size in enumerate(sizes, len(made)):
            inside = [(fitting[p], spot) for p, spot in found.items() if spot.atlas == n]
            made.append(_drawn(size, inside, photo))
        spots |= found
    return _rewritten(scene, spots, made) if made else scene


def _once(scene: SceneModel) -> set[int]:
    """Return the pictures that all meshes have at most once on them."""
    found = {look.picture for look in scene.looks if look.picture >= 0}
    for mesh in scene.meshes:
        picture = scene.looks[mesh.look].picture
        if picture in found and (mesh.uvs is None or _leaves(mesh.uvs)):
            found.discard(picture)
    return found


def _leaves(uvs: Floats) -> bool:
    return bool(len(uvs)) and bool(uvs.min() < -_SLACK or uvs.max() > 1 + _SLACK)


def _packed(
    sizes: dict[int, tuple[int, int]], first: int
) -> tuple[dict[int, _Spot], list[tuple[int, int]]]:
    """Put rectangles on shelves, the tallest first; returns spots and the sizes of atlases."""
    spots: dict[int, _Spot] = {}
    used: list[tuple[int, int]] = []
    x = y = shelf = SIDE + 1  # as if an atlas before the first was full
    for place, (width, height) in sorted(sizes.items(), key=lambda one: (-one[1][1], one[0])):
        wide, tall = width + 2 * _BORDER, height + 2 * _BORDER
        if x + wide > SIDE:
            x, y = 0, y + shelf
            shelf = tall
        if y + tall > SIDE:
            used.append((0, 0))
            x = y = 0
            shelf = tall
        spots[place] = _Spot(first + len(used) - 1, x + _BORDER, y + _BORDER)
        x += wide
        used[-1] = max(used[-1][0], x), max(used[-1][1], y + tall)
    return spots, used


def _drawn(
    size: tuple[int, int], images: Sequence[tuple[Image.Image, _Spot]], photo: bool
) -> Picture:
    mode = "RGBA" if any(image.mode == "RGBA" for image, _ in images) else "RGB"
    atlas = Image.new(mode, size)
    for image, spot in images:
        pixels = np.asarray(image.convert(mode))
        bordered = np.pad(pixels, ((_BORDER, _BORDER), (_BORDER, _BORDER), (0, 0)), "edge")
        atlas.paste(Image.fromarray(bordered), (spot.x - _BORDER, spot.y - _BORDER))
    return written(atlas, 0, _QUALITY if photo else None)


def _rewritten(scene: SceneModel, spots: dict[int, _Spot], atlases: list[Picture]) -> SceneModel:
    """Return the scene with looks and coordinates for the atlases."""
    kept = [n for n in range(len(scene.pictures)) if n not in spots]
    moved = {old: new for new, old in enumerate(kept)}
    moved |= {old: len(kept) + spot.atlas for old, spot in spots.items()}
    looks: dict[Look, int] = {}
    of_look: list[int] = []
    for look in scene.looks:
        if look.picture in spots:
            spot = spots[look.picture]
            look = replace(look, wrap="clamp", name=f"atlas {spot.atlas + 1}")
        if look.picture >= 0:
            look = replace(look, picture=moved[look.picture])
        of_look.append(looks.setdefault(look, len(looks)))
    groups: dict[tuple[int, int, str], list[Mesh]] = {}
    for mesh in scene.meshes:
        picture = scene.looks[mesh.look].picture
        uvs = mesh.uvs
        if picture in spots and uvs is not None:
            spot = spots[picture]
            uvs = _placed(uvs, scene.pictures[picture], spot, atlases[spot.atlas])
        look_now = of_look[mesh.look]
        group = groups.setdefault((look_now, mesh.layer, mesh.lod), [])
        group.append(replace(mesh, look=look_now, uvs=uvs))
    return replace(
        scene,
        meshes=tuple(_one(meshes) for meshes in groups.values()),
        looks=tuple(looks),
        pictures=(*(scene.pictures[n] for n in kept), *atlases),
    )


def _placed(uvs: Floats, picture: Picture, spot: _Spot, atlas: Picture) -> Floats:
    # v grows upwards, pixels downwards.
    size = np.array((picture.width, picture.height)) / (atlas.width, atlas.height)
    corner = np.array((spot.x / atlas.width, 1 - (spot.y + picture.height) / atlas.height))
    found: Floats = (uvs.clip(0, 1) * size + corner).astype(np.float32)
    return found


def _one(meshes: list[Mesh]) -> Mesh:
    """Return meshes of one layer, LOD and look as one."""
    if len(meshes) == 1:
        return meshes[0]
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)]).astype(np.uint32)
    uvs = [mesh.uvs for mesh in meshes if mesh.uvs is not None]
    return replace(
        meshes[0],
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        triangles=np.concatenate(
            [mesh.triangles + start for mesh, start in zip(meshes, starts[:-1], strict=True)]
        ),
        features=np.concatenate([mesh.features for mesh in meshes]),
        uvs=np.concatenate(uvs) if len(uvs) == len(meshes) else None,
    )
