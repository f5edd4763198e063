"""PURE: what was wrong in a file that was imported nevertheless."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

MOST_FAULTS: Final = 10_000
"""Faults told one by one; more are counted."""


class Fault(msgspec.Struct, frozen=True):
    """Something that was left out or put right."""

    object_id: str
    """Of the object, empty where it is about the whole file."""
    message: str


@dataclass(slots=True)
class Faults:
    """Collects faults; the same about the same object is one, with a count."""

    source: str = ""
    found: dict[Fault, int] = field(default_factory=dict)
    more: int = 0

    def add(self, object_id: str, message: str, count: int = 1) -> None:
        """Note a fault of an object, or of the file itself."""
        fault = Fault(object_id[:200], message[:500])
        if fault in self.found or len(self.found) < MOST_FAULTS:
            self.found[fault] = self.found.get(fault, 0) + count
        else:
            self.more += count

    def told(self) -> tuple[Fault, ...]:
        """Return the faults, with how often each was found."""
        rest = (Fault("", f"{self.more} more faults"),) if self.more else ()
        return (*(_counted(fault, count) for fault, count in self.found.items()), *rest)


def _counted(fault: Fault, count: int) -> Fault:
    return fault if count == 1 else Fault(fault.object_id, f"{fault.message} ({count} times)")
