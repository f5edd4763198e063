"""Routes about files: checking them without printing, slicers, models to be printed."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from gotapi_core.plugin import Call, Context, NoParams, get
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_meshes import FileKind, MeshError, kind
from gotapi_meshes.kinds import HEAD, describe
from gotapi_meshes.report import Finding
from gotapi_printer.files.desk import FileDesk
from gotapi_printer.files.prusaslicer import LARGEST_INI
from gotapi_printer.files.thumbnails import Thumbnail
from gotapi_printer.model import PrintParams
from gotapi_printer.model_files import (
    CheckParams,
    CheckResult,
    SliceParams,
    SlicersResult,
    ThumbnailLink,
    gcode_report,
)
from gotapi_printer.print_queue import PrintOrder
from gotapi_printer.printer import Printer
from gotapi_printer.slicings import Begun

_LINK_LIFE: Final = 3600.0  # seconds a thumbnail's uri is good without a token
_ENDINGS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/qoi": "qoi"}


class FileRoutes(ABC):
    """The part of the printer plug-in that knows files."""

    context: Context
    desk: FileDesk

    @abstractmethod
    def _printer(self, call: Call) -> Printer:
        """Return the printer a call is for; raises UnknownService."""

    @get("3dp", "check")
    async def check(self, call: Call, params: CheckParams) -> CheckResult:
        """Tell whether a file could be printed, and how: a model's check, G-code's analysis."""
        printer = self._printer(call)
        options = params.options()
        blob = await self.context.blobs.open(params.uri, application=call.application)
        found = await kind_of(blob.path)
        if found.model:
            report = await self.desk.check(blob.path, printer.area(), options)
            fit = not report.errors
            return CheckResult(
                kind=found.value, printable=fit, findings=report.findings, model=report
            )
        analysis = await self.desk.analyse(blob.path, printer.area())
        links = await _publish(self, call, analysis.thumbnails)
        return CheckResult(
            kind=found.value,
            printable=not analysis.errors,
            findings=analysis.findings,
            gcode=gcode_report(analysis, links),
        )

    @get("3dp", "slicers")
    async def slicers(self, call: Call, params: NoParams) -> SlicersResult:
        """List the slicers: what is installed, and the embedded one."""
        return SlicersResult(slicers=await self.desk.slicers())

    async def _begin(
        self, call: Call, printer: Printer, path: Path, name: str, params: PrintParams
    ) -> Begun:
        """Print a file of any kind; raises where it is unfit."""
        order = _order(call, name, params)
        # Unknown text may be G-code of a kind never seen: reading it tells more than its head.
        if (await kind_of(path, text=True)).model:
            ini = await _ini(self, call, printer, params)
            return await printer.print_model(path, order, params.options(), ini)
        findings = await _findings(self.desk, path, printer)
        job_id = await printer.print(path, order)
        return Begun(job_id, findings)

    async def _begin_elsewhere(self, call: Call, printer: Printer, params: PrintParams) -> Begun:
        """Fetch a file of any kind from the web and print it; that it is unfit shows later."""
        name = unquote(urlsplit(params.uri).path.rpartition("/")[2])
        order = _order(call, name or "unnamed", params)
        ini = await _ini(self, call, printer, params)
        job_id = await printer.fetch(order, params.secure_token, params.options(), ini)
        return Begun(job_id)

    async def examine(self, printer: Printer, path: Path) -> FileKind:
        """Return the kind of a file that was fetched; raises InvalidParameter for an unfit one."""
        found = await kind_of(path, text=True)
        if not found.model:
            await _findings(self.desk, path, printer)
        return found


def _order(call: Call, name: str, params: PrintParams) -> PrintOrder:
    return PrintOrder(
        params.uri,
        params.name or name,
        call.application,
        params.copies,
        params.bed_clear == "assume",
        params.start == "later",
    )


async def kind_of(path: Path, *, text: bool = False) -> FileKind:
    """Return the kind of a file that can be printed; raises InvalidParameter for others.

    With `text` a file that is nothing known goes through.
    """

    def look() -> tuple[FileKind, bytes]:
        with path.open("rb") as file:
            return kind(path), file.read(HEAD)

    try:
        found, head = await asyncio.to_thread(look)
    except MeshError as error:
        raise InvalidParameter(f"The file cannot be used: {error}") from error
    what = describe(head)
    if found is FileKind.OTHER and not (text and what == FileKind.OTHER.words):
        raise InvalidParameter(f"The file cannot be printed: it is {what}")
    return found


async def _findings(desk: FileDesk, path: Path, printer: Printer) -> tuple[Finding, ...]:
    """Return what is to be said of G-code; raises InvalidParameter where it does not fit."""
    if not printer.area().known:
        return ()
    analysis = await desk.glance(path, printer.area())
    if analysis is None:
        return ()
    if analysis.errors:
        why = "; ".join(found.message for found in analysis.errors)
        raise InvalidParameter(f"The file cannot be printed: {why}")
    return analysis.findings


async def _ini(owner: FileRoutes, call: Call, printer: Printer, params: SliceParams) -> bytes:
    """Return the configuration for PrusaSlicer: the application's, else the operator's."""
    if params.profile:
        blob = await owner.context.blobs.open(params.profile, application=call.application)
        path, what = blob.path, "The slicer profile"
    elif printer.slicer_profile:
        path, what = Path(printer.slicer_profile), "The slicer_profile of the settings"
    else:
        return b""

    def read() -> bytes:
        with path.expanduser().open("rb") as file:
            return file.read(LARGEST_INI + 1)

    try:
        return await asyncio.to_thread(read)
    except OSError as error:
        raise InvalidParameter(f"{what} cannot be read: {error.strerror}") from error


async def _publish(
    owner: FileRoutes, call: Call, thumbnails: Sequence[Thumbnail]
) -> tuple[ThumbnailLink, ...]:
    """Give the application the pictures as files of its own."""
    links = []
    folder = owner.context.folder / "thumbnails"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for number, picture in enumerate(thumbnails):
        name = f"thumbnail-{picture.width}x{picture.height}.{_ENDINGS[picture.content_type]}"
        path = folder / f"{call.request_code}-{id(picture)}-{number}"
        try:
            await asyncio.to_thread(path.write_bytes, picture.data)
            uri = await owner.context.blobs.publish(
                path,
                name,
                picture.content_type,
                call.application,
                base_url=call.base_url,
                lifetime=_LINK_LIFE,
            )
        finally:
            path.unlink(missing_ok=True)
        links.append(ThumbnailLink(uri, picture.content_type, picture.width, picture.height))
    return tuple(links)
