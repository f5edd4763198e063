"""Reports about a job on the snapshot socket, and the first message of a client. PURE."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from gotapi_creation.wire import words
from gotapi_creation.wire.words import Folded, bad_answer

LONGEST_MESSAGE: Final = 65536  # bytes of one frame of the snapshot socket


class JobState(StrEnum):
    """The `status` member of a report, an extension: the text has no word for failure."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether no report follows."""
        return self in _FINAL


_FINAL: Final = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class Report(msgspec.Struct, frozen=True):
    """One report: `progress` 0 to 1, 1 only when the files can be fetched; `time` in seconds.

    Everything from `status` on is an extension.
    """

    service_id: str
    progress: float
    time: int
    status: JobState = JobState.RUNNING
    stage: str = ""
    job_id: str = ""
    request_code: int | None = None
    queue: int | None = None
    estimate: float | None = None
    snapshot_url: str = ""
    preview_model_url: str = ""
    error: str = ""

    @property
    def final(self) -> bool:
        """Whether it ends the reports: 7.5.2's Notice of Completion, or a failure."""
        return self.status.final


class Hello(msgspec.Struct, frozen=True):
    """The first message of a client on the socket."""

    access_token: str
    secure_token: str = ""
    job_id: str = ""


def write_report(report: Report) -> dict[str, object]:
    """Return the JSON members of a report; `progress` has two digits, and 1 only at the end."""
    progress = (
        1.0 if report.status is JobState.DONE else min(int(report.progress * 100) / 100, 0.99)
    )
    members: dict[str, object] = {
        "serviceId": report.service_id,
        "progress": max(progress, 0.0),
        "time": report.time,
        "status": report.status.value,
    }
    optional = {
        "stage": report.stage,
        "jobId": report.job_id,
        "requestCode": report.request_code,
        "queue": report.queue,
        "estimate": report.estimate,
        "snapshotUrl": report.snapshot_url,
        "previewModelUrl": report.preview_model_url,
        "errorMessage": report.error,
    }
    return members | {name: value for name, value in optional.items() if value not in ("", None)}


def read_report(data: bytes | str) -> Report:
    """Return a service's report; raises CreationError(BAD_ANSWER)."""
    if len(data) > LONGEST_MESSAGE:
        raise bad_answer(f"on the snapshot socket is longer than {LONGEST_MESSAGE} bytes")
    members = words.object_of(data)
    progress = words.maybe_float(members, "progress")
    if progress is None or progress < 0:
        raise bad_answer("on the snapshot socket has no 'progress'")
    if progress > 1:  # 7.5.2 calls it a percentage
        progress = min(progress / 100, 1.0)
    return Report(
        service_id=words.maybe_text(members, "serviceId"),
        progress=progress,
        time=max(int(words.maybe_float(members, "time") or 0), 0),
        status=_state(members, progress),
        stage=words.maybe_text(members, "stage")[:200],
        job_id=words.maybe_text(members, "jobId"),
        request_code=words.maybe_int(members, "requestCode"),
        queue=words.maybe_int(members, "queue"),
        estimate=words.maybe_float(members, "estimate"),
        snapshot_url=words.maybe_text(members, "snapshotUrl"),
        preview_model_url=words.maybe_text(members, "previewModelUrl"),
        error=words.maybe_text(members, "errorMessage") or words.maybe_text(members, "error"),
    )


def _state(members: Folded, progress: float) -> JobState:
    word = words.maybe_text(members, "status").lower()
    known = next((state for state in JobState if state.value == word), None)
    if known is not None:
        return known
    if words.maybe_text(members, "error"):
        return JobState.FAILED
    return JobState.DONE if progress >= 1 else JobState.RUNNING


def write_hello(hello: Hello) -> dict[str, object]:
    """Return the JSON members of the first message."""
    members: dict[str, object] = {"accessToken": hello.access_token}
    optional = {"secureToken": hello.secure_token, "jobId": hello.job_id}
    return members | {name: value for name, value in optional.items() if value}


def read_hello(data: bytes | str) -> Hello:
    """Return a client's first message; raises CreationError(BAD_ANSWER)."""
    if len(data) > LONGEST_MESSAGE:
        raise bad_answer(f"on the snapshot socket is longer than {LONGEST_MESSAGE} bytes")
    members = words.object_of(data)
    return Hello(
        access_token=words.maybe_text(members, "accessToken"),
        secure_token=words.maybe_text(members, "secureToken"),
        job_id=words.maybe_text(members, "jobId"),
    )
