"""How `gotapi demo` tells what happens: lines of text, or progress bars at a terminal."""

from types import TracebackType
from typing import TYPE_CHECKING

import click

from gotapi_core.cli.terminal import clean, clean_lines
from gotapi_creation.create.report import Report, sentence

if TYPE_CHECKING:
    from rich.progress import TaskID

STEPS = 5


class Story(Report):
    """Lines of text; a step begins, may progress, and is finished with what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    def begin(self, name: str) -> None:
        """Begin the next step."""
        self._number += 1
        click.echo(f"{self._number}/{STEPS} {name}")

    def finish(self, result: str) -> None:
        """End the step."""
        click.echo(f"    {clean(result)}")

    def suspend(self) -> None:
        """Leave the terminal to a question."""

    def resume(self) -> None:
        """Go on after it."""


class BarStory(Story):
    """One bar for each step, for a person at a terminal."""

    def __init__(self) -> None:
        super().__init__()
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # late: slow

        self._bars: Progress = Progress(
            TextColumn("{task.fields[step]}", markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self._task: TaskID | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back."""
        self._bars.stop()

    def note(self, text: str) -> None:
        """Write a line above the bars."""
        self._bars.console.print(clean_lines(text), markup=False, highlight=False)

    def begin(self, name: str) -> None:
        """Show another bar."""
        self._number += 1
        step = f"{self._number}/{STEPS} {name:<20}"
        self._task = self._bars.add_task("", total=1.0, step=step)
        self._bars.start()

    def progress(self, stage: str, fraction: float) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.update(self._task, description=sentence(stage), completed=fraction)

    def finish(self, result: str) -> None:
        """Fill the bar."""
        if self._task is not None:
            self._bars.update(self._task, description=clean(result), completed=1.0)

    def suspend(self) -> None:
        """Leave the terminal to a question."""
        self._bars.stop()

    def resume(self) -> None:
        """Go on after it."""
        self._bars.start()

    def ended(self, message: str, code: int) -> None:
        """Leave the bars where they are and write the last lines."""
        self._bars.stop()
        super().ended(message, code)
