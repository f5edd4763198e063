"""An engine that is a ComfyUI of the user, with a graph of the user's in API form.

`{front}`, `{right}` and `{back}` in the graph become the names of the uploaded drawings. The last
GLB that the graph saves is the model.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from gotapi_creation.engine.base import Model, Say, StructuralObject
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Progress, View
from gotapi_creation.engine.remote import Server, pngs

_MOST_GRAPH: Final = 4 << 20
"""Bytes of a graph; large ones have some hundred thousand."""
_FIRST, _LONGEST = 0.5, 3.0  # seconds between two questions
_WAITING: Final = 0.95  # of the progress is the most that time alone makes


class ComfySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the engine `comfyui`."""

    url: str
    graph: str
    """Path of the graph, exported in API form."""
    seconds: float = 1800.0
    """After that many the job is given up."""
    usual: float = 120.0
    """Seconds a job usually takes; progress is told by it."""


class _Uploaded(msgspec.Struct, frozen=True):
    name: str
    subfolder: str = ""


class _Queued(msgspec.Struct, frozen=True):
    prompt_id: str = ""
    error: msgspec.Raw = msgspec.Raw(b"")
    node_errors: msgspec.Raw = msgspec.Raw(b"")


class _File(msgspec.Struct, frozen=True):
    filename: str
    subfolder: str = ""
    type: str = "output"


class _State(msgspec.Struct, frozen=True):
    status_str: str = ""
    completed: bool = False


class _Entry(msgspec.Struct, frozen=True):
    outputs: dict[str, dict[str, msgspec.Raw]] = {}
    status: _State = _State()


class ComfyEngine:
    """One prompt of the server per model."""

    name = "comfyui"

    def __init__(
        self, settings: ComfySettings, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._pause = pause

    def make(self, job: StructuralObject, say: Say) -> Model:
        """Make the model; raises CreationError with words for the user."""
        graph = self._graph()
        server = Server("ComfyUI", self._settings.url)
        say(Progress(0.0, "sending the drawings"))
        filled = self._filled(graph, job, server)
        prompt = self._queued(server, filled)
        entry = self._waited(server, prompt, say)
        found = _saved(entry)
        if found is None:
            raise server.error("saved no GLB; the graph needs a node that saves one")
        where = {"filename": found.filename, "subfolder": found.subfolder, "type": found.type}
        return server.model(server.call("GET", f"/view?{urlencode(where)}"), job.height_mm)

    def _graph(self) -> str:
        path = Path(self._settings.graph)
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_GRAPH)
            msgspec.json.decode(data, type=dict[str, msgspec.Raw])
            return data.decode()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            words = f"the graph {path.name} cannot be used: {error}; export it in API form"
            raise CreationError("engine", words) from None

    def _filled(self, graph: str, job: StructuralObject, server: Server) -> msgspec.Raw:
        drawn = pngs(job)
        for view in View:
            place = f"{{{view}}}"
            if place not in graph:
                continue
            if view not in drawn:
                words = f"the graph wants a {view} drawing; send one, or use another graph"
                raise CreationError("engine", words)
            name = f"gotapi-{view}.png"
            answer = server.upload("/upload/image", "image", name, drawn[view], overwrite="false")
            uploaded = server.decoded(answer, _Uploaded)
            at = f"{uploaded.subfolder}/{uploaded.name}".lstrip("/")
            graph = graph.replace(place, msgspec.json.encode(at).decode()[1:-1])
        return msgspec.Raw(graph.encode())

    def _queued(self, server: Server, graph: msgspec.Raw) -> str:
        answer = server.call("POST", "/prompt", {"prompt": graph, "client_id": "gotapi-hub"})
        queued = server.decoded(answer, _Queued)
        if not queued.prompt_id:
            shown = bytes(queued.error) or bytes(queued.node_errors)
            raise server.error(f"refused the graph: {shown[:200].decode('utf-8', 'replace')}")
        return queued.prompt_id

    def _waited(self, server: Server, prompt: str, say: Say) -> _Entry:
        waited, step = 0.0, _FIRST
        while waited < self._settings.seconds:
            self._pause(step)
            waited, step = waited + step, min(_LONGEST, 1.3 * step)
            answer = server.call("GET", f"/history/{quote(prompt, safe='')}")
            try:
                entry = msgspec.json.decode(answer, type=dict[str, _Entry]).get(prompt)
            except msgspec.DecodeError as error:
                raise server.error(f"answers what is not understood: {error}") from None
            if entry is not None and entry.status.status_str == "error":
                raise server.error("failed in the graph; its own log says where")
            if entry is not None:
                return entry
            say(Progress(_WAITING * min(1.0, waited / self._settings.usual), "the graph runs"))
        server.call("POST", "/queue", {"delete": [prompt]})
        server.call("POST", "/interrupt", {})
        raise server.error(f"was given {self._settings.seconds:g} seconds and is not ready")


def _saved(entry: _Entry) -> _File | None:
    """Return the last GLB among the outputs; each node has its own names for them."""
    found = None
    for node in entry.outputs.values():
        for value in node.values():
            try:
                files = msgspec.json.decode(value, type=list[_File])
            except msgspec.DecodeError:
                continue  # texts and numbers of other nodes
            for file in files:
                if file.filename.lower().endswith(".glb"):
                    found = file
    return found
