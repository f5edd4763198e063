"""What the user wants, checked before anything is begun."""

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from gotapi_core.whole_file import replacing
from gotapi_creation.engine.order import View
from gotapi_creation.pictures import MAX_FILE, PictureError, check_picture

FORMATS: Final = (".glb", ".stl", ".3mf")
EXAMPLE: Final = "-o model.stl (to print), -o model.3mf or -o model.glb (with colours)"


class Unfit(Exception):  # noqa: N818  # reads as what happened
    """It cannot be done; the text says what to do. `code` is the command's exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Wish(msgspec.Struct, frozen=True):
    """One model to make; lengths are millimetres."""

    pictures: Mapping[View, Path]
    outputs: tuple[Path, ...]
    template: str = "human"
    height: float = 100.0
    foot: bool = False
    paper: str = ""


def check(wish: Wish, *, replace: bool) -> None:
    """Look at the pictures and at where the models go; raises Unfit."""
    if View.BACK in wish.pictures and View.RIGHT not in wish.pictures:
        raise Unfit("--back needs --right too: the side tells how deep the figure is", 2)
    for path in wish.outputs:
        _check_output(path, wish, replace=replace)
    for path in wish.pictures.values():
        _check_picture(path)


def _check_output(path: Path, wish: Wish, *, replace: bool) -> None:
    if path.suffix.lower() not in FORMATS:
        raise Unfit(f"{path}: a model ends in .glb, .stl or .3mf: {EXAMPLE}", 2)
    if path.is_dir():
        raise Unfit(f"{path} is a folder; give a file name in it", 2)
    if not path.parent.is_dir():
        raise Unfit(f"{path}: there is no folder {path.parent}; make it first", 2)
    if not os.access(path.parent, os.W_OK):
        raise Unfit(f"{path}: nothing can be written into {path.parent}", 2)
    if path.exists() and not replace:
        raise Unfit(f"{path} is there already; --replace writes over it", 2)
    if wish.outputs.count(path) > 1:
        raise Unfit(f"{path} is named twice", 2)


def _check_picture(path: Path) -> None:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Unfit(f"{path} is no file", 2)
        with path.open("rb") as file:
            check_picture(file.read(MAX_FILE + 1))
    except OSError as error:
        raise Unfit(f"{path}: {error.strerror}", 2) from error
    except PictureError as error:
        raise Unfit(f"The picture {path} {error}", 2) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Give a file beside a path that takes its place when all went well; raises Unfit."""
    try:
        with replacing(path, 0o644) as file:  # a model is for slicers and others
            yield file
    except OSError as error:
        raise Unfit(f"{path} cannot be written: {error.strerror}") from error
