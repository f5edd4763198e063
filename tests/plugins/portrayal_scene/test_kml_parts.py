"""Numbers, identifiers, angles and elements that KML and COLLADA are written of."""

import io
import re
import zipfile

import numpy as np
import pyproj
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from gotapi_portrayal.data.types import Feature
from gotapi_portrayal.gather import move
from gotapi_portrayal.scene.kml_earth import axes, geocentric, local, look
from gotapi_portrayal.scene.kml_elements import Fields, style, view, written
from gotapi_portrayal.scene.kml_pictures import mean_colour, portable
from gotapi_portrayal.scene.kml_text import Ids, floats, integers, places, plain, quoted
from gotapi_portrayal.scene.kml_views import viewpoints
from gotapi_portrayal.scene.kml_zip import archive
from gotapi_portrayal.scene.model import Camera, Frame, Picture

DELFT = np.array([4.3571, 52.0116, 12.0])
RD = "EPSG:28992"


def beside(east: float, north: float, up: float) -> np.ndarray:
    return DELFT + np.array((east, north, up))


def dutch() -> Frame:
    return Frame(RD, "urn:ogc:def:crs:EPSG::28992", to_degrees=move(RD, "CRS:84").points)


def feature(object_id: str = "a", **attributes: str | int | float | bool | None) -> Feature:
    return Feature(7, "town", object_id, "Building", 0, dict(attributes), ("2",), None)


class TestEarth:
    def test_geocentric_as_proj_has_it(self) -> None:
        points = np.array([DELFT, [-122.0, -37.0, 100.0], [179.0, 89.0, -5.0]])
        theirs = pyproj.Transformer.from_crs(4979, 4978, always_xy=True).transform(*points.T)
        assert np.allclose(geocentric(points), np.column_stack(theirs), rtol=0, atol=1e-6)

    def test_local_metres_as_proj_has_them(self) -> None:
        points = np.array([beside(0.01, 0.005, 3.0), beside(-0.02, 0.0, 0.0)])
        theirs = pyproj.Transformer.from_pipeline(
            "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart "
            f"+step +proj=topocentric +lon_0={DELFT[0]} +lat_0={DELFT[1]} +h_0={DELFT[2]}"
        ).transform(*points.T)
        assert np.allclose(local(points, DELFT), np.column_stack(theirs), rtol=0, atol=1e-5)

    def test_axes_are_at_right_angles(self) -> None:
        assert np.allclose(axes(DELFT) @ axes(DELFT).T, np.eye(3))


class TestLook:
    """`up` is geocentric; the plumb line is the third axis."""

    def test_to_the_north_over_the_horizon(self) -> None:
        found = look(DELFT, beside(0, 0.001, 20.0), axes(DELFT)[2])
        assert (found.heading + 1) % 360 == pytest.approx(1.0, abs=1e-9)
        assert found.tilt == pytest.approx(90 + np.degrees(np.arctan2(20, 111.267)), abs=0.01)
        assert found.roll == pytest.approx(0.0, abs=1e-9)

    def test_to_the_east(self) -> None:
        found = look(DELFT, beside(0.001, 0, 0), axes(DELFT)[2])
        assert found.heading == pytest.approx(90.0, abs=0.001)
        assert found.tilt == pytest.approx(90.0, abs=0.001)
        assert found.distance == pytest.approx(68.66, rel=1e-3)

    @pytest.mark.parametrize(("lean", "roll"), [(1.0, 45.0), (-1.0, -45.0)])
    def test_rolls_clockwise_where_up_leans_to_the_right(self, lean: float, roll: float) -> None:
        # To the north, so the right is the east.
        up = axes(DELFT)[2] + lean * axes(DELFT)[0]
        assert look(DELFT, beside(0, 0.001, 0), up).roll == pytest.approx(roll, abs=0.01)

    @pytest.mark.parametrize(("height", "side", "tilt"), [(-10.0, 1.0, 0.0), (10.0, -1.0, 180.0)])
    def test_along_the_plumb_line_up_is_the_heading(
        self, height: float, side: float, tilt: float
    ) -> None:
        found = look(DELFT, beside(0, 0, height), side * axes(DELFT)[0])
        assert found.heading == pytest.approx(90.0)
        assert found.tilt == pytest.approx(tilt, abs=1e-6)
        assert found.roll == pytest.approx(0.0, abs=1e-6)


