"""The members of profile `3dp` on the wire, and the plug-in's settings.

The figures of DWAPI-3DP 7.2 give `3dp`, `scopes`, `type`, `online`, `printAttribute`, `printQueue`
(`printqueue` for printing commands), `order`, `uri` and `msg`; 3D-HSF-01.1 to 01.3 name the rest
without spelling it. Lengths are millimetres, temperatures degrees Celsius, times seconds.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from gotapi_core.plugin import Params, Result
from gotapi_meshes.report import Finding
from gotapi_printer.ble_profiles import is_address
from gotapi_printer.card_replies import CardPrint
from gotapi_printer.content.servers import ContentServer
from gotapi_printer.model_files import SliceParams
from gotapi_printer.policy import PolicyLimits

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=96)]
Script = Annotated[tuple[Line, ...], msgspec.Meta(max_length=50)]
Minutes = Annotated[float, msgspec.Meta(ge=0, le=10_000)]
Baud = Annotated[int, msgspec.Meta(ge=300, le=12_000_000)]
Window = Annotated[int, msgspec.Meta(ge=0, le=64)]
IdleSeconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
Copies = Annotated[int, msgspec.Meta(ge=1, le=100)]
Index = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class DeviceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator knows of a printer; it goes before what the printer says of itself."""

    product: str = ""
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    software: str = ""
    hardware: str = ""
    part: str = ""
    protocol: str = ""
    system_id: str = ""
    type: str = ""  # such as FDM or SLA
    network: str = ""
    memory: str = ""


class PortSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One printer: where it is connected and what people call it."""

    path: str = ""
    baud: Baud | Literal["auto"] = "auto"
    usb_serial: str = ""  # serial number of its USB descriptor, in place of `path`
    reset_on_open: bool | None = None  # whether opening the port restarts the board; unset: either
    window: Window = 0  # lines in flight; 0: as many as the printer's oks offer
    name: str = ""
    size: tuple[float, float, float] | None = None  # mm; for printers that do not tell
    slicer_profile: str = ""  # path of a configuration exported from PrusaSlicer
    bed_clear: Literal["ask", "assume"] = "ask"  # after a print that was finished
    pause_script: Script = ()  # G-code lines, as are the next two
    resume_script: Script = ()
    cancel_script: Script = ()  # after a job was stopped and the heaters are off
    pause_cool_after: Minutes = 30.0  # until the nozzle of a paused print cools; 0: never
    limits: PolicyLimits = PolicyLimits()  # degrees Celsius
    policy: Literal["safe", "off"] = "safe"  # off sends everything as it is
    on_refused: Literal["refuse", "skip"] = "refuse"  # a file with lines the policy refuses
    idle_off: IdleSeconds = 1800  # without a move, while hot: the printer stops itself; 0: never
    ble: str = ""  # the address of a Bluetooth device, in place of `path`
    device: DeviceSettings = DeviceSettings()
    profile: Literal["", "nus", "hm10", "issc", "ffe5", "fff0"] = ""  # how its data goes; "": any

    def __post_init__(self) -> None:
        if len([one for one in (self.path, self.usb_serial, self.ble) if one]) != 1:
            raise ValueError(
                "a printer has either `path`, of its port, or `usb_serial`, the serial number of "
                "its USB device, or `ble`, an address"
            )
        if self.ble and not is_address(self.ble):
            raise ValueError(
                f"`ble` is '{self.ble[:40]}'; an address such as C0:FF:EE:00:00:01 was expected "
                "(gotapi printers scan --ble lists what is near)"
            )

    @property
    def place(self) -> str:
        """Where it is, in a word."""
        return self.ble or self.usb_serial or Path(self.path).name


class PrinterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugins.printer]` of the settings."""

    ports: tuple[PortSettings, ...] = ()
    discover: Literal["off", "printers", "all"] = "off"  # also printers on USB not named in `ports`
    exclude: tuple[str, ...] = ()  # from `discover`: ports, USB serial numbers, vid:pid
    slicer_profile: str = ""  # for printers without one of their own
    content: tuple[ContentServer, ...] = ()  # content servers besides the hub's own
    contents: str = ""  # folder of the hub's own; empty: one of the plug-in's


class PrintParams(SliceParams):
    """PUT printingcommand: what to print."""

    uri: str
    name: str = ""
    copies: Copies = 1
    bed_clear: Literal["ask", "assume"] = "ask"
    secure_token: str = ""  # of the content server that `uri` is at
    start: Literal["now", "later"] = "now"  # later: when somebody lets it begin


class StopParams(Params):
    """DELETE printingcommand: which job to stop; without an id the one on the printer."""

    job_id: str = ""


