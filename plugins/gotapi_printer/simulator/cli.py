"""The command `sim-printer`: a simulated Marlin printer on a serial port of this computer."""

import signal
from pathlib import Path
from types import FrameType

import click

from gotapi_printer.simulator.faults import CORRUPT_HELP, Fault, FaultPlan
from gotapi_printer.simulator.pty_host import Options, PtyHost
from gotapi_printer.simulator.pty_port import StartError
from gotapi_printer.simulator.settings import Settings

__all__ = ["sim_printer"]

# Beyond this a float clock no longer resolves the moves it should time.
_FASTEST = 10_000.0


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


def _list_faults(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    click.echo("Faults the simulator can make; N counts accepted numbered lines except M110.")
    click.echo("The line that fires a fault is accepted but not answered.\n")
    click.echo(CORRUPT_HELP)
    for fault in Fault:
        click.echo(fault.value)
    click.echo("--broken-heater a heater that never warms up: M109 ends in Heating Failed, halted")
    click.echo("--broken-endstop an endstop that never closes: G28 ends in Homing Failed, halted")
    context.exit()


_COUNT = click.IntRange(min=1)
_SECONDS = click.FloatRange(min=0, max=1e6)


@click.command(name="sim-printer")
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0, max=_FASTEST),
    default=1.0,
    show_default=True,
    help="Simulated seconds per real second; 0 makes moves, dwells and heating instant.",
)
@click.option(
    "--transcript",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every accepted line to this file, in order, without line number and checksum.",
)
@click.option(
    "--only-numbered",
    is_flag=True,
    help="Keep lines without a number (polls such as M105), and M110, out of the transcript.",
)
@click.option(
    "--link",
    type=click.Path(path_type=Path),
    help="Make a symbolic link to the port at this path; it goes with the port.",
)
@click.option("--corrupt", type=click.FloatRange(0, 1), default=0.0, help="See --list-faults.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of --corrupt.")
@click.option("--reset-at", type=_COUNT, metavar="N", help="See --list-faults.")
@click.option("--stall-at", type=_COUNT, metavar="N", help="See --list-faults.")
@click.option("--stall-for", type=_SECONDS, metavar="S", help="End a stall after S seconds.")
@click.option("--unplug-at", type=_COUNT, metavar="N", help="See --list-faults.")
@click.option("--replug-after", type=_SECONDS, metavar="S", help="Plug in again after S seconds.")
@click.option("--broken-heater", is_flag=True, help="See --list-faults.")
@click.option("--broken-endstop", is_flag=True, help="See --list-faults.")
@click.option(
    "--list-faults",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_faults,
    help="Say what each fault does, and exit.",
)
@click.option("--no-reset-on-open", is_flag=True, help="Like native USB: opening resets nothing.")
@click.option(
    "--boot-delay",
    type=_SECONDS,
    default=0.1,
    show_default=True,
    help="Seconds from opening the port to the boot text.",
)
@click.option("--no-emergency-parser", is_flag=True, help="M108, M112, M410 wait in the queue.")
@click.option("--advanced-ok", is_flag=True, help="Answer ok N<line> P<planner> B<queue>.")
@click.option("--allow-cold-extrusion", is_flag=True, help="Push filament at any temperature.")
@click.option("--machine-type", default="GotAPI Sim", show_default=True, help="Name in M115.")
@click.option("--uuid", default=Settings().uuid, show_default=True, help="UUID in M115.")
@click.option(
    "--area", type=_Area(), default="220x220x250", show_default=True, help="Print area in mm."
)
@click.option(
    "--command-slots", type=click.IntRange(1, 1024), default=4, show_default=True, help="BUFSIZE."
)
@click.option(
    "--rx-buffer",
    type=click.IntRange(16, 1 << 20),
    default=128,
    show_default=True,
    help="Bytes kept while the queue is full; more are lost.",
)
def sim_printer(
    time_scale: float,
    transcript: Path | None,
    only_numbered: bool,
    link: Path | None,
    corrupt: float,
    seed: int,
    reset_at: int | None,
    stall_at: int | None,
    stall_for: float | None,
    unplug_at: int | None,
    replug_after: float | None,
    broken_heater: bool,
    broken_endstop: bool,
    no_reset_on_open: bool,
    boot_delay: float,
    no_emergency_parser: bool,
    advanced_ok: bool,
    allow_cold_extrusion: bool,
    machine_type: str,
    uuid: str,
    area: tuple[float, float, float],
    command_slots: int,
    rx_buffer: int,
) -> None:
    """Simulate a 3D printer with Marlin 2.1 firmware on a pseudo-terminal.

    The first line printed is `printer: PATH`: open PATH like any serial port, at any speed.
    Ctrl-C unplugs the printer and ends the command.
    """
    settings = Settings(
        machine_type=machine_type,
        uuid=uuid,
        area=area,
        command_slots=command_slots,
        rx_buffer=rx_buffer,
        emergency_parser=not no_emergency_parser,
        advanced_ok=advanced_ok,
        cold_extrusion=allow_cold_extrusion,
        broken_heater=broken_heater,
        broken_endstop=broken_endstop,
        instant=time_scale == 0,
    )
    faults = FaultPlan(
        corrupt=corrupt, seed=seed, reset_at=reset_at, stall_at=stall_at, unplug_at=unplug_at,
        stall_for=stall_for, replug_after=replug_after,
    )  # fmt: skip
    _serve(
        Options(
            settings=settings,
            faults=faults,
            time_scale=time_scale or 1.0,
            transcript=transcript,
            only_numbered=only_numbered,
            link=link,
            reset_on_open=not no_reset_on_open,
            boot_delay=boot_delay,
        )
    )


def _serve(options: Options) -> None:
    host = PtyHost(options, _say_path)

    def end(_signal: int, _frame: FrameType | None) -> None:
        host.stop()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        host.run()
    except StartError as problem:
        raise click.ClickException(str(problem)) from problem
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_path(path: str) -> None:
    click.echo(f"printer: {path}")
