"""Routes about the policy of commands: extensions of profile `3dp`."""

import asyncio
from abc import ABC, abstractmethod
from typing import Annotated

import msgspec

from gotapi_core.plugin import Call, Context, Params, Result, put
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_printer.arming import ArmError, take_code
from gotapi_printer.guard import ARMED_FOR
from gotapi_printer.printer import Printer


class ArmParams(Params):
    """PUT arm: the code that `gotapi printers arm` showed."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class ArmResult(Result):
    """For how many seconds the printer is armed."""

    seconds: float


class PolicyRoutes(ABC):
    """The part of the printer plug-in that lets the operator allow more."""

    context: Context

    @abstractmethod
    def _printer(self, call: Call) -> Printer:
        """Return the printer a call is for; raises UnknownService."""

    @put("3dp", "arm")
    async def arm(self, call: Call, params: ArmParams) -> ArmResult:
        """Let commands pass for a minute that are refused otherwise, with the operator's code."""
        printer = self._printer(call)
        try:
            await asyncio.to_thread(take_code, self.context.folder, printer.id, params.code)
        except ArmError as error:
            raise InvalidParameter(str(error)) from error
        printer.arm()
        return ArmResult(seconds=ARMED_FOR)