class TestViewpoints:
    ORIGIN = (84_000.0, 447_000.0, 0.0)

    def made(self, *cameras: Camera) -> tuple[str, str]:
        return viewpoints(dutch(), self.ORIGIN, cameras)

    def number(self, name: str, text: str) -> float:
        found = re.search(f"<{name}>([^<]*)</", text)
        assert found is not None
        return float(found[1])

    def test_grid_north_is_not_north(self) -> None:
        # Looking along the grid, the heading is what the meridians converge there.
        view, _ = self.made(Camera("A", (0, 1000, 0), (0, 0, 500), (0, 0, 1), 60))
        longitude, latitude = self.number("longitude", view), self.number("latitude", view)
        convergence = pyproj.Proj(RD).get_factors(longitude, latitude).meridian_convergence
        assert abs(convergence) > 0.5
        assert self.number("heading", view) == pytest.approx(convergence % 360, abs=0.01)
        assert self.number("tilt", view) == pytest.approx(90 - np.degrees(np.arctan(0.5)), abs=0.02)
        assert self.number("range", view) == pytest.approx(np.hypot(1000, 500), abs=0.2)

    def test_a_look_at_is_at_its_target(self) -> None:
        view, rest = self.made(Camera("A", (0, 1000, 3), (0, 0, 500), (0, 0, 1), 60))
        assert view.startswith("<LookAt><gx:horizFov>60</gx:horizFov>")
        assert self.number("altitude", view) == 3.0
        assert rest == ""

    def test_straight_down_the_upper_border_is_the_heading(self) -> None:
        view, _ = self.made(Camera("A", (0, 0, 0), (0, 0, 500), (0, 1, 0), 60))
        assert self.number("tilt", view) == pytest.approx(0.0, abs=0.01)
        assert self.number("heading", view) == pytest.approx(359.19, abs=0.05)

    def test_what_no_look_at_can_is_a_camera(self) -> None:
        rolled, _ = self.made(Camera("A", (0, 1000, 0), (0, 0, 500), (1, 0, 1), 60))
        upwards, _ = self.made(Camera("A", (0, 1000, 500), (0, 0, 5), (0, 0, 1), 60))
        assert rolled.startswith("<Camera>")
        assert self.number("roll", rolled) > 30
        assert upwards.startswith("<Camera>")
        assert self.number("altitude", upwards) == 5.0

    def test_the_first_is_the_default_and_all_are_listed(self) -> None:
        one = Camera("<A>", (0, 1000, 0), (0, 0, 500), (0, 0, 1), 60)
        two = Camera("B", (0, -1000, 0), (0, 0, 500), (0, 0, 0), 5)
        view, rest = self.made(one, two)
        assert rest.count("<Placemark>") == 2
        assert f"<name>&lt;A&gt;</name>{view}" in rest
        assert "<gx:horizFov>10</gx:horizFov>" in rest

    def test_none(self) -> None:
        assert self.made() == ("", "")

    def test_up_in_degrees_is_a_direction_in_metres(self) -> None:
        frame = Frame(
            "CRS:84", "", geographic=True, unit=(68_000.0, 111_000.0, 1.0),
            to_degrees=move("CRS:84", "CRS:84").points,
        )  # fmt: skip
        camera = Camera("A", (0, 0.001, 0), (0, 0, 0), (1, 0, 1), 60)
        found, _ = viewpoints(frame, (4.0, 52.0, 0.0), [camera])
        assert self.number("roll", found) == pytest.approx(45.0, abs=0.5)


class TestText:
    def test_places(self) -> None:
        points = np.array([[4.123456789, 52.0, -1.2345], [0.0, -0.5, 7.0]])
        assert places(points) == ["4.12345679,52.00000000,-1.234", "0.00000000,-0.50000000,7.000"]
        assert places(points, fine=False)[0] == "4.1234568,52.0000000,-1.23"
        assert places(np.empty((0, 3))) == []

    def test_numbers(self) -> None:
        assert floats(np.array([[1.0, -0.0001], [2.5, 3.0]]), 2) == "1.00 0.00 2.50 3.00"
        assert integers(np.array([[1, 2], [3, 4]])) == "1 2 3 4"
        assert floats(np.empty(0), 2) == ""

    @given(st.text())
    @example("\r\n\t")
    def test_texts_come_back(self, text: str) -> None:
        expected = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "?", text)
        read = etree.fromstring(f'<a b="{quoted(text)}">{plain(text)}</a>'.encode())
        assert (read.text or "") == expected
        assert read.get("b") == expected

    @given(st.lists(st.text(max_size=300) | st.sampled_from(["a", "a-2", "1", "_1"])))
    def test_ids_are_names_and_differ(self, names: list[str]) -> None:
        ids = Ids()
        given = [ids.new(name) for name in names]
        assert len(set(given)) == len(names)
        assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", one) for one in given)

    def test_ids_stay_what_they_are_where_they_can(self) -> None:
        ids = Ids()
        assert [ids.new(name) for name in ("NL.a_1-b", "1 a", "NL.a_1-b")] == [
            "NL.a_1-b",
            "_1_a",
            "NL.a_1-b-2",
        ]


