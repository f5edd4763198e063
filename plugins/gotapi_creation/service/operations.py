"""What each request of 3DCAPI-2 does: connecting, files, templates, jobs, results."""

import asyncio
import hashlib
import hmac
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from gotapi_creation.engine.errors import CreationError as EngineError
from gotapi_creation.engine.order import Attributes as Wishes
from gotapi_creation.engine.order import Order, Picture
from gotapi_creation.engine.order import View as EngineView
from gotapi_creation.engine.templates import fitted
from gotapi_creation.pictures import check_picture
from gotapi_creation.service.model import FileRow, Job, Limits, Session
from gotapi_creation.service.records import Records
from gotapi_creation.service.runner import RESULT, Runner, kept_order
from gotapi_creation.service.shelf import Shelf
from gotapi_creation.service.silhouettes import template, templates
from gotapi_creation.service.wishes import engine_of, options_of, papers_of
from gotapi_creation.wire import (
    Answer,
    AttributesAsk,
    Code,
    Connecting,
    CreationError,
    Discovery,
    Done,
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
    View,
    views_of_number,
)
from gotapi_creation.wire.reports import JobState
from gotapi_creation.wire.words import fold

VERSION: Final = "0.1.0"
_SUFFIXES: Final = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
_LONGEST_APPLICATION: Final = 200  # characters of a name that a hub gives its applications


