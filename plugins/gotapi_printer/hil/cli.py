"""`gotapi hil`: a safe programme on a real or simulated printer, with a report."""

import datetime
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
import msgspec

from gotapi_printer.hil.bench import Bench, on_the_bench
from gotapi_printer.hil.profile import Profile, ProfileError, read_profile
from gotapi_printer.hil.programme import PROGRAMME, Risk
from gotapi_printer.hil.report import Outcome, Report, Result, as_html, as_json
from gotapi_printer.hil.run import Allow, run_programme
from gotapi_printer.link_serial import SerialSettings, serial_link

__all__ = ["hil", "make_report", "write_report"]

_COLOURS = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.SKIPPED: "yellow"}
_RISKS = {risk.name.lower(): risk for risk in Risk if risk is not Risk.NOTHING}


def _profile(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Profile:
    if path is None:
        return Profile()
    try:
        return read_profile(path.read_bytes())
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from error
    except ProfileError as error:
        raise click.BadParameter(f"{path}: {error}") from error


@click.command()
@click.option("--port", required=True, help="The serial port, such as /dev/ttyUSB0.")
@click.option("--baud", type=click.IntRange(1), help="Its speed, before that of the profile.")
@click.option(
    "--profile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    callback=_profile,
    help="A TOML file about the printer.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    default="hil-report",
    show_default=True,
    help="Write PATH.html and PATH.json.",
)
@click.option("--yes", is_flag=True, help="Do not ask: it may move, heat and halt.")
@click.option(
    "--without",
    type=click.Choice(sorted(_RISKS)),
    multiple=True,
    help="Leave out what moves, heats or halts. May be given several times.",
)
def hil(
    port: str,
    baud: int | None,
    profile: Profile,
    report: Path,
    yes: bool,
    without: tuple[str, ...],
) -> None:
    """Test a printer: handshake, temperatures, moves, resend, pause, stop, emergency stop.

    Opening the port resets many printers. Before anything moves, heats or halts you are asked.
    Ends with status 1 if a step failed.
    """
    left_out = {_RISKS[name] for name in without}
    if not yes and left_out < set(_RISKS.values()) and not sys.stdin.isatty():
        raise click.UsageError(
            "nobody can be asked, as there is no terminal. Say --yes if the printer may move, heat "
            "and halt, or --without moves --without heats --without halts."
        )
    _check_place(report)
    profile = msgspec.structs.replace(profile, baud=baud or profile.baud)

    def allow(risk: Risk) -> bool:
        if risk in left_out:
            return False
        return yes or click.confirm(risk.value.format(warm=profile.warm), default=False)

    found = _run(port, profile, allow)
    write_report(found, report)
    good, bad, left = (found.count(outcome) for outcome in Outcome)
    click.echo(f"{good} passed, {bad} failed, {left} skipped: {report}.html, {report}.json")
    if not found.good:
        sys.exit(1)


def _run(port: str, profile: Profile, allow: Allow) -> Report:
    results: list[Result] = []

    def tell(result: Result) -> None:
        results.append(result)
        _print(result)

    with on_the_bench(lambda: serial_link(SerialSettings(port, profile.baud)), profile) as bench:
        try:
            run_programme(bench, allow, tell)
        except (KeyboardInterrupt, click.Abort):
            # What is known by now is worth having.
            click.echo("Ended by Ctrl-C; turning the heaters off.", err=True)
            bench.transcript.add("#", "ended by Ctrl-C")
            results += _ended(results)
        bench.driver.close()
        return make_report(bench, port, profile, results)


def _ended(results: list[Result]) -> list[Result]:
    """The steps that were not reached; the first of them was not completed."""
    problem = "ended by Ctrl-C"
    first, *rest = PROGRAMME[len(results) :]
    return [
        Result(first.id.value, first.title, Outcome.FAILED, problem=problem),
        *(Result(step.id.value, step.title, Outcome.SKIPPED, problem=problem) for step in rest),
    ]


def _print(result: Result) -> None:
    mark = click.style(f"{result.outcome.value:8}", fg=_COLOURS[result.outcome])
    click.echo(f"{mark} {result.title}")
    for line in (result.problem, *result.facts):
        if line:
            click.echo(f"         {''.join(c if c.isprintable() else '?' for c in line)}")


def make_report(bench: Bench, port: str, profile: Profile, results: Sequence[Result]) -> Report:
    """All that is known after a run."""
    firmware = bench.update.firmware
    names = () if firmware is None else (firmware.machine, firmware.name)
    return Report(
        version=version("gotapi-hub"),
        when=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        port=port,
        printer=profile.name or ", ".join(filter(None, names)),
        profile=profile,
        results=tuple(results),
        transcript=tuple(bench.transcript.entries()),
    )


def write_report(report: Report, path: Path) -> None:
    """Write PATH.html and PATH.json."""
    path.with_name(path.name + ".html").write_text(as_html(report), encoding="utf-8")
    path.with_name(path.name + ".json").write_bytes(as_json(report))


def _check_place(report: Path) -> None:
    """Before the printer does anything: a report that cannot be written is no use afterwards."""
    if not os.access(report.parent, os.W_OK):
        raise click.UsageError(
            f"the report cannot be written into {report.parent}: expected a folder that exists and "
            "that you may write to. Choose another --report."
        )
