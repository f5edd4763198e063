"""PURE: answers of GetFeatureInfo in the formats that clients read."""

import json
from typing import Final

import msgspec

from gotapi_core.conformance.model import Failed, expect
from gotapi_portrayal.conformance.reply import Reply
from gotapi_portrayal.conformance.xmlread import (
    INFO,
    Element,
    children,
    everywhere,
    local,
    space,
    text,
)

XML: Final = ("text/xml", "application/xml")


class Found(msgspec.Struct, frozen=True):
    """One feature of an answer."""

    object_id: str
    feature_id: str
    type_name: str
    attributes: tuple[tuple[str, str], ...]


def read_features(reply: Reply) -> list[Found]:
    """Return the features of an XML answer; raises Failed where it is not as Tables 54 to 57."""
    reply.must_be_good()
    root = reply.xml()
    expect(local(root) == "FeatureInfo", f"the root is {local(root)!r}, not FeatureInfo; {reply}")
    expect(space(root) == INFO, f"FeatureInfo is in the namespace {space(root)!r}; {reply}")
    found = []
    for one in children(root):
        expect(local(one) == "FeatureInfoList", f"FeatureInfo holds {local(one)!r}; {reply}")
        attributes = []
        for group in children(one, "FeatureAttributeList"):
            pairs = [
                _attribute(each) for each in everywhere(group, "FeatureAttribute", "Attribute")
            ]
            expect(pairs != [], f"a FeatureAttributeList is empty (Table 56); {reply}")
            attributes += pairs
        for name in ("ObjectId", "FeatureId", "TypeName"):
            for each in children(one, name):
                expect(text(each) != "", f"{name} is empty (Table 55); {reply}")
        found.append(
            Found(
                text(one, "ObjectId"),
                text(one, "FeatureId"),
                text(one, "TypeName") or one.get("featureType", ""),
                tuple(attributes),
            )
        )
    return found


def _attribute(element: Element) -> tuple[str, str]:
    name = element.get("name") or text(element, "Name")
    expect(name != "", "an attribute has no name (Table 57)")
    return name, text(element, "Value") if children(element, "Value") else text(element)


def must_be_sound(reply: Reply, media: str) -> None:
    """Raise Failed unless an answer is what its MIME type says."""
    reply.must_be_good()
    kind = media.partition(";")[0].strip().lower()
    expect(reply.kind == kind, f"asked for {media}, got {reply.media!r}; {reply}")
    expect(reply.body.strip() != b"", f"the answer is empty; {reply}")
    if kind in XML:
        read_features(reply)
    elif kind == "text/html":
        expect(b"<html" in reply.body[:4096].lower(), f"it has no <html>; {reply}")
    elif kind.endswith("json"):
        try:
            json.loads(reply.body)
        except ValueError as error:
            raise Failed(f"it is no JSON: {error}; {reply}") from None
    elif kind.startswith("text/"):
        try:
            reply.body.decode("utf-8")
        except UnicodeDecodeError:
            expect("charset" in reply.media.lower(), f"it is no UTF-8, and has no charset; {reply}")
