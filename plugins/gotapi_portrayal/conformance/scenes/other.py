"""PURE: i3s and 3D Tiles, whose first document is JSON with links to the rest."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from gotapi_core.conformance.model import Failed, expect
from gotapi_portrayal.conformance.scenes.shape import Shape

_MOST = 64 * 1024 * 1024  # bytes after unpacking
_DEPTH = 200


def read_i3s(body: bytes) -> Shape:
    """Return what the layer document of an indexed 3D scene holds; raises Failed for others."""
    document = _json(_unpacked(body))
    named = document.get("layerType") or document.get("serviceVersion")
    expect(bool(named), "it has neither layerType nor serviceVersion, as documents of i3s have")
    return Shape(0, links=("i3s",))


def read_json(body: bytes) -> Shape:
    """Return what a tileset holds; other JSON counts as a document with content."""
    document = _json(_unpacked(body))
    if "asset" not in document or "root" not in document:
        return Shape(1)
    try:
        version = str(document["asset"].get("version", ""))
        expect(version in ("1.0", "1.1"), f"asset.version is {version!r}, not 1.0 or 1.1")
        expect("geometricError" in document, "the tileset has no geometricError")
        return Shape(0, links=tuple(_links(document["root"], 0)))
    except (TypeError, AttributeError) as error:
        raise Failed(f"a tile is not as 3D Tiles has it: {error!r}") from None


def _links(tile: dict[str, Any], depth: int) -> Iterator[str]:
    expect(depth < _DEPTH, f"tiles are nested deeper than {_DEPTH}")
    expect("boundingVolume" in tile, "a tile has no boundingVolume")
    for one in (tile.get("content"), *tile.get("contents", [])):
        if isinstance(one, dict):
            yield str(one.get("uri") or one.get("url") or "")
    for child in tile.get("children", []):
        yield from _links(child, depth + 1)


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        found = unpacker.decompress(body, _MOST)
    except zlib.error as error:
        raise Failed(f"it cannot be unpacked: {error}") from None
    expect(unpacker.eof, f"it is cut off, or larger than {_MOST >> 20} MiB")
    return found


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Failed(f"it is no JSON: {error}") from None
    expect(isinstance(found, dict), "its JSON is no object")
    named: dict[str, Any] = found
    return named
