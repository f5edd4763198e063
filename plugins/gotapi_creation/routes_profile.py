"""Profile `3dcapi` of GotAPI: the same operations as one-shot requests, and reports as events."""

from __future__ import annotations

import asyncio
from abc import ABC
from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from gotapi_core.plugin import Call, Context, Durable, Params, Result, event, get, put
from gotapi_core.protocol.errors import InvalidParameter, PluginError
from gotapi_creation.book import Book
from gotapi_creation.desk import SOCKET, Asker, CreationDesk
from gotapi_creation.model import PLUGIN, Job, report_of
from gotapi_creation.wire import Code, CreationError, Op, request_of, write_answer, write_report

_PROFILE = "3dcapi"
R = TypeVar("R", bound=Result)


class TokenParams(Params, omit_defaults=True):
    """What every request after serviceconnecting has."""

    secure_token: str = ""
    request_code: int | None = None
    job_id: str = ""


class TransferParams(TokenParams, omit_defaults=True):
    """filetransfer."""

    number: int = 0
    method: str = ""


class AttributeParams(TokenParams, omit_defaults=True):
    """setattribute."""

    template_id: int = 0
    num_sil: int | None = msgspec.field(default=None, name="num_sil")
    front_sil: str = msgspec.field(default="", name="front_sil")
    right_sil: str = msgspec.field(default="", name="right_sil")
    back_sil: str = msgspec.field(default="", name="back_sil")
    front_file: int | None = msgspec.field(default=None, name="front_file")
    right_file: int | None = msgspec.field(default=None, name="right_file")
    back_file: int | None = msgspec.field(default=None, name="back_file")
    species: str = ""
    gender: str = ""
    age: int | None = None
    style: float | None = None
    engine: str = ""
    height: float | None = None
    foot: str = ""


class SnapshotParams(TokenParams, omit_defaults=True):
    """snapshot."""

    op: str = "START"
    time: int | None = None


class ReceiveParams(TokenParams, omit_defaults=True):
    """filereceive."""

    op: str = ""


class PrintingParams(TokenParams, omit_defaults=True):
    """printing; all but the first are parameters of the printer's printingCommand."""

    printer: str = ""
    copies: int | None = None
    bed_clear: str = ""
    name: str = ""


class ServiceItem(Result, omit_defaults=True):
    """An entry of servicediscovery."""

    service_id: str
    name: str
    provider: str = ""
    version: str = ""
    type: str = ""
    online: bool
    scopes: tuple[str, ...]


class ServerItem(Result, omit_defaults=True):
    """An entry of serviceconnecting."""

    servicename: str
    url: str
    secure_token: str = ""


class FileItem(Result, omit_defaults=True):
    """An entry of filetransfer and filereceive."""

    method: str
    file_id: int
    url: str
    view: str = ""
    format: str = ""
    size: int | None = None
    sha256: str = ""
    part: str = ""


class Discovered(Result, omit_defaults=True):
    """The answer of servicediscovery."""

    request_code: int | None = None
    services: tuple[ServiceItem, ...]


class Connected(Result, omit_defaults=True):
    """The answer of serviceconnecting."""

    request_code: int | None = None
    servers: tuple[ServerItem, ...] = msgspec.field(name="3dContentCreationServerList")


class Files(Result, omit_defaults=True):
    """The answer of filetransfer and filereceive."""

    request_code: int | None = None
    file_num: int = 0
    file_trans_info: tuple[FileItem, ...] = ()
    job_id: str = ""


class Templates(Result, omit_defaults=True):
    """The answer of getattribute; the members of an entry are those of table 7.4.2 and more."""

    request_code: int | None = None
    template_info: tuple[dict[str, object], ...]


class Begun(Result, omit_defaults=True):
    """The answer of setattribute."""

    request_code: int | None = None
    job_id: str = ""
    queue: int | None = None
    estimate: float | None = None


class SnapshotSet(Result, omit_defaults=True):
    """The answer of snapshot."""

    request_code: int | None = None
    websocket_url: str = ""
    job_id: str = ""


class PrintBegun(Result, omit_defaults=True):
    """The answer of printing."""

    request_code: int | None = None
    printer: str
    print_job_id: str = ""


class StatusSaid(Result, omit_defaults=True):
    """The answer of status; `resolution` of the clock is in seconds."""

    time: str
    zone: str
    resolution: float
    software: str
    version: str
    protocol: str
    revision: str


class ReportEvent(Result, omit_defaults=True):
    """How far a job is: `progress` 0 to 1, `time` in seconds since the start."""

    service_id: str
    progress: float
    time: int
    status: str
    stage: str = ""
    job_id: str = ""
    request_code: int | None = None
    queue: int | None = None
    estimate: float | None = None
    snapshot_url: str = ""
    preview_model_url: str = ""
    error_message: str = ""


class ListenParams(Params, omit_defaults=True):
    """Which job's reports are wanted; without a secureToken those of the newest job."""

    secure_token: str = ""
    job_id: str = ""


