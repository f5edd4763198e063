"""Models made by hand, in every format, so that a test can break them where it wants."""

import io
import json
import os
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

SHARED = Path(os.environ.get("GOTAPI_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
MODEL_RELATION = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
CORNERS = [(x, y, z) for z in (0, 1) for y in (0, 1) for x in (0, 1)]
FACES = [
    (0, 2, 3), (0, 3, 1), (4, 5, 7), (4, 7, 6), (0, 1, 5), (0, 5, 4),
    (2, 6, 7), (2, 7, 3), (0, 4, 6), (0, 6, 2), (1, 3, 7), (1, 7, 5),
]  # fmt: skip


def box(x=10.0, y=10.0, z=10.0, at=(0.0, 0.0, 0.0)):
    """Corners and faces of a box, counter-clockwise from outside."""
    size = (x, y, z)
    places = [tuple(c * s + o for c, s, o in zip(p, size, at, strict=True)) for p in CORNERS]
    return places, list(FACES)


def together(*bodies):
    """Several bodies as one."""
    places, faces = [], []
    for body_places, body_faces in bodies:
        faces += [tuple(index + len(places) for index in face) for face in body_faces]
        places += body_places
    return places, faces


def stl(body, header=b"made by a test"):
    places, faces = body
    out = header.ljust(80, b"\0") + struct.pack("<I", len(faces))
    for face in faces:
        corners = [value for index in face for value in places[index]]
        out += struct.pack("<12fH", 0, 0, 0, *corners, 0)
    return out


def ascii_stl(body):
    places, faces = body
    lines = ["solid test"]
    for face in faces:
        lines += ["facet normal 0 0 0", " outer loop"]
        lines += ["  vertex {:g} {:g} {:g}".format(*places[index]) for index in face]
        lines += [" endloop", "endfacet"]
    return ("\n".join([*lines, "endsolid test"]) + "\n").encode()


def obj(body):
    places, faces = body
    lines = ["# a test", "o thing"] + ["v {:g} {:g} {:g}".format(*place) for place in places]
    lines += ["f " + " ".join(f"{index + 1}//1" for index in face) for face in faces]
    return ("\n".join(lines) + "\n").encode()


def mesh_xml(body):
    places, faces = body
    vertices = "".join('<vertex x="{:g}" y="{:g}" z="{:g}"/>'.format(*place) for place in places)
    triangles = "".join('<triangle v1="{}" v2="{}" v3="{}"/>'.format(*face) for face in faces)
    return f"<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh>"


def model_xml(resources, build, attributes='unit="millimeter"'):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><model {attributes} xmlns="{CORE}">'
        f"<resources>{resources}</resources><build>{build}</build></model>"
    )


def plain_xml(body, attributes='unit="millimeter"'):
    return model_xml(
        f'<object id="1">{mesh_xml(body)}</object>', '<item objectid="1"/>', attributes
    )


def archive(parts, root="/3D/3dmodel.model"):
    """A 3MF of named parts."""
    relations = f'<Relationship Target="{root}" Id="r" Type="{MODEL_RELATION}"/>'
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        if root:
            file.writestr(
                "_rels/.rels", f'<Relationships xmlns="{namespace}">{relations}</Relationships>'
            )
        for name, text in parts.items():
            file.writestr(name, text)
    return made.getvalue()


def threemf(body):
    return archive({"3D/3dmodel.model": plain_xml(body)})


def glb_file(document, binary=b""):
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def gltf(body):
    """A document and its binary chunk: metres, Y up, as the format has it."""
    places, faces = body
    turned = [(x / 1000, z / 1000, -y / 1000) for x, y, z in places]
    vertices = b"".join(struct.pack("<3f", *place) for place in turned)
    indices = b"".join(struct.pack("<3H", *face) for face in faces)
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(places), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 3 * len(faces), "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": len(vertices)},
            {"buffer": 0, "byteOffset": len(vertices), "byteLength": len(indices)},
        ],
        "buffers": [{"byteLength": len(vertices) + len(indices)}],
    }
    return document, vertices + indices


def glb(body):
    return glb_file(*gltf(body))


@pytest.fixture(scope="session")
def make():
    """Makers of bodies and files."""
    return SimpleNamespace(
        box=box, together=together, stl=stl, ascii_stl=ascii_stl, obj=obj, threemf=threemf, glb=glb,
        glb_file=glb_file, gltf=gltf, archive=archive, model_xml=model_xml, mesh_xml=mesh_xml,
        plain_xml=plain_xml,
        formats={
            "stl": stl, "stl-ascii": ascii_stl, "obj": obj, "3mf": threemf, "glb": glb,
        },
    )  # fmt: skip


@pytest.fixture(scope="session")
def figure() -> Path:
    """A figure of 60 mm and 26,756 triangles."""
    path = SHARED / "models" / "human_60mm.stl"
    if not path.exists():
        pytest.skip(f"{path.name} is not there: set GOTAPI_SHARED_DATA")
    return path