class QueueEntry(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One print job (3D-HSF-06.1: order, url, message), with members of our own after `msg`."""

    order: int
    uri: str
    msg: str
    job_id: str
    name: str
    state: str
    progress: float  # 0 to 1
    line: int  # commands that the printer acknowledged
    lines: int  # commands in the file
    file_line: int = 0  # line of the file, from 1, that the last acknowledged command stands in
    layer: int = 0
    layers: int = 0
    time_left: float | None = None
    time_left_source: str = ""
    reason: str = ""
    application: str = ""
    copies: int = 1
    copy: int = 1  # the copy that is printed, or comes next
    notes: tuple[str, ...] = ()  # what the printer's policy changed in the file, or left out
    held: bool = False  # waits until somebody lets it begin


class HistoryEntry(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One print that ended: how, how long it took, and what it used."""

    job_id: str
    name: str
    uri: str
    result: str  # done, stopped, failed, interrupted
    time: float  # seconds on the printer, pauses included
    filament: float | None  # millimetres, by the slicer's figure; None where it gave none
    copies: int
    copies_done: int
    progress: float  # 0 to 1, of the last copy
    reason: str = ""
    source: str = ""  # `card`: the printer printed it from its card, without the hub
    queued_at: str = ""
    started_at: str = ""
    ended_at: str = ""


class PromptEntry(msgspec.Struct, frozen=True, rename="camel"):
    """A question that somebody has to answer with one of its choices."""

    id: str
    text: str
    choices: tuple[str, ...]


class DeviceInformation(msgspec.Struct, frozen=True, rename="camel"):
    """3D-HSF-01.1; what the device does not tell is an empty text (HD-HLF-10 to 17)."""

    product_name: str
    manufacturer_name: str = ""
    model_number: str = ""
    firmware_revision: str = ""
    serial_number: str = ""
    software_revision: str = ""
    hardware_revision: str = ""
    part_number: str = ""
    protocol_revision: str = ""
    system_id: str = ""


class PrintAttribute(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """3D-HSF-01.2; sizes in millimetres, left out where the firmware does not tell."""

    print_type: str = ""
    print_size_x: float | None = None
    print_size_y: float | None = None
    print_size_z: float | None = None
    network: str = ""
    memory_size: str = ""


class StatusInformation(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """3D-HSF-01.3; temperatures in degrees Celsius, left out before the first reading."""

    operating_status: str
    nozzle_temperature: float | None = None


class Heat(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One sensor: its firmware's letter (T0 first tool, B bed, C chamber), degrees Celsius."""

    sensor: str
    temperature: float | None = None
    target: float | None = None


class Information(msgspec.Struct, frozen=True, rename="camel"):
    """What a printer is (figure 7)."""

    scopes: tuple[str, ...]
    type: str
    online: bool
    device_information: DeviceInformation
    print_attribute: PrintAttribute
    status_information: StatusInformation
    time_stamp: str
    time_stamp_by_plugin: bool = True  # HD-HLF-06: G-code printers stamp no measurement
    device_time: str = ""  # HD-HLF-05: what the printer's own clock says now, if it has one


class Status(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a printer does (figure 13)."""

    scopes: tuple[str, ...]
    type: str
    online: bool
    operating_status: str
    print_queue: tuple[QueueEntry, ...] = msgspec.field()
    time_stamp: str = msgspec.field()
    time_stamp_by_plugin: bool = msgspec.field()
    message: str = ""
    nozzle_temperature: float | None = None
    nozzle_target: float | None = None
    bed_temperature: float | None = None
    bed_target: float | None = None
    temperatures: tuple[Heat, ...] = ()
    last_job: QueueEntry | None = None
    prompts: tuple[PromptEntry, ...] = ()
    card_print: CardPrint | None = None  # what it prints from the card in it


class InformationResult(Result):
    """GET information: a list of one, as in figure 7."""

    printers: tuple[Information, ...] = msgspec.field(name="3dp")


class InformationEvent(Result):
    """The event of information: one object, as in figure 8."""

    printer: Information = msgspec.field(name="3dp")


class StatusResult(Result):
    """GET status and its events: one object, as in figure 13."""

    printer: Status = msgspec.field(name="3dp")


class QueueResult(Result):
    """The answer to a printing command (figures 10 and 11)."""

    printqueue: tuple[QueueEntry, ...] = msgspec.field(name="printqueue")
    job_id: str
    findings: tuple[Finding, ...] = ()  # what the check of the file has to say


class JobsResult(Result):
    """GET jobs, an extension: finished and running jobs, newest first."""

    jobs: tuple[QueueEntry, ...]