class ProfileRoutes(ABC):
    """The part of the plug-in that is a profile of GotAPI."""

    context: Context
    desk: CreationDesk
    book: Book

    @get(_PROFILE, "servicediscovery")
    async def service_discovery(self, call: Call, params: TokenParams) -> Discovered:
        """List the creation services."""
        return await self._ask(Op.DISCOVERY, call, params, Discovered)

    @get(_PROFILE, "serviceconnecting")
    async def service_connecting(self, call: Call, params: TokenParams) -> Connected:
        """Connect to a creation service; the answer has the secureToken."""
        return await self._ask(Op.CONNECTING, call, params, Connected)

    @get(_PROFILE, "filetransfer")
    async def file_transfer(self, call: Call, params: TransferParams) -> Files:
        """Begin a job: where its pictures are to be sent."""
        return await self._ask(Op.TRANSFER, call, params, Files)

    @get(_PROFILE, "getattribute")
    async def get_attribute(self, call: Call, params: TokenParams) -> Templates:
        """List the templates."""
        return await self._ask(Op.GET_ATTRIBUTE, call, params, Templates)

    @put(_PROFILE, "setattribute")
    async def set_attribute(self, call: Call, params: AttributeParams) -> Begun:
        """Set template and silhouettes, and start to make the model."""
        return await self._ask(Op.SET_ATTRIBUTE, call, params, Begun)

    @get(_PROFILE, "snapshot")
    async def snapshot(self, call: Call, params: SnapshotParams) -> SnapshotSet:
        """Start or stop the reports of a job, or cancel it."""
        return await self._ask(Op.SNAPSHOT, call, params, SnapshotSet)

    @get(_PROFILE, "filereceive")
    async def file_receive(self, call: Call, params: ReceiveParams) -> Files:
        """Tell where the files of a finished model are."""
        return await self._ask(Op.RECEIVE, call, params, Files)

    @put(_PROFILE, "printing")
    async def printing(self, call: Call, params: PrintingParams) -> PrintBegun:
        """Print a finished model; the access token must cover 3dp too."""
        return await self._ask(Op.PRINTING, call, params, PrintBegun)

    @get(_PROFILE, "status")
    async def status(self, call: Call) -> StatusSaid:
        """Tell UTC time, the clock's resolution, and the revisions of software and protocol."""
        return await self._ask(Op.STATUS, call, Params(), StatusSaid)

    @event(_PROFILE, "snapshot", socket=SOCKET)
    async def reports(
        self, call: Call, params: ListenParams
    ) -> AsyncIterator[ReportEvent | Durable[ReportEvent]]:
        """Report how far a job is, until it has ended; where there is none yet, wait for it."""
        job = await self._awaited(call, params)
        told: ReportEvent | None = None
        said = 0.0  # by the loop's clock
        loop = asyncio.get_running_loop()
        while True:
            changed = self.book.signal(job.id).next()
            job = self.book.jobs.get(job.id, job)
            report = report_of(job, self.book.live(job), self.book.clock(), call.base_url)
            value = msgspec.convert(write_report(report), ReportEvent)
            news = told is None or _news(value) != _news(told)
            period = self._period(job)
            due = news or (period > 0 and loop.time() - said >= period)
            if due and value != told and (period > 0 or report.final):
                told, said = value, loop.time()
                yield Durable(value) if news else value
            if job.step.final or job.id not in self.book.jobs:
                return
            await _wait(changed, period)

    def _period(self, job: Job) -> float:
        """Return the seconds between two reports; 0 while they are stopped."""
        session = self.book.sessions.get(job.session)
        return session.period if session is not None and session.reporting else 0.0

    async def _awaited(self, call: Call, params: ListenParams) -> Job:
        while True:
            came = self.book.arrivals.next()
            try:
                return self._wanted(call, params)
            except CreationError as error:
                if error.code is not Code.NO_JOB or params.job_id:
                    raise InvalidParameter(error.message) from error
            await came.wait()

    def _wanted(self, call: Call, params: ListenParams) -> Job:
        if not params.secure_token:
            own = call.service_id.removesuffix(f".{PLUGIN}")
            return self.book.newest(call.application, own)
        session = self.book.session(call.application, params.secure_token)
        return self.book.of_session(session, params.job_id)

    async def _ask(self, op: Op, call: Call, params: Params, kind: type[R]) -> R:
        given: dict[str, object] = msgspec.to_builtins(params)
        pairs = [(name, _text(value)) for name, value in given.items() if value is not None]
        pairs.append(("serviceId", call.service_id))
        try:
            request = request_of(op, pairs)
            asker = Asker(call.application, call.base_url)
            answer, code = await self.desk.answer(request, asker)
        except CreationError as error:
            raise PluginError(
                error.message,
                result=int(error.code),
                error_code=str(int(error.code)),
                status=error.status,
            ) from error
        return msgspec.convert(write_answer(answer, code), kind)


def _text(value: object) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value)


def _news(value: ReportEvent) -> tuple[object, ...]:
    """Return what must reach everybody at once; of the numbers the newest is enough."""
    return value.status, value.stage, value.snapshot_url, value.preview_model_url


async def _wait(changed: asyncio.Event, period: float) -> None:
    """Wait for a change; while reports are wanted, the time is news too."""
    try:
        async with asyncio.timeout(period or None):
            await changed.wait()
    except TimeoutError:
        return
