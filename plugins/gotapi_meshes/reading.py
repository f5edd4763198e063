"""PURE: any model file into a mesh."""

import io
from typing import BinaryIO

from gotapi_meshes.errors import MeshError
from gotapi_meshes.glb import read_glb
from gotapi_meshes.kinds import HEAD, FileKind, describe, kind_of
from gotapi_meshes.mesh import Mesh
from gotapi_meshes.obj import read_obj
from gotapi_meshes.paint import Beside
from gotapi_meshes.stl import read_ascii, read_binary
from gotapi_meshes.threemf import read_3mf


def read_model(file: BinaryIO, beside: Beside | None = None) -> tuple[FileKind, Mesh]:
    """Read an open model file that can seek; raises MeshError with words for its user.

    With `beside`, which gives the bytes of a file beside it, colours and textures are read too.
    What is wrong with those makes no file unreadable.
    """
    painted = beside is not None
    kind = kind_of(file)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    match kind:
        case FileKind.STL_BINARY:
            return kind, read_binary(file, size)
        case FileKind.STL_ASCII:
            return kind, read_ascii(file)
        case FileKind.THREE_MF:
            return kind, read_3mf(file, painted)
        case FileKind.OBJ:
            return kind, read_obj(file, beside)
        case FileKind.GLB:
            return kind, read_glb(file, size, painted)
        case FileKind.EMPTY:
            raise MeshError("the file is empty; export or send it again")
        case _:
            what = kind.words if kind is FileKind.GCODE else describe(file.read(HEAD))
            raise MeshError(f"it is {what}, not a model (STL, 3MF, OBJ, GLB)")
