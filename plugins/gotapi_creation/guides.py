"""The guide pictures of templates, as the hub gives them: fetched from their creation service.

A creation service names pictures at addresses of its own, which an application often cannot reach:
another machine, no TLS, a port that changes, a page whose security policy names the hub only. So
`getattribute` gives addresses of the hub, and the picture is fetched when somebody looks at one.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.plugin.bounded import ChildLimits, run
from gotapi_creation.model import FILES
from gotapi_creation.services import Services
from gotapi_creation.wire import Code, CreationError

GUIDES: Final = "guides"
MAX_GUIDE: Final = 4 << 20
"""Bytes of a guide as a service gives it; a silhouette has about ten thousand."""
MOST_OFFERED: Final = 8192
"""Addresses that are known at a time; a template has three, and the oldest are forgotten."""
MOST_KEPT: Final = 256
"""Pictures that are kept; each has up to 4 MiB, most have ten thousand bytes."""
_AT_ONCE: Final = 2
_GOOD_FOR: Final = 86400.0  # seconds; what a service draws anew is seen a day later
_BAD_FOR: Final = 30.0  # seconds; a page that asks again and again does not trouble a service
_LIMITS: Final = ChildLimits(seconds=30.0, cpu=20, memory=512 << 20, file=8 << 20)
_CLEAN: Final = (sys.executable, "-m", "gotapi_creation.guide_picture")


class _Offer(msgspec.Struct, frozen=True):
    """A picture of a service; `address` begins with / where it is below the service's own."""

    service: str
    address: str


class _Kept(msgspec.Struct, frozen=True):
    """What came of it: a file, or what was wrong."""

    until: float
    path: Path | None = None
    error: CreationError | None = None


class Guides:
    """Gives guides by key; `monotonic` gives seconds for the age of what is kept."""

    def __init__(self, folder: Path, services: Services, monotonic: Callable[[], float]) -> None:
        self._folder = folder / "pictures"
        self._services = services
        self._monotonic = monotonic
        self._secret = secrets.token_bytes(32)
        self._offers: dict[str, _Offer] = {}
        self._kept: dict[str, _Kept] = {}
        self._tasks: dict[str, asyncio.Task[Path]] = {}
        self._free = asyncio.Semaphore(_AT_ONCE)
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier run, with other keys

    def offer(self, service: str, base: str, address: str) -> str:
        """Return the path of a picture at the hub; `base` is where the service is now.

        The key in it cannot be guessed, and stays the same while the hub runs.
        """
        own = address.removeprefix(base) if address.startswith(f"{base}/") else address
        offer = _Offer(service, own)
        key = hmac.digest(self._secret, msgspec.json.encode(offer), "sha256").hex()[:32]
        self._offers.pop(key, None)  # the newest stand last
        self._offers[key] = offer
        while len(self._offers) > MOST_OFFERED:
            del self._offers[next(iter(self._offers))]
        return f"{FILES}/{GUIDES}/{key}"

    async def picture(self, key: str) -> Path:
        """Return a PNG of up to 1024 pixels a side; raises CreationError with words."""
        offer = self._offers.get(key)
        if offer is None:
            raise CreationError(
                Code.UNKNOWN_FILE, "There is no guide at this address; call getattribute again"
            )
        kept = self._kept.get(key)
        if kept is not None and self._monotonic() < kept.until:
            if kept.error is not None:
                raise kept.error
            if kept.path is not None and kept.path.is_file():
                return kept.path
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self._made(key, offer))
            task.add_done_callback(lambda task: self._ended(key, task))
        return await asyncio.shield(task)  # who goes away does not take it from the others

    async def stop(self) -> None:
        """End what is being fetched."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _made(self, key: str, offer: _Offer) -> Path:
        try:
            async with self._free:
                path = await self._fetched(key, offer)
        except CreationError as error:
            self._keep(key, _Kept(self._monotonic() + _BAD_FOR, error=error))
            raise
        self._keep(key, _Kept(self._monotonic() + _GOOD_FOR, path))
        return path

    async def _fetched(self, key: str, offer: _Offer) -> Path:
        client, _ = await self._services.reach(offer.service)
        data = await client.guide(offer.address, MAX_GUIDE)
        source, made = self._folder / f"{key}.in", self._folder / f"{key}.png"
        try:
            await asyncio.to_thread(_write, source, data)
            ended = await run([*_CLEAN, str(source), str(made)], self._folder, _LIMITS)
        except OSError as error:
            raise CreationError(
                Code.STORAGE_FULL, f"The guide cannot be stored: {error.strerror}"
            ) from error
        finally:
            source.unlink(missing_ok=True)
        if ended.code or ended.timed_out:
            raise CreationError(Code.BAD_ANSWER, _why(ended.said))
        return made

    def _ended(self, key: str, task: asyncio.Task[Path]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # all who asked may have gone; what was wrong is kept

    def _keep(self, key: str, kept: _Kept) -> None:
        self._kept.pop(key, None)
        self._kept[key] = kept
        while len(self._kept) > MOST_KEPT:
            oldest = next(iter(self._kept))
            gone = self._kept.pop(oldest)
            if gone.path is not None:
                gone.path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(data)


def _why(said: tuple[str, ...]) -> str:
    known = next((line for line in reversed(said) if line.startswith("the picture ")), "")
    why = known.removeprefix("the picture ") or "takes too much memory or time to decode"
    return f"The guide that the creation service gives {why}"
