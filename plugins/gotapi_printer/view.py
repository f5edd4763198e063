"""PURE: from what the driver knows to the members of profile `3dp`."""

from collections.abc import Callable

import msgspec

from gotapi_printer.card_replies import CardPrint
from gotapi_printer.clock import Stamp
from gotapi_printer.job import JobState, message
from gotapi_printer.jobs import StoredJob
from gotapi_printer.link import LinkFacts
from gotapi_printer.marlin import Firmware, Temperature
from gotapi_printer.model import (
    DeviceInformation,
    DeviceSettings,
    Heat,
    HistoryEntry,
    Information,
    PrintAttribute,
    PromptEntry,
    QueueEntry,
    Status,
    StatusInformation,
)
from gotapi_printer.updates import DriverState, DriverUpdate

TYPE = "serial"
_NOTHING = DeviceSettings()

BED_PROMPT = "bedNotClear"
BED_TEXT = "Take the print off the bed; then the next one can begin"
PRINTER_PROMPT = "printer-"
"""Before the number of a prompt of the printer's own."""

_WITH_JOB = {
    JobState.STARTING: "printing",
    JobState.PRINTING: "printing",
    JobState.PAUSED: "paused",
    JobState.STOPPING: "stopping",
}
_WITHOUT_JOB = {
    DriverState.OFFLINE: "offline",
    DriverState.CLOSED: "offline",
    DriverState.CONNECTING: "connecting",
    DriverState.ONLINE: "idle",
    DriverState.HALTED: "error",
}


def operating_status(update: DriverUpdate) -> str:
    """Return one word for what the printer does."""
    if update.state is DriverState.ONLINE and update.job is not None:
        return _WITH_JOB.get(update.job.state, "idle")
    return _WITHOUT_JOB[update.state]


def status(
    update: DriverUpdate,
    queue: tuple[QueueEntry, ...],
    last: QueueEntry | None,
    stamp: Stamp,
    prompts: tuple[PromptEntry, ...] = (),
    *,
    transport: str = TYPE,
    card: CardPrint | None = None,
) -> Status:
    """Return the status of a printer; `card` is what it prints from its own card."""
    nozzle, bed = _nozzle(update.temperatures), _sensor(update.temperatures, "B")
    return Status(
        scopes=("3dp", "3dprinter"),
        type=transport,
        online=update.state is DriverState.ONLINE,
        operating_status=_with_card(operating_status(update), card),
        message="; ".join(text for text in (update.warning, update.message) if text),
        nozzle_temperature=nozzle.actual if nozzle else None,
        nozzle_target=nozzle.target if nozzle else None,
        bed_temperature=bed.actual if bed else None,
        bed_target=bed.target if bed else None,
        temperatures=tuple(Heat(*msgspec.structs.astuple(one)) for one in update.temperatures),
        print_queue=queue,
        last_job=last,
        card_print=card,
        prompts=prompts,
        time_stamp=stamp.text,
        time_stamp_by_plugin=stamp.by_plugin,
    )


def _with_card(word: str, card: CardPrint | None) -> str:
    if card is None or word != "idle":
        return word
    return "paused" if card.paused else "printing"


def state_key(status: Status) -> str:
    """Return what of a status no listener may miss: connection, operation, jobs."""
    jobs = (*status.print_queue, *((status.last_job,) if status.last_job else ()))
    states = " ".join(f"{job.job_id}:{job.state}:{job.copy}:{job.held}" for job in jobs)
    asked = " ".join(prompt.id for prompt in status.prompts)
    return f"{status.online} {status.operating_status} {status.message} {states} {asked}"


def information_key(known: Information) -> object:
    """Return what of the information no listener may miss: the connection, and what it is."""
    return known.online, known.device_information


def prompts(update: DriverUpdate, *, bed: bool) -> tuple[PromptEntry, ...]:
    """Return what somebody is asked: by the printer, and by us about its bed."""
    found = []
    if update.prompt is not None:
        asked = update.prompt
        choices = asked.choices or ("OK",)
        found.append(PromptEntry(f"{PRINTER_PROMPT}{asked.number}", asked.text, choices))
    if bed:
        found.append(PromptEntry(BED_PROMPT, BED_TEXT, ("The bed is clear",)))
    return tuple(found)


