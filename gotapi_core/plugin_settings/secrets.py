"""Secrets in settings: never shown, and kept where what stands for them comes back. PURE."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gotapi_core.plugin_settings.shape import Schema, Shape, is_secret
from gotapi_core.settings import SettingsError

_STANDS = re.compile(r"\*\*\*(\d{1,4})")
# Not every plug-in marks them. Names of files (token_file) do not end so.
_LOOKS: Final = re.compile(
    r"(?:^|[_-])(?i:password|passwd|passphrase|secret|token|api_?key|access_?code)s?$|"
    r"[a-z](?:Password|Secret|Token|ApiKey)s?$"
)


def looks_secret(name: str) -> bool:
    """Tell by its name whether a text is most likely secret."""
    return _LOOKS.search(name) is not None


def shown(value: object, shape: Shape | None, name: str) -> object:
    """Return the value of a setting with `***1`, `***2`... in place of the secrets in it."""
    found: list[object] = []

    def hide(secret: object) -> object:
        found.append(secret)
        return f"***{len(found)}"

    return _walked(value, _start(shape, name), name, shape, hide)


def restored(value: object, old: object, shape: Shape | None, name: str) -> object:
    """Put the secrets of the old value back where something stands for them.

    Only at places of secrets: nothing else may show one. Raises SettingsError for what stands for
    none.
    """
    known: list[object] = []

    def note(secret: object) -> object:
        known.append(secret)
        return secret

    def put_back(given: object) -> object:
        stands = _STANDS.fullmatch(given) if isinstance(given, str) else None
        if stands is None:
            return given
        number = int(stands[1])
        if not 1 <= number <= len(known):
            raise SettingsError(f"{name}: {given} stands for no secret; write the secret itself")
        return known[number - 1]

    _walked(old, _start(shape, name), name, shape, note)
    return _walked(value, _start(shape, name), name, shape, put_back)


def _start(shape: Shape | None, name: str) -> Sequence[Schema]:
    return shape.at([name]) if shape is not None else ()


def _walked(
    value: object,
    schemas: Sequence[Schema],
    name: str,
    shape: Shape | None,
    act: Callable[[object], object],
) -> Any:
    empty = value is None or value == ""
    if not empty and (is_secret(schemas) or (isinstance(value, str) and looks_secret(name))):
        return act(value)

    def deeper(key: str | int) -> Sequence[Schema]:
        return shape.inside(schemas, key) if shape is not None else ()

    if isinstance(value, Mapping):
        return {
            key: _walked(one, deeper(str(key)), str(key), shape, act) for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_walked(one, deeper(place), name, shape, act) for place, one in enumerate(value)]
    return value
