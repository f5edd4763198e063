"""Answers: written in the tables' spelling, read in every spelling. PURE.

The same answers come from services (3DCAPI-2) and go to applications (3DCAPI-1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from gotapi_creation.wire import words
from gotapi_creation.wire.codes import TABLE, Code, CreationError, code_of
from gotapi_creation.wire.views import View, view_of
from gotapi_creation.wire.words import Folded, bad_answer, fold

Members = dict[str, object]
SCOPE: Final = "3dmodeling"
METHOD_HTTP: Final = "http"
METHOD_WEBSOCKET: Final = "websocket"
METHOD_FTP: Final = "ftp"
_MOST_FILES: Final = 32  # entries of one fileTransInfo
_KNOWN_TEMPLATE: Final = frozenset(
    ["templateid", "species", "gender", "age", "style", "2dsilhouetteimgurl", "silhouetteid"]
)
# Extensions: the text has an address for the front only.
_PICTURES: Final = frozenset(["rightsilhouetteimgurl", "backsilhouetteimgurl"])


class ServiceEntry(msgspec.Struct, frozen=True):
    """A creation service as servicediscovery lists it."""

    service_id: str
    name: str
    provider: str = ""
    version: str = ""
    type: str = ""
    online: bool = True
    scopes: tuple[str, ...] = (SCOPE,)


class ServerEntry(msgspec.Struct, frozen=True):
    """A creation service as serviceconnecting answers it."""

    servicename: str
    url: str
    secure_token: str = ""


class FileEntry(msgspec.Struct, frozen=True):
    """A file to send or to fetch. `view`, `format`, `size`, `sha256`, `part` are extensions."""

    method: str
    file_id: int
    url: str
    view: View | None = None
    format: str = ""
    size: int | None = None
    sha256: str = ""
    part: str = ""


class TemplateEntry(msgspec.Struct, frozen=True):
    """A template. `style` is head height / total height; `extra` goes through unchanged."""

    template_id: int
    species: str
    gender: str
    age: int
    style: float
    image_url: str
    silhouette_id: int
    extra: Mapping[str, object] = {}

    def with_pictures(self, place: Callable[[str], str]) -> TemplateEntry:
        """Return the template with each address of a guide changed; where there is none, none."""
        extra = dict(self.extra)
        for name, value in self.extra.items():
            if isinstance(value, str) and value and fold(name) in _PICTURES:
                extra[name] = place(value)
        front = place(self.image_url) if self.image_url else ""
        return msgspec.structs.replace(self, image_url=front, extra=extra)


class Done(msgspec.Struct, frozen=True):
    """An answer that only says success. The members are extensions: the job that began."""

    job_id: str = ""
    queue: int | None = None
    estimate: float | None = None


class Discovery(msgspec.Struct, frozen=True):
    """The answer of servicediscovery."""

    services: tuple[ServiceEntry, ...] = ()


class Connecting(msgspec.Struct, frozen=True):
    """The answer of serviceconnecting."""

    servers: tuple[ServerEntry, ...]


class Transfer(msgspec.Struct, frozen=True):
    """The answer of filetransfer, and of filereceive."""

    files: tuple[FileEntry, ...]
    job_id: str = ""


class Attributes(msgspec.Struct, frozen=True):
    """The answer of getattribute."""

    templates: tuple[TemplateEntry, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """The answer of snapshot; STOP and CANCEL have no address."""

    websocket_url: str = ""
    job_id: str = ""


class Printed(msgspec.Struct, frozen=True):
    """The answer of printing: the printer's service id and the id of its job."""

    printer: str
    print_job_id: str


class Status(msgspec.Struct, frozen=True):
    """The answer of status (HR-001, HR-002): `resolution` of the clock is in seconds."""

    time: str
    zone: str
    resolution: float
    software: str
    version: str
    protocol: str
    revision: str


Answer = Done | Discovery | Connecting | Transfer | Attributes | Snapshot | Printed | Status


def write_answer(answer: Answer, request_code: int | None, *, figures: bool = False) -> Members:
    """Return the JSON members of a success; `figures` adds the spelling of the figures."""
    members = _head(request_code, Code.OK, figures=figures)
    members |= _BODIES[type(answer)](answer)
    if figures:
        members |= _figures(members)
    return members


