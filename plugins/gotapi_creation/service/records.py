"""The service's durable memory: one SQLite file, each change in a transaction of its own.

It is used from the event loop only; every call is one small statement on a local file.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from gotapi_creation.service.model import FileRow, Job, Session
from gotapi_creation.wire.codes import Code, CreationError
from gotapi_creation.wire.reports import JobState

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, application TEXT NOT NULL, created REAL NOT NULL, used REAL NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY, session TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL,
    path TEXT NOT NULL, batch INTEGER NOT NULL, place INTEGER NOT NULL, method TEXT NOT NULL,
    created REAL NOT NULL);
CREATE INDEX IF NOT EXISTS files_of ON files (session, kind);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, session TEXT NOT NULL,
    application TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, lease REAL NOT NULL,
    created REAL NOT NULL, started REAL NOT NULL, ended REAL NOT NULL, progress REAL NOT NULL,
    stage TEXT NOT NULL, preview TEXT NOT NULL, error TEXT NOT NULL, key TEXT NOT NULL,
    "order" BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_in ON jobs (state, number);
"""
_JOB: Final = ", ".join(f'"{name}"' if name == "order" else name for name in Job.__struct_fields__)
_FILE: Final = ", ".join(FileRow.__struct_fields__)
_OPEN: Final = "('queued', 'running')"
_RECENT: Final = 9  # jobs whose times an estimate is made of


