"""What the operator sees of a plug-in's settings: each value, and where it comes from. PURE."""

import datetime
import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gotapi_core.plugin_settings.secrets import looks_secret, shown
from gotapi_core.plugin_settings.shape import Kind, Member, Shape
from gotapi_core.plugin_settings.spelling import same

Source = Literal["default", "file", "command"]


class Setting(Member, frozen=True, kw_only=True, rename="camel"):
    """A setting with its value; one of `command` is not the file's to change, and `by` says whose.

    A secret has no value here, only whether it `is_set`. `known` is false for what stands in the
    file and the plug-in does not know. With `outdated` the plug-in runs with an earlier value.
    """

    source: Source = msgspec.field(default="default")
    by: str = ""
    value: Any = msgspec.UNSET
    is_set: bool = False
    known: bool = True
    outdated: bool = False


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The settings of one plug-in.

    `known` says whether the plug-in told which ones there are; if not, `settings` are those of its
    section, and any can be added. `refusal` says why none can be changed, `problem` what is wrong
    with the file now.
    """

    id: str
    file: str
    revision: str
    known: bool
    settings: tuple[Setting, ...]
    refusal: str = ""
    problem: str = ""
    restarts: bool = True


class Sections(msgspec.Struct, frozen=True):
    """A plug-in's section: in the file, with all laid over it, and as it runs (None: not known).

    `by` says what decides a setting in place of the file, `*` for all.
    """

    file: Mapping[str, Any]
    effective: Mapping[str, Any]
    running: Mapping[str, Any] | None
    by: Mapping[str, str]


def settings_seen(shape: Shape | None, sections: Sections) -> tuple[Setting, ...]:
    """Return the settings in the order of the plug-in's type, then those it does not know."""
    members = () if shape is None else shape.members
    names = {one.name for one in members}
    found = [_setting(one, shape, sections) for one in members]
    for name in (*sections.effective, *sections.file):
        if name not in names:
            names.add(name)
            member = _unknown(name, sections.effective.get(name, sections.file.get(name)))
            found.append(_setting(member, shape, sections, known=shape is None))
    return tuple(found)


def _unknown(name: str, value: object) -> Member:
    """Return what can be said of a setting by its value alone."""
    kinds: tuple[tuple[type, Kind], ...] = (
        (bool, "bool"),
        (int, "int"),
        (float, "float"),
        (str, "text"),
    )
    kind: Kind = next((one for of, one in kinds if isinstance(value, of)), "json")
    return Member(name=name, kind=kind, secret=kind != "json" and looks_secret(name))


def _setting(
    member: Member, shape: Shape | None, sections: Sections, *, known: bool = True
) -> Setting:
    name = member.name
    by = sections.by.get(name, sections.by.get("*", ""))
    there = name in sections.effective
    secret = member.secret or (member.kind == "text" and looks_secret(name))
    value = sections.effective.get(name, member.default)
    return Setting(
        **{
            **msgspec.structs.asdict(member),
            "default": msgspec.UNSET if secret else member.default,
            "secret": secret,
        },
        source="command" if by else "file" if there else "default",
        by=by,
        value=msgspec.UNSET if secret else as_json(shown(value, shape, name)),
        is_set=there and bool(sections.effective[name] or not secret),
        known=known,
        outdated=_outdated(name, sections),
    )


def _outdated(name: str, sections: Sections) -> bool:
    if sections.running is None:
        return False
    there, runs = name in sections.effective, name in sections.running
    if not there or not runs:
        return there != runs
    return not same(sections.effective[name], sections.running[name])


def as_json(value: object) -> Any:
    """Return a value with texts in place of what JSON cannot say: times, infinite numbers."""
    if isinstance(value, Mapping):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return value