def write_error(
    error: CreationError, request_code: int | None, *, figures: bool = False
) -> Members:
    """Return the JSON members of a failure."""
    members = _head(request_code, error.code, figures=figures)
    return members | {"errorCode": error.code.name, "errorMessage": error.message}


def _head(request_code: int | None, code: Code, *, figures: bool) -> Members:
    members: Members = {} if request_code is None else {"requestCode": request_code}
    if figures and request_code is not None:
        members["resquestCode"] = request_code
    return members | {"result": int(code)}


def _figures(members: Members) -> Members:
    """Return what the figures (and the table of 7.2.2) spell otherwise."""
    more: Members = {}
    if (servers := members.get("3dContentCreationServerList")) is not None:
        more["3dConecntCreationServerList"] = servers
    files = members.get("fileTransInfo")
    if isinstance(files, list):  # figure 7.3: `FileTransInfo`, `Method`, a fileId in quotes
        more["FileTransInfo"] = [
            one | {"Method": one["method"], "fileId": str(one["fileId"])} for one in files
        ]
    return more


def _present(members: Members) -> Members:
    return {name: value for name, value in members.items() if value not in ("", None)}


def _done(answer: Done) -> Members:
    return _present({"jobId": answer.job_id, "queue": answer.queue, "estimate": answer.estimate})


def _discovery(answer: Discovery) -> Members:
    return {"services": [_service(one) for one in answer.services]}


def _service(one: ServiceEntry) -> Members:
    optional = _present({"provider": one.provider, "version": one.version, "type": one.type})
    members: Members = {"serviceId": one.service_id, "name": one.name}
    return members | optional | {"online": one.online, "scopes": list(one.scopes)}


def _connecting(answer: Connecting) -> Members:
    servers = [
        _present({"servicename": one.servicename, "url": one.url, "secureToken": one.secure_token})
        for one in answer.servers
    ]
    return {"3dContentCreationServerList": servers}


def _transfer(answer: Transfer) -> Members:
    members: Members = {"fileNum": len(answer.files)}
    members["fileTransInfo"] = [_file(one) for one in answer.files]
    return members | _present({"jobId": answer.job_id})


def _file(one: FileEntry) -> Members:
    return _present(
        {
            "method": one.method,
            "fileId": one.file_id,
            "url": one.url,
            "view": None if one.view is None else one.view.value,
            "format": one.format,
            "size": one.size,
            "sha256": one.sha256,
            "part": one.part,
        }
    )


def _attributes(answer: Attributes) -> Members:
    return {"templateInfo": [_template(one) for one in answer.templates]}


def _template(one: TemplateEntry) -> Members:
    return {
        "templateId": one.template_id,
        "species": one.species,
        "gender": one.gender,
        "age": one.age,
        "style": one.style,
        "2DsilhouetteImgUrl": one.image_url,
        "silhouetteId": one.silhouette_id,
        **one.extra,
    }


def _snapshot(answer: Snapshot) -> Members:
    return _present({"websocketUrl": answer.websocket_url, "jobId": answer.job_id})


def _printed(answer: Printed) -> Members:
    return _present({"printer": answer.printer, "printJobId": answer.print_job_id})


def _status(answer: Status) -> Members:
    members: Members = msgspec.structs.asdict(answer)
    return members


_BODIES: Final[Mapping[type, Callable[..., Members]]] = {
    Done: _done,
    Discovery: _discovery,
    Connecting: _connecting,
    Transfer: _transfer,
    Attributes: _attributes,
    Snapshot: _snapshot,
    Printed: _printed,
    Status: _status,
}

T = TypeVar("T")


def read_answer(data: bytes | str) -> tuple[int | None, Folded]:
    """Return requestCode and members of a success; raises CreationError with the service's code."""
    members = words.object_of(data)
    result = words.need_int(members, "result")
    if result != 0:
        code = code_of(result)
        message = words.maybe_text(members, "errorMessage") or words.maybe_text(members, "message")
        fallback = TABLE[code][0]
        if code is Code.SERVICE_REFUSED:
            message = f"The creation service refused (result {result}): {message or 'no reason'}"
        raise CreationError(code, message or f"The creation service says: {fallback}")
    return words.maybe_int(members, "requestCode"), members


