"""PURE. Commands about the card: list, select, print, write, delete."""

from collections.abc import Callable

from gotapi_printer.simulator.machine import Machine, Task
from gotapi_printer.simulator.sd_card import SdCard
from gotapi_printer.simulator.words import integer, parse_words

__all__ = ["AFTER_PRINT", "CARD", "status_text"]

# What Marlin queues behind the last line of a file.
AFTER_PRINT = "M1001"

Command = Callable[[Machine, SdCard, str], None]


def status_text(card: SdCard) -> str:
    """What M27 answers."""
    if not card.printing:
        return "Not SD printing"
    return f"SD printing byte {card.position}/{card.size}"


def _with_card(command: Command) -> Callable[[Machine, str], Task | None]:
    """A command for printers with a slot; others do not know it."""

    def handle(machine: Machine, args: str) -> Task | None:
        if machine.card is None:
            machine.echo("No media")
        else:
            command(machine, machine.card, args)
        return None

    return handle


def _list(machine: Machine, card: SdCard, args: str) -> None:
    machine.say("Begin file list")
    for line in card.listing(long="L" in args):
        machine.say(line)
    machine.say("End file list")


def _mount(machine: Machine, card: SdCard, args: str) -> None:
    machine.echo("SD card ok")


def _release(machine: Machine, card: SdCard, args: str) -> None:
    card.forget()
    machine.echo("SD card released")


def _select(machine: Machine, card: SdCard, args: str) -> None:
    name = args.strip()
    if not card.select(name):
        machine.say(f"open failed, File: {name}.")
        return
    machine.echo(f"Now fresh file: {name}")
    machine.say(f"File opened: {card.selected} Size: {card.size}")
    machine.say("File selected")


def _start(machine: Machine, card: SdCard, args: str) -> None:
    position = integer(parse_words(args), "S")
    if position is not None:
        card.seek(position)
    card.start()


def _pause(machine: Machine, card: SdCard, args: str) -> None:
    card.printing = False


def _seek(machine: Machine, card: SdCard, args: str) -> None:
    card.seek(integer(parse_words(args), "S") or 0)


def _status(machine: Machine, card: SdCard, args: str) -> None:
    words = parse_words(args)
    seconds = words.get("S")
    if seconds is not None:
        machine.card_reports.every(int(seconds), machine.now)
    elif "C" in words:
        long = card.long_name(card.selected)
        machine.say(f"Current file: {card.selected} {long}" if long else "Current file: (no file)")
    else:
        machine.say(status_text(card))


def _write(machine: Machine, card: SdCard, args: str) -> None:
    name = args.strip()
    if not name:
        machine.say("open failed, File: .")
        return
    card.create(name)
    machine.say(f"Writing to file: {name}")


def _end_write(machine: Machine, card: SdCard, args: str) -> None:
    """M29 when nothing is written; while a file is, the firmware ends it itself."""


def _delete(machine: Machine, card: SdCard, args: str) -> None:
    name = args.strip()
    done = card.delete(name)
    machine.say(f"File deleted:{name}" if done else f"Deletion failed, File: {name}.")


def _print(machine: Machine, card: SdCard, args: str) -> None:
    """M32 [S<byte>] !NAME# or NAME: select and start."""
    _select(machine, card, args.strip().lstrip("!").partition("#")[0])
    card.start()


def _long_name(machine: Machine, card: SdCard, args: str) -> None:
    machine.say("/" + card.long_name(args.strip()))


def _abort(machine: Machine, card: SdCard, args: str) -> None:
    card.printing, card.position = False, 0


def _done(machine: Machine, card: SdCard, args: str) -> None:
    machine.say("Done printing file")


CARD: dict[str, Callable[[Machine, str], Task | None]] = {
    "M20": _with_card(_list),
    "M21": _with_card(_mount),
    "M22": _with_card(_release),
    "M23": _with_card(_select),
    "M24": _with_card(_start),
    "M25": _with_card(_pause),
    "M26": _with_card(_seek),
    "M27": _with_card(_status),
    "M28": _with_card(_write),
    "M29": _with_card(_end_write),
    "M30": _with_card(_delete),
    "M32": _with_card(_print),
    "M33": _with_card(_long_name),
    "M524": _with_card(_abort),
    AFTER_PRINT: _with_card(_done),
}
