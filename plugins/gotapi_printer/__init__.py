"""3D printers over a serial port: profile `3dp` of OMA DWAPI-3DP."""

from collections.abc import Sequence

import click
import msgspec

from gotapi_core.plugin import Plugin, hookimpl
from gotapi_printer.cli import printers
from gotapi_printer.hil.cli import hil
from gotapi_printer.model import PrinterSettings
from gotapi_printer.plugin import PrinterPlugin
from gotapi_printer.simulator.cli import sim_printer


@hookimpl
def gotapi_plugins() -> Sequence[type[Plugin]]:
    return [PrinterPlugin]


@hookimpl
def gotapi_profiles() -> dict[str, str]:
    return {"3dp": "use the 3D printers: see their state, print files on them, stop prints"}


@hookimpl
def gotapi_commands() -> Sequence[click.Command]:
    return [printers, sim_printer, hil]


@hookimpl
def gotapi_settings() -> dict[str, type[msgspec.Struct]]:
    return {"printer": PrinterSettings}
