"""The user at the terminal: text that is safe to show, questions, and Ctrl-C."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

INTERRUPTED: Final = 130  # what shells report for a command that Ctrl-C ended


def clean(text: str) -> str:
    """Return text from elsewhere without what a terminal would take for a command."""
    return "".join(character if character.isprintable() else " " for character in text)


def clean_lines(text: str) -> str:
    """Return `clean` text that may have several lines."""
    return "\n".join(clean(line) for line in text.split("\n"))


def duration(seconds: float) -> str:
    """Return a duration as people say it, for example `1 h 05 min`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class Terminal:
    """Asks yes-or-no questions where somebody is there to answer them."""

    def __init__(self, *, yes: bool = False) -> None:
        self.yes = yes

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str) -> bool:
        """Ask before anything runs; without a person the answer is no."""
        if self.yes:
            return True
        return self.interactive and click.confirm(question, default=False, err=True)

    async def ask(self, question: str) -> bool:
        """Ask while other things go on; end of input is a no."""
        click.echo(question, nl=False, err=True)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()
        handle = sys.stdin.fileno()

        def read() -> None:
            if not answer.done():
                answer.set_result(os.read(handle, 1024).decode("utf-8", "replace"))

        # A thread in input() could not be given up when the print ends meanwhile.
        loop.add_reader(handle, read)
        try:
            return (await answer).strip().lower() in ("y", "yes")
        except asyncio.CancelledError:
            click.echo(err=True)  # what follows begins on a line of its own
            raise
        finally:
            loop.remove_reader(handle)


@contextmanager
def interrupts() -> Iterator[asyncio.Event]:
    """Turn Ctrl-C into an event that is set each time, as long as the context lasts."""
    loop = asyncio.get_running_loop()
    pressed = asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, pressed.set)
    try:
        yield pressed
    finally:
        loop.remove_signal_handler(signal.SIGINT)
