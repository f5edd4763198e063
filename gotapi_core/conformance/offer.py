"""What a service says it can do, read from the answer of serviceinformation. PURE.

Three sources, since no hub has all: `supportApis` (DeviceConnect: a Swagger 2.0 document a
profile, whose operations have `x-type`), `attributes` (gotapi-hub), and the profiles known here.
Only what is safe to try is returned: a PUT or DELETE that is not known to be an event could move
a machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import Failed


class OneShot(msgspec.Struct, frozen=True, order=True):
    """A GET; `path` is below /gotapi/."""

    service_id: str
    path: str


class Event(msgspec.Struct, frozen=True, order=True):
    """Something to listen to; `path` is below /gotapi/."""

    service_id: str
    path: str

    def is_meant_by(self, members: Mapping[str, object]) -> bool:
        """Return whether a frame with these members says that it is this event."""
        names = [str(members.get(one, "")) for one in ("profile", "interface", "attribute")]
        path = "/".join(name for name in names if name).lower()
        return path == self.path.lower() and members.get("serviceId") == self.service_id


# OMA DWAPI-3DP 7.2.2 and 7.2.3: both attributes answer GET and can be listened to.
_KNOWN: Final[Mapping[str, tuple[str, ...]]] = {"3dp": ("3dp/status", "3dp/information")}
_PREFIX: Final = "/gotapi/"


def offered_one_shots(service_id: str, scopes: list[str], answer: Answer) -> list[OneShot]:
    """Return the GETs of a service, without those that need parameters."""
    return [OneShot(service_id, path) for path in _paths(scopes, answer, "get", "one-shot")]


def offered_events(service_id: str, scopes: list[str], answer: Answer) -> list[Event]:
    """Return the events of a service."""
    return [Event(service_id, path) for path in _paths(scopes, answer, "put", "event")]


def _paths(scopes: list[str], answer: Answer, method: str, kind: str) -> list[str]:
    known = [path for scope in scopes for path in _KNOWN.get(scope, ())]
    try:
        members = answer.members if answer.good else {}
    except Failed:
        members = {}
    told = [*_attributes(members, method, kind), *_swagger(members, method, kind)]
    return list(dict.fromkeys([*known, *told]))


def _attributes(members: Mapping[str, object], method: str, kind: str) -> Iterator[str]:
    for one in _objects(members.get("attributes")):
        path = str(one.get("path", ""))
        if (str(one.get("method")).lower(), one.get("type")) == (method, kind):
            yield path.removeprefix(_PREFIX)


def _swagger(members: Mapping[str, object], method: str, kind: str) -> Iterator[str]:
    documents = members.get("supportApis")
    for profile, document in documents.items() if isinstance(documents, dict) else ():
        if not isinstance(document, dict):
            continue
        base = str(document.get("basePath", f"{_PREFIX}{profile}")).rstrip("/")
        paths = document.get("paths")
        for path, item in paths.items() if isinstance(paths, dict) else ():
            operation = item.get(method) if isinstance(item, dict) else None
            if isinstance(operation, dict) and _fits(operation, kind):
                yield f"{base}{path}".rstrip("/").removeprefix(_PREFIX)


def _fits(operation: Mapping[str, object], kind: str) -> bool:
    needed = {
        one.get("name")
        for one in _objects(operation.get("parameters"))
        if one.get("required") is True
    }
    return operation.get("x-type") == kind and needed <= {"serviceId", "accessToken"}


def _objects(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
