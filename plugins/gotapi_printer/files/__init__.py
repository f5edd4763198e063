"""Everything between a file and G-code: kinds, readers, the printability check, slicing.

What needs numpy is imported in a child process only (`worker`); this package and the modules the
hub imports (`kinds`, `options`, `report`, `desk`, `prusaslicer`) do without.
"""

from gotapi_printer.files.errors import MeshError
from gotapi_printer.files.kinds import FileKind, kind

__all__ = ["FileKind", "MeshError", "kind"]
