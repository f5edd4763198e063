"""Model servers of the user on HTTP: bounded answers, words of errors, models into our frame."""

import io
from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec
import numpy as np
from PIL import Image

from gotapi_creation.engine.base import Model, StructuralObject
from gotapi_creation.engine.command_engine import fitted, picture
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import View
from gotapi_meshes import MeshError
from gotapi_meshes.reading import read_model

MOST: Final = 256 << 20
"""Bytes of an answer: a textured model as base64."""
_SECONDS: Final = 60.0
"""Of one call; jobs are waited for by asking again."""
_SHOWN: Final = 200

S = TypeVar("S", bound=msgspec.Struct)


class Server:
    """One server; every error is a CreationError with its name."""

    def __init__(self, name: str, url: str) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise CreationError("engine", f"the address of {name} begins with http:// or https://")
        self._name = name
        self.url = url.rstrip("/")
        # Environment variables must not send drawings to a proxy.
        self._client = httpx2.Client(timeout=_SECONDS, trust_env=False)

    def call(self, method: str, path: str, body: object = None) -> bytes:
        """Return the body of a good answer; raises CreationError. `body` is sent as JSON."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = self._client.build_request(
            method, self.url + path, content=content, headers=headers
        )
        return self._sent(request, path)

    def upload(self, path: str, field: str, name: str, data: bytes, **fields: str) -> bytes:
        """Send a file as a form does; returns the body of a good answer."""
        files = {field: (name, data, "image/png")}
        request = self._client.build_request("POST", self.url + path, files=files, data=fields)
        return self._sent(request, path)

    def _sent(self, request: httpx2.Request, path: str) -> bytes:
        try:
            answer = self._client.send(request, stream=True)
            try:
                data = self._bounded(answer)
            finally:
                answer.close()
        except httpx2.HTTPError as error:
            words = f"does not answer: {type(error).__name__}; is it running?"
            raise self.error(words) from None
        if answer.status_code >= 400:
            raise self.error(f"refused {path}: {answer.status_code} {_words(data)}")
        return data

    def _bounded(self, answer: httpx2.Response) -> bytes:
        found = bytearray()
        for block in answer.iter_bytes():
            found += block
            if len(found) > MOST:
                raise self.error(f"sends more than {MOST:,} bytes")
        return bytes(found)

    def error(self, words: str) -> CreationError:
        """Return an error that names the server."""
        return CreationError("engine", f"{self._name} {words}"[:500])

    def decoded(self, data: bytes, kind: type[S]) -> S:
        """Read a JSON answer."""
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError as error:
            raise self.error(f"answers what is not understood: {error}") from None

    def model(self, data: bytes, height: float) -> Model:
        """Read the model file it made."""
        try:
            _, mesh = read_model(io.BytesIO(data))
        except MeshError as error:
            raise self.error(f"made a model that is unusable: {error}") from None
        return fitted(mesh.vertices, mesh.triangles.astype(np.int64), height, False)


def _words(data: bytes) -> str:
    return data[:_SHOWN].decode("utf-8", "replace").strip()


def pngs(job: StructuralObject) -> Mapping[View, bytes]:
    """Return the drawings, each on a see-through square."""
    found = {}
    for view, mask in job.masks.items():
        file = io.BytesIO()
        image: Image.Image = picture(mask, job.colours[view])
        image.save(file, "PNG")
        found[view] = file.getvalue()
    return found
