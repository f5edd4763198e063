"""What each operation of 3DCAPI does at the hub, whichever way it was asked."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import msgspec

from gotapi_core.plugin import Blobs, Others
from gotapi_creation.book import Book, new_file_id, new_token
from gotapi_creation.guides import Guides
from gotapi_creation.jobs import Works
from gotapi_creation.model import (
    PLUGIN,
    VERSION,
    Attributes,
    CreationSettings,
    Job,
    PictureFile,
    ResultFile,
    Session,
    Step,
    picture_url,
)
from gotapi_creation.printing import print_result
from gotapi_creation.results import RESULTS
from gotapi_creation.services import Known, Services
from gotapi_creation.wire import (
    Answer,
    AttributesAsk,
    Code,
    Connecting,
    CreationError,
    Discovery,
    Done,
    FileEntry,
    Op,
    ReceiveAsk,
    Request,
    ServerEntry,
    ServiceEntry,
    Snapshot,
    SnapshotAsk,
    SnapshotOp,
    Status,
    Transfer,
    TransferAsk,
    read_attributes,
    read_connecting,
    read_transfer,
    views_of_number,
)
from gotapi_creation.wire import Attributes as AttributesAnswer

SOCKET: Final = "/3dcapi/websocket"
_SENT_TIME: Final = 8.0  # seconds setattribute waits for the service; longer shows in reports
_PUBLISHED: Final = 300.0  # seconds before a link of a result is made anew
_TYPES: Final = {
    "glb": "model/gltf-binary",
    "stl": "model/stl",
    "3mf": "model/3mf",
    "obj": "model/obj",
    "png": "image/png",
    "jpg": "image/jpeg",
    "json": "application/json",
}


class Asker(msgspec.Struct, frozen=True):
    """The application that asks, and how it reached the hub."""

    application: str
    base_url: str


Way = Callable[[Request, Asker], Awaitable[tuple[Answer, int | None]]]


class CreationDesk:
    """Answers requests; raises only CreationError."""

    def __init__(
        self,
        book: Book,
        services: Services,
        works: Works,
        settings: CreationSettings,
        blobs: Blobs,
        others: Others,
        guides: Guides,
    ) -> None:
        self._book = book
        self._services = services
        self._works = works
        self._settings = settings
        self._blobs = blobs
        self._others = others
        self._guides = guides
        self._links: dict[tuple[str, int, str], tuple[float, str]] = {}
        self._ways: Mapping[
            Op, Callable[[Request, Asker], Awaitable[tuple[Answer, int | None]]]
        ] = {
            Op.DISCOVERY: self._discovery,
            Op.CONNECTING: self._connecting,
            Op.TRANSFER: self._transfer,
            Op.GET_ATTRIBUTE: self._get_attribute,
            Op.SET_ATTRIBUTE: self._set_attribute,
            Op.SNAPSHOT: self._snapshot,
            Op.RECEIVE: self._receive,
            Op.STATUS: self._status,
            Op.PRINTING: self._printing,
        }

    async def answer(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        """Return the answer and its requestCode."""
        return await self._ways[request.op](request, asker)

    # -- services --------------------------------------------------------------------------

    async def _discovery(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        known = await self._services.all(request.request_code)
        entries = tuple(_listed(one) for one in known)
        code = request.request_code
        return Discovery(entries), self._book.next_code(asker.application) if code is None else code

    async def _connecting(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        known = await self._services.find(request.service_id)
        before = self._book.session_of(asker.application, known.id)
        code = request.request_code
        if code is None:
            code = before.request_code if before else self._book.next_code(asker.application)
        remote = await self._connect(known, code, asker.application)
        session = before or Session(new_token(), asker.application, known.id, code, remote)
        session = msgspec.structs.replace(session, request_code=code, remote_token=remote)
        await self._book.keep_session(session)
        name = known.entry.name or known.registration.name
        return Connecting((ServerEntry(name, asker.base_url, session.token),)), code

    async def _connect(self, known: Known, code: int, application: str) -> str:
        request = Request(
            op=Op.CONNECTING,
            service_id=known.entry.service_id,
            request_code=code,
            extra={"applicationId": application},
        )
        members = await (await self._services.client(known.registration)).ask(request)
        servers = read_connecting(members).servers
        if not servers:
            raise CreationError(Code.BAD_ANSWER, "The creation service connects to nothing")
        return servers[0].secure_token

    async def _session(self, request: Request, asker: Asker) -> Session:
        session = self._book.session(asker.application, request.secure_token)
        if request.service_id:
            known = await self._services.find(request.service_id)
            if known.id != session.service:
                raise CreationError(
                    Code.INVALID_SECURE_TOKEN,
                    f"The secureToken is of '{session.service}.{PLUGIN}', not of '{known.id}."
                    f"{PLUGIN}'; call serviceconnecting for that one",
                )
        code = request.request_code
        if code is not None and code != session.request_code:
            session = msgspec.structs.replace(session, request_code=code)
            await self._book.keep_session(session)
        return session

    # -- pictures --------------------------------------------------------------------------

    async def _transfer(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        session = await self._session(request, asker)
        ask = request.ask
        assert isinstance(ask, TransferAsk)
        views = views_of_number(ask.number)
        await self._book.drop_old(self._settings.keep_results)
        await self._make_room(session)
        direct = ask.method not in ("", "http")
        job = Job(
            id=secrets.token_hex(12),
            session=session.token,
            application=asker.application,
            service=session.service,
            request_code=session.request_code,
            created=self._book.clock(),
            files=tuple(PictureFile(new_file_id(), new_token(), view) for view in views),
            key=new_token(),
        )
        if direct:
            job = await self._direct(job, session, ask)
        with _storing():
            self._book.folder(job).mkdir(parents=True, mode=0o700)
        await self._book.put(job)
        method = ask.method or "http"
        entries = tuple(
            FileEntry(method, one.file_id, one.direct or picture_url(asker.base_url, one), one.view)
            for one in job.files
        )
        return Transfer(entries, job.id), session.request_code

    async def _make_room(self, session: Session) -> None:
        """Forget what the session never started; raises CreationError(TOO_MANY)."""
        mine = [one for one in self._book.jobs.values() if one.session == session.token]
        await self._book.drop(one for one in mine if one.step is Step.COLLECTING)
        most = self._settings.jobs_per_application
        if self._book.unfinished(session.application) >= most:
            raise CreationError(
                Code.TOO_MANY,
                f"The application has {most} unfinished jobs; wait for one, or cancel one",
            )

    async def _direct(self, job: Job, session: Session, ask: TransferAsk) -> Job:
        """Let the application send to the service itself, by a method the hub does not have."""
        client, remote = await self._services.reach(session.service)
        request = Request(
            op=Op.TRANSFER,
            service_id=remote,
            secure_token=session.remote_token,
            request_code=session.request_code,
            idempotency_key=job.id,
            ask=ask,
        )
        transfer = read_transfer(await client.ask(request))
        if len(transfer.files) != len(job.files):
            raise CreationError(Code.BAD_ANSWER, "The creation service takes another number")
        if any(one.method != ask.method for one in transfer.files):
            raise CreationError(
                Code.NOT_SUPPORTED, f"The creation service does not take files by '{ask.method}'"
            )
        files = tuple(
            msgspec.structs.replace(mine, file_id=one.file_id, direct=one.url, arrived=True)
            for mine, one in zip(job.files, transfer.files, strict=True)
        )
        return msgspec.structs.replace(
            job, files=files, remote_token=session.remote_token, remote_job=transfer.job_id
        )

    # -- attributes ------------------------------------------------------------------------

    async def _get_attribute(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        session = await self._session(request, asker)
        known = await self._services.find(session.service)
        client = await self._services.client(known.registration)
        wanted = Request(
            op=Op.GET_ATTRIBUTE,
            service_id=known.entry.service_id,
            secure_token=session.remote_token,
            request_code=session.request_code,
            extra=request.extra,
        )
        try:
            members = await client.ask(wanted)
        except CreationError as error:
            if error.code is not Code.INVALID_SECURE_TOKEN:
                raise
            # The service has forgotten the hub, as after a restart of its own.
            remote = await self._connect(known, session.request_code, session.application)
            await self._book.keep_session(msgspec.structs.replace(session, remote_token=remote))
            members = await client.ask(msgspec.structs.replace(wanted, secure_token=remote))

        def ours(url: str) -> str:
            return asker.base_url + self._guides.offer(known.id, client.url, url)

        found = read_attributes(members).templates
        templates = tuple(one.with_pictures(ours) for one in found)
        return AttributesAnswer(templates), session.request_code

    async def _set_attribute(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        session = await self._session(request, asker)
        job = self._book.of_session(session, request.job_id)
        ask = request.ask
        assert isinstance(ask, AttributesAsk)
        if job.step is not Step.COLLECTING:
            same = job.attributes is not None and job.attributes.template_id == ask.template_id
            if same and not job.step.final:  # a repeated request begins nothing new
                return self._begun(job), session.request_code
            raise CreationError(
                Code.ILLEGAL_STATE,
                "The job was started already; filetransfer begins a new one",
            )
        files = _assigned(job, ask)
        missing = [one.view.value for one in files if not one.arrived]
        if missing:
            raise CreationError(
                Code.FILES_MISSING, f"The pictures have not arrived: {', '.join(missing)}"
            )
        attributes = Attributes(
            ask.template_id,
            tuple(one.view for one in files),
            ask.species,
            ask.gender,
            ask.age,
            ask.style,
            dict(request.extra),
        )
        job = await self._book.move(
            job, Step.SENDING, files=files, attributes=attributes, error="", code=0
        )
        self._works.start(job)
        job = await self._sent(job)
        if job.error and job.step in (Step.COLLECTING, Step.FAILED):
            raise CreationError(Code(job.code), job.error)
        return self._begun(job), session.request_code

    async def _sent(self, job: Job) -> Job:
        """Return the job once the service has it, or has refused it, or takes long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SENT_TIME):
                while True:
                    changed = self._book.signal(job.id).next()
                    job = self._book.jobs.get(job.id, job)
                    if job.step is not Step.SENDING:
                        break
                    await changed.wait()
        return job

    def _begun(self, job: Job) -> Done:
        live = self._book.live(job)
        return Done(job.id, live.queue, live.estimate)

    # -- reports ---------------------------------------------------------------------------

    async def _snapshot(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        session = await self._session(request, asker)
        ask = request.ask
        assert isinstance(ask, SnapshotAsk)
        job = self._book.of_session(session, request.job_id)
        if ask.op is SnapshotOp.CANCEL:
            await self._works.cancel(job)
            return Snapshot(job_id=job.id), session.request_code
        on = ask.op is SnapshotOp.START
        period = float(ask.time) if on else session.period
        session = msgspec.structs.replace(session, reporting=on, period=period)
        await self._book.keep_session(session)
        self._book.signal(job.id).fire()
        url = f"{asker.base_url.replace('http', 'ws', 1)}{SOCKET}" if on else ""
        return Snapshot(url, job.id), session.request_code

    # -- results ---------------------------------------------------------------------------

    async def _receive(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        session = await self._session(request, asker)
        job = finished(self._book.of_session(session, request.job_id))
        ask = request.ask
        if isinstance(ask, ReceiveAsk) and ask.ack:
            await self._book.drop([job])
            return Done(job.id), session.request_code
        entries = [await self._published(job, one, asker) for one in job.results]
        return Transfer(tuple(entries), job.id), session.request_code

    async def _published(self, job: Job, result: ResultFile, asker: Asker) -> FileEntry:
        url = await self.link(job, result, asker)
        return FileEntry(
            "http",
            result.file_id,
            url,
            None,
            result.format,
            result.size,
            result.sha256,
            result.part,
        )

    async def link(self, job: Job, result: ResultFile, asker: Asker) -> str:
        """Return the address of a result among the hub's files; it needs no token for a while."""
        known = (job.id, result.file_id, asker.base_url)
        made, url = self._links.get(known, (0.0, ""))
        now = time.monotonic()
        if url and now - made < _PUBLISHED:
            return url
        path = self._book.folder(job) / RESULTS / result.name
        if not path.is_file():
            raise CreationError(Code.RESULT_GONE)
        url = await self._blobs.publish(
            path,
            result.name,
            _TYPES.get(result.format, "application/octet-stream"),
            job.application,
            base_url=asker.base_url,
        )
        self._links = {key: one for key, one in self._links.items() if now - one[0] < _PUBLISHED}
        self._links[known] = (now, url)
        return url

    async def _printing(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        session = await self._session(request, asker)
        job = finished(self._book.of_session(session, request.job_id))
        printed = await print_result(self._others, self.link, job, asker, request.extra)
        return printed, session.request_code

    async def _status(self, request: Request, asker: Asker) -> tuple[Answer, int | None]:
        # HR-001 and HR-002: UTC, and how fine the clock is.
        now = datetime.fromtimestamp(self._book.clock(), UTC).isoformat(timespec="microseconds")
        status = Status(
            time=now.replace("+00:00", "Z"),
            zone="UTC",
            resolution=time.get_clock_info("time").resolution,
            software="gotapi-hub gotapi_creation",
            version=VERSION,
            protocol="OMA 3DCAPI 1.0",
            revision="OMA-ER-3DCAPI-V1_0-20210210-C",
        )
        return status, request.request_code


def finished(job: Job) -> Job:
    """Return a job whose model is there; raises CreationError that says why it is not."""
    match job.step:
        case Step.DONE:
            return job
        case Step.FAILED:
            raise CreationError(Code.JOB_FAILED, job.error)
        case Step.CANCELLED:
            raise CreationError(Code.JOB_CANCELLED, job.error)
        case Step.COLLECTING:
            raise CreationError(Code.NOT_READY, "The job has not been started; call setattribute")
    raise CreationError(Code.NOT_READY, "The model is being made; snapshot tells how far it is")


def _listed(known: Known) -> ServiceEntry:
    entry = known.entry
    scopes = tuple(dict.fromkeys((*entry.scopes, "3dmodeling")))
    name = known.registration.name or entry.name
    return msgspec.structs.replace(
        entry, service_id=f"{known.id}.{PLUGIN}", name=name, scopes=scopes
    )


def _assigned(job: Job, ask: AttributesAsk) -> tuple[PictureFile, ...]:
    """Return the files with their views; raises CreationError where the numbers disagree."""
    views = ask.views or tuple(one.view for one in job.files)
    if len(views) != len(job.files):
        raise CreationError(
            Code.CONTRADICTION,
            f"{len(job.files)} pictures were announced, but setattribute names {len(views)} "
            "silhouettes; call filetransfer again, or change num_sil and the flags",
        )
    if not ask.files:
        pairs = zip(job.files, views, strict=True)
        return tuple(msgspec.structs.replace(one, view=view) for one, view in pairs)
    by_id = {one.file_id: one for one in job.files}
    unknown = [number for number in ask.files.values() if number not in by_id]
    if unknown or set(ask.files) != set(views) or len(set(ask.files.values())) != len(views):
        raise CreationError(
            Code.CONTRADICTION if not unknown else Code.UNKNOWN_FILE,
            "front_file, right_file and back_file must name the fileIds of filetransfer, one for "
            "each silhouette",
        )
    return tuple(msgspec.structs.replace(by_id[ask.files[view]], view=view) for view in views)


class _storing:  # noqa: N801  # used like a function
    """Turns a full disk into words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError):
            raise CreationError(
                Code.STORAGE_FULL, f"The pictures cannot be stored: {error.strerror}"
            ) from error
