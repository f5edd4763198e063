"""The options of `sim-printer`, gathered into what they describe: the board and its faults."""

import functools
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from gotapi_printer.simulator.dialects import DIALECTS
from gotapi_printer.simulator.faults import FaultPlan
from gotapi_printer.simulator.sd_card import MAX_CARD
from gotapi_printer.simulator.settings import MAX_TOOLS, Settings

__all__ = ["COUNT", "SECONDS", "board_options", "fault_options"]

COUNT = click.IntRange(min=1)
SECONDS = click.FloatRange(min=0, max=1e6)
_SHARE = click.FloatRange(0, 1)


class _Area(click.ParamType[tuple[float, float, float]]):
    name = "WxDxH"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float]:
        try:
            x, y, z = (float(part) for part in str(value).lower().split("x"))
        except ValueError:
            x = y = z = 0.0
        if not all(0 < side <= 10_000 for side in (x, y, z)):
            self.fail(
                f"{value!r} is not a print area. Expected three lengths in mm, each above 0 and "
                "at most 10000, such as 220x220x250.",
                param,
                ctx,
            )
        return x, y, z


def _card_files(
    _context: click.Context, _parameter: click.Parameter, folder: Path | None
) -> tuple[tuple[str, bytes], ...] | None:
    """The files of a folder, as the simulated card begins; nothing is ever written back."""
    if folder is None:
        return None
    files, left = [], MAX_CARD
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        left -= path.stat().st_size
        if left < 0:
            raise click.BadParameter(
                f"{folder} has more than {MAX_CARD // 2**20} MiB of files, which is what the "
                "simulated card holds. Name a folder with only the files to print."
            )
        files.append((path.name, path.read_bytes()))
    return tuple(files)


_FAULTS = (
    click.option("--corrupt", type=click.FloatRange(0, 1), default=0.0, help="See --list-faults."),
    click.option("--garble", type=_SHARE, metavar="P", default=0.0, help="See --list-faults."),
    click.option("--lose-ok", type=_SHARE, metavar="P", default=0.0, help="See --list-faults."),
    click.option("--merge", type=_SHARE, metavar="P", default=0.0, help="See --list-faults."),
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of --corrupt."),
    click.option("--reset-at", type=COUNT, metavar="N", help="See --list-faults."),
    click.option("--stall-at", type=COUNT, metavar="N", help="See --list-faults."),
    click.option("--stall-for", type=SECONDS, metavar="S", help="End a stall after S seconds."),
    click.option("--unplug-at", type=COUNT, metavar="N", help="See --list-faults."),
    click.option("--replug-after", type=SECONDS, metavar="S", help="End an --unplug-at."),
    click.option("--runout-at", type=COUNT, metavar="N", help="See --list-faults."),
    click.option("--maxtemp-at", type=COUNT, metavar="N", help="See --list-faults."),
    click.option("--runaway-at", type=COUNT, metavar="N", help="See --list-faults."),
    click.option("--reset-loop", type=SECONDS, metavar="S", help="See --list-faults."),
    click.option("--baud", type=COUNT, metavar="B", help="See --list-faults."),
    click.option("--silent", is_flag=True, help="See --list-faults."),
    click.option("--babble", is_flag=True, help="See --list-faults."),
)

_BOARD = (
    click.option(
        "--dialect",
        type=click.Choice(sorted(DIALECTS)),
        default="marlin",
        show_default=True,
        help="The firmware family.",
    ),
    click.option("--tools", type=click.IntRange(1, MAX_TOOLS), default=1, help="Extruders."),
    click.option("--no-bed", is_flag=True, help="A printer without a heated bed."),
    click.option("--chamber", is_flag=True, help="A heated chamber (M141, M191)."),
    click.option(
        "--card",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        callback=_card_files,
        help="A slot with a card (M20 to M32) that begins with the files of this folder.",
    ),
    click.option("--purge-prompt", is_flag=True, help="M600 asks whether to purge more."),
    click.option("--broken-heater", is_flag=True, help="See --list-faults."),
    click.option("--broken-endstop", is_flag=True, help="See --list-faults."),
    click.option("--no-emergency-parser", is_flag=True, help="M108, M112, M410 wait in the queue."),
    click.option("--advanced-ok", is_flag=True, help="Answer ok N<line> P<planner> B<queue>."),
    click.option("--allow-cold-extrusion", is_flag=True, help="Push filament at any temperature."),
    click.option("--machine-type", default="GotAPI Sim", show_default=True, help="Name in M115."),
    click.option("--uuid", default=Settings().uuid, show_default=True, help="UUID in M115."),
    click.option(
        "--area", type=_Area(), default="220x220x250", show_default=True, help="Print area in mm."
    ),
    click.option(
        "--command-slots",
        type=click.IntRange(1, 1024),
        default=4,
        show_default=True,
        help="BUFSIZE.",
    ),
    click.option(
        "--rx-buffer",
        type=click.IntRange(16, 1 << 20),
        default=128,
        show_default=True,
        help="Bytes kept while the queue is full; more are lost.",
    ),
)


def fault_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of faults; the command gets them as `faults`."""

    @functools.wraps(command)
    def gather(**chosen: Any) -> None:  # click has checked each
        plan = FaultPlan(**{field.name: chosen.pop(field.name) for field in fields(FaultPlan)})
        command(faults=plan, **chosen)

    return _with(_FAULTS, gather)


def board_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the board; the command gets them as `settings`."""

    @functools.wraps(command)
    def gather(**chosen: Any) -> None:  # click has checked each
        pop = chosen.pop
        settings = Settings(
            dialect=DIALECTS[pop("dialect")],
            bed=not pop("no_bed"),
            emergency_parser=not pop("no_emergency_parser"),
            cold_extrusion=pop("allow_cold_extrusion"),
            instant=chosen["time_scale"] == 0,
            **{name: pop(name) for name in _SAME_NAME},
        )
        command(settings=settings, **chosen)

    return _with(_BOARD, gather)


_SAME_NAME = (
    *("tools", "chamber", "card", "purge_prompt", "machine_type", "uuid", "area"),
    *("command_slots", "rx_buffer", "advanced_ok", "broken_heater", "broken_endstop"),
)

_Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def _with(options: tuple[_Decorator, ...], command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(options):
        command = option(command)
    return command
