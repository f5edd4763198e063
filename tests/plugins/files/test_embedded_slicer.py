"""The embedded slicer: volume, footprint, layers, order; the same model gives the same file."""

import io
import math
import re
import time

import numpy as np
import pytest
import shapely

from gotapi_meshes import MeshError
from gotapi_meshes.mesh import Mesh, checked
from gotapi_meshes.reading import read_model
from gotapi_meshes.report import Area
from gotapi_printer.files.analysis import analyse
from gotapi_printer.files.embedded import sections as planes
from gotapi_printer.files.embedded import slicing
from gotapi_printer.files.embedded.hatch import hatch
from gotapi_printer.files.embedded.regions import outline
from gotapi_printer.files.embedded.slicing import slice_mesh
from gotapi_printer.files.embedded.writer import Writer
from gotapi_printer.files.options import Profile, SliceOptions, profile_for

AREA = Area(known=True)
MOVE = re.compile(r"G1 X([\d.]+) Y([\d.]+) E([\d.]+)")


def mesh_of(body):
    places, faces = body
    return checked(np.array(places, dtype=float), np.array(faces))


def lines_of(body, **options):
    profile = profile_for(SliceOptions(**options), AREA)
    return list(slice_mesh(mesh_of(body), profile)), profile


def drawn(lines):
    """Every extruding move: layer, feature, start, end, millimetres of filament."""
    layer, feature, place, found = -1, "", (0.0, 0.0), []
    for line in lines:
        if line == ";LAYER_CHANGE":
            layer += 1
        elif line.startswith(";TYPE:"):
            feature = line[6:]
        elif found_place := re.match(r"G[01] X([\d.]+) Y([\d.]+)", line):
            end = (float(found_place[1]), float(found_place[2]))
            if match := MOVE.match(line):
                found.append((layer, feature, place, end, float(match[3])))
            place = end
    return found


def volume(moves, profile):
    return sum(move[4] for move in moves) * math.pi * (profile.filament / 2) ** 2


@pytest.mark.parametrize("infill", [0, 20, 50, 100])
def test_a_cube_gets_the_plastic_its_shell_and_infill_need(make, infill):
    lines, profile = lines_of(make.box(20, 20, 20), infill=infill)
    moves = [move for move in drawn(lines) if move[1] != "Skirt/Brim"]
    wall = profile.line_width / 2 + (profile.walls - 0.5) * profile.spacing
    height = 2 * profile.solid_layers * profile.layer_height
    inner = (20 - 2 * wall) ** 2 * (20 - height)
    expected = 8000 - inner + inner * infill / 100
    assert volume(moves, profile) == pytest.approx(expected, rel=0.1)


def test_a_cube_has_its_layers_and_stays_within_its_footprint(make):
    lines, profile = lines_of(make.box(20, 20, 20))
    assert lines.count(";LAYER_CHANGE") == 100
    assert "; total layers count = 100" in lines
    moves = [move for move in drawn(lines) if move[1] != "Skirt/Brim"]
    points = np.array([move[3] for move in moves])
    half = profile.line_width / 2
    assert points.min() >= 90 + half - 0.01
    assert points.max() <= 110 - half + 0.01
    assert {move[1] for move in moves if 10 < move[0] < 90} == {
        "External perimeter", "Perimeter", "Internal infill"
    }  # fmt: skip
    assert "Solid infill" in {move[1] for move in moves if move[0] == 0}


def test_the_file_is_what_the_analysis_says(make):
    lines, _ = lines_of(make.box(10, 20, 5))
    analysis = analyse(io.BytesIO("\n".join(lines).encode()), AREA)
    assert analysis.layers == 25
    assert analysis.findings == ()
    assert analysis.low[2] == pytest.approx(0.2)
    assert analysis.high[2] == pytest.approx(5.0)
    assert analysis.layer_height == pytest.approx(0.2)
    assert analysis.filament == pytest.approx(analysis.filament_by_slicer, rel=0.01)
    assert "experimental" in analysis.slicer
    assert analysis.seconds > 60
    assert any("EXPERIMENTAL" in line for line in lines)


