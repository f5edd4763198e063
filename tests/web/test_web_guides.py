"""The guide silhouettes of the console are those of the templates that come with the hub."""

import importlib.util
import json
from pathlib import Path

import pytest

from gotapi_creation.engine.order import View
from gotapi_creation.engine.templates import TEMPLATES

TOOL = Path(__file__).parents[2] / "web" / "tools" / "make_guides.py"


def test_the_guides_are_those_of_the_templates() -> None:
    spec = importlib.util.spec_from_file_location("make_guides", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    known = json.loads(tool.FILE.read_text())
    assert list(known) == [one.name for one in TEMPLATES]
    for one in TEMPLATES[:1]:
        for view in View:
            made = tool.guide(one, view)
            assert area(made) == pytest.approx(area(known[one.name][view.value]), rel=0.01)


def area(outlines: list[list[int]]) -> float:
    """The area within outlines, the holes taken off."""
    total = 0.0
    for line in outlines:
        corners = list(zip(line[::2], line[1::2], strict=True))
        pairs = zip(corners, corners[1:] + corners[:1], strict=True)
        total += sum(x * v - u * y for (x, y), (u, v) in pairs) / 2
    return abs(total)
