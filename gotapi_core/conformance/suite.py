"""What a plug-in adds to `gotapi conformance`: checks of services that are no hubs. PURE.

The manifest of the plug-in names the module (`conformance = "..."`), whose `SUITE` is a Suite.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from gotapi_core.conformance.model import Outcome, Report


class Target(msgspec.Struct, frozen=True):
    """The service to check: its address, a token of an origin, and who signed its certificate."""

    url: str
    token: str = ""
    origin: str = ""  # whose token it is
    ca: Path | None = None


class Suite(Protocol):
    """Checks of one kind of service, in classes."""

    @property
    def name(self) -> str:
        """What stands before a class where its name alone could mean another: `3dps-core`."""

    @property
    def classes(self) -> Mapping[str, str]:
        """Name of each class, and what it is about."""

    async def recognises(self, target: Target) -> bool:
        """Tell whether the target is a service of this kind; raises nothing."""

    async def check(
        self, target: Target, classes: Sequence[str], told: Callable[[Outcome], None]
    ) -> Report:
        """Run the checks of classes; without any, of those that the service says it has."""
