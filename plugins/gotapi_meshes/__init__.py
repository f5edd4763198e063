"""Model files: kinds, readers with limits, and what a mesh is like. A library, no plug-in.

Everything but `kinds`, `report` and `errors` needs numpy; import it where heavy work is done, in a
process of its own.
"""

from gotapi_meshes.errors import MeshError
from gotapi_meshes.kinds import FileKind, kind

__all__ = ["FileKind", "MeshError", "kind"]
