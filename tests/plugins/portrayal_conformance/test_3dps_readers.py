"""What servers send, read by the checks: pictures, multipart messages, features, names of CRS."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gotapi_core.conformance.model import Failed, Skipped
from gotapi_portrayal.conformance.camera import camera_over
from gotapi_portrayal.conformance.checks.core_resources import _addresses
from gotapi_portrayal.conformance.crs import crs_key, in_degrees
from gotapi_portrayal.conformance.features import must_be_sound, read_features
from gotapi_portrayal.conformance.multipart import BOUNDARY, read_parts
from gotapi_portrayal.conformance.offer import Ground, read_offer
from gotapi_portrayal.conformance.pixels import covered, depths, normals, picture, plain, words
from gotapi_portrayal.conformance.reply import Reply, same_type
from gotapi_portrayal.conformance.server import join, portrayed
from gotapi_portrayal.conformance.xmlread import parse


def reply(body: bytes, media: str = "text/xml", status: int = 200) -> Reply:
    return Reply("GET /x", status, {"content-type": media}, body)


def encoded(pixels: object, kind: str = "PNG", mode: str | None = None) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(np.array(pixels, np.uint8))
    (image.convert(mode) if mode else image).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("EPSG:25832", ("25832",)),
        ("epsg:25832", ("25832",)),
        ("urn:ogc:def:crs:EPSG::25832", ("25832",)),
        ("urn:ogc:def:crs:EPSG:9.9.1:25832", ("25832",)),
        ("http://www.opengis.net/def/crs/EPSG/0/25832", ("25832",)),
        ("EPSG:25832+7837", ("25832", "7837")),
        ("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837", ("25832", "7837")),
        ("CRS:84", ("crs84",)),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", ("crs84",)),
        ("", ()),
    ],
)
def test_names_of_one_crs_have_one_key(name: str, key: tuple[str, ...]) -> None:
    assert crs_key(name) == key


def test_degrees_are_known_by_number_or_by_the_box() -> None:
    assert in_degrees("EPSG:4326")
    assert in_degrees("CRS:84")
    assert in_degrees("http://example.org/own", (8.0, 49.0, 9.0, 50.0))
    assert not in_degrees("EPSG:25832", (458_000.0, 5_438_000.0))
    assert not in_degrees("LOCAL:METRES", (0.0, 0.0, 9.0, 9.0))
    assert not in_degrees("http://example.org/own")


def test_colours_become_numbers_with_alpha_highest_and_red_lowest() -> None:
    assert words(picture(encoded([[[4, 3, 2, 1]]]), "image/png"), "X")[0, 0] == 0x01020304
    assert words(picture(encoded([[[4, 3, 2]]]), "image/png"), "X")[0, 0] == 0x00020304
    with pytest.raises(Failed, match="needs three or four components"):
        words(picture(encoded([[7]]), "image/png"), "X")


def test_distances_are_floats_of_these_bytes() -> None:
    value = list(struct.pack("<f", 123.5))
    assert depths(picture(encoded([[value]]), "image/png"))[0, 0] == 123.5
    with pytest.raises(Skipped, match="24 bits"):
        depths(picture(encoded([[[1, 2, 3]]]), "image/png"))


def test_normals_are_blue_green_red_from_minus_one_to_one() -> None:
    assert normals(picture(encoded([[[255, 128, 0]]]), "image/png"))[0, 0] == pytest.approx(
        (-1.0, 0.0, 1.0), abs=0.01
    )
    with pytest.raises(Failed, match="three components"):
        normals(picture(encoded([[7]]), "image/png"))


def test_masks_are_black_where_something_is() -> None:
    assert covered(picture(encoded([[0, 255]], mode="1"), "image/png")).tolist() == [[True, False]]
    with pytest.raises(Failed, match="neither black nor white"):
        covered(picture(encoded([[0, 100]]), "image/png"))


def test_pixels_inside_have_neighbours_of_their_kind() -> None:
    mask = np.ones((5, 5), bool)
    mask[2, 4] = False
    assert plain(mask).astype(int).tolist() == [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("body", "media", "says"),
    [
        (b"no picture", "image/png", "cannot be read"),
        (encoded([[1]], "JPEG"), "image/png", "is JPEG"),
        (encoded([[1]]), "image/png;mode=24bit", "has 8 bits a pixel"),
        (encoded([[[1, 2, 3]]])[:40], "image/png", "cannot be read"),
        (encoded([[1, 2]]), "image/png", r"has \(2, 1\) pixels instead of"),
    ],
)
def test_a_picture_that_is_none_is_told(body: bytes, media: str, says: str) -> None:
    with pytest.raises(Failed, match=says):
        picture(body, media, (1, 1))


def test_a_kind_of_picture_that_nobody_knows_is_skipped() -> None:
    with pytest.raises(Skipped, match="no kind of picture"):
        picture(b"", "image/conformance")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_picture_reader(body: bytes) -> None:
    with pytest.raises(Failed):
        picture(b"\x89PNG\r\n\x1a\n" + body, "image/png")


def message(*parts: bytes, end: bytes = b"--\r\n", boundary: str = BOUNDARY) -> Reply:
    mark = f"\r\n--{BOUNDARY}".encode()
    body = b"".join(mark + b"\r\n" + part for part in parts) + mark + end
    return reply(body[2:], f'multipart/mixed; boundary="{boundary}"')


def test_parts_come_with_their_types() -> None:
    parts = read_parts(
        message(b"Content-Type: a/b\r\n\r\none", b"X: y\r\ncontent-type:c/d\r\n\r\n")
    )
    assert [(one.media, one.body) for one in parts] == [("a/b", b"one"), ("c/d", b"")]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (message(b"Content-Type: a/b\r\n\r\n", boundary="other"), "the boundary in"),
        (message(b"Content-Type: a/b\r\n\r\n", end=b""), "does not end with its boundary"),
        (message(b"\r\nbody"), "does not declare its MIME type"),
        (message(b"Content-Type: a/b"), "no empty line"),
        (reply(b"x", f"multipart/mixed;boundary={BOUNDARY}"), "does not have the boundary"),
        (reply(b"x", "image/png"), "several pictures came as"),
    ],
)
def test_a_broken_message_is_told(broken: Reply, says: str) -> None:
    with pytest.raises(Failed, match=says):
        read_parts(broken)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_parts(body: bytes) -> None:
    got = reply(f"--{BOUNDARY}".encode() + body, f"multipart/mixed; boundary={BOUNDARY}")
    with pytest.raises(Failed):
        read_parts(got)


INFO = "http://www.opengis.net/3dps/1.0/info"


def features(inner: str) -> Reply:
    return reply(f'<FeatureInfo xmlns="{INFO}">{inner}</FeatureInfo>'.encode())


def test_features_are_read_in_the_form_of_the_example_and_of_the_tables() -> None:
    found = read_features(
        features(
            '<FeatureInfoList featureType="b"><ObjectId>4</ObjectId><FeatureId>x</FeatureId>'
            '<FeatureAttributeList><FeatureAttribute name="a">1</FeatureAttribute>'
            "</FeatureAttributeList></FeatureInfoList>"
            "<FeatureInfoList><TypeName>c</TypeName><FeatureAttributeList><Attribute>"
            "<Name>n</Name><Value/></Attribute></FeatureAttributeList></FeatureInfoList>"
        )
    )
    assert [(one.object_id, one.type_name, one.attributes) for one in found] == [
        ("4", "b", (("a", "1"),)),
        ("", "c", (("n", ""),)),
    ]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (reply(b"<FeatureInfo/>"), "in the namespace"),
        (reply(b"<Features/>"), "not FeatureInfo"),
        (reply(b"<Feature"), "no well-formed XML"),
        (features("<Feature/>"), "holds 'Feature'"),
        (features("<FeatureInfoList><ObjectId/></FeatureInfoList>"), "ObjectId is empty"),
        (
            features("<FeatureInfoList><FeatureAttributeList/></FeatureInfoList>"),
            "FeatureAttributeList is empty",
        ),
        (
            features(
                "<FeatureInfoList><FeatureAttributeList><FeatureAttribute/>"
                "</FeatureAttributeList></FeatureInfoList>"
            ),
            "has no name",
        ),
    ],
)
def test_broken_features_are_told(broken: Reply, says: str) -> None:
    with pytest.raises(Failed, match=says):
        read_features(broken)


@pytest.mark.parametrize(
    ("body", "media"),
    [(b"<html></html>", "text/html"), (b"{}", "application/json"), (b"a: b", "text/plain")],
)
def test_other_formats_of_features_are_looked_at_too(body: bytes, media: str) -> None:
    must_be_sound(reply(body, media), media)
    with pytest.raises(Failed, match="asked for"):
        must_be_sound(reply(body, "image/png"), media)
    with pytest.raises(Failed):
        must_be_sound(reply(b"\xff", media), media)
    with pytest.raises(Failed, match="empty"):
        must_be_sound(reply(b" ", media), media)


def test_exceptions_are_read_and_garbage_has_none() -> None:
    body = (
        b'<ExceptionReport xmlns="http://www.opengis.net/ows/2.0" version="1.0.0">'
        b'<Exception exceptionCode="A" locator="B"><ExceptionText>c</ExceptionText></Exception>'
        b"</ExceptionReport>"
    )
    got = reply(body, status=400)
    assert "A (locator 'B'): c" in str(got)
    assert not got.good
    got.must_fail("A", "Z", locator="b").must_be_a_sound_report()
    with pytest.raises(Failed, match="expected Z, got A"):
        got.must_fail("Z")
    with pytest.raises(Failed, match="expected the locator 'q'"):
        got.must_fail(locator="q")
    with pytest.raises(Failed, match="expected an answer"):
        got.must_be_good()
    for other in (b"<ExceptionReport", b"<a>ExceptionReport</a>", b"text"):
        assert reply(other).exceptions == ()
        with pytest.raises(Failed, match="expected an exception report"):
            reply(other).must_fail()


def test_a_dtd_is_never_read() -> None:
    with pytest.raises(Failed, match="has a DTD"):
        parse(b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>')


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_documents(body: bytes) -> None:
    try:
        read_offer(parse(b"<a>" + body + b"</a>"))
    except Failed:
        return


def test_mime_types_are_compared_without_case_and_blanks() -> None:
    assert same_type("image/png; mode=32Bit", "image/PNG;mode=32bit")
    assert same_type("text/xml; charset=utf-8", "text/xml")
    assert not same_type("image/png;mode=24bit", "image/png")


def test_addresses_are_put_together_as_announced() -> None:
    assert join("http://a/x", "b=c") == "http://a/x?b=c"
    assert join("http://a/x?", "b=c") == "http://a/x?b=c"
    assert join("http://a/x?m=n", "b=c") == "http://a/x?m=n&b=c"
    assert join("http://a/x?m=n&", "b=c") == "http://a/x?m=n&b=c"


def test_a_portrayal_encodes_what_separates_within_values() -> None:
    assert portrayed([("COLOR", "image/png;mode=24bit")], "P,1", (2, 3)) == (
        "WIDTH=2;HEIGHT=3;PROJECTION=P,1;IMAGELAYERS=COLOR;FORMATS=image%2Fpng%3Bmode%3D24bit"
    )


def test_links_to_resources_are_found_between_quotes_and_blanks() -> None:
    text = (
        'x "http://a/s?request=GetResourceById&amp;resourceId=1" '
        "<href>/s?REQUEST=getresourcebyid&a</href>"
    )
    assert list(_addresses(text)) == [
        "http://a/s?request=GetResourceById&amp;resourceId=1",
        "/s?REQUEST=getresourcebyid&a",
    ]


@given(
    st.tuples(*[st.floats(-1e6, 1e6)] * 3),
    st.tuples(*[st.floats(0.1, 1e4)] * 3),
    st.booleans(),
)
def test_a_camera_looks_at_the_middle_of_what_it_is_over(
    low: tuple[float, float, float], size: tuple[float, float, float], turn: bool
) -> None:
    high = (low[0] + size[0], low[1] + size[1], low[2] + size[2])
    ground = Ground("EPSG:25832", low, high, tall=True, degrees=False)
    camera = camera_over(ground, turn)
    away = np.linalg.norm(np.array(camera.poi) - camera.poc)
    middle = camera.points(np.full((3, 3), away))[1, 1]
    assert middle == pytest.approx(ground.middle, abs=1e-6 * (away + 1e6))
    assert camera.perspective().count(",") == 13
    assert camera.orthographic((4, 3)).count(",") == 15
