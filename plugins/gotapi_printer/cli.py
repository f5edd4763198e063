"""`gotapi printers`: what the operator does about printers at the terminal of this machine."""

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

import click

from gotapi_printer.arming import LIFETIME, RESUME, new_code
from gotapi_printer.ble_profiles import BleProfile, advertised
from gotapi_printer.ble_radio import explained
from gotapi_printer.content.cli import content
from gotapi_printer.guard import ARMED_FOR
from gotapi_printer.link import LinkError
from gotapi_printer.serial_place import serial_ports
from gotapi_printer.usb_table import Kind, known, usb_id

JOBS = "jobs"  # each printer the hub has had has a folder in it


def plugin_folder(home: Path | None) -> Path:
    """Where a hub keeps what belongs to this plug-in: under its home, else by the XDG folders."""
    below = Path("plugins") / "printer"
    if home is not None:
        return home.expanduser().absolute() / "data" / below
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path.home() / ".local" / "share"
    return data / "gotapi" / below


class Found(NamedTuple):
    """A Bluetooth device that is near."""

    address: str
    name: str
    strength: int
    profile: BleProfile | None


async def find_ble(seconds: float) -> list[Found]:
    """Look for Bluetooth devices, the nearest first; raises LinkError."""
    from bleak import BleakScanner  # late, as only this needs it
    from bleak.exc import BleakError

    try:
        devices = await BleakScanner.discover(seconds, return_adv=True)
    except (BleakError, OSError, EOFError) as error:
        raise explained("Bluetooth", error) from error
    found = [
        Found(device.address, said.local_name or "", said.rssi, advertised(said.service_uuids))
        for device, said in devices.values()
    ]
    return sorted(found, key=lambda one: -one.strength)


@click.group()
def printers() -> None:
    """Look after printers."""


printers.add_command(content)


@printers.command()
@click.option("--ble", is_flag=True, help="Look for Bluetooth LE devices, not for serial ports.")
@click.option("--seconds", default=6.0, show_default=True, type=click.FloatRange(0.1, 120.0))
@click.option("--all", "everything", is_flag=True, help="Also what is no likely printer.")
def scan(ble: bool, seconds: float, everything: bool) -> None:
    """List printers that are near, with what to write into the settings.

    Serial ports are listed by what their USB descriptors say; none is opened.
    """
    if ble:
        _scan_ble(seconds, everything)
    else:
        _scan_serial(everything)


def _scan_serial(everything: bool) -> None:
    devices = serial_ports()
    likely = [(device, known(device)) for device in devices]
    shown = [
        (device, row)
        for device, row in likely
        if everything or (row is not None and row.kind is not Kind.NEVER)
    ]
    for device, row in shown:
        title = "unknown" if row is None else f"{row.title} ({row.kind.value})"
        said = _printable(f"{device.manufacturer} {device.product}".strip()) or "(says nothing)"
        serial = _printable(device.serial_number) or "-"
        click.echo(f"{device.name}  {usb_id(device) or 'no USB'}  {serial}  {said}  {title}")
    if not shown:
        more = "" if everything else "; --all shows the others too"
        text = f"Found none of {len(devices)} serial ports{more}. Is it plugged in, and on?"
        click.echo(text, err=True)
    elif (first := shown[0])[1] is not None:
        serial, path = _printable(first[0].serial_number), first[0].name
        place = f'usb_serial = "{serial}"' if serial else f'path = "{path}"'
        click.echo(f"In the settings: ports = [{{{place}}}]", err=True)


def _scan_ble(seconds: float, everything: bool) -> None:
    try:
        devices = asyncio.run(find_ble(seconds))
    except LinkError as error:
        raise click.ClickException(str(error)) from error
    shown = [one for one in devices if everything or one.profile is not None]
    for one in shown:
        title = "no known serial data" if one.profile is None else one.profile.title
        name = _printable(one.name) or "(no name)"
        click.echo(f"{one.address}  {one.strength:4} dBm  {name}  {title}")
    if shown:
        click.echo(f'In the settings: ports = [{{ble = "{shown[0].address}"}}]', err=True)
    else:
        more = "" if everything else "; --all shows devices of other kinds too"
        click.echo(f"Found none of {len(devices)} devices{more}. Is it on, and free?", err=True)


def _printable(text: str) -> str:
    """What a device says of itself, without what would move the terminal's cursor."""
    return "".join(letter for letter in text if letter.isprintable())


@printers.command()
@click.argument("printer")
@click.option(
    "--home",
    envvar="GOTAPI_HOME",
    type=click.Path(path_type=Path, file_okay=False),
    help="The hub's folder.",
)
def arm(printer: str, home: Path | None) -> None:
    """Show a code with which an application may send what is refused otherwise.

    PRINTER is its id, the first part of the service id.
    """
    click.echo(new_code(_folder_of(printer, home), printer))
    click.echo(
        f"Give this code to the application within {LIFETIME / 60:.0f} minutes. It counts once; "
        f"for {ARMED_FOR:.0f} s the printer then takes commands that change its settings, and "
        "files with such commands.",
        err=True,
    )


@printers.command()
@click.argument("printer")
@click.option(
    "--home",
    envvar="GOTAPI_HOME",
    type=click.Path(path_type=Path, file_okay=False),
    help="The hub's folder.",
)
def resume(printer: str, home: Path | None) -> None:
    """Show a code with which an interrupted print may go on, after you looked at the printer.

    PRINTER is its id, the first part of the service id.
    """
    folder = _folder_of(printer, home)
    click.echo(
        "Look at the printer first: the print must still stick to the bed, filament must be "
        "loaded, nothing may lie in the way, and nobody may have moved the nozzle up or down. It "
        "heats, rises by 10 mm, homes X and Y, and goes on.",
        err=True,
    )
    click.echo(new_code(folder, printer, act=RESUME))
    click.echo(
        f"The code counts once, for {LIFETIME / 60:.0f} minutes: "
        "gotapi print --resume JOB --code CODE, or give it to the application.",
        err=True,
    )


def _folder_of(printer: str, home: Path | None) -> Path:
    """The plug-in's folder, in which there is such a printer."""
    folder = plugin_folder(home)
    known = sorted(path.name for path in folder.glob(f"{JOBS}/*") if path.is_dir())
    if printer not in known:
        names = ", ".join(known) or "none"
        raise click.ClickException(
            f"there is no printer '{printer}' in {folder}; there is: {names}. Is it another user's "
            "hub, or one with --home?"
        )
    return folder
