"""Checks as data, what came of them, and the level that follows. PURE."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from gotapi_core.conformance.subject import Subject


class Level(IntEnum):
    """How good a hub is; each level includes those below."""

    BRONZE = 1
    """What every known GotAPI server and client agree on."""

    SILVER = 2
    """What gotapi-client.js and the DeviceConnect SDK need to work unchanged."""

    GOLD = 3
    """What keeps the user safe, and what the specifications leave to good sense."""


class Verdict(Enum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    SKIP = "skip"


class Failed(Exception):  # noqa: N818 - reads as what happened
    """The subject broke the rule; the message says what was expected and what came."""


class Skipped(Exception):  # noqa: N818 - reads as what happened
    """The rule could not be tried; the message says why."""


Run = Callable[["Subject"], Awaitable[None]]


class Rule(msgspec.Struct, frozen=True):
    """One rule: `what` must hold, `why` it matters, and where it was found."""

    id: str
    level: Level
    source: str
    what: str
    why: str


class Check(Rule, frozen=True):
    """A rule, and how to try it on a hub."""

    run: Run


class Outcome(msgspec.Struct, frozen=True):
    """What came of one check; `seconds` is how long it took."""

    check: Rule
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0


class Report(msgspec.Struct, frozen=True):
    """All outcomes of one run, in the order of the checks."""

    subject: str
    outcomes: tuple[Outcome, ...]

    @property
    def level(self) -> Level | None:
        """The highest level of which, and below which, nothing failed; None below bronze.

        A skipped check does not hold a level back, but a level none of whose checks passed is
        not reached.
        """
        reached = None
        for level in Level:
            mine = [one.verdict for one in self.outcomes if one.check.level is level]
            if Verdict.FAIL in mine or Verdict.PASS not in mine:
                break
            reached = level
        return reached

    def count(self, verdict: Verdict, level: Level | None = None) -> int:
        """Count the outcomes of a verdict, of one level or of all."""
        return sum(
            one.verdict is verdict and level in (None, one.check.level) for one in self.outcomes
        )

    def failed(self) -> frozenset[str]:
        """Return the ids of the checks that failed."""
        return frozenset(one.check.id for one in self.outcomes if one.verdict is Verdict.FAIL)


class CheckList:
    """Collects the checks of one module; its `check` decorates them."""

    def __init__(self) -> None:
        self._checks: list[Check] = []

    def check(
        self, id_: str, level: Level, source: str, what: str, why: str
    ) -> Callable[[Run], Run]:
        """Return the decorator that adds a check."""

        def add(run: Run) -> Run:
            self._checks.append(Check(id_, level, source, what, why, run))
            return run

        return add

    @property
    def checks(self) -> Sequence[Check]:
        """The checks in the order of the module."""
        return tuple(self._checks)


# Where a rule was found. The text of GotAPI 1.1 itself is not public.
BOTH: Final = "node-gotapi, DeviceConnect"
NODE: Final = "node-gotapi 0.4.3"
DEVICE_CONNECT: Final = "DeviceConnect Manager"
NODE_CLIENT: Final = "gotapi-client.js"
SDK: Final = "DeviceConnect SDK 2.3.0"
THREE_DP: Final = "OMA DWAPI-3DP 1.0"
SAFETY: Final = "safety"


def expect(holds: bool, message: str) -> None:
    """Raise Failed with the message unless something holds."""
    if not holds:
        raise Failed(message)