class Records:
    """The database; times are seconds since 1970."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises CreationError where that is not possible."""
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # an answer is a promise
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise CreationError(
                Code.STORAGE_FULL, f"The service cannot use its database {path}: {error}"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _do(self, statement: str, values: Iterable[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, tuple(values))
        except sqlite3.OperationalError as error:  # the disk is full, or cannot be written to
            raise CreationError(
                Code.STORAGE_FULL,
                f"The service cannot write to its disk ({error}); free some space and try again",
            ) from error

    # -- sessions --------------------------------------------------------------------------

    def add_session(self, session: Session) -> None:
        """Remember a session."""
        values = (session.id, session.application, session.created, session.created)
        self._do("INSERT INTO sessions VALUES (?, ?, ?, ?)", values)

    def session(self, session_id: str, now: float) -> Session | None:
        """Return a session, and note that it is used."""
        found = self._do(
            "UPDATE sessions SET used = ? WHERE id = ? RETURNING id, application, created",
            (now, session_id),
        ).fetchone()
        return None if found is None else Session(*found)

    def count_sessions(self) -> int:
        """Return how many there are."""
        return self._count("SELECT count(*) FROM sessions")

    def forget_sessions(self, count: int) -> None:
        """Forget those that were used least lately and have no job under way."""
        self._do(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id NOT IN "
            "(SELECT session FROM jobs WHERE state IN ('queued', 'running')) "
            "ORDER BY used LIMIT ?)",
            (count,),
        )

    # -- files -----------------------------------------------------------------------------

    def add_files(self, files: Iterable[FileRow]) -> None:
        """Remember files, all or none."""
        marks = ", ".join("?" * len(FileRow.__struct_fields__))
        rows = [msgspec.structs.astuple(one) for one in files]
        self._do("BEGIN IMMEDIATE")
        try:
            for row in rows:
                self._do(f"INSERT INTO files ({_FILE}) VALUES ({marks})", row)  # noqa: S608  # names of ours
        except BaseException:
            self._do("ROLLBACK")
            raise
        self._do("COMMIT")

    def file(self, file_id: int) -> FileRow | None:
        """Return a file."""
        found = self._files("id = ?", (file_id,))
        return found[0] if found else None

    def pictures(self, session: str) -> list[FileRow]:
        """Return the pictures of a session, the latest batch last, in the order of their views."""
        return self._files("session = ? AND kind <> 'result' ORDER BY batch, place", (session,))

    def results(self, session: str) -> list[FileRow]:
        """Return the files of a session that may be fetched."""
        return self._files("session = ? AND kind = 'result'", (session,))

    def use(self, ids: Iterable[int]) -> None:
        """Note that pictures are in a job."""
        for file_id in ids:
            self._do("UPDATE files SET kind = 'used' WHERE id = ?", (file_id,))

    def count_files(self, application: str) -> int:
        """Return how many pictures of an application are to come, or wait for a job."""
        return self._count(
            "SELECT count(*) FROM files JOIN sessions ON sessions.id = files.session "
            "WHERE application = ? AND kind = 'picture'",
            (application,),
        )

    def drop_files(self, ids: Iterable[int]) -> None:
        """Forget files."""
        for file_id in ids:
            self._do("DELETE FROM files WHERE id = ?", (file_id,))

    def _files(self, where: str, values: Iterable[object]) -> list[FileRow]:
        rows = self._do(f"SELECT {_FILE} FROM files WHERE {where}", values)  # noqa: S608  # as above
        names = FileRow.__struct_fields__
        return [msgspec.convert(dict(zip(names, row, strict=True)), FileRow) for row in rows]

    # -- jobs ------------------------------------------------------------------------------

    def add_job(self, job: Job) -> None:
        """Put a job at the end of the queue."""
        marks = ", ".join("?" * len(Job.__struct_fields__))
        self._do(f"INSERT INTO jobs ({_JOB}) VALUES ({marks})", msgspec.structs.astuple(job))  # noqa: S608  # as above

    def job(self, job_id: str) -> Job | None:
        """Return a job."""
        found = self._jobs("id = ?", (job_id,))
        return found[0] if found else None

    def jobs_of(self, session: str) -> list[Job]:
        """Return the jobs of a session, the latest last."""
        return self._jobs("session = ? ORDER BY number", (session,))

    def count_open(self, application: str | None = None) -> int:
        """Return how many jobs wait or run, of one application or of all."""
        if application is None:
            return self._count(f"SELECT count(*) FROM jobs WHERE state IN {_OPEN}")  # noqa: S608  # as above
        return self._count(
            f"SELECT count(*) FROM jobs WHERE state IN {_OPEN} AND application = ?",  # noqa: S608  # as above
            (application,),
        )

    def ahead(self, job_id: str) -> int:
        """Return how many jobs come before a waiting one, running ones too."""
        return self._count(
            f"SELECT count(*) FROM jobs WHERE state IN {_OPEN} AND number < "  # noqa: S608  # as above
            "(SELECT number FROM jobs WHERE id = ?)",
            (job_id,),
        )

    def claim(self, now: float, lease: float) -> Job | None:
        """Give out the next job for one more try; a lease that is over counts as a failed try."""
        found = self._do(
            "UPDATE jobs SET state = 'running', tries = tries + 1, lease = ?, progress = 0, "
            "stage = '', preview = '', started = CASE started WHEN 0 THEN ? ELSE started END "
            "WHERE number = (SELECT number FROM jobs WHERE state = 'queued' "
            "OR (state = 'running' AND lease < ?) ORDER BY number LIMIT 1) RETURNING id",
            (now + lease, now, now),
        ).fetchone()
        return None if found is None else self.job(found[0])

    def orphans(self) -> int:
        """End all leases, as who vouched for them is gone; returns how many there were."""
        return self._do("UPDATE jobs SET lease = 0 WHERE state = 'running'").rowcount

    def note(self, job: Job, lease: float, progress: float, stage: str, preview: str) -> bool:
        """Note how far a try is; False where it is not this try's job any more."""
        return self._settle(
            "lease = ?, progress = ?, stage = ?, preview = ?",
            (lease, progress, stage, preview),
            job,
        )

    def end(self, job: Job, state: JobState, error: str, now: float) -> bool:
        """End a try's job, exactly once; False where somebody else has ended it."""
        done = 1.0 if state is JobState.DONE else job.progress
        return self._settle(
            "state = ?, error = ?, ended = ?, lease = 0, progress = ?",
            (state.value, error, now, done),
            job,
        )

    def requeue(self, job: Job, *, counted: bool = True) -> bool:
        """Let a try's job be tried again; a try that is not `counted` never was."""
        tries = job.tries if counted else job.tries - 1
        return self._settle("state = 'queued', lease = 0, tries = ?", (tries,), job)

    def cancel(self, job_id: str, now: float) -> bool:
        """Cancel a job that is not over; False where it is."""
        changed = self._do(
            "UPDATE jobs SET state = 'cancelled', ended = ?, lease = 0, "  # noqa: S608  # as above
            f"error = 'It was cancelled.' WHERE id = ? AND state IN {_OPEN}",
            (now, job_id),
        )
        return changed.rowcount == 1

    def durations(self) -> list[float]:
        """Return how many seconds the last models took."""
        rows = self._do(
            "SELECT ended - started FROM jobs WHERE state = 'done' ORDER BY ended DESC LIMIT ?",
            (_RECENT,),
        )
        return [float(row[0]) for row in rows]

    def _settle(self, change: str, values: tuple[object, ...], job: Job) -> bool:
        statement = f"UPDATE jobs SET {change} WHERE id = ? AND state = 'running' AND tries = ?"  # noqa: S608  # as above
        return self._do(statement, (*values, job.id, job.tries)).rowcount == 1

    def _jobs(self, where: str, values: Iterable[object]) -> list[Job]:
        rows = self._do(f"SELECT {_JOB} FROM jobs WHERE {where}", values)  # noqa: S608  # as above
        names = Job.__struct_fields__
        return [msgspec.convert(dict(zip(names, row, strict=True)), Job) for row in rows]

    def _count(self, statement: str, values: Iterable[object] = ()) -> int:
        return int(self._do(statement, values).fetchone()[0])

    # -- what is over ----------------------------------------------------------------------

    def expire(self, before: float, sessions_before: float) -> tuple[list[str], list[FileRow]]:
        """Forget what is older; returns the ids of the jobs and the files that are gone."""
        jobs = self._do(
            f"DELETE FROM jobs WHERE created < ? AND state NOT IN {_OPEN} RETURNING id",  # noqa: S608  # as above
            (before,),
        ).fetchall()
        files = self._files(
            "created < ? AND session NOT IN "
            "(SELECT session FROM jobs WHERE state IN ('queued', 'running'))",
            (before,),
        )
        self.drop_files(one.id for one in files)
        self._do(
            "DELETE FROM sessions WHERE used < ? AND id NOT IN (SELECT session FROM jobs)",
            (sessions_before,),
        )
        return [row[0] for row in jobs], files