def test_a_hole_stays_open_and_an_island_in_it_is_printed(make):
    places, faces = make.together(
        make.box(40, 40, 2), make.box(20, 20, 2, at=(10, 10, 0)), make.box(6, 6, 2, at=(17, 17, 0))
    )
    turned = [face[::-1] if 12 <= number < 24 else face for number, face in enumerate(faces)]
    lines, _ = lines_of((places, turned))
    hole = shapely.box(90, 90, 110, 110).difference(shapely.box(97, 97, 103, 103))
    island = 0
    for _, feature, start, end, _ in drawn(lines):
        if feature != "Skirt/Brim":
            assert not hole.buffer(-0.1).intersects(shapely.LineString([start, end]))
            island += 97 < end[0] < 103 and 97 < end[1] < 103
    assert island > 50


def test_bodies_that_overlap_are_one(make):
    lines, profile = lines_of(
        make.together(make.box(20, 20, 2), make.box(20, 20, 2, at=(10, 0, 0))), infill=100
    )
    moves = [move for move in drawn(lines) if move[1] != "Skirt/Brim"]
    assert volume(moves, profile) == pytest.approx(30 * 20 * 2, rel=0.1)


def test_inside_out_is_printed_all_the_same(make):
    places, faces = make.box(10, 10, 1)
    turned = lines_of((places, [face[::-1] for face in faces]))[0]
    assert len(drawn(turned)) == len(drawn(lines_of((places, faces))[0]))


def test_no_long_way_without_drawing_back(make):
    lines, profile = lines_of(make.together(make.box(5, 5, 1), make.box(5, 5, 1, at=(30, 0, 0))))
    place, pulled = np.zeros(2), False
    for line in lines:
        if match := re.match(r"G([01]) X([\d.]+) Y([\d.]+)", line):
            to = np.array([float(match[2]), float(match[3])])
            if match[1] == "0" and np.hypot(*(to - place)) > 2.01:
                assert pulled
            place = to
        elif match := re.match(r"G1 E(-?)", line):
            pulled = match[1] == "-"
    total = sum(float(m[1]) for line in lines if (m := re.match(r"G1 E(-?[\d.]+)", line)))
    assert total == pytest.approx(-profile.retract)


def test_small_layers_are_slower_and_the_first_too(make):
    lines, profile = lines_of(make.box(5, 5, 2))
    feeds = {float(match[1]) / 60 for line in lines if (match := re.search(r"E.* F(\d+)$", line))}
    assert profile.slowest in feeds
    assert max(feeds - {profile.retract_speed}) <= profile.first_layer_speed


def test_it_is_the_same_every_time_and_tells_how_far_it_is(make):
    shares = []
    mesh = mesh_of(make.box(10, 10, 4))
    one = list(slice_mesh(mesh, Profile(), shares.append))
    assert one == list(slice_mesh(mesh, Profile()))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_model_at_the_edge_has_no_skirt(make):
    with_skirt, _ = lines_of(make.box(20, 20, 1))
    without, _ = lines_of(make.box(199, 20, 1))
    assert ";TYPE:Skirt/Brim" in with_skirt
    assert ";TYPE:Skirt/Brim" not in without


def test_what_cannot_be_sliced(make, monkeypatch):
    with pytest.raises(MeshError, match="smaller scale"):
        lines_of(make.box(300, 10, 10))
    places, faces = make.box(10, 10, 10)
    with pytest.raises(MeshError, match="encloses nothing"):
        lines_of((places, faces[4:6]))
    monkeypatch.setattr(slicing, "MOST_LAYERS", 3)
    with pytest.raises(MeshError, match="50 layers"):
        lines_of(make.box(10, 10, 10))
    monkeypatch.undo()
    monkeypatch.setattr(planes, "MOST_SEGMENTS", 3)
    with pytest.raises(MeshError, match="crossings"):
        lines_of(make.box(10, 10, 10))


