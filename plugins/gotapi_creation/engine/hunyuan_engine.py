"""An engine that is a Hunyuan3D API server of the user: POST /send, then GET /status.

The server tells neither percent nor failure: a job that fails stays `processing` for ever, so this
side has a deadline, and progress is the time that went by. It takes one job at a time.
"""

import base64
import binascii
import time
from collections.abc import Callable
from typing import Final

import msgspec

from gotapi_creation.engine.base import Model, Say, StructuralObject
from gotapi_creation.engine.order import Progress, View
from gotapi_creation.engine.remote import Server, pngs

_FIRST, _LONGEST = 0.5, 5.0  # seconds between two questions
_WAITING: Final = 0.95  # of the progress is the most that time alone makes


class HunyuanSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the engine `hunyuan3d`."""

    url: str
    seconds: float = 1800.0
    """After that many the job is given up."""
    usual: float = 120.0
    """Seconds a job usually takes; progress is told by it."""
    views: bool = False
    """Whether the server takes `image_front`, `image_right` and `image_back`."""
    texture: bool = False
    seed: int = 1234
    octree_resolution: int = 256
    num_inference_steps: int = 5
    guidance_scale: float = 5.0
    face_count: int = 40_000


class _Sent(msgspec.Struct, frozen=True):
    uid: str


class _Status(msgspec.Struct, frozen=True):
    status: str
    model_base64: str = ""
    error: str = ""
    message: str = ""


class HunyuanEngine:
    """One job of the server per model."""

    name = "hunyuan3d"

    def __init__(
        self, settings: HunyuanSettings, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._pause = pause

    def make(self, job: StructuralObject, say: Say) -> Model:
        """Make the model; raises CreationError with words for the user."""
        server = Server("the Hunyuan3D server", self._settings.url)
        say(Progress(0.0, "sending the drawings"))
        sent = server.decoded(server.call("POST", "/send", self._request(job)), _Sent)
        data = self._waited(server, sent.uid, say)
        try:
            model = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise server.error("answers a model that is no base64") from None
        return server.model(model, job.height_mm)

    def _request(self, job: StructuralObject) -> dict[str, object]:
        chosen = self._settings
        images = {view: base64.b64encode(data).decode() for view, data in pngs(job).items()}
        named = {f"image_{view}": text for view, text in images.items()} if chosen.views else {}
        return {
            "image": images[View.FRONT],
            **named,
            "type": "glb",
            "texture": chosen.texture,
            "seed": chosen.seed,
            "octree_resolution": chosen.octree_resolution,
            "num_inference_steps": chosen.num_inference_steps,
            "guidance_scale": chosen.guidance_scale,
            "face_count": chosen.face_count,
        }

    def _waited(self, server: Server, uid: str, say: Say) -> str:
        waited, step = 0.0, _FIRST
        while waited < self._settings.seconds:
            self._pause(step)
            waited, step = waited + step, min(_LONGEST, 1.3 * step)
            status = server.decoded(server.call("GET", f"/status/{uid}"), _Status)
            if status.status == "completed" and status.model_base64:
                return status.model_base64
            if status.status == "error" or status.error:
                raise server.error(f"failed: {status.error or status.message or 'it says not why'}")
            share = _WAITING * min(1.0, waited / self._settings.usual)
            painting = status.status == "texturing"
            say(Progress(max(share, 0.6) if painting else share, status.status[:40]))
        raise server.error(f"was given {self._settings.seconds:g} seconds and is not ready")
