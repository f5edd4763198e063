"""Brings the files of a finished model into the hub: all of them, checked, or none."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Final

from gotapi_core.plugin.bounded import ChildLimits, run
from gotapi_core.whole_file import sync_folder
from gotapi_creation.client import ServiceClient
from gotapi_creation.model import ResultFile
from gotapi_creation.transfer.failures import TransferError
from gotapi_creation.wire import Code, CreationError, FileEntry, Transfer
from gotapi_meshes import FileKind, kind

RESULTS: Final = "results"  # the folder of a job that is there once all of it is good
_MODELS: Final = frozenset({"glb", "stl", "3mf", "obj"})
_OTHERS: Final = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "json": b"{"}
_OF_KIND: Final = {
    FileKind.GLB: "glb",
    FileKind.STL_ASCII: "stl",
    FileKind.STL_BINARY: "stl",
    FileKind.THREE_MF: "3mf",
    FileKind.OBJ: "obj",
}
_WHOLE: Final = 512 << 20  # bytes of all files of one result
_LIMITS: Final = ChildLimits(seconds=120.0, cpu=120, memory=1 << 30, file=1 << 20)
_CHECK: Final = (sys.executable, "-m", "gotapi_creation.result_check")


async def fetch_all(
    client: ServiceClient, transfer: Transfer, folder: Path, secure_token: str
) -> tuple[ResultFile, ...]:
    """Fetch and check every file, then make them visible at once; raises CreationError."""
    whole = folder / RESULTS
    draft = folder / f"{RESULTS}.part"
    await asyncio.to_thread(_fresh, draft, whole)
    left = _WHOLE
    made: list[ResultFile] = []
    try:
        for entry in transfer.files:
            one = await _fetch(client, entry, draft, secure_token, left)
            left -= one.size
            if any(other.name == one.name for other in made):
                raise _unfit(f"has two files {one.name}")
            made.append(one)
        models = [one for one in made if one.format in _MODELS]
        if not models:
            raise _unfit("is no model: there is none in GLB, STL, 3MF or OBJ")
        await _check([draft / one.name for one in models], draft)
        await asyncio.to_thread(_commit, draft, whole)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, draft, True)
        raise
    return tuple(made)


async def _fetch(
    client: ServiceClient, entry: FileEntry, draft: Path, secure_token: str, left: int
) -> ResultFile:
    path = draft / f"file-{entry.file_id}"
    try:
        size, sha256 = await client.fetch(entry, path, secure_token, left)
    except TransferError as error:
        raise CreationError(error.code, f"The model did not arrive: {error.message}") from error
    if entry.size is not None and entry.size != size:
        raise _unfit(f"has a file of {size} bytes that was announced with {entry.size}")
    known = await asyncio.to_thread(_format, path)
    if not known:
        raise _unfit(f"has a file that is neither model nor picture ({entry.format or 'unknown'})")
    one = ResultFile(secrets.randbelow(1 << 52) + 1, known, size, sha256, _part(entry.part))
    await asyncio.to_thread(os.replace, path, draft / one.name)
    return one


def _part(word: str) -> str:
    plain = "".join(letter for letter in word.lower() if letter.isascii() and letter.isalnum())
    return "" if plain in ("", "model") else plain[:40]


def _format(path: Path) -> str:
    found = _OF_KIND.get(kind(path))
    if found is not None:
        return found
    with path.open("rb") as file:
        head = file.read(8)
    return next((name for name, magic in _OTHERS.items() if head.startswith(magic)), "")


async def _check(paths: list[Path], folder: Path) -> None:
    lines: list[bytes] = []
    ended = await run([*_CHECK, *map(str, paths)], folder, _LIMITS, lines.append)
    faults = [str(json.loads(line)) for line in lines if line.startswith(b'"')]
    for path, fault in zip(paths, faults, strict=False):
        if fault:
            raise _unfit(f"cannot be used: {path.name}: {fault}")
    if ended.code or len(faults) < len(paths):
        late = "time" if ended.timed_out else "memory or time"
        raise _unfit(f"cannot be used: {paths[len(faults)].name} takes too much {late} to read")


def _fresh(draft: Path, whole: Path) -> None:
    shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(whole, ignore_errors=True)
    try:
        draft.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise CreationError(
            Code.STORAGE_FULL, f"The model cannot be stored: {error.strerror}"
        ) from error


def _commit(draft: Path, whole: Path) -> None:
    draft.replace(whole)
    sync_folder(whole.parent)


def _unfit(what: str) -> CreationError:
    return CreationError(Code.BAD_RESULT, f"The model of the creation service {what}")