def read_done(members: Folded) -> Done:
    """Return the answer of setattribute, STOP, CANCEL and ACK."""
    return Done(
        job_id=words.maybe_text(members, "jobId"),
        queue=words.maybe_int(members, "queue"),
        estimate=words.maybe_float(members, "estimate"),
    )


def read_discovery(members: Folded) -> Discovery:
    """Return the answer of servicediscovery; raises CreationError(BAD_ANSWER)."""
    return Discovery(_each(members, "services", _read_service))


def _read_service(entry: object) -> ServiceEntry:
    members = words.folded(entry)
    online = words.bool_of(members.get("online"))
    scopes = members.get("scopes")
    given = scopes if isinstance(scopes, list) else [scopes]
    found = tuple(text for one in given if (text := words.text_of(one)))
    return ServiceEntry(
        service_id=words.need_text(members, "serviceId"),
        name=words.maybe_text(members, "name") or words.need_text(members, "serviceId"),
        provider=words.maybe_text(members, "provider"),
        version=words.maybe_text(members, "version"),
        type=words.maybe_text(members, "type"),
        online=True if online is None else online,
        scopes=found or (SCOPE,),
    )


def read_connecting(members: Folded) -> Connecting:
    """Return the answer of serviceconnecting; raises CreationError(BAD_ANSWER)."""
    return Connecting(_each(members, "3dContentCreationServerList", _read_server))


def _read_server(entry: object) -> ServerEntry:
    members = words.folded(entry)
    return ServerEntry(
        servicename=words.maybe_text(members, "servicename") or "unnamed",
        url=words.need_text(members, "url"),
        secure_token=words.maybe_text(members, "secureToken"),
    )


def read_transfer(members: Folded) -> Transfer:
    """Return the answer of filetransfer and filereceive; raises CreationError(BAD_ANSWER)."""
    files = _each(members, "fileTransInfo", _read_file)
    number = words.maybe_int(members, "fileNum")
    if not files or len(files) > _MOST_FILES:
        raise bad_answer(f"has {len(files)} entries in 'fileTransInfo', not 1 to {_MOST_FILES}")
    if number is not None and number < 1:
        raise bad_answer(f"has {number} as 'fileNum'")
    return Transfer(files, words.maybe_text(members, "jobId"))


def _read_file(entry: object) -> FileEntry:
    members = words.folded(entry)
    view = words.maybe_text(members, "view")
    return FileEntry(
        method=words.need_text(members, "method").lower(),
        file_id=words.need_int(members, "fileId"),
        url=words.need_text(members, "url"),
        view=view_of(view),
        format=words.maybe_text(members, "format").lower(),
        size=words.maybe_int(members, "size"),
        sha256=words.maybe_text(members, "sha256").lower(),
        part=words.maybe_text(members, "part"),
    )


def read_attributes(members: Folded) -> Attributes:
    """Return the answer of getattribute; raises CreationError(BAD_ANSWER)."""
    return Attributes(_each(members, "templateInfo", _read_template))


def _read_template(entry: object) -> TemplateEntry:
    members = words.folded(entry)
    named = entry if isinstance(entry, dict) else {}
    return TemplateEntry(
        template_id=words.need_int(members, "templateId"),
        species=words.maybe_text(members, "species"),
        gender=words.maybe_text(members, "gender"),
        age=words.maybe_int(members, "age") or 0,
        style=words.maybe_float(members, "style") or 0.0,
        image_url=words.maybe_text(members, "2DsilhouetteImgUrl"),
        silhouette_id=words.maybe_int(members, "silhouetteId") or 0,
        extra={name: value for name, value in named.items() if fold(name) not in _KNOWN_TEMPLATE},
    )


def read_snapshot(members: Folded) -> Snapshot:
    """Return the answer of snapshot."""
    return Snapshot(words.maybe_text(members, "websocketUrl"), words.maybe_text(members, "jobId"))


def _each(members: Folded, name: str, read: Callable[[object], T]) -> tuple[T, ...]:
    if fold(name) not in members:
        raise bad_answer(f"has no '{name}'")
    entries: Sequence[object] = words.list_of(members[fold(name)], name)
    return tuple(read(one) for one in entries)