def information(
    name: str,
    update: DriverUpdate,
    scopes: tuple[str, ...],
    stamp: Stamp,
    *,
    transport: str = TYPE,
    device: DeviceSettings = _NOTHING,
    size: tuple[float, float, float] | None = None,
) -> Information:
    """Return what a connected printer is; the operator's word goes first, `size` in millimetres."""
    firmware, link = update.firmware, update.link
    assert firmware is not None
    assert link is not None
    area = firmware.work_area or firmware.full_area
    x, y, z = size or (area.size if area is not None else (None, None, None))
    return Information(
        scopes=scopes,
        type=transport,
        online=update.state is DriverState.ONLINE,
        device_information=_device(name, firmware, link, device),
        print_attribute=PrintAttribute(
            print_type=device.type or "FDM",
            print_size_x=x,
            print_size_y=y,
            print_size_z=z,
            network=device.network or ("Bluetooth LE" if transport == "BLE" else "none"),
            memory_size=device.memory,
        ),
        status_information=_status_information(update),
        time_stamp=stamp.text,
        time_stamp_by_plugin=stamp.by_plugin,
    )


def _device(
    name: str, firmware: Firmware, link: LinkFacts, told: DeviceSettings
) -> DeviceInformation:
    """HD-HLF-09 to 17: by the operator, else the firmware (M115), else USB or Bluetooth."""
    said = firmware.fields
    electronics = said.get("ELECTRONICS") or said.get("FIRMWARE_ELECTRONICS", "")
    return DeviceInformation(
        product_name=told.product or firmware.machine or link.product or name,
        manufacturer_name=told.manufacturer or link.manufacturer,
        model_number=told.model or firmware.machine,
        firmware_revision=told.firmware or _revision(firmware) or link.firmware_revision,
        serial_number=told.serial or link.serial_number or firmware.uuid,
        software_revision=told.software or link.software_revision,
        hardware_revision=told.hardware or link.hardware_revision or electronics,
        part_number=told.part,
        protocol_revision=told.protocol or firmware.protocol,
        system_id=told.system_id or firmware.uuid or link.system_id,
    )


def _revision(firmware: Firmware) -> str:
    """The firmware's name, with its version where that stands apart (RepRapFirmware, Klipper)."""
    version = firmware.fields.get("FIRMWARE_VERSION", "")
    return firmware.name if version in firmware.name else f"{firmware.name} {version}".strip()


def offline(known: Information, update: DriverUpdate, stamp: Stamp) -> Information:
    """Return what a printer is that was connected before."""
    return msgspec.structs.replace(
        known,
        online=update.state is DriverState.ONLINE,
        status_information=_status_information(update),
        time_stamp=stamp.text,
        time_stamp_by_plugin=stamp.by_plugin,
    )


def entry(stored: StoredJob, order: int) -> QueueEntry:
    """Return a job as an entry of the print queue."""
    job = stored.job
    done = job.progress
    running = not job.state.final
    return QueueEntry(
        order=order,
        uri=job.uri,
        msg=message(job),
        job_id=job.id,
        name=job.name,
        state=job.state.value,
        progress=round(done.percent / 100.0, 4),
        line=done.line,
        lines=done.total,
        file_line=done.file_line,
        layer=done.layer,
        layers=done.layers,
        time_left=done.seconds_left if running else None,
        time_left_source=done.left_source if running else "",
        reason=job.reason,
        copies=job.copies,
        copy=job.copy,
        notes=job.notes,
        held=job.held and running,
    )


def history(stored: StoredJob, when: Callable[[float], str]) -> HistoryEntry:
    """Return a job that ended as an entry of the history; `when` writes a moment."""
    job = stored.job
    done = job.copies if job.state is JobState.DONE else job.copy - 1
    return HistoryEntry(
        job_id=job.id,
        name=job.name,
        uri=job.uri,
        result=job.state.value,
        time=round(job.seconds, 1),
        filament=None if job.filament_mm is None else job.used_mm,
        copies=job.copies,
        copies_done=done,
        progress=round(job.progress.percent / 100.0, 4),
        reason=job.reason,
        source="card" if job.card else "",
        queued_at=when(job.queued_at),
        started_at="" if job.started_at is None else when(job.started_at),
        ended_at="" if job.ended_at is None else when(job.ended_at),
    )


def _status_information(update: DriverUpdate) -> StatusInformation:
    nozzle = _nozzle(update.temperatures)
    return StatusInformation(
        operating_status=operating_status(update),
        nozzle_temperature=nozzle.actual if nozzle else None,
    )


def _nozzle(temperatures: tuple[Temperature, ...]) -> Temperature | None:
    return _sensor(temperatures, "T") or _sensor(temperatures, "T0")


def _sensor(temperatures: tuple[Temperature, ...], name: str) -> Temperature | None:
    return next((sensor for sensor in temperatures if sensor.name == name), None)