class Operations:
    """Answers requests; one instance for each service."""

    def __init__(
        self,
        service_id: str,
        name: str,
        secret: str,
        records: Records,
        runner: Runner,
        shelf: Shelf,
        limits: Limits,
        engines: Mapping[str, dict[str, msgspec.Raw]],
    ) -> None:
        self.service_id = service_id
        self._name = name
        self._secret = secret
        self._records = records
        self._runner = runner
        self._shelf = shelf
        self._limits = limits
        self._engines = engines
        self.periods: dict[str, int] = {}
        """Seconds between two reports, by session; absent where reports are stopped."""

    # -- who asks --------------------------------------------------------------------------

    def check_access(self, token: str) -> None:
        """Raise CreationError unless this is the service's access token."""
        if not hmac.compare_digest(token.encode(), self._secret.encode()):
            raise CreationError(
                Code.INVALID_TOKEN,
                "The accessToken is missing or wrong; it is in the file that the service named at "
                "its start",
            )

    def session(self, token: str) -> Session:
        """Return the session of a secureToken; raises CreationError."""
        found = self._records.session(_hashed(token), time.time()) if token else None
        if found is None:
            raise CreationError(
                Code.INVALID_SECURE_TOKEN,
                "The secureToken is missing or not known any more; call serviceconnecting first",
            )
        return found

    async def answer(self, request: Request, base: str) -> Answer:
        """Answer a request that came to an address; raises CreationError."""
        if request.op is Op.STATUS:
            return _status()
        self.check_access(request.access_token)
        if request.op is Op.DISCOVERY:
            return Discovery((ServiceEntry(self.service_id, self._name, version=VERSION),))
        if request.service_id and request.service_id != self.service_id:
            raise CreationError(
                Code.UNKNOWN_SERVICE, f"This is service '{self.service_id}', not another one"
            )
        if request.op is Op.CONNECTING:
            return self._connect(request, base)
        session = self.session(request.secure_token)
        match request.ask:
            case TransferAsk(number, method):
                token = request.secure_token
                return self._shelf.expect(session, token, number, method, base)
            case AttributesAsk() as ask:
                return await self._begin(session, request, ask)
            case SnapshotAsk() as ask:
                return self._snapshot(session, request, ask, base)
            case ReceiveAsk() as ask:
                return await self._receive(session, request, ask, base)
        if request.op is Op.GET_ATTRIBUTE:
            return templates(base)
        raise CreationError(Code.NOT_SUPPORTED, f"This service has no {request.op.value}")

    def _connect(self, request: Request, base: str) -> Connecting:
        if self._records.count_sessions() >= self._limits.sessions:
            self._records.forget_sessions(1 + self._limits.sessions // 10)
        token = secrets.token_urlsafe(32)
        named = _extra(request, "applicationId")[:_LONGEST_APPLICATION]
        session_id = _hashed(token)
        self._records.add_session(Session(session_id, named or session_id, time.time()))
        return Connecting((ServerEntry(self._name, base, token),))

    # -- jobs ------------------------------------------------------------------------------

    async def _begin(self, session: Session, request: Request, ask: AttributesAsk) -> Done:
        key = request.idempotency_key[:200]
        jobs = self._records.jobs_of(session.id)
        if key and (same := [job for job in jobs if job.key == key]):
            return self._begun(same[-1])
        files = self._chosen(session, ask, request.job_id)
        order = self._order(request, ask, files)
        job_id = files[View.FRONT].path
        if self._records.job(job_id) is not None:  # the same pictures, made again otherwise
            job_id = secrets.token_hex(8)
        folder = self._runner.folder_of(job_id)
        names = await asyncio.to_thread(self._take_pictures, files, folder)
        kept = kept_order(order, names)
        twin = [job for job in jobs if not job.state.final and _same(job, kept, files)]
        try:
            if twin:
                return self._begun(twin[-1])
            self._check_room(session)
            now = time.time()
            job = Job(job_id, session.id, session.application, JobState.QUEUED, 0, 0.0, now, 0.0,
                      0.0, 0.0, "", "", "", key or _of_files(files), kept)  # fmt: skip
            self._records.add_job(job)
            self._records.use(row.id for row in files.values())
        finally:
            if self._records.job(job_id) is None:
                await asyncio.to_thread(shutil.rmtree, folder, True)
        self._runner.wake()
        return self._begun(job)

    def _begun(self, job: Job) -> Done:
        queue, estimate = self._runner.estimate(job)
        return Done(job.id, queue, estimate)

    def _check_room(self, session: Session) -> None:
        most = self._limits.open_jobs
        if self._records.count_open(session.application) >= most:
            raise CreationError(
                Code.TOO_MANY, f"{most} of your models are being made; wait for one, or cancel it"
            )
        if self._records.count_open() >= self._limits.all_jobs:
            raise CreationError(
                Code.TOO_MANY, f"{self._limits.all_jobs} models wait already; try again later"
            )

    def _chosen(self, session: Session, ask: AttributesAsk, job_id: str) -> dict[View, FileRow]:
        """Return the files of the views; raises CreationError where they do not fit together."""
        rows = self._shelf.batch(session, job_id)
        if not rows:
            raise CreationError(
                Code.FILES_MISSING, "There are no pictures yet: call filetransfer and send them"
            )
        views = ask.views or views_of_number(len(rows))
        if ask.files:
            chosen = self._by_id(session, ask.files)
            if ask.views is not None and set(views) != set(chosen):
                raise CreationError(
                    Code.CONTRADICTION, "The files are for other views than the flags say"
                )
        elif len(views) != len(rows):
            raise CreationError(
                Code.CONTRADICTION,
                f"{len(views)} silhouettes are to be used, but filetransfer was asked for "
                f"{len(rows)} pictures",
            )
        else:
            chosen = dict(zip(views, rows, strict=True))
        self._check_arrived(chosen)
        return chosen

    def _by_id(self, session: Session, files: Mapping[View, int]) -> dict[View, FileRow]:
        found = {view: self._records.file(file_id) for view, file_id in files.items()}
        for view, row in found.items():
            if row is None or row.session != session.id:
                raise CreationError(Code.UNKNOWN_FILE, f"There is no file {files[view]} of yours")
        if View.FRONT not in found:
            raise CreationError(Code.CONTRADICTION, "No model can be made without the front")
        return {view: row for view, row in found.items() if row is not None}

    def _check_arrived(self, files: Mapping[View, FileRow]) -> None:
        missing = [view for view, row in files.items() if not self._shelf.slot(row).whole]
        if missing:
            names = " and ".join(missing)
            raise CreationError(
                Code.FILES_MISSING,
                f"The {names} picture has not arrived, or was refused; send it, then try again",
            )

    def _order(self, request: Request, ask: AttributesAsk, files: Mapping[View, FileRow]) -> Order:
        chosen = template(ask.template_id)
        if chosen is None:
            raise CreationError(
                Code.UNKNOWN_TEMPLATE,
                f"There is no template {ask.template_id}; getattribute lists them",
            )
        wishes = Wishes(ask.species.lower(), ask.gender.lower(), ask.age, ask.style)
        try:
            fitted(chosen, wishes)
        except EngineError as error:
            raise CreationError(Code.INVALID_PARAMETER, _sentence(error)) from error
        engine = engine_of(request.extra, self._engines)
        papers = papers_of(request.extra)
        pictures = {EngineView(view): Picture("", papers.get(view, "")) for view in files}
        return Order(
            pictures=pictures,
            folder="",
            template=chosen.name,
            attributes=wishes,
            engine=engine,
            settings=self._engines.get(engine, {}),
            options=options_of(request.extra),
        )

    def _take_pictures(self, files: Mapping[View, FileRow], folder: Path) -> dict[EngineView, str]:
        """Link the pictures into the job's folder: later ones do not change it; blocks."""
        names: dict[EngineView, str] = {}
        try:
            folder.mkdir(mode=0o700, parents=True)
            for view, row in files.items():
                path = self._shelf.slot(row).path
                kind = check_picture(path.read_bytes()).kind.value
                names[EngineView(view)] = f"{view}{_SUFFIXES[kind]}"
                os.link(path, folder / names[EngineView(view)])
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise CreationError(
                Code.STORAGE_FULL, f"The pictures cannot be kept: {error.strerror}"
            ) from error
        return names

    def job_of(self, session: Session, job_id: str = "") -> Job:
        """Return a job of a session, by default the latest; raises CreationError(NO_JOB)."""
        jobs = self._records.jobs_of(session.id)
        found = [job for job in jobs if job_id in ("", job.id)]
        if not found:
            raise CreationError(Code.NO_JOB, "There is no such job; setattribute begins one")
        return found[-1]

    # -- reports and results ---------------------------------------------------------------

    def _snapshot(self, session: Session, request: Request, ask: SnapshotAsk, base: str) -> Answer:
        job = self.job_of(session, request.job_id)
        if ask.op is SnapshotOp.START:
            self.periods[session.id] = ask.time
            url = f"ws{base.removeprefix('http')}/3dcapi/websocket/{job.id}"
            return Snapshot(url, job.id)
        if ask.op is SnapshotOp.STOP:
            self.periods.pop(session.id, None)
            self._runner.tell(job.id)
            return Done(job.id)
        if not self._runner.cancel(job.id) and job.state is not JobState.CANCELLED:
            raise CreationError(Code.ILLEGAL_STATE, f"The job is over: it is {job.state.value}")
        return Done(job.id)

    async def _receive(
        self, session: Session, request: Request, ask: ReceiveAsk, base: str
    ) -> Answer:
        job = self.job_of(session, request.job_id)
        folder = self._runner.folder_of(job.id) / RESULT
        if ask.ack:
            if not job.state.final:
                raise CreationError(Code.NOT_READY)
            await asyncio.to_thread(shutil.rmtree, folder.parent, True)
            return Done(job.id)
        if job.state is JobState.FAILED:
            raise CreationError(Code.JOB_FAILED, job.error)
        if job.state is JobState.CANCELLED:
            raise CreationError(Code.JOB_CANCELLED, job.error)
        if job.state is not JobState.DONE:
            queue, estimate = self._runner.estimate(job)
            raise CreationError(
                Code.NOT_READY,
                f"The model is {job.progress:.0%} done, with {queue} jobs before it; it takes "
                f"about {estimate:.0f} s",
            )
        rows = self._shelf.batch(session)
        method = _extra(request, "method") or (rows[-1].method if rows else "")
        files = await self._shelf.results(
            job,
            folder,
            request.secure_token,
            base,
            method=method,
            everything=_extra(request, "parts").lower() == "all",
        )
        return Transfer(files, job.id)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _extra(request: Request, name: str) -> str:
    return next((value for key, value in request.extra.items() if fold(key) == fold(name)), "")


def _of_files(files: Mapping[View, FileRow]) -> str:
    return "files " + " ".join(f"{view}={row.id}" for view, row in sorted(files.items()))


def _same(job: Job, order: bytes, files: Mapping[View, FileRow]) -> bool:
    """Tell whether a job is this very request, sent again by a client without idempotency keys."""
    return job.order == order and job.key == _of_files(files)


def _sentence(error: EngineError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


def _status() -> Status:
    return Status(
        time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        zone="UTC",
        resolution=time.get_clock_info("time").resolution,
        software="gotapi creation-service",
        version=VERSION,
        protocol="3DCAPI",
        revision="1.0",
    )
