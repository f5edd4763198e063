"""PURE: what the hub's side of 3DCAPI keeps and is set to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec

from gotapi_core.plugin import Secret
from gotapi_creation.wire import JobState, Report, View

PLUGIN: Final = "creation"
EMBEDDED: Final = "embedded"
VERSION: Final = "0.1.0"


class ServiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A creation service of the settings; `key` is the access token it wants."""

    url: str
    name: str = ""
    key: Secret = ""


class CreationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section `[plugins.creation]`; times are seconds."""

    embedded: bool = True
    services: tuple[ServiceSettings, ...] = ()
    compat: Literal["", "figures"] = ""
    strict_http: bool = False
    jobs_per_application: Annotated[int, msgspec.Meta(ge=1, le=100)] = 4
    call_time: Annotated[float, msgspec.Meta(gt=0, le=300)] = 10.0
    job_time: Annotated[float, msgspec.Meta(gt=0)] = 3600.0
    lost_time: Annotated[float, msgspec.Meta(gt=0)] = 120.0
    keep_results: Annotated[float, msgspec.Meta(gt=0)] = 86400.0
    engines: dict[str, dict[str, Any]] = {}


class Session(msgspec.Struct, frozen=True):
    """An application at a service: its secureToken here, and the hub's own one at the service."""

    token: str
    application: str
    service: str
    request_code: int
    remote_token: str
    period: float = 5.0
    reporting: bool = True


class Step(StrEnum):
    """Where a job is; what a restarted hub goes on with."""

    COLLECTING = "collecting"
    SENDING = "sending"
    RUNNING = "running"
    FETCHING = "fetching"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self in (Step.DONE, Step.FAILED, Step.CANCELLED)

    @property
    def works(self) -> bool:
        """Whether something is being done for it."""
        return self in (Step.SENDING, Step.RUNNING, Step.FETCHING)


# What may follow; a restart of the work leads back to SENDING.
STEPS: Final[dict[Step, frozenset[Step]]] = {
    Step.COLLECTING: frozenset({Step.SENDING, Step.CANCELLED}),
    Step.SENDING: frozenset({Step.RUNNING, Step.COLLECTING, Step.FAILED, Step.CANCELLED}),
    Step.RUNNING: frozenset({Step.FETCHING, Step.SENDING, Step.FAILED, Step.CANCELLED}),
    Step.FETCHING: frozenset({Step.DONE, Step.SENDING, Step.FAILED, Step.CANCELLED}),
    Step.DONE: frozenset(),
    Step.FAILED: frozenset(),
    Step.CANCELLED: frozenset(),
}


class PictureFile(msgspec.Struct, frozen=True):
    """A picture that was announced; `arrived` says that it lies in the job's folder.

    `direct` is the service's own address, where the application sends it past the hub.
    """

    file_id: int
    key: str
    view: View
    arrived: bool = False
    direct: str = ""
    type: str = ""


class ResultFile(msgspec.Struct, frozen=True):
    """A file of a finished model, in the job's folder."""

    file_id: int
    format: str
    size: int
    sha256: str
    part: str = ""

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return f"{self.part or 'model'}.{self.format}"


class Attributes(msgspec.Struct, frozen=True):
    """What setattribute said."""

    template_id: int
    views: tuple[View, ...] = ()
    species: str = ""
    gender: str = ""
    age: int | None = None
    style: float | None = None
    extra: dict[str, str] = {}


class Job(msgspec.Struct, frozen=True):
    """One model to be made; times are seconds since 1970."""

    id: str
    session: str
    application: str
    service: str
    request_code: int
    created: float
    files: tuple[PictureFile, ...]
    step: Step = Step.COLLECTING
    attributes: Attributes | None = None
    remote_token: str = ""
    remote_job: str = ""
    attempts: int = 0
    began: float = 0.0
    ended: float = 0.0
    results: tuple[ResultFile, ...] = ()
    error: str = ""
    code: int = 0
    key: str = ""
    previews: tuple[str, ...] = ()


class Live(msgspec.Struct):
    """What is known of a job that need not survive a restart."""

    progress: float = 0.0
    stage: str = ""
    queue: int | None = None
    estimate: float | None = None


_STATES: Final = {
    Step.COLLECTING: JobState.QUEUED,
    Step.DONE: JobState.DONE,
    Step.FAILED: JobState.FAILED,
    Step.CANCELLED: JobState.CANCELLED,
}
_STAGES: Final = {
    Step.COLLECTING: "waiting for the pictures",
    Step.SENDING: "sending the pictures",
    Step.FETCHING: "fetching the model",
    Step.DONE: "done",
}


def report_of(job: Job, live: Live, now: float, base_url: str = "") -> Report:
    """Return a job as its application sees it; `progress` is 1 once the files can be fetched."""
    state = _STATES.get(job.step, JobState.RUNNING)
    if job.step is Step.RUNNING and live.queue:
        state = JobState.QUEUED
    ended = job.ended or now
    links = {name: preview_url(base_url, job, name) for name in job.previews}
    return Report(
        service_id=f"{job.service}.{PLUGIN}",
        progress=1.0 if job.step is Step.DONE else live.progress,
        time=max(int(ended - job.began), 0) if job.began else 0,
        status=state,
        stage=_STAGES.get(job.step, live.stage),
        job_id=job.id,
        request_code=job.request_code,
        queue=None if job.step.final else live.queue,
        estimate=None if job.step.final else live.estimate,
        snapshot_url=links.get(PREVIEW_PICTURE, ""),
        preview_model_url=links.get(PREVIEW_MODEL, ""),
        error=job.error,
    )


PREVIEW_PICTURE: Final = "preview.png"
PREVIEW_MODEL: Final = "preview.glb"
FILES: Final = "/3dcapi/files"


def preview_url(base_url: str, job: Job, name: str) -> str:
    """Return where a preview is; the key in it stands for a token."""
    return f"{base_url}{FILES}/{job.id}/{job.key}/{name}"


def picture_url(base_url: str, file: PictureFile) -> str:
    """Return where a picture is to be sent; the key in it stands for a token."""
    return f"{base_url}{FILES}/{file.file_id}/{file.key}"
