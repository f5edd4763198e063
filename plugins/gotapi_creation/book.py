"""Sessions and jobs of applications, durable: what was acknowledged survives a kill of the hub."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from gotapi_core.plugin import Collection
from gotapi_creation.model import STEPS, Job, Live, PictureFile, Session, Step
from gotapi_creation.wire import Code, CreationError

_MOST_SESSIONS: Final = 1000  # of all applications; the oldest without a job goes first
SESSIONS: Final = "sessions"
JOBS: Final = "jobs"


class Signal:
    """Wakes everybody who waits for the next change."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def fire(self) -> None:
        """Wake those who wait."""
        before, self._next = self._next, asyncio.Event()
        before.set()

    def next(self) -> asyncio.Event:
        """Return what the next change sets; take it before looking at the state."""
        return self._next


class Book:
    """All sessions and jobs; a job's files lie in a folder of its id."""

    def __init__(
        self, collection: Callable[[str], Collection], folder: Path, clock: Callable[[], float]
    ) -> None:
        self._sessions_kept = collection(SESSIONS)
        self._jobs_kept = collection(JOBS)
        self._folder = folder / JOBS
        self.clock = clock
        self.sessions: dict[str, Session] = {}
        self.jobs: dict[str, Job] = {}
        self._live: dict[str, Live] = {}
        self.signals: dict[str, Signal] = {}
        self.arrivals = Signal()  # of new jobs
        self.watchers: list[Callable[[Job, bool], None]] = []
        """They hear of every job that was stored, and with False of one that was forgotten."""

    async def load(self) -> None:
        """Read what is kept, and remove the folders of jobs that are not."""
        self.sessions = {one.token: one for one in await self._sessions_kept.all(Session)}
        self.jobs = {one.id: one for one in await self._jobs_kept.all(Job)}
        await asyncio.to_thread(self._sweep, set(self.jobs))

    def _sweep(self, known: set[str]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in self._folder.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    # -- sessions --------------------------------------------------------------------------

    def session(self, application: str, token: str) -> Session:
        """Return an application's session; raises CreationError(INVALID_SECURE_TOKEN)."""
        found = self.sessions.get(token)
        if found is None or found.application != application:
            raise CreationError(
                Code.INVALID_SECURE_TOKEN,
                "The secureToken is missing or unknown; call serviceconnecting again",
            )
        return found

    def session_of(self, application: str, service: str) -> Session | None:
        """Return the session an application has with a service."""
        found = (one for one in self.sessions.values() if one.application == application)
        return next((one for one in found if one.service == service), None)

    async def keep_session(self, session: Session) -> None:
        """Store a session."""
        if session.token not in self.sessions and len(self.sessions) >= _MOST_SESSIONS:
            used = {job.session for job in self.jobs.values()}
            free = next((token for token in self.sessions if token not in used), "")
            if not free:
                raise CreationError(Code.TOO_MANY, "There are too many sessions; try again later")
            del self.sessions[free]
            await self._sessions_kept.delete(free)
        self.sessions[session.token] = session
        await self._sessions_kept.put(session.token, session)

    def next_code(self, application: str) -> int:
        """Return a requestCode that none of the application's sessions has."""
        codes = [one.request_code for one in self.sessions.values()]
        return max([9, *codes]) + 1  # 10 is the first, as in the figures

    # -- jobs ------------------------------------------------------------------------------

    def folder(self, job: Job) -> Path:
        """Return where the files of a job are."""
        return self._folder / job.id

    def live(self, job: Job) -> Live:
        """Return what is known of a job beside what is kept."""
        return self._live.setdefault(job.id, Live())

    def signal(self, job_id: str) -> Signal:
        """Return what is fired when a job changes."""
        return self.signals.setdefault(job_id, Signal())

    def of_session(self, session: Session, job_id: str = "") -> Job:
        """Return a job of a session, the newest where none is named; raises CreationError."""
        mine = [one for one in self.jobs.values() if one.session == session.token]
        found = [one for one in mine if not job_id or one.id == job_id]
        if not found:
            wanted = f"There is no job '{job_id[:80]}' here" if job_id else "There is no job yet"
            raise CreationError(Code.NO_JOB, f"{wanted}; filetransfer begins one")
        return found[-1]

    def newest(self, application: str, service: str = "") -> Job:
        """Return an application's newest job; raises CreationError(NO_JOB)."""
        mine = [one for one in self.jobs.values() if one.application == application]
        found = [one for one in mine if not service or one.service == service]
        if not found:
            raise CreationError(Code.NO_JOB, "There is no job yet; filetransfer begins one")
        return found[-1]

    def unfinished(self, application: str) -> int:
        """Count the jobs of an application that are not finished."""
        mine = (one for one in self.jobs.values() if one.application == application)
        return sum(not one.step.final for one in mine)

    def picture(self, file_id: int, key: str) -> tuple[Job, PictureFile]:
        """Return the picture of an address; raises CreationError(UNKNOWN_FILE)."""
        for job in self.jobs.values():
            for file in job.files:
                if file.file_id == file_id and secrets.compare_digest(file.key, key):
                    return job, file
        raise CreationError(Code.UNKNOWN_FILE, "There is no file at this address")

    async def put(self, job: Job) -> Job:
        """Store a job that is new or whose step stays, and tell who waits."""
        new = job.id not in self.jobs
        self.jobs[job.id] = job
        await self._jobs_kept.put(job.id, job)
        self.signal(job.id).fire()
        if new:
            self.arrivals.fire()
        self._tell(job, True)
        return job

    def _tell(self, job: Job, kept: bool) -> None:
        for watch in self.watchers:
            watch(job, kept)

    async def move(self, job: Job, step: Step, **more: Any) -> Job:
        """Bring a job to another step; what is not in the table is a fault of ours."""
        if step not in STEPS[job.step]:
            raise RuntimeError(f"a job cannot go from {job.step} to {step}")
        if step.final:
            more.setdefault("ended", self.clock())
        return await self.put(msgspec.structs.replace(job, step=step, **more))

    async def change(self, job: Job, **more: Any) -> Job:
        """Store a job with other members."""
        return await self.put(msgspec.structs.replace(job, **more))

    def say(self, job: Job, **more: Any) -> None:
        """Note how far a job is, and tell who waits."""
        live = self.live(job)
        for name, value in more.items():
            setattr(live, name, value)
        self.signal(job.id).fire()

    async def drop(self, jobs: Iterable[Job]) -> None:
        """Forget jobs with their files."""
        for job in list(jobs):
            self.jobs.pop(job.id, None)
            self._live.pop(job.id, None)
            await self._jobs_kept.delete(job.id)
            await asyncio.to_thread(shutil.rmtree, self.folder(job), True)
            self.signals.pop(job.id, Signal()).fire()
            self._tell(job, False)

    async def drop_old(self, keep: float) -> None:
        """Forget what ended, or waits for its pictures, for longer than `keep` seconds."""
        before = self.clock() - keep
        await self.drop(
            one
            for one in tuple(self.jobs.values())
            if (one.ended or one.created) < before and not one.step.works
        )


def new_token() -> str:
    """Return a secret of 192 bits, safe in addresses."""
    return secrets.token_urlsafe(24)


def new_file_id() -> int:
    """Return a fileId: a whole number that JavaScript reads exactly, and nobody guesses."""
    return secrets.randbelow((1 << 53) - 1) + 1
