"""PURE: the templates: species, genders and ages, each a body with its proportions; no numpy."""

from collections.abc import Iterator
from typing import Final

import msgspec

from gotapi_creation.engine.bodies import Body, Build, body
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Attributes

STYLES: Final = (0.08, 0.5)
"""Least and largest height of the head by the whole height."""
AGES: Final = (0, 1000)
"""Years; elves grow old."""


class Template(msgspec.Struct, frozen=True):
    """One template. `id` is 3DCAPI's templateId and never changes its meaning."""

    id: int
    name: str
    species: str
    gender: str
    age: int
    style: float
    """Height of the head by the whole height."""
    build: Build

    def body(self) -> Body:
        """Return its solids and joints."""
        return body(self.build)


_SPECIES: Final = {
    "human": Build(),
    "elf": Build(girth=0.86, shoulders=0.9, arms=0.86, legs=0.86, hips=0.92, ears=0.55),
    "orc": Build(head=0.15, girth=1.35, shoulders=1.35, arms=1.5, legs=1.25, hips=1.2,
                 hands=1.4, ears=0.22, jaw=0.3),
}  # fmt: skip
_GENDERS: Final = {
    "male": Build(),
    "female": Build(girth=0.94, shoulders=0.88, arms=0.86, legs=0.98, hips=1.1, hands=0.88),
}
_AGES: Final = (("child", 8, 1.38), ("adult", 30, 1.0), ("old", 75, 1.02))
"""Name, years, and how much larger the head is than an adult's."""
_GIRTHS: Final = {"child": 0.95, "adult": 1.0, "old": 1.12}


def _all() -> Iterator[Template]:
    for first, (species, base) in enumerate(_SPECIES.items(), 1):
        for second, (gender, form) in enumerate(_GENDERS.items(), 1):
            for third, (stage, years, larger) in enumerate(_AGES, 1):
                girth = base.girth * form.girth * _GIRTHS[stage]
                build = Build(
                    head=round(base.head * larger, 4),
                    girth=girth,
                    shoulders=base.shoulders * form.shoulders,
                    arms=base.arms * form.arms,
                    legs=base.legs * form.legs,
                    hips=base.hips * form.hips,
                    hands=base.hands * form.hands,
                    ears=base.ears,
                    jaw=base.jaw,
                )
                number = 100 * first + 10 * second + third
                name = f"{species}-{gender}-{stage}"
                yield Template(number, name, species, gender, years, build.head, build)


TEMPLATES: Final = tuple(_all())
"""All templates, by rising id."""


def find(word: str) -> Template:
    """Return a template by id, name or species (its adult male); raises CreationError."""
    wanted = word.strip().lower()
    for one in TEMPLATES:
        if wanted in (str(one.id), one.name):
            return one
    for one in TEMPLATES:
        if wanted == one.species and one.name.endswith("-male-adult"):
            return one
    names = ", ".join(f"{one.id} {one.name}" for one in TEMPLATES)
    raise CreationError("template", f"there is no template '{word[:40]}'; there are {names}")


def fitted(template: Template, wishes: Attributes) -> Template:
    """Return the template with the user's attributes; raises CreationError for impossible ones."""
    _check(wishes)
    chosen = _closest(template, wishes)
    style = wishes.style if wishes.style is not None else chosen.style
    build = msgspec.structs.replace(chosen.build, head=style)
    age = wishes.age if wishes.age is not None else chosen.age
    return msgspec.structs.replace(chosen, style=style, age=age, build=build)


def _closest(template: Template, wishes: Attributes) -> Template:
    species = wishes.species.lower() or template.species
    gender = wishes.gender.lower() or template.gender
    age = template.age if wishes.age is None else wishes.age
    same = [one for one in TEMPLATES if (one.species, one.gender) == (species, gender)]
    if not same:
        known = ", ".join(_SPECIES)
        raise CreationError(
            "template",
            f"there is no '{gender[:20]} {species[:20]}'; species are {known}, "
            f"genders are {', '.join(_GENDERS)}",
        )
    return min(same, key=lambda one: abs(one.age - age))


def _check(wishes: Attributes) -> None:
    low, high = STYLES
    if wishes.style is not None and not low <= wishes.style <= high:
        raise CreationError(
            "template",
            f"style is the height of the head by the whole height, from {low} to {high}; "
            f"it is {wishes.style:g}",
        )
    if wishes.age is not None and not AGES[0] <= wishes.age <= AGES[1]:
        raise CreationError(
            "template", f"age is in years, from {AGES[0]} to {AGES[1]}; it is {wishes.age}"
        )
