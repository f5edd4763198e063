"""What `gotapi conformance` shows: a line while it runs, then the table or one JSON object."""

import sys

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gotapi_core.cli.terminal import clean
from gotapi_core.conformance import Level, Outcome, Report, Verdict

_WIDE = 1000  # columns where no terminal sets them: lines of a pipe are not folded
_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.SKIP: "yellow"}


class Progress:
    """Counts the checks on one line of the terminal."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._count = 0

    def told(self, outcome: Outcome) -> None:
        """Show one more outcome."""
        self._count += 1
        if self._shown:
            text = f"{self._count} {outcome.check.id}: {outcome.verdict.value}"
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def print_report(report: Report) -> None:
    """Print the table and the level; failures say what came and why the rule is there."""
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    table = Table(box=box.SIMPLE, title=f"Conformance of {clean(report.subject)}")
    for column in ("check", "level", "", "rule"):
        table.add_column(column, overflow="fold")
    for outcome in report.outcomes:
        table.add_row(*_row(outcome))
    console.print(table)
    for level in Level:
        passed, failed, skipped = (report.count(verdict, level) for verdict in Verdict)
        console.print(
            f"{level.name.lower():7} {passed} passed, {failed} failed, {skipped} skipped",
            highlight=False,
        )
    reached = report.level
    console.print(f"Level reached: {reached.name.lower() if reached is not None else 'none'}")


def as_json(report: Report) -> str:
    """Return the report as one JSON object."""
    return msgspec.json.encode(
        {
            "subject": report.subject,
            "level": report.level.name.lower() if report.level is not None else None,
            "checks": [
                {
                    "id": one.check.id,
                    "level": one.check.level.name.lower(),
                    "verdict": one.verdict.value,
                    "reason": one.reason,
                    "what": one.check.what,
                    "why": one.check.why,
                    "source": one.check.source,
                    "seconds": round(one.seconds, 3),
                }
                for one in report.outcomes
            ],
        }
    ).decode()


def _row(outcome: Outcome) -> tuple[Text, Text, Text, Text]:
    check = outcome.check
    rule = Text(check.what)
    if outcome.reason:
        rule.append(f"\n{clean(outcome.reason)}", style=_STYLES[outcome.verdict])
    if outcome.verdict is Verdict.FAIL:
        rule.append(f"\nWhy it matters: {check.why} ({check.source})", style="dim")
    verdict = Text(outcome.verdict.value, style=_STYLES[outcome.verdict])
    return Text(check.id), Text(check.level.name.lower()), verdict, rule
