"""PURE: CityJSON 1.0 to 2.0, and CityJSONSeq (text lines): objects one by one, each by itself."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.attributes import flattened
from gotapi_portrayal.data.cityjson_geometry import Looks, Reader, Templates
from gotapi_portrayal.data.cityjson_types import (
    WRONG,
    Appearance,
    City,
    CityObject,
    Metadata,
    Transform,
)
from gotapi_portrayal.data.sink import Head, Sink
from gotapi_portrayal.data.surfaces import Points, Record
from gotapi_portrayal.data.types import SceneError

MOST_BYTES: Final = 600 << 20
"""Bytes of a file that has to be read as a whole; larger ones are to be CityJSONSeq."""
MOST_VERTICES: Final = 30_000_000
LONGEST_LINE: Final = 64 << 20
"""Bytes of a line of CityJSONSeq: one feature."""

_NO_NUMBER: Final = re.compile(rb"(?<=[\[,:\s])[-+]?(?:NaN|Infinity|nan|inf)(?=[\],}\s])")
_VERSIONS: Final = ("1.0", "1.1", "2.0")
_STRICT: Final = msgspec.json.Decoder(list[tuple[float, float, float]])
_LENIENT: Final = msgspec.json.Decoder(list[msgspec.Raw])
_TRIPLE: Final = msgspec.json.Decoder(tuple[float | None, float | None, float | None])
_OBJECT: Final = msgspec.json.Decoder(CityObject)
_CITY: Final = msgspec.json.Decoder(City)


class CityJson:
    """A document; `read` may be called once."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MOST_BYTES:
            raise SceneError(
                f"the file has {len(data):,} bytes, and CityJSON is read up to {MOST_BYTES:,}; "
                "convert it to CityJSONSeq (cjseq), or split it"
            )
        first, rest = _lines(data)
        self._city = _decode(first)
        self._rest = rest
        _check(self._city)
        self._vertices = _vertices(self._city.vertices, self._city.transform)

    @property
    def head(self) -> Head:
        """What the document says of itself."""
        metadata = self._city.metadata or Metadata()
        sample = self._vertices
        if not len(sample) and self._rest:
            line = self._rest.partition(b"\n")[0]
            sample = _vertices(_decode(line).vertices, self._city.transform)
        return Head(metadata.referenceSystem or "", metadata.title or "", sample[:1000])

    def read(self, sink: Sink) -> None:
        """Tell everything that is in it."""
        templates = self._templates(sink)
        looks = Looks(self._city.appearance or Appearance(), sink.material, sink.texture)
        reader = Reader(self._vertices, looks, templates, sink.faults)
        _Objects(self._city.CityObjects, reader, sink).read()
        place, size = 0, max(len(self._rest), 1)
        while place < len(self._rest):
            end = self._rest.find(b"\n", place)
            end = len(self._rest) if end < 0 else end
            line = self._rest[place:end].strip()
            if line:
                self._feature(line, sink, templates)
            place = end + 1
            sink.progress(place / size)

    def _feature(self, line: bytes, sink: Sink, templates: Templates | None) -> None:
        """Read a line of CityJSONSeq: its vertices and looks are its own."""
        if len(line) > LONGEST_LINE:
            sink.faults.add("", f"a line has more than {LONGEST_LINE:,} bytes; left out")
            return
        try:
            city = _decode(line)
            vertices = _vertices(city.vertices, self._city.transform)
        except SceneError as error:
            sink.faults.add("", f"a line is left out: {error}")
            return
        looks = Looks(city.appearance or Appearance(), sink.material, sink.texture)
        reader = Reader(vertices, looks, templates, sink.faults)
        _Objects(city.CityObjects, reader, sink, lambda _: None).read()

    def _templates(self, sink: Sink) -> Templates | None:
        given = self._city.geometry_templates
        if given is None:
            return None
        vertices = _vertices(given.vertices, None)
        looks = Looks(self._city.appearance or Appearance(), sink.material, sink.texture)
        return Templates(given.templates, Reader(vertices, looks, None, sink.faults))


