"""What is known of features, in the four encodings."""

import json

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gotapi_portrayal.info.records import ENCODERS, Group, Record, encode

SPACE = "{http://www.opengis.net/3dps/1.0/info}"
OWN = Group((("height", 12.5), ("<name>", "A & B"), ("listed", True), ("year", None)))
HOUSE = Record(7, "bldg-1", "town", "Building", (OWN, Group((("zip", "1234"),), "whole")), 3.25)
BARE = Record(8, "bldg-2", "town", groups=(Group(()),))

TEXTS = st.text(st.characters())
VALUES = TEXTS | st.integers() | st.floats() | st.booleans() | st.none()
GROUPS = st.builds(Group, st.lists(st.tuples(TEXTS, VALUES), max_size=3).map(tuple), TEXTS)
RECORDS = st.builds(
    Record, st.integers(0), TEXTS, TEXTS, TEXTS, st.lists(GROUPS, max_size=3).map(tuple)
)


def test_xml_is_built_as_the_example_of_the_text() -> None:
    root = etree.fromstring(encode([HOUSE, BARE], "text/xml"))
    assert root.tag == f"{SPACE}FeatureInfo"
    first, second = root
    assert (first.tag, first.get("featureType")) == (f"{SPACE}FeatureInfoList", "Building")
    assert [child.tag.removeprefix(SPACE) for child in first] == [
        "ObjectId",
        "FeatureId",
        "FeatureAttributeList",
        "FeatureAttributeList",
    ]
    assert (first.findtext(f"{SPACE}ObjectId"), first.findtext(f"{SPACE}FeatureId")) == (
        "7",
        "bldg-1",
    )
    attributes = {one.get("name"): one.text for one in first[2]}
    assert attributes == {"height": "12.5", "<name>": "A & B", "listed": "true", "year": None}
    assert second.get("featureType") is None
    assert len(second) == 2  # a list without attributes is none


def test_json() -> None:
    [found, bare] = json.loads(encode([HOUSE, BARE], "application/json"))["featureInfo"]
    own = {"height": 12.5, "<name>": "A & B", "listed": True, "year": None}
    assert found["attributes"] == [
        {"of": "bldg-1", "values": own},
        {"of": "whole", "values": {"zip": "1234"}},
    ]
    assert (found["objectId"], found["layer"], found["distance"]) == ("7", "town", 3.25)
    assert "distance" not in bare


def test_html_and_text_are_for_people() -> None:
    page = encode([HOUSE], "text/html").decode()
    assert "<caption>Building bldg-1</caption>" in page
    assert "<th>&lt;name&gt;</th><td>A &amp; B</td>" in page
    text = encode([HOUSE, BARE], "text/plain").decode()
    assert "height: 12.5\n<name>: A & B\nlisted: true\nyear: \nwhole.zip: 1234\n\n" in text


def test_nothing_found_is_a_document_too() -> None:
    assert len(etree.fromstring(encode([], "text/xml"))) == 0
    assert json.loads(encode([], "application/json")) == {"featureInfo": []}
    for media in ("text/html", "text/plain"):
        assert "No feature was found." in encode([], media).decode()


@given(st.lists(RECORDS, max_size=3))
def test_any_text_can_be_encoded(records: list[Record]) -> None:
    documents = {media: encode(records, media) for media in ENCODERS}
    assert len(etree.fromstring(documents["text/xml"])) == len(records)
    assert len(json.loads(documents["application/json"])["featureInfo"]) == len(records)
    assert documents["text/html"].startswith(b"<!DOCTYPE html>")
    assert documents["text/plain"].decode()
