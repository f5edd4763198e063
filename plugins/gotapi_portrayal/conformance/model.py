"""PURE: a check of a 3D Portrayal Service, and the list that collects them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from gotapi_core.conformance.model import Level, Rule
from gotapi_portrayal.conformance.requirements import REQUIREMENTS

if TYPE_CHECKING:
    from gotapi_portrayal.conformance.server import Server

Run = Callable[["Server"], Awaitable[None]]


class ServerCheck(Rule, frozen=True):
    """A rule for a 3DPS server, and how to try it.

    `requirements` are the numbers it tests; `annex` names the conformance class whose own test of
    Annex A (A.1, A.3, A.5, A.7) it is.
    """

    run: Run
    requirements: tuple[int, ...] = ()
    annex: str = ""


class ServerChecks:
    """Collects the checks of one module; its methods decorate them.

    Bronze is what Annex A tests, silver what else the text says shall be, gold what keeps a server
    and its clients safe.
    """

    def __init__(self) -> None:
        self._checks: list[ServerCheck] = []

    def annex(
        self, id_: str, number: int, what: str, why: str, clause: str = ""
    ) -> Callable[[Run], Run]:
        """Return the decorator of a check that tests a requirement."""
        one = REQUIREMENTS[number]
        where = clause or one.clause
        source = f"OGC 15-001r4 {where}, Requirement {number}{', Annex A' if one.tested else ''}"
        return self._adder(id_, Level.BRONZE, source, what, why, (number,))

    def family(self, id_: str, name: str, clause: str, what: str, why: str) -> Callable[[Run], Run]:
        """Return the decorator of the test of a conformance class."""
        source = f"OGC 15-001r4 {clause}, conformance class {name}"
        return self._adder(id_, Level.BRONZE, source, what, why, (), name)

    def shall(self, id_: str, clause: str, what: str, why: str) -> Callable[[Run], Run]:
        """Return the decorator of a check of what the text demands elsewhere."""
        return self._adder(id_, Level.SILVER, _source(clause), what, why)

    def sane(self, id_: str, clause: str, what: str, why: str) -> Callable[[Run], Run]:
        """Return the decorator of a check of what the text recommends, or safety demands."""
        return self._adder(id_, Level.GOLD, _source(clause), what, why)

    @property
    def checks(self) -> Sequence[ServerCheck]:
        """The checks in the order of the module."""
        return tuple(self._checks)

    def _adder(
        self,
        id_: str,
        level: Level,
        source: str,
        what: str,
        why: str,
        requirements: tuple[int, ...] = (),
        annex: str = "",
    ) -> Callable[[Run], Run]:
        def add(run: Run) -> Run:
            self._checks.append(
                ServerCheck(id_, level, source, what, why, run, requirements, annex)
            )
            return run

        return add


def _source(clause: str) -> str:
    return f"OGC 15-001r4 {clause}" if clause[:1].isdigit() else clause