@dataclass(slots=True)
class _Objects:
    """The objects of one document or line; families are told together."""

    raw: dict[str, msgspec.Raw]
    reader: Reader
    sink: Sink
    progress: Callable[[float], None] | None = None
    done: set[str] = field(default_factory=set)

    def read(self) -> None:
        tell = self.progress or self.sink.progress
        for count, name in enumerate(self.raw):
            if name not in self.done:
                self._family(name)
            if count % 100 == 0:
                tell(count / len(self.raw))
        for name in self.raw:  # whose parents are broken, or in a ring
            if name not in self.done and (found := self._object(name)) is not None:
                self.sink.faults.add(name, "what it is a part of is not there, or part of itself")
                self.sink.tree(list(self._tree(name, found, "")))

    def _family(self, name: str) -> None:
        found = self._object(name)
        if found is None:
            return
        parents = [one for one in found.parents or () if one in self.raw]
        if parents and parents[0] not in self.done:
            return  # it comes with its parent
        self.sink.tree(list(self._tree(name, found, "")))

    def _tree(self, name: str, found: CityObject, parent: str) -> Iterator[Record]:
        waiting = [(name, found, parent)]
        while waiting:
            name, found, parent = waiting.pop()
            self.done.add(name)
            yield self._record(name, found, parent)
            for child in reversed(found.children or ()):
                if child in self.done:
                    continue
                inner = self._object(child) if child in self.raw else None
                if inner is None:
                    self.sink.faults.add(name, f"its part '{child[:100]}' is not in the file")
                else:
                    self.done.add(child)
                    waiting.append((child, inner, name))

    def _object(self, name: str) -> CityObject | None:
        try:
            return _OBJECT.decode(self.raw[name])
        except WRONG as error:
            self.done.add(name)
            self.sink.faults.add(name, f"left out, it is no city object: {error}")
            return None

    def _record(self, name: str, found: CityObject, parent: str) -> Record:
        attributes: dict[str, Any] = dict(found.attributes or {})
        if found.address:
            attributes["address"] = found.address
        kind = found.type.removeprefix("+")[:100]
        record = Record(name, kind, parent, flattened(attributes))
        for raw in found.geometry or ():
            polygons = self.reader.geometry(raw, name)
            if polygons is not None:
                record.polygons.append(polygons)
        return record


def is_cityjson(head: bytes) -> bool:
    """Tell whether a file seems to be CityJSON, by how it begins."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith(b"{") and (b'"CityJSON' in head or b'"CityObjects"' in head)


def _lines(data: bytes) -> tuple[bytes, bytes]:
    """Return the document, and for CityJSONSeq the first line and the others."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    first, _, rest = data.partition(b"\n")
    more = rest[:4096].lstrip()
    if (
        first.rstrip().endswith(b"}")
        and more.startswith(b"{")
        and b'"CityJSONFeature"' in rest[:LONGEST_LINE].replace(b" ", b"")
    ):
        return first, rest
    return data, b""


def _decode(text: bytes) -> City:
    try:
        return _CITY.decode(text)
    except RecursionError:
        raise SceneError("the file is nested too deeply for any CityJSON") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mended = _NO_NUMBER.sub(b"null", text)
        if mended != text:
            return _decode(mended)
        raise SceneError(f"the file is no CityJSON: {error}") from None


def _check(city: City) -> None:
    if city.type != "CityJSON":
        raise SceneError(f"the file is of type '{city.type[:40]}', not CityJSON")
    version = ".".join(city.version.split(".")[:2])
    if version not in _VERSIONS:
        raise SceneError(
            f"it is CityJSON {city.version[:20]}; {', '.join(_VERSIONS)} are read. `cjio FILE "
            "upgrade save NEW` makes it newer"
        )


def _vertices(raw: msgspec.Raw, transform: Transform | None) -> Points:
    """Return vertices, (n, 3); what is no number is NaN."""
    numbers = _numbers(raw)
    if transform is not None:
        numbers = numbers * np.array(transform.scale) + np.array(transform.translate)
    if len(numbers) > MOST_VERTICES:
        raise SceneError(f"the file has more than {MOST_VERTICES:,} vertices; split it")
    return numbers


def _numbers(raw: msgspec.Raw) -> NDArray[np.float64]:
    text = bytes(raw)
    try:
        found = _STRICT.decode(text)
    except WRONG:
        return _lenient(text)
    flat = np.fromiter(chain.from_iterable(found), np.float64, 3 * len(found))
    return flat.reshape(-1, 3)


def _lenient(text: bytes) -> NDArray[np.float64]:
    try:
        rows = _LENIENT.decode(text)
    except WRONG:
        raise SceneError("the vertices of the file are no list of three numbers each") from None
    numbers = np.full((len(rows), 3), np.nan)
    for place, row in enumerate(rows):
        try:
            numbers[place] = [np.nan if one is None else one for one in _TRIPLE.decode(row)]
        except WRONG:
            continue  # its polygons are told
    return numbers
