"""The command `sim-printer`: a simulated printer on a serial port of this computer."""

import signal
from pathlib import Path
from types import FrameType

import click

from gotapi_printer.simulator.faults import STANDING_FAULTS, Fault, FaultPlan
from gotapi_printer.simulator.options import SECONDS, board_options, fault_options
from gotapi_printer.simulator.pty_host import Options, PtyHost
from gotapi_printer.simulator.pty_port import StartError
from gotapi_printer.simulator.settings import Settings

__all__ = ["sim_printer"]

# Beyond this a float clock no longer resolves the moves it should time.
_FASTEST = 10_000.0


def _list_faults(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    click.echo("Faults the simulator can make; N counts accepted numbered lines except M110.")
    click.echo("The line that fires a fault is accepted but not answered, but for --runout-at.\n")
    for text in (*(fault.value for fault in Fault), *STANDING_FAULTS):
        click.echo(text)
    context.exit()


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
@fault_options
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
    type=SECONDS,
    default=0.1,
    show_default=True,
    help="Seconds from opening the port to the boot text.",
)
@board_options
def sim_printer(
    time_scale: float,
    transcript: Path | None,
    only_numbered: bool,
    link: Path | None,
    faults: FaultPlan,
    no_reset_on_open: bool,
    boot_delay: float,
    settings: Settings,
) -> None:
    """Simulate a 3D printer with Marlin 2.1 or other firmware on a pseudo-terminal.

    The first line printed is `printer: PATH`: open PATH like any serial port, at any speed.
    Ctrl-C unplugs the printer and ends the command.
    """
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
