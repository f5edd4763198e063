"""Looks at model files from outside: `python -m gotapi_creation.result_check FILE...`.

Runs in a bounded process of its own, as a file of 262 kB can unpack to 108 MB. One JSON line for
each file: empty, or what is wrong with it.
"""

import json
import sys
from pathlib import Path

import numpy as np

from gotapi_meshes import MeshError
from gotapi_meshes.reading import read_model


def fault_of(path: Path) -> str:
    """Return what is wrong with a model file, or an empty text."""
    try:
        with path.open("rb") as file:
            _, mesh = read_model(file)
    except MeshError as error:
        return str(error)
    except MemoryError:
        return "it needs more memory than a model may"
    if not len(mesh.triangles):
        return "it has no triangles"
    if not np.isfinite(mesh.vertices).all():
        return "it has vertices that are no numbers (NaN or infinite)"
    return ""


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(json.dumps(fault_of(Path(name))) + "\n")
        sys.stdout.flush()
