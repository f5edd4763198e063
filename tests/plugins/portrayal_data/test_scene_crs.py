"""Names of CRSs as files write them, and coordinates into metres east and north."""

import numpy as np
import pyproj
import pytest

from gotapi_portrayal.data import crs as module
from gotapi_portrayal.data.crs import frame, normalized
from gotapi_portrayal.data.types import Crs, SceneError


def at(*place: float) -> np.ndarray:
    return np.array([place], float)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("EPSG:7415", "EPSG:7415"),
        ("epsg:28992", "EPSG:28992"),
        ("25832", "EPSG:25832"),
        ("25832+7837", "EPSG:25832+7837"),
        ("EPSG:25832+7837", "EPSG:25832+7837"),
        ("urn:ogc:def:crs:EPSG::4326", "EPSG:4326"),
        ("urn:ogc:def:crs:EPSG:6.9:7415", "EPSG:7415"),
        ("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783", "EPSG:25832+5783"),
        ("urn:ogc:def:crs,crs:EPSG:6.12:3068,crs:EPSG:6.12:5783", "EPSG:3068+5783"),
        ("http://www.opengis.net/def/crs/EPSG/0/6697", "EPSG:6697"),
        ("https://www.opengis.net/def/crs/EPSG/0/7415", "EPSG:7415"),
        ("http://www.opengis.net/gml/srs/epsg.xml#31467", "EPSG:31467"),
        ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", "EPSG:25832+7837"),
        ("urn:adv:crs:ETRS89_UTM33*DE_DHHN92_NH", "EPSG:25833+5783"),
        ("urn:adv:crs:DHDN_3GK3", "EPSG:31467"),
    ],
)
def test_names_are_understood(name: str, found: str) -> None:
    assert normalized(name) == found


@pytest.mark.parametrize("name", ["WGS84", "urn:adv:crs:MARS_1", "12", "EPSG:", "a" * 300])
def test_other_names_are_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(SceneError, match=r"give one by --crs"):
        normalized(name)


def test_a_number_nobody_gave_is_refused() -> None:
    with pytest.raises(SceneError, match="no CRS 'EPSG:999999'"):
        frame("EPSG:999999", at(0, 0, 0))


def test_what_is_in_metres_stays_as_it_is() -> None:
    found = frame("EPSG:7415", at(84616.5, 447423.0, 1.0))
    assert found.crs == Crs("EPSG:7415", "EPSG:28992", "EPSG:5709")
    points = at(84616.468, 447422.999, -0.452)
    assert found.points(points) is points


def test_without_a_name_it_is_a_place_of_its_own() -> None:
    assert frame("", at(1, 2, 3)).crs == Crs()


def test_degrees_become_metres_and_heights_stay() -> None:
    # PLATEAU: latitude first, as the CRS defines it.
    found = frame(
        "http://www.opengis.net/def/crs/EPSG/0/6697", at(35.68, 139.71, 0), as_defined=True
    )
    assert found.crs == Crs("EPSG:6691+6695", "EPSG:6691", "EPSG:6695", "EPSG:6697")
    [[east, north, up]] = found.points(at(35.68, 139.71, 16.5)).tolist()
    assert (east, north) == pytest.approx((383_250, 3_949_000), abs=600)
    assert up == 16.5


def test_longitude_first_is_recognised_where_only_that_fits() -> None:
    found = frame("EPSG:6697", at(139.71, 35.68, 0), as_defined=True)
    [[east, _, _]] = found.points(at(139.71, 35.68, 0)).tolist()
    assert east == pytest.approx(383_250, abs=600)
    assert not found.swapped


def test_json_has_x_first_also_where_the_crs_has_north_first() -> None:
    found = frame("EPSG:4326", at(10.0, 50.0, 0))  # 50 east and 10 north is a place too
    assert not found.swapped
    assert frame("EPSG:4326", at(10.0, 50.0, 0), as_defined=True).swapped


