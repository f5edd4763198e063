"""Any triangles at all: the check and the slicer end with an answer or a reason."""

import contextlib
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_meshes import MeshError
from gotapi_meshes.check import Demands, check
from gotapi_meshes.mesh import checked
from gotapi_meshes.report import Area
from gotapi_printer.files.embedded.slicing import slice_mesh
from gotapi_printer.files.options import Profile

AREA = Area(known=True)
NUMBERS = st.one_of(st.integers(-20, 20).map(float), st.floats(-25, 25, width=32))


@st.composite
def soups(draw):
    places = draw(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=3, max_size=10))
    index = st.integers(0, len(places) - 1)
    faces = draw(st.lists(st.tuples(index, index, index), min_size=1, max_size=16))
    if draw(st.booleans()):  # both sides of every triangle: closed, and without an inside
        faces += [face[::-1] for face in faces]
    return checked(np.array(places), np.array(faces))


@given(soups())
@settings(max_examples=80, deadline=None)
def test_any_triangles_are_checked(mesh):
    report = check("soup", mesh, Demands(AREA))
    assert 0 <= report.overhang <= 1
    assert report.triangles == len(mesh.triangles)
    assert report.thinnest_wall is None or report.thinnest_wall >= 0
    assert report.watertight or report.errors


@given(soups())
@settings(max_examples=60, deadline=None)
def test_any_triangles_are_sliced_within_the_bed_or_refused(mesh):
    with contextlib.suppress(MeshError):
        for line in slice_mesh(mesh, Profile(area=AREA, layer_height=0.5)):
            for axis, value in re.findall(r"([XYZ])(-?[\d.]+)", line.partition(";")[0]):
                assert -1e-6 <= float(value) <= (180 if axis == "Z" else 200) + 1e-6
