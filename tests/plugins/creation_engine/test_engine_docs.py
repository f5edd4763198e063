"""What the documentation shows works."""

import json
import re
import types
from pathlib import Path

import msgspec

from gotapi_creation.engine.finish import finished
from gotapi_creation.engine.order import Order
from gotapi_creation.engine.registry import engine

PAGE = (Path(__file__).parents[3] / "docs" / "creation-engine.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_engine_of_the_page_makes_boxes(make, bear_masks):
    (code,) = blocks("python")
    module = types.ModuleType("box")
    exec(compile(code, "creation-engine.md", "exec"), module.__dict__)
    job = make.structural(bear_masks)
    said = []
    made = module.creation_engines()["box"]({}).make(job, said.append)
    done = finished(made, job)
    assert len(done.surface.triangles) == 12
    assert done.surface.vertices[:, 1].max() == 100.0
    assert said[0].stage == "packing"


def test_the_orders_of_the_page_are_orders():
    for text in blocks("json"):
        members = {"pictures": {"front": {"path": "f"}}, "folder": "out"}
        whole = json.dumps({**members, **json.loads(text)})
        order = msgspec.json.decode(whole, type=Order)
        assert engine(order.engine, order.settings).name == order.engine
