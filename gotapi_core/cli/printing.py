"""`gotapi print`: print a G-code file on a printer of the hub, and follow it."""

import asyncio
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from gotapi_core.cli.consent import (
    exit_code,
    open_client,
    token_cache,
    url_option,
    with_consent,
)
from gotapi_core.cli.print_follow import Follower
from gotapi_core.cli.print_report import BarReport, JsonReport, Outcome, PlainReport, Report
from gotapi_core.cli.terminal import INTERRUPTED, Terminal, clean, interrupts
from gotapi_core.client import HubClient, HubError, Printer, Service
from gotapi_core.client.printer import PROFILE

USUAL: Final = (".gcode", ".gco", ".g", ".nc", ".ngc")
MODELS: Final = (".stl", ".3mf", ".obj", ".glb")  # the printer plug-in slices them


@dataclass(frozen=True, slots=True)
class Order:
    """What the user wants: a file printed, a print stopped or resumed, or the bed said clear."""

    file: Path | None
    printer: str
    copies: int = 1
    bed_clear: bool = False
    stop: bool = False
    resume: str = ""
    code: str = ""


class Unfit(Exception):  # noqa: N818  # reads as what happened
    """There is no printer that could do it; the text says what to do."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@click.command(name="print")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--printer", default="", help="Name or id of the printer, if there are several.")
@url_option
@click.option("--yes", is_flag=True, help="Answer every question with yes.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per line.")
@click.option(
    "--copies", type=click.IntRange(1, 100), default=1, show_default=True, help="How often."
)
@click.option(
    "--bed-clear", is_flag=True, help="The bed is clear now; without FILE the next job may begin."
)
@click.option("--stop", is_flag=True, help="Stop the print that runs, instead of FILE.")
@click.option("--resume", default="", metavar="JOB", help="Let an interrupted print go on.")
@click.option("--code", default="", help="For --resume, as `gotapi printers resume` shows it.")
@click.pass_context
def print_command(
    context: click.Context,
    file: Path | None,
    printer: str,
    url: str,
    yes: bool,
    as_json: bool,
    copies: int,
    bed_clear: bool,
    stop: bool,
    resume: str,
    code: str,
) -> None:
    """Print FILE and follow it until it is done: G-code, or a model (STL, 3MF, OBJ, GLB) to slice.

    Ctrl-C asks whether to stop the print; without a yes the print goes on by itself.

    Exit codes: 0 printed, 1 failed, stopped or interrupted, 2 wrong use, 3 no hub, 4 no consent,
    130 left with Ctrl-C.
    """
    if resume and (file is not None or stop or bed_clear):
        raise click.UsageError("Give --resume without a FILE, --stop or --bed-clear")
    if bool(resume) != bool(code):
        raise click.UsageError(
            "Give --resume and --code together; `gotapi printers resume PRINTER` shows a code"
        )
    if not resume and stop == (file is not None) and not (bed_clear and not stop):
        raise click.UsageError("Give a FILE to print, or --stop without one")
    terminal = Terminal(yes=yes)
    if file is not None:
        _check_file(file, terminal)
    order = Order(file, printer, copies, bed_clear, stop, resume, code)
    context.exit(_perform(order, url, _report(as_json), terminal))


def choose(services: Sequence[Service], wanted: str) -> Service:
    """Return the one printer that is meant; raises Unfit."""
    printers = [service for service in services if PROFILE in service.scopes]
    if not printers:
        raise Unfit(
            "The hub knows no printer. Connect one and switch it on; `gotapi services` lists what "
            "the hub finds"
        )
    if wanted:
        by_id = [one for one in printers if one.id == wanted]
        meant = by_id or [one for one in printers if one.name.casefold() == wanted.casefold()]
        if not meant:
            raise Unfit(f"There is no printer {wanted!r}. There is:\n{_list(printers)}", 2)
    else:
        meant = printers
    if len(meant) > 1:
        raise Unfit(f"Choose one with --printer and its id:\n{_list(meant)}", 2)
    if not meant[0].online:
        reason = meant[0].reason or "it is switched off or not connected"
        raise Unfit(f"{meant[0].name} is offline: {reason}")
    return meant[0]


def _list(printers: Sequence[Service]) -> str:
    return "\n".join(
        f"  {clean(one.id)}  {clean(one.name)}" + ("" if one.online else "  (offline)")
        for one in printers
    )


def _check_file(file: Path, terminal: Terminal) -> None:
    """Raise BadParameter unless the file can be printed; asks where its name is unusual."""
    try:
        found = file.stat()
    except OSError as error:
        raise _bad_file(f"{file}: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        raise _bad_file(f"{file} is a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise _bad_file(f"{file} is not a regular file")
    if found.st_size == 0:
        raise _bad_file(f"{file} is empty")
    if not os.access(file, os.R_OK):
        raise _bad_file(f"{file} cannot be read: permission denied")
    unusual = file.suffix.lower() not in USUAL + MODELS
    if unusual and not terminal.confirm(f"{file} does not look like G-code or a model; print it?"):
        usual = ", ".join(USUAL + MODELS)
        raise _bad_file(f"{file} does not end in {usual}; --yes prints it all the same")


def _bad_file(message: str) -> click.BadParameter:
    return click.BadParameter(clean(message), param_hint="FILE")


def _report(as_json: bool) -> Report:
    if as_json:
        return JsonReport()
    return BarReport() if sys.stdout.isatty() else PlainReport()


def _perform(order: Order, url: str, report: Report, terminal: Terminal) -> int:
    with report:
        try:
            outcome = asyncio.run(_connected(order, url, report, terminal))
        except HubError as error:
            outcome = Outcome(exit_code(error), "error", str(error))
        except Unfit as error:
            outcome = Outcome(error.code, "error", str(error))
        except OSError as error:
            outcome = Outcome(1, "error", f"{order.file} cannot be read: {error.strerror}")
        except KeyboardInterrupt:
            outcome = Outcome(INTERRUPTED, "error", "Given up; nothing was started")
        report.ended(outcome)
    return outcome.exit_code


async def _connected(order: Order, url: str, report: Report, terminal: Terminal) -> Outcome:
    cache = token_cache()
    async with open_client(url, cache) as client:
        services = await with_consent(client, cache, [PROFILE], report.note, client.services)
        printer = Printer(client, choose(services, order.printer))
        if order.stop:
            return await _stop(printer, report, terminal)
        if order.resume:
            return await _resume(printer, order, report, terminal)
        if order.bed_clear:
            await printer.clear_bed()
        if order.file is None:
            return Outcome(0, "clear", f"The bed of {printer.service.name} is clear")
        return await _print(client, printer, order, report, terminal)


async def _print(
    client: HubClient, printer: Printer, order: Order, report: Report, terminal: Terminal
) -> Outcome:
    assert order.file is not None
    stored = await client.upload(order.file, report.upload)
    # From here on Ctrl-C must not break off in the middle of the start.
    with interrupts() as pressed:
        async with printer.events(tell=False) as events:
            if pressed.is_set():
                raise KeyboardInterrupt
            job_id = await printer.start(stored, copies=order.copies)
            report.started(printer.service, job_id)
            return await Follower(printer, job_id, report, terminal, pressed).run(events)


async def _resume(printer: Printer, order: Order, report: Report, terminal: Terminal) -> Outcome:
    with interrupts() as pressed:
        async with printer.events(tell=False) as events:
            job_id = await printer.resume_job(order.resume, order.code)
            report.started(printer.service, job_id)
            return await Follower(printer, job_id, report, terminal, pressed).run(events)


async def _stop(printer: Printer, report: Report, terminal: Terminal) -> Outcome:
    with interrupts() as pressed:
        async with printer.events(tell=False) as events:
            running = [job for job in (await printer.status()).print_queue if not job.final]
            if not running:
                return Outcome(0, "idle", f"{printer.service.name} prints nothing")
            follower = Follower(printer, running[0].job_id, report, terminal, pressed)
            outcome = await follower.run(events, stop=True)
    if outcome.state == "stopped":
        return Outcome(0, outcome.state, outcome.message)
    return outcome
