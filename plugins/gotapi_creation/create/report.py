"""How `gotapi create` tells what happens: a progress bar, plain lines, or JSON lines."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import click
import msgspec

from gotapi_core.cli.terminal import clean, clean_lines

if TYPE_CHECKING:
    from rich.progress import TaskID

_QUIET: Final = 5.0  # seconds between two plain lines about the same stage


class Report:
    """Lines of text, without control codes."""

    def __init__(self) -> None:
        self._stage = ""
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back."""

    def note(self, text: str) -> None:
        """Say something the user should read."""
        click.echo(clean_lines(text), err=True)

    def progress(self, stage: str, fraction: float) -> None:
        """Tell how far it is, 0 to 1."""
        now = time.monotonic()
        if stage != self._stage or now >= self._next:
            self._stage, self._next = stage, now + _QUIET
            click.echo(f"{sentence(stage)}: {fraction:.0%}")

    def ended(self, message: str, code: int) -> None:
        """Tell how it ended; the last call."""
        click.echo(clean_lines(message), err=code != 0)


class JsonReport(Report):
    """One JSON object per line."""

    def note(self, text: str) -> None:
        """Write an object with event `note`."""
        self._write(event="note", message=text)

    def progress(self, stage: str, fraction: float) -> None:
        """Write an object with event `progress`."""
        self._write(event="progress", stage=stage, progress=round(fraction, 3))

    def ended(self, message: str, code: int) -> None:
        """Write an object with event `ended`."""
        self._write(event="ended", exitCode=code, message=message)

    def _write(self, **members: object) -> None:
        click.echo(msgspec.json.encode(members).decode())


class BarReport(Report):
    """A progress bar for a person at a terminal."""

    def __init__(self) -> None:
        super().__init__()
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # late: slow

        self._bar: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TimeElapsedColumn(),
            transient=True,
        )
        self._task: TaskID | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def note(self, text: str) -> None:
        """Write a line above the bar."""
        self._bar.console.print(clean_lines(text), markup=False, highlight=False)

    def progress(self, stage: str, fraction: float) -> None:
        """Move the bar."""
        if self._task is None:
            self._task = self._bar.add_task(stage, total=1.0)
            self._bar.start()
        self._bar.update(self._task, description=sentence(stage), completed=fraction)

    def ended(self, message: str, code: int) -> None:
        """Take the bar away and write the last line."""
        self._bar.stop()
        super().ended(message, code)


def sentence(stage: str) -> str:
    """Return a stage as the beginning of a sentence, on one line."""
    text = clean(stage)
    return text[:1].upper() + text[1:]
