"""The members of profile `3dp` that follow a print: status, queue and jobs. PURE.

Temperatures are in degrees Celsius, times in seconds, progress is 0 to 1 (DWAPI-3DP 7.2.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from gotapi_core.client.errors import HubFault


class JobState(StrEnum):
    """Where a job is; the last four are final."""

    FETCHING = "fetching"
    QUEUED = "queued"
    SLICING = "slicing"
    STARTING = "starting"
    PRINTING = "printing"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


FINAL: Final = frozenset({JobState.DONE, JobState.STOPPED, JobState.FAILED, JobState.INTERRUPTED})


class PrintJob(msgspec.Struct, frozen=True, rename="camel"):
    """One job; None is what the printer does not know."""

    job_id: str
    state: str = JobState.QUEUED
    name: str = ""
    uri: str = ""
    order: int = 0
    msg: str = ""
    progress: float | None = None
    line: int | None = None
    lines: int | None = None
    layer: int | None = None
    layers: int | None = None
    time_left: float | None = None
    time_left_source: str | None = None
    reason: str | None = None
    copies: int = 1
    copy: int = 1

    @property
    def final(self) -> bool:
        """Whether the job is over."""
        return self.state in FINAL


class Prompt(msgspec.Struct, frozen=True):
    """A question to somebody at the printer; `choices` are counted from 0."""

    id: str
    text: str = ""
    choices: tuple[str, ...] = ()


BED_PROMPT: Final = "bedNotClear"  # the id of the hub's own question


class PastPrint(msgspec.Struct, frozen=True, rename="camel"):
    """A print that ended; `time` is seconds on the printer, `filament` millimetres."""

    job_id: str
    result: str
    name: str = ""
    uri: str = ""
    time: float = 0.0
    filament: float | None = None
    copies: int = 1
    copies_done: int = 0
    reason: str = ""
    started_at: str = ""
    ended_at: str = ""


class PrinterStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What a printer does now."""

    online: bool = True
    operating_status: str = ""
    message: str | None = None
    nozzle_temperature: float | None = None
    nozzle_target: float | None = None
    bed_temperature: float | None = None
    bed_target: float | None = None
    print_queue: tuple[PrintJob, ...] = ()
    last_job: PrintJob | None = None
    prompts: tuple[Prompt, ...] = ()
    time_stamp: str = ""

    def job(self, job_id: str) -> PrintJob | None:
        """Return a job that waits, runs or ended last."""
        if self.last_job is not None and self.last_job.job_id == job_id:
            return self.last_job
        return next((job for job in self.print_queue if job.job_id == job_id), None)


class _Wrapped(msgspec.Struct, frozen=True):
    status: PrinterStatus = msgspec.field(name="3dp")


class _Queue(msgspec.Struct, frozen=True):
    printqueue: tuple[PrintJob, ...]


class _History(msgspec.Struct, frozen=True):
    history: tuple[PastPrint, ...]


class _Prompts(msgspec.Struct, frozen=True):
    prompts: tuple[Prompt, ...]


class _Lines(msgspec.Struct, frozen=True):
    lines: tuple[str, ...]


T = TypeVar("T")


def _parse(members: Mapping[str, object], kind: type[T]) -> T:
    try:
        return msgspec.convert(members, kind)
    except msgspec.ValidationError as error:
        raise HubFault(f"The printer's answer is malformed: {error}") from None


def parse_queue(members: Mapping[str, object]) -> tuple[PrintJob, ...]:
    """Return the jobs in an answer with a print queue; raises HubFault."""
    return _parse(members, _Queue).printqueue


def parse_history(members: Mapping[str, object]) -> tuple[PastPrint, ...]:
    """Return the prints in an answer of `3dp/history`; raises HubFault."""
    return _parse(members, _History).history


def parse_prompts(members: Mapping[str, object]) -> tuple[Prompt, ...]:
    """Return the questions in an answer of `3dp/prompt`; raises HubFault."""
    return _parse(members, _Prompts).prompts


def parse_lines(members: Mapping[str, object]) -> tuple[str, ...]:
    """Return the lines in an answer of `3dp/command`; raises HubFault."""
    return _parse(members, _Lines).lines


def parse_status(members: Mapping[str, object]) -> PrinterStatus:
    """Return the status in the members of an answer or event of `3dp/status`; raises HubFault."""
    try:
        return msgspec.convert(members, _Wrapped).status
    except msgspec.ValidationError as error:
        raise HubFault(f"The printer's status is malformed: {error}") from None


def parse_started(members: Mapping[str, object]) -> str:
    """Return the id of the job that a `printingcommand` added; raises HubFault."""
    job_id = members.get("jobId")
    if not isinstance(job_id, str) or not job_id:
        raise HubFault("The printer took the file but named no job")
    return job_id
