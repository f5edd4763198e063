"""The templates as 3DCAPI lists them, and where their guide silhouettes are."""

import asyncio
import hashlib
import logging
import shutil
import sys
from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.plugin.bounded import ChildLimits, run
from gotapi_creation.engine.order import View
from gotapi_creation.engine.templates import TEMPLATES, Template
from gotapi_creation.wire.answers import Attributes, TemplateEntry

log = logging.getLogger(__name__)

DONE: Final = "done"
_COMMAND: Final = (sys.executable, "-m", "gotapi_creation.service.guides")
_LIMITS: Final = ChildLimits(seconds=300.0, cpu=300, memory=1 << 30, file=16 << 20)
_BY_ID: Final = {one.id: one for one in TEMPLATES}


def name_of(template: int, view: View) -> str:
    """Return the file name of a guide."""
    return f"{template}-{view}.png"


def silhouette_id(template: int, view: View) -> int:
    """Return 3DCAPI's silhouetteId: the template and the place of the view."""
    return template * 10 + list(View).index(view) + 1


def template(template_id: int) -> Template | None:
    """Return a template."""
    return _BY_ID.get(template_id)


def templates(base: str) -> Attributes:
    """Return the answer of getattribute; the guides of the other views are extensions."""
    return Attributes(tuple(_entry(one, base) for one in TEMPLATES))


def _entry(one: Template, base: str) -> TemplateEntry:
    def url(view: View) -> str:
        return f"{base}/silhouettes/{name_of(one.id, view)}"

    return TemplateEntry(
        template_id=one.id,
        species=one.species.upper(),
        gender=one.gender.upper(),
        age=one.age,
        style=one.style,
        image_url=url(View.FRONT),
        silhouette_id=silhouette_id(one.id, View.FRONT),
        extra={
            "name": one.name,
            "rightSilhouetteImgUrl": url(View.RIGHT),
            "backSilhouetteImgUrl": url(View.BACK),
        },
    )


class Guides:
    """The pictures, drawn by a process of its own when they are first wanted."""

    def __init__(self, folder: Path) -> None:
        """Keep them below a folder, one for each state of the templates."""
        state = hashlib.sha256(msgspec.json.encode(TEMPLATES)).hexdigest()[:16]
        self._folder = folder / state
        self._drawing: asyncio.Task[None] | None = None

    async def path(self, name: str) -> Path | None:
        """Return the file of a guide; None where there is no such guide."""
        known = {name_of(one.id, view) for one in TEMPLATES for view in View}
        if name not in known:
            return None
        if not (self._folder / DONE).exists():
            if self._drawing is None or self._drawing.done():
                self._drawing = asyncio.create_task(self._draw())
            await asyncio.shield(self._drawing)
        path = self._folder / name
        return path if path.exists() else None

    async def _draw(self) -> None:
        shutil.rmtree(self._folder.parent, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)
        ended = await run((*_COMMAND, str(self._folder)), self._folder, _LIMITS)
        if ended.code:
            log.error("the guides could not be drawn: %s", " | ".join(ended.said[-3:]))

    async def close(self) -> None:
        """End the drawing."""
        if self._drawing is not None:
            self._drawing.cancel()
            await asyncio.wait([self._drawing])
