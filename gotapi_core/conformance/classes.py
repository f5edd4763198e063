"""The classes of checks: GotAPI itself, and one for each profile that a specification defines."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from gotapi_core.conformance import three_dp
from gotapi_core.conformance.core import CHECKS
from gotapi_core.conformance.model import Check


class CheckClass(msgspec.Struct, frozen=True):
    """Checks that belong together; `profile` is what a service must have for them to make sense."""

    name: str
    title: str
    checks: tuple[Check, ...]
    profile: str = ""


CLASSES: Final[Mapping[str, CheckClass]] = MappingProxyType(
    {
        one.name: one
        for one in (
            CheckClass("core", "GotAPI 1.1 as its servers and clients speak it", CHECKS),
            CheckClass("3dp", "OMA DWAPI-3DP 1.0", tuple(three_dp.RULES.checks), "3dp"),
        )
    }
)
"""By name; a new profile adds its module and one line here."""


def checks_of(names: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks of classes, in order; raises KeyError for a name that is none."""
    return tuple(check for name in names for check in CLASSES[name].checks)


def fitting(profiles: set[str]) -> list[str]:
    """Return the classes to check where nobody chose: the core and those of the profiles."""
    return [one.name for one in CLASSES.values() if not one.profile or one.profile in profiles]
