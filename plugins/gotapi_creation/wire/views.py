"""Which silhouettes a model is made of. PURE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from gotapi_creation.wire.codes import Code, CreationError


class View(StrEnum):
    """A side a figure is drawn from, in the order of the text's flags."""

    FRONT = "front"
    RIGHT = "right"
    BACK = "back"


# 7.4.2 explains 1 and 3; two are what a depth needs: the front and one side.
_OF_NUMBER: Final = {
    1: (View.FRONT,),
    2: (View.FRONT, View.RIGHT),
    3: (View.FRONT, View.RIGHT, View.BACK),
}
LARGEST_NUMBER: Final = 3


def views_of_number(number: int) -> tuple[View, ...]:
    """Return the views of that many pictures; raises CreationError(CONTRADICTION)."""
    if number not in _OF_NUMBER:
        raise CreationError(
            Code.CONTRADICTION,
            f"{number} pictures are not possible; 1 is the front, 2 are front and right, 3 are "
            "front, right and back",
        )
    return _OF_NUMBER[number]


def chosen_views(num_sil: int | None, flags: Mapping[View, bool]) -> tuple[View, ...] | None:
    """Return the views that num_sil and the flags name; None where they say nothing.

    Flags that are missing are what num_sil implies. Raises CreationError(CONTRADICTION).
    """
    said = [view for view in View if flags.get(view)]
    if num_sil is None:
        return _with_front(said) if flags else None
    implied = views_of_number(num_sil)
    filled = [view for view in View if flags.get(view, view in implied)]
    for views in (said, filled):
        if len(views) == num_sil:
            return _with_front(views)
    names = ", ".join(f"{view.value}_sil={str(on).upper()}" for view, on in flags.items())
    raise CreationError(
        Code.CONTRADICTION, f"num_sil is {num_sil}, but {names}; num_sil counts the TRUE ones"
    )


def _with_front(views: Sequence[View]) -> tuple[View, ...]:
    if View.FRONT not in views:
        raise CreationError(
            Code.CONTRADICTION, "front_sil must be TRUE: no model can be made without the front"
        )
    return tuple(views)


def view_of(text: str) -> View | None:
    """Return the view of a word such as `Front` or `front_sil`; None for any other."""
    word = text.strip().lower().removesuffix("_sil")
    return next((view for view in View if view.value == word), None)
