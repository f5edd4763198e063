"""PURE: bodies of templates: balls, blocks and limbs put together by proportions; needs no numpy.

Coordinates are heights of the figure: y is 0 at the feet and 1 at the top, +Z is the front, the
figure's right hand is at -X.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

Point: TypeAlias = tuple[float, float, float]


class Ball(msgspec.Struct, frozen=True):
    """An ellipsoid along the axes."""

    centre: Point
    radii: Point


class Block(msgspec.Struct, frozen=True):
    """A box along the axes."""

    low: Point
    high: Point


class Limb(msgspec.Struct, frozen=True):
    """A round bar with round ends; its radius changes evenly."""

    start: Point
    end: Point
    start_radius: float
    end_radius: float


Solid: TypeAlias = Ball | Block | Limb

PARTS: Final = (
    "head", "torso", "right-arm", "left-arm", "right-hand", "left-hand",
    "right-leg", "left-leg", "right-foot", "left-foot", "ears",
)  # fmt: skip
"""Names of the parts; the order is that of the numbers in a label map."""


class Build(msgspec.Struct, frozen=True):
    """Proportions of a body: factors of an adult human's, and the height of the head."""

    head: float = 0.135
    """Of the whole height."""
    girth: float = 1.0
    """Of torso and belly."""
    shoulders: float = 1.0
    arms: float = 1.0
    """Thickness; the length follows the torso."""
    legs: float = 1.0
    hips: float = 1.0
    hands: float = 1.0
    ears: float = 0.0
    """Length of pointed ears in heads; 0 for round ones that no outline shows."""
    jaw: float = 0.0
    """How far the jaw stands out, in heads."""


class Body(msgspec.Struct, frozen=True):
    """Solids by part, and joints."""

    solids: dict[str, tuple[Solid, ...]]
    joints: dict[str, Point]


def body(build: Build) -> Body:
    """Put a body together; it stands with its arms a little away from it."""
    places = _joints(build)
    solids: dict[str, tuple[Solid, ...]] = {
        "head": tuple(_head(build)),
        "torso": tuple(_torso(build, places)),
    }
    for side in ("right", "left"):
        solids |= _arm(build, places, side) | _leg(build, places, side)
    if build.ears:
        solids["ears"] = tuple(_ears(build))
    return Body(solids, places)


def _joints(build: Build) -> dict[str, Point]:
    trunk = 1.0 - build.head
    shoulder = trunk - 0.05 * trunk
    hip = 0.54 * trunk
    wide = 0.115 * build.shoulders * (0.7 + 0.3 * trunk / 0.865)
    found: dict[str, Point] = {
        "neck": (0.0, trunk, 0.0),
        "pelvis": (0.0, hip, 0.0),
    }
    for side, sign in (("right", -1.0), ("left", 1.0)):
        reach = 0.2 * trunk
        found[f"{side}-shoulder"] = (sign * wide, shoulder, 0.0)
        found[f"{side}-elbow"] = (sign * (wide + 0.55 * reach), shoulder - 0.84 * reach, -0.005)
        found[f"{side}-wrist"] = (sign * (wide + 1.0 * reach), shoulder - 1.6 * reach, 0.012)
        leg = 0.058 * build.hips
        found[f"{side}-hip"] = (sign * leg, hip - 0.02, 0.0)
        found[f"{side}-knee"] = (sign * (leg + 0.008), 0.5 * hip, 0.008)
        found[f"{side}-ankle"] = (sign * (leg + 0.016), 0.045, -0.008)
    return found


def _head(build: Build) -> Iterator[Solid]:
    size = build.head
    yield Ball((0.0, 1.0 - 0.5 * size, 0.0), (0.37 * size, 0.5 * size, 0.43 * size))
    yield Limb((0.0, 1.0 - size - 0.06 * (1 - size), 0.0), (0.0, 1.0 - 0.7 * size, 0.0),
               0.036 * build.arms, 0.036 * build.arms)  # fmt: skip
    if build.jaw:
        forward = (0.2 + 0.3 * build.jaw) * size
        yield Ball((0.0, 1.0 - 0.75 * size, forward), (0.34 * size, 0.22 * size, 0.3 * size))


def _torso(build: Build, joints: dict[str, Point]) -> Iterator[Solid]:
    (right, high, _), (_, hip, _) = joints["right-shoulder"], joints["pelvis"]
    wide, tall = -right, high - hip
    deep = 0.07 * build.girth
    yield Ball((0.0, hip + 0.68 * tall, 0.0), (0.98 * wide, 0.42 * tall, deep))
    yield Ball((0.0, hip + 0.32 * tall, 0.005),
               (0.088 * build.girth, 0.4 * tall, 0.95 * deep))  # fmt: skip
    yield Ball((0.0, hip, -0.003), (0.098 * build.hips, 0.075, 0.98 * deep))
    yield Limb(joints["right-shoulder"], joints["left-shoulder"],
               0.042 * build.arms, 0.042 * build.arms)  # fmt: skip


def _arm(build: Build, joints: dict[str, Point], side: str) -> dict[str, tuple[Solid, ...]]:
    thick = build.arms
    shoulder, elbow, wrist = (joints[f"{side}-{name}"] for name in ("shoulder", "elbow", "wrist"))
    sign = 1.0 if wrist[0] > 0 else -1.0
    size = 0.034 * build.hands
    palm = (wrist[0] + sign * 0.5 * size, wrist[1] - 0.9 * size, wrist[2])
    return {
        f"{side}-arm": (
            Limb(shoulder, elbow, 0.038 * thick, 0.03 * thick),
            Limb(elbow, wrist, 0.03 * thick, 0.021 * thick),
        ),
        f"{side}-hand": (Ball(palm, (0.8 * size, 1.3 * size, 0.7 * size)),),
    }


def _leg(build: Build, joints: dict[str, Point], side: str) -> dict[str, tuple[Solid, ...]]:
    thick = build.legs
    hip, knee, ankle = (joints[f"{side}-{name}"] for name in ("hip", "knee", "ankle"))
    low = 0.024
    heel, toes = (ankle[0], low, -0.03), (ankle[0] * 1.15, low, 0.07)
    return {
        f"{side}-leg": (
            Limb(hip, knee, 0.056 * thick, 0.038 * thick),
            Limb(knee, ankle, 0.038 * thick, 0.026 * thick),
        ),
        f"{side}-foot": (Limb(heel, toes, low, low * 0.95),),
    }


def _ears(build: Build) -> Iterator[Solid]:
    size = build.head
    for sign in (-1.0, 1.0):
        root = (sign * 0.33 * size, 1.0 - 0.52 * size, -0.02 * size)
        reach = build.ears * size
        tip = (sign * (0.33 * size + 0.8 * reach), 1.0 - 0.52 * size + 0.6 * reach, -0.1 * size)
        yield Limb(root, tip, 0.09 * size, 0.02 * size)
