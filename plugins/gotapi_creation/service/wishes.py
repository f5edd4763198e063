"""How a model is to be, from the parameters of setattribute that 3DCAPI does not know. PURE.

`height` in millimetres, `grid`, `triangles`, `profile`, `foot`, `paper` (also `front_paper` and so
on) as `#rrggbb`, `engine`. Unknown ones are kept by the wire and mean nothing here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from gotapi_creation.engine.order import GRIDS, HEIGHTS, TRIANGLES, Options, Profile
from gotapi_creation.wire import Code, CreationError, View
from gotapi_creation.wire.words import bool_of, float_of, fold, int_of

_PAPER: Final = re.compile(r"#?([0-9a-fA-F]{6})")
_ENGINE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
N = TypeVar("N", int, float)


def options_of(extra: Mapping[str, str]) -> Options:
    """Return the options among the parameters; raises CreationError with the range."""
    given = {fold(name): value for name, value in extra.items()}
    usual = Options()
    return Options(
        height=_number(given, "height", float_of, HEIGHTS, usual.height),
        grid=_number(given, "grid", int_of, GRIDS, usual.grid),
        triangles=_number(given, "triangles", int_of, TRIANGLES, usual.triangles),
        profile=_profile(given.get("profile", "")),
        foot=_flag(given, "foot"),
        preview=True,
    )


def papers_of(extra: Mapping[str, str]) -> dict[View, str]:
    """Return the colour of the paper of each view that has one, as `#rrggbb`."""
    given = {fold(name): value for name, value in extra.items()}
    found = {view: given.get(fold(f"{view}_paper")) or given.get("paper", "") for view in View}
    return {view: _paper(text) for view, text in found.items() if text}


def engine_of(extra: Mapping[str, str], known: Mapping[str, object]) -> str:
    """Return the engine that is wanted; raises CreationError where it is not offered."""
    name = next((value for key, value in extra.items() if fold(key) == "engine"), "") or "shape"
    if name != "shape" and (not _ENGINE.fullmatch(name) or name not in known):
        names = ", ".join(["shape", *sorted(known)])
        raise CreationError(
            Code.INVALID_PARAMETER, f"There is no engine '{name[:40]}' here; there is: {names}"
        )
    return name


def _number(
    given: Mapping[str, str],
    name: str,
    read: Callable[[object], N | None],
    bounds: tuple[N, N],
    usual: N,
) -> N:
    text = given.get(name, "")
    if not text:
        return usual
    found = read(text)
    if found is None or not bounds[0] <= found <= bounds[1]:
        raise CreationError(
            Code.INVALID_PARAMETER,
            f"'{name}' is '{text[:40]}'; it is a number from {bounds[0]:g} to {bounds[1]:g}",
        )
    return found


def _profile(text: str) -> Profile:
    if not text:
        return Profile.AUTO
    try:
        return Profile(text.lower())
    except ValueError:
        names = ", ".join(Profile)
        raise CreationError(
            Code.INVALID_PARAMETER, f"'profile' is '{text[:40]}'; it is one of {names}"
        ) from None


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "")
    found = bool_of(text) if text else False
    if found is None:
        raise CreationError(Code.INVALID_PARAMETER, f"'{name}' is '{text[:40]}', not TRUE or FALSE")
    return found


def _paper(text: str) -> str:
    found = _PAPER.fullmatch(text)
    if found is None:
        raise CreationError(
            Code.INVALID_PARAMETER,
            f"'paper' is '{text[:40]}'; it is a colour such as #ffffff",
        )
    return f"#{found[1].lower()}"
