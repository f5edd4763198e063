"""The printability check: bodies with known faults, and what is said of them."""

import io

import numpy as np
import pytest

from gotapi_meshes.check import Demands, check
from gotapi_meshes.mesh import Mesh, checked, moved
from gotapi_meshes.reading import read_model
from gotapi_meshes.report import Area, Severity
from gotapi_meshes.topology import topology
from gotapi_meshes.walls import RAYS, walls

KNOWN = Area(known=True)


def mesh_of(body, unit_known=False):
    places, faces = body
    return checked(np.array(places, dtype=float), np.array(faces), unit_known)


def look(body, area=KNOWN, **demands):
    return check("test", mesh_of(body), Demands(area, **demands))


def codes(report, severity=None):
    return {f.code for f in report.findings if severity in (None, f.severity)}


def test_a_good_box_has_nothing_to_say_about(make):
    report = look(make.box(20, 20, 20))
    assert report.findings == ()
    assert report.errors == ()
    assert report.size == (20, 20, 20)
    assert report.volume == pytest.approx(8000)
    assert report.surface == pytest.approx(2400)
    assert report.watertight
    assert (report.parts, report.degenerate, report.open_edges) == (1, 0, 0)
    assert report.thinnest_wall == pytest.approx(20)
    assert report.resting_area == pytest.approx(400)
    assert report.overhang == 0


def test_a_hole_is_an_error_unless_the_slicer_repairs(make):
    places, faces = make.box(20, 20, 20)
    report = look((places, faces[2:]))
    assert not report.watertight
    assert report.open_edges == 4
    assert codes(report, Severity.ERROR) == {"open"}
    assert "4 open" in report.errors[0].message
    assert codes(look((places, faces[2:]), repairs=True), Severity.WARNING) == {"open", "rest"}


def test_a_face_turned_over_is_seen(make):
    places, faces = make.box(20, 20, 20)
    report = look((places, [faces[0][::-1], *faces[1:]]))
    assert report.flipped_edges == 3
    assert not report.watertight


def test_inside_out(make):
    places, faces = make.box(20, 20, 20)
    report = look((places, [face[::-1] for face in faces]))
    assert report.watertight
    assert "inside-out" in codes(report)


def test_two_boxes_that_share_an_edge_are_crowded_and_those_apart_are_counted(make):
    touching = make.together(make.box(20, 20, 20), make.box(20, 20, 20, at=(20, 20, 0)))
    report = look(touching)
    assert report.watertight
    assert "crowded" in codes(report)
    apart = look(make.together(make.box(20, 20, 20), make.box(20, 20, 20, at=(30, 0, 0))))
    assert apart.parts == 2
    assert codes(apart) == {"parts"}


def test_too_large_and_in_another_unit(make):
    report = look(make.box(250, 20, 20))
    [found] = report.errors
    assert "250.0 mm wide where 200 mm fit" in found.message
    assert "scale=0.001" not in found.message
    huge = look(make.box(20_000, 9000, 9000))
    assert "scale=0.001" in huge.errors[0].message
    tiny = look(make.box(0.06, 0.03, 0.03))
    assert "scale=1000" in next(f.message for f in tiny.findings if f.code == "tiny")
    assert "flat" in codes(tiny, Severity.ERROR)


def test_a_printer_that_does_not_tell_its_size(make):
    report = look(make.box(250, 20, 20), Area())
    assert codes(report, Severity.WARNING) == {"size"}
    assert "area" in codes(report)


@pytest.mark.parametrize("angle", [0, 30, 45])
def test_walls_are_measured_whatever_their_direction(make, angle):
    mesh = mesh_of(make.box(40, 0.6, 30))
    turn = np.radians(angle)
    matrix = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    report = check("test", Mesh(mesh.vertices @ matrix.T, mesh.triangles), Demands(KNOWN))
    assert report.thinnest_wall == pytest.approx(0.6, rel=0.02)
    assert "thin" in codes(report)


def test_a_flat_surface_has_no_walls(make):
    places, faces = make.box(20, 20, 20)
    found = walls(mesh_of((places, faces[:2])), np.zeros((2, 3)))
    assert found.thinnest is None
    point = Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]], dtype=np.uint32))
    assert walls(point, np.zeros((1, 3))).pitch == 0
    assert topology(point).parts == 1
    assert not topology(Mesh(np.zeros((1, 3)), np.zeros((1, 3), np.uint32))).watertight


def test_crowded_meshes_get_fewer_rays(make, monkeypatch):
    mesh = mesh_of(make.box(20, 20, 20))
    normals = np.zeros((12, 3))
    monkeypatch.setattr("gotapi_meshes.walls.MOST_TESTS", 10_000)
    assert walls(mesh, normals).pitch > 20 / RAYS


def test_overhang_and_a_small_foot(make):
    mushroom = make.together(make.box(4, 4, 10), make.box(40, 40, 5, at=(-18, -18, 12)))
    report = look(mushroom)
    assert report.resting_area == pytest.approx(16)
    assert {"overhang", "rest", "parts"} <= codes(report)
    assert 0.2 < report.overhang < 0.5


def test_triangles_without_an_area(make):
    places, faces = make.box(20, 20, 20)
    report = look((places, [*faces, (0, 0, 1)]))
    assert report.degenerate == 1
    assert report.watertight
    flat = look((places, [(0, 0, 1), (1, 1, 0)]))
    assert flat.errors


def test_a_body_without_an_inside(make):
    places, faces = make.box(20, 20, 20)
    both = [*faces, *(face[::-1] for face in faces)]
    assert "empty" in codes(look((places, both)), Severity.ERROR)


def test_the_figure(figure):
    kind, mesh = read_model(io.BytesIO(figure.read_bytes()))
    report = check(kind.words, mesh, Demands(KNOWN))
    assert report.watertight
    assert report.parts == 1
    assert report.errors == ()
    assert report.size[2] == pytest.approx(60)
    scaled = check(kind.words, moved(mesh, 10.0, (0, 0, 0)), Demands(KNOWN))
    assert codes(scaled, Severity.ERROR) == {"size"}
