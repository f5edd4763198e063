"""The members of profile `3dp` about queue, control and history; extensions of the profile."""

from typing import Annotated, Literal

import msgspec

from gotapi_core.plugin import Params, Result
from gotapi_printer.model import HistoryEntry, Index, PromptEntry, QueueEntry

PAGE = 20  # entries of the history in one answer, unless told otherwise


class QueueParams(Params):
    """PUT queue: the new place of a waiting job, counted from 0 behind the one on the printer."""

    job_id: str
    order: Index


class JobParams(Params):
    """DELETE queue: which waiting job to remove."""

    job_id: str


class BedParams(Params):
    """PUT bed: what somebody saw."""

    state: Literal["clear", "notClear"] = "clear"


class BedResult(Result):
    """Whether the next print has room."""

    bed: str
    printqueue: tuple[QueueEntry, ...] = msgspec.field(name="printqueue")


class ListResult(Result):
    """The print queue: the job on the printer first."""

    printqueue: tuple[QueueEntry, ...] = msgspec.field(name="printqueue")


class CommandParams(Params):
    """POST command: one line of G-code."""

    command: Annotated[str, msgspec.Meta(min_length=1, max_length=96)]


class CommandResult(Result):
    """What the printer said to a command."""

    lines: tuple[str, ...]


class HistoryParams(Params):
    """GET history: which part of it, newest first."""

    offset: Index = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = PAGE


class HistoryResult(Result):
    """A part of the history, and how much there is."""

    history: tuple[HistoryEntry, ...]
    total: int


class PromptsResult(Result):
    """What is asked now; empty where nothing is."""

    prompts: tuple[PromptEntry, ...]


class AnswerParams(Params):
    """PUT prompt: the choice by its place, from 0; without an id for the first prompt there is."""

    choice: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0
    id: str = ""