def test_a_projected_crs_with_north_first_is_turned() -> None:
    # Gauss-Krüger: the definition has north first, most files have east first.
    usual = frame("EPSG:31467", at(3_500_000, 5_600_000, 0), as_defined=True)
    assert not usual.swapped
    defined = frame("EPSG:31467", at(5_600_000, 3_500_000, 0), as_defined=True)
    assert defined.points(at(5_600_000, 3_500_000, 7)).tolist() == [[3_500_000, 5_600_000, 7]]


def test_places_on_both_sides_of_the_date_line() -> None:
    for longitude in (179.5, -179.5):
        found = frame("EPSG:4167", at(longitude, -44.0, 0))  # New Zealand
        assert not found.swapped
        assert found.crs.horizontal.startswith("EPSG:")


def test_geocentric_coordinates_become_metres() -> None:
    found = frame("EPSG:4978", at(3_765_000.0, 665_000.0, 5_090_000.0))
    [[east, north, up]] = found.points(at(3_765_000.0, 665_000.0, 5_090_000.0)).tolist()
    assert found.crs.horizontal == "EPSG:32632"
    assert found.crs.source == "EPSG:4978"
    assert east == pytest.approx(574_000, abs=20_000)
    assert north == pytest.approx(5_900_000, abs=100_000)
    assert abs(up) < 5_000


def test_where_there_is_no_zone_it_is_said() -> None:
    with pytest.raises(SceneError, match="no UTM zone"):
        frame("EPSG:4326", at(0.0, 89.9, 0))


@pytest.mark.parametrize("name", ["EPSG:5709", "EPSG:5783"])
def test_what_is_not_for_places_is_refused(name: str) -> None:
    with pytest.raises(SceneError, match="not for places on the earth"):
        frame(name, at(0, 0, 0))


def test_feet_are_told() -> None:
    assert frame("EPSG:2263", at(980_000, 200_000, 0)).crs.unit == pytest.approx(0.3048, rel=1e-4)


def test_a_file_joins_a_layer_of_another_crs() -> None:
    layer = frame("EPSG:25832", at(500_000, 5_600_000, 0)).crs
    found = frame("EPSG:25833", at(75_000, 5_610_000, 0), target=layer)
    [[east, north, up]] = found.points(at(75_000, 5_610_000, 3)).tolist()
    assert found.crs == layer
    assert (east, north) == pytest.approx((500_000, 5_600_000), abs=20_000)
    assert up == 3


def test_the_same_crs_needs_no_way() -> None:
    layer = frame("EPSG:7415", at(84616.5, 447423.0, 1.0)).crs
    assert frame("EPSG:7415", at(84616.5, 447423.0, 1.0), target=layer).transformer is None


@pytest.mark.parametrize(
    ("name", "target", "words"),
    [
        ("", Crs("EPSG:7415", "EPSG:28992", "EPSG:5709"), "names no CRS"),
        ("EPSG:25832", Crs(), "has no CRS"),
        ("EPSG:4978", Crs(), "has no CRS"),
        ("EPSG:25832+7837", Crs("EPSG:25832+5783", "EPSG:25832", "EPSG:5783"), "heights"),
    ],
)
def test_what_does_not_go_together_is_refused(name: str, target: Crs, words: str) -> None:
    with pytest.raises(SceneError, match=words):
        frame(name, at(3_765_000.0, 665_000.0, 5_090_000.0), target=target)


def test_without_points_a_projected_crs_is_taken_as_it_is() -> None:
    assert frame("EPSG:25832", np.empty((0, 3))).crs.name == "EPSG:25832"


def test_no_points_stay_no_points() -> None:
    found = frame("EPSG:4326", at(10.0, 50.0, 0))
    assert found.points(np.empty((0, 3))).shape == (0, 3)


def test_a_crs_without_a_known_area_takes_degrees_that_can_be() -> None:
    anywhere = pyproj.CRS.from_proj4("+proj=longlat +datum=WGS84")
    assert module._fits(anywhere, at(170, 80, 0)[0], False)
    assert not module._fits(anywhere, at(80, 170, 0)[0], False)
    with pytest.raises(SceneError, match="no EPSG code"):
        module._code(pyproj.CRS.from_proj4("+proj=tmerc +lat_0=1"))