def test_geometry_that_fails_is_a_reason(make, monkeypatch):
    def fail(*_):
        raise shapely.errors.GEOSException("x")

    monkeypatch.setattr(slicing, "layers", fail)
    with pytest.raises(MeshError, match="contours cross"):
        lines_of(make.box())


def test_a_model_with_a_hole_is_sliced_where_its_contours_close(make):
    places, faces = make.box(10, 10, 10)
    tops = {2, 3}
    open_box = (places, [face for number, face in enumerate(faces) if number not in tops])
    assert lines_of(open_box)[0].count(";LAYER_CHANGE") == 50
    with pytest.raises(MeshError, match="encloses nothing"):
        lines_of((places, [*faces[:4], *faces[6:]]))


def test_thin_layers_of_another_height(make):
    lines, profile = lines_of(make.box(10, 10, 1), layer_height=0.5)
    assert profile.line_width == pytest.approx(0.6)
    assert lines.count(";LAYER_CHANGE") == 2


def test_hatching_an_area():
    square = shapely.box(0, 0, 10, 10).difference(shapely.box(4, 4, 6, 6))
    lines = hatch(square, 0.5, 45.0)
    inside = square.buffer(1e-6)
    assert all(inside.contains(shapely.LineString(line)) for line in lines)
    length = np.hypot(*(lines[:, 1] - lines[:, 0]).T).sum()
    assert length * 0.5 == pytest.approx(square.area, rel=0.05)
    assert len(hatch(shapely.Polygon(), 0.5, 0.0)) == 0


def test_a_contour_that_crosses_itself_is_put_right():
    bow = np.array([[0, 0], [10, 10], [10, 0], [0, 12.0]])
    assert outline([bow]).is_valid
    assert outline([]).is_empty


def test_points_of_a_section_lie_on_the_surface(figure):
    _, mesh = read_model(io.BytesIO(figure.read_bytes()))
    heights = np.arange(0.5, 60, 1.0)
    for loops in planes.sections(mesh, heights):
        assert loops
        for loop in loops:
            assert (loop >= mesh.low[:2] - 1e-9).all()
            assert (loop <= mesh.high[:2] + 1e-9).all()


def test_the_figure_in_a_few_seconds(figure):
    _, mesh = read_model(io.BytesIO(figure.read_bytes()))
    began = time.process_time()
    lines = list(slice_mesh(mesh, Profile(area=AREA)))
    assert time.process_time() - began < 8.0
    assert lines.count(";LAYER_CHANGE") == 300
    moves = [move for move in drawn(lines) if move[1] != "Skirt/Brim"]
    points = np.array([move[3] for move in moves])
    assert (points >= 100 - mesh.size[:2] / 2).all()
    assert (points <= 100 + mesh.size[:2] / 2).all()
    assert 0.3 * mesh.volume() < volume(moves, Profile()) < mesh.volume()
    assert isinstance(mesh, Mesh)


def test_bodies_above_each_other_with_nothing_between(make):
    lines, _ = lines_of(make.together(make.box(10, 10, 2), make.box(10, 10, 2, at=(0, 0, 4))))
    assert lines.count(";LAYER_CHANGE") == 30
    assert {move[0] for move in drawn(lines)} == {*range(10), *range(20, 30)}


def test_a_tip_too_small_for_the_first_layer_gets_no_skirt():
    places = [(0, 0, 0), (5, 5, 10), (-5, 5, 10), (-5, -5, 10), (5, -5, 10)]
    faces = [(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 1), (1, 4, 3), (1, 3, 2)]
    lines, _ = lines_of((places, [face[::-1] for face in faces]))
    assert ";TYPE:Skirt/Brim" not in lines
    assert max(move[0] for move in drawn(lines)) == 49


def test_plastic_is_drawn_back_once():
    writer = Writer(Profile())
    first, second = writer.tail(1.0), writer.tail(1.0)
    assert "G1 E-1 F2100" in first
    assert "G1 E-1 F2100" not in second