class TestElements:
    def test_colours_are_alpha_blue_green_red(self) -> None:
        assert "<color>80ff8000</color>" in style("s", (0.0, 0.5, 1.5), 0.5)

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (True, "true"), (False, "false"), (3, "3"), (2.5, "2.5"), ("x", "x"),
            (float("nan"), "NaN"), (float("inf"), "INF"), (float("-inf"), "-INF"),
        ],
    )  # fmt: skip
    def test_values(self, value: bool | float | str, text: str) -> None:
        assert written(value) == text

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ((1, 2), "int"), ((1, 2.5), "double"), ((True, False), "bool"), (("a", "b"), "string"),
            ((1, "b"), "string"), ((True, 1), "string"), ((2**31, 2**40), "double"),
            ((2**60,), "string"), ((None, 4), "int"),
        ],
    )  # fmt: skip
    def test_fields_have_the_type_of_all_values(
        self, values: tuple[int | float | str | None, ...], kind: str
    ) -> None:
        fields = Fields("s", "Town", [feature(x=value) for value in values])
        assert f'<SimpleField type="{kind}" name="x"/>' in fields.schema()

    def test_data_of_a_feature(self) -> None:
        one = feature("a&b", ObjectId="mine", height=2.5, gone=None, **{'"': "<"})
        fields = Fields("s", "Town", [one])
        data = etree.fromstring(fields.data(one).encode())
        assert {item.get("name"): item.text for item in data.iter("SimpleData")} == {
            "ObjectId": "7", "FeatureId": "a&b", "Class": "Building",
            "ObjectId-2": "mine", "height": "2.5", '"': "<",
        }  # fmt: skip
        schema = etree.fromstring(fields.schema().encode())
        assert [item.get("name") for item in schema] == [
            item.get("name") for item in data.iter("SimpleData")
        ]

    def test_fields_of_view_are_those_that_readers_take(self) -> None:
        how = look(DELFT, beside(0, 0.001, -9), axes(DELFT)[2])
        assert "<gx:horizFov>170</gx:horizFov>" in view((0, 0, 0), (0, 0, 0), how, 179.0)


class TestFiles:
    def picture(self, mime: str = "image/png", data: bytes | None = None) -> Picture:
        if data is None:
            written = io.BytesIO()
            image = Image.new("RGB", (4, 4), (255, 0, 0))
            image.paste((0, 0, 255), (0, 0, 2, 4))
            image.save(written, mime.removeprefix("image/"))
            data = written.getvalue()
        return Picture(1, mime, 4, 4, data)

    def test_the_mean_of_a_picture(self) -> None:
        assert mean_colour(self.picture()) == pytest.approx((0.5, 0.0, 0.5), abs=0.01)
        assert mean_colour(self.picture(data=b"none")) == (0.5, 0.5, 0.5)

    def test_webp_becomes_what_every_reader_has(self) -> None:
        found = portable(self.picture("image/webp"))
        assert found.suffix in (".jpg", ".png")
        with Image.open(io.BytesIO(found.data)) as image:
            assert image.size == (4, 4)
        broken = self.picture("image/webp", b"none")
        assert portable(broken) is broken
        png = self.picture()
        assert portable(png) is png

    def test_the_same_files_are_the_same_archive(self) -> None:
        files = [("doc.kml", b"<kml/>" * 100), ("files/a.png", b"\x89PNG" * 100)]
        made = archive(files)
        assert made == archive(files)
        with zipfile.ZipFile(io.BytesIO(made)) as read:
            assert [(one, read.read(one)) for one in read.namelist()] == files
            assert read.getinfo("files/a.png").compress_type == zipfile.ZIP_STORED
