"""The service itself, without HTTP: a parsed request and who asks in, a document out."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from gotapi_portrayal.answers import Answer, World, answer
from gotapi_portrayal.capabilities.build import build
from gotapi_portrayal.capabilities.document import document
from gotapi_portrayal.catalogue import Catalogue, Service
from gotapi_portrayal.check import Selection, Shelf
from gotapi_portrayal.data.store import FILE_NAME, SceneStore
from gotapi_portrayal.data.types import SceneError
from gotapi_portrayal.glance import Glance
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.request.types import GetCapabilities, GetView, Request

if TYPE_CHECKING:
    from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
    from gotapi_portrayal.view.desk import ViewDesk

_KEPT = 64  # metadata documents: some sections, languages and addresses of the hub; KB each
XML = "text/xml; charset=utf-8"


class PortrayalService:
    """Answers requests of one hub. Any thread may call; calls block."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.glance = Glance(folder / FILE_NAME)
        self._path = folder / FILE_NAME
        self._service = service
        self._lock = threading.Lock()
        self._store: SqliteSceneStore | None = None
        self._views: ViewDesk | None = None
        self._shelves: tuple[Shelf, Shelf] | None = None  # for everybody, for the approved
        self._documents: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def shelf(self, *, private: bool) -> Shelf:
        """Return what there is now, for everybody or for an application that was approved."""
        with self._lock:
            current = self.glance.sequence()
            if self._shelves is None or self._shelves[1].catalogue.version != current:
                whole = self._built()
                self._shelves = Shelf(whole.public()), Shelf(whole)
            return self._shelves[private]

    def answer(self, request: Request, url: str, *, private: bool, shelf: Shelf) -> Answer:
        """Return the document that a request is for; raises OwsError."""
        try:
            if isinstance(request, GetCapabilities):
                return Answer(self._capabilities(shelf, request, url, private), XML)
            return answer(World(self.store(), shelf, url), request)
        except SceneError as error:
            raise OwsError(Code.NO_APPLICABLE_CODE, str(error)) from error

    def store(self) -> SceneStore:
        """Return the store, which loads numpy."""
        from gotapi_portrayal.data.sqlite_store import SqliteSceneStore

        with self._lock:
            if self._store is None:
                self._store = SqliteSceneStore(self._path)
            return self._store

    def versions(self) -> dict[str, int]:
        """Return the layers there are at this moment, with their versions."""
        return {layer.name: layer.version for layer in self.glance.layers()[1]}

    def remove(self, layer: str) -> bool:
        """Remove a layer; returns whether there was one. Raises SceneError."""
        return self.store().remove(layer)

    def select(self, shelf: Shelf, request: GetView) -> Selection:
        """Return what a GetView means, and have its desk ready; raises OwsError."""
        selection = shelf.select(request)
        self.views()
        return selection

    def views(self) -> "ViewDesk":
        """Return what draws views; raises OperationNotSupported where nothing can."""
        from gotapi_portrayal.view.desk import ViewDesk
        from gotapi_portrayal.view.library import library

        store = self.store()
        with self._lock:
            if self._views is None:
                self._views = ViewDesk(store, library())
            return self._views

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            if self._views is not None:
                self._views.close()
                self._views = None
            if self._store is not None:
                self._store.close()
                self._store = None
            self.glance.close()

    def _built(self) -> Catalogue:
        version, layers = self.glance.layers()
        try:
            return build(layers, version, self._service)
        except SceneError as error:
            raise OwsError(Code.NO_APPLICABLE_CODE, str(error)) from error

    def _capabilities(
        self, shelf: Shelf, request: GetCapabilities, url: str, private: bool
    ) -> bytes:
        key = (shelf.catalogue.version, private, url, request)
        with self._lock:
            found = self._documents.get(key)
            if found is not None:
                self._documents.move_to_end(key)
                return found
        made = document(shelf.catalogue, request, url)
        with self._lock:
            self._documents[key] = made
            while len(self._documents) > _KEPT:
                self._documents.popitem(last=False)
        return made
