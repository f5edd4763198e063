"""Routes about the card in a printer: extensions of profile `3dp`."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Annotated

import msgspec

from gotapi_core.plugin import Call, Params, Result, delete, get, put
from gotapi_core.protocol.errors import IllegalDeviceState
from gotapi_printer.card_replies import CardFile, CardPrint
from gotapi_printer.job import JobError
from gotapi_printer.link import LinkError
from gotapi_printer.printer import Printer


class CardParams(Params):
    """A file of the card, by its short or its long name."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class CardResult(Result):
    """The files of the card, in the order of the printer."""

    files: tuple[CardFile, ...]


class CardPrintResult(Result):
    """What is printed from the card now, or nothing, and whether a print could begin."""

    card_print: CardPrint | None = None
    has_card: bool = True  # a slot for one; whether a card is in it, its files tell
    armed: bool = False


class CardRoutes(ABC):
    """The part of the printer plug-in that prints what is on the printer's own card."""

    @abstractmethod
    def _printer(self, call: Call) -> Printer:
        """Return the printer a call is for; raises UnknownService."""

    @get("3dp", "card")
    async def card(self, call: Call) -> CardResult:
        """List the files of the card in the printer."""
        with _refused():
            return CardResult(files=await self._printer(call).card.files())

    @delete("3dp", "card")
    async def delete_from_card(self, call: Call, params: CardParams) -> CardResult:
        """Delete a file of the card, while the printer is armed."""
        printer = self._printer(call)
        _check_armed(printer)
        with _refused():
            await printer.card.delete(params.name)
            return CardResult(files=await printer.card.files())

    @get("3dp", "cardPrint")
    async def card_print(self, call: Call) -> CardPrintResult:
        """Tell what is printed from the card, and how far it is."""
        return _told(self._printer(call))

    @put("3dp", "cardPrint")
    async def print_from_card(self, call: Call, params: CardParams) -> CardPrintResult:
        """Print a file of the card, while the printer is armed: nobody checked that file."""
        printer = self._printer(call)
        _check_armed(printer)
        with _refused():
            await printer.card.start(params.name)
        return _told(printer)

    @delete("3dp", "cardPrint")
    async def stop_card_print(self, call: Call) -> CardPrintResult:
        """Stop the print from the card; the heaters go off."""
        printer = self._printer(call)
        with _refused():
            await printer.card.stop()
        return _told(printer)

    @put("3dp", "cardPause")
    async def pause_card_print(self, call: Call) -> CardPrintResult:
        """Pause the print from the card."""
        return await self._pause(call, on=True)

    @put("3dp", "cardResume")
    async def resume_card_print(self, call: Call) -> CardPrintResult:
        """Go on with the print from the card."""
        return await self._pause(call, on=False)

    async def _pause(self, call: Call, *, on: bool) -> CardPrintResult:
        printer = self._printer(call)
        with _refused():
            await printer.card.pause(on=on)
        return _told(printer)


def _told(printer: Printer) -> CardPrintResult:
    card = printer.card
    return CardPrintResult(card_print=card.now, has_card=card.present, armed=printer.armed)


def _check_armed(printer: Printer) -> None:
    if not printer.armed:
        raise IllegalDeviceState(
            "What is on the printer's card was checked by nobody, so the printer has to be armed: "
            f"ask the operator to run 'gotapi printers arm {printer.id}', and PUT arm with the code"
        )


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (JobError, LinkError) as error:
        raise IllegalDeviceState(f"The card: {error}") from error
    except TimeoutError:
        raise IllegalDeviceState("The card: the printer does not answer; is it busy?") from None
