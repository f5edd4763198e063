"""Engines of the user: a model file (made here), a program, and those of other distributions."""

import sys

import msgspec
import numpy as np
import pytest

from gotapi_creation.engine import registry
from gotapi_creation.engine.base import hookimpl
from gotapi_creation.engine.command_engine import CommandEngine, CommandSettings, arguments, fitted
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.finish import finished, report
from gotapi_creation.engine.onnx_engine import OnnxEngine, OnnxSettings
from gotapi_creation.engine.order import View
from gotapi_creation.engine.registry import engine
from gotapi_creation.engine.shape import ShapeEngine

onnx = pytest.importorskip("onnx")
SIDE = 48


def hull_model(path, views=3, out=None, scale=1.0):
    """A file that multiplies front by side silhouette: the plain hull as occupancy."""
    from onnx import TensorProto, helper, numpy_helper

    def constant(name, values):
        return numpy_helper.from_array(np.array(values), name)

    nodes = [
        helper.make_node("Slice", ["views", "zero", "one", "axis"], ["front"]),
        helper.make_node("Slice", ["views", "one", "two", "axis"], ["right"]),
        helper.make_node("Reshape", ["front", "front_shape"], ["wide"]),
        helper.make_node("Reshape", ["right", "right_shape"], ["deep"]),
        helper.make_node("Mul", ["wide", "deep"], ["both"]),
        helper.make_node("Mul", ["both", "scale"], ["grid"]),
    ]
    constants = [
        constant("zero", [0]), constant("one", [1]), constant("two", [2]), constant("axis", [1]),
        constant("front_shape", [1, 1, SIDE, SIDE, 1]),
        constant("right_shape", [1, 1, SIDE, 1, SIDE]),
        constant("scale", np.array([scale], np.float32)),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "hull",
        [helper.make_tensor_value_info("views", TensorProto.FLOAT, [1, views, SIDE, SIDE])],
        [helper.make_tensor_value_info("grid", TensorProto.FLOAT, out or [1, 1, SIDE, SIDE, SIDE])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return str(path)


def test_a_model_file_of_the_user_makes_a_model(make, bear_masks, tmp_path):
    job = make.structural(bear_masks)
    said = []
    maker = OnnxEngine(OnnxSettings(hull_model(tmp_path / "hull.onnx")))
    made = maker.make(job, said.append)
    assert [one.fraction for one in said] == [0.0, 0.2, 0.8]
    done = finished(made, job)
    told = report(done, made, job, maker.name, {}, (), 0.0)
    assert (told.watertight, told.manifold, told.parts) == (True, True, 1)
    assert told.size[2] == pytest.approx(100, abs=5)
    assert told.agreement[View.FRONT] > 0.85  # of 48 cells
    assert told.agreement[View.RIGHT] > 0.85


def test_a_front_alone_leaves_the_other_pictures_empty(make, bear_masks, tmp_path):
    job = make.structural(bear_masks, (View.FRONT,))
    maker = OnnxEngine(OnnxSettings(hull_model(tmp_path / "hull.onnx")))
    with pytest.raises(CreationError, match="empty grid"):
        maker.make(job, lambda _: None)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scale": float("nan")}, "values that are no numbers"),
        ({"views": 4}, "1 to 3 views"),
    ],
)
def test_model_files_that_do_not_fit(make, bear_masks, tmp_path, settings, words):
    maker = OnnxEngine(OnnxSettings(hull_model(tmp_path / "hull.onnx", **settings)))
    with pytest.raises(CreationError, match=words):
        maker.make(make.structural(bear_masks), lambda _: None)


def test_files_that_are_no_model(make, bear_masks, tmp_path, monkeypatch):
    job = make.structural(bear_masks)
    (tmp_path / "junk.onnx").write_bytes(b"junk" * 10)
    with pytest.raises(CreationError, match="does not run"):
        OnnxEngine(OnnxSettings(str(tmp_path / "junk.onnx"))).make(job, lambda _: None)
    with pytest.raises(CreationError, match=r"no model file nothing\.onnx"):
        OnnxEngine(OnnxSettings(str(tmp_path / "nothing.onnx"))).make(job, lambda _: None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(CreationError, match=r"install gotapi-hub\[onnx\]"):
        OnnxEngine(OnnxSettings(str(tmp_path / "junk.onnx"))).make(job, lambda _: None)


def test_grids_of_wrong_sizes_are_refused():
    maker = OnnxEngine(OnnxSettings("x", level=0.0, inside_above=False))
    for shape in ((2, 2), (2, 20, 20, 20), (4, 4, 4), (1, 1, 600, 16, 16)):
        with pytest.raises(CreationError, match="a grid with sides from 16 to 512"):
            maker._grid(np.ones(shape, np.float32))
    grid = maker._grid(-np.ones((16, 16, 16), np.float32))
    assert (grid[1:-1, 1:-1, 1:-1] == 1).all()
    assert grid[0].max() == -1


PROGRAM = """
import json, sys
from pathlib import Path
folder = Path(sys.argv[1])
told = json.loads((folder / "job.json").read_text())
assert (folder / "front.png").read_bytes()[:4] == b"\\x89PNG"
print("loading")
print("progress 0.25 thinking")
print("progress 0.42")
print("progress nonsense")
faces = [(0,2,3),(0,3,1),(4,5,7),(4,7,6),(0,1,5),(0,5,4)]
faces += [(2,6,7),(2,7,3),(0,4,6),(0,6,2),(1,3,7),(1,7,5)]
lines = [f"v {3*x} {2*y} {8*z}" for z in (0,1) for y in (0,1) for x in (0,1)]
lines += ["f " + " ".join(str(i + 1) for i in face) for face in faces]
(folder / "model.obj").write_text("\\n".join(lines) + "\\n")
"""


def program(tmp_path, text=PROGRAM, *more, **settings):
    path = tmp_path / "program.py"
    path.write_text(text)
    words = (sys.executable, str(path), "{folder}", *more)
    return CommandEngine(CommandSettings(words, **settings))


def test_a_program_makes_a_model_and_tells_its_progress(make, bear_masks, tmp_path):
    job = make.structural(bear_masks)
    said = []
    made = program(tmp_path).make(job, said.append)
    told = [(one.fraction, one.stage) for one in said[1:]]
    assert told == [(0.25, "thinking"), (0.42, "running")]
    size = np.ptp(made.vertices, axis=0)
    assert size == pytest.approx([37.5, 100, 25])  # +Z of the OBJ is up
    assert made.vertices.min(axis=0) == pytest.approx([-18.75, 0, -12.5])
    assert finished(made, job).surface.volume() > 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; print('no card'); sys.exit(3)", "failed with 3: no card"),
        ("import sys; sys.exit(2)", "it said nothing"),
        ("pass", r"left no model.\*"),
        (
            "import sys; open(sys.argv[1] + '/model.glb', 'wb').write(b'glTF' + b'\\0' * 40)",
            "the program's model is unusable",
        ),
    ],
)
def test_programs_that_fail(make, bear_masks, tmp_path, text, words):
    with pytest.raises(CreationError, match=words) as caught:
        program(tmp_path, text).make(make.structural(bear_masks), lambda _: None)
    assert caught.value.failure.code == "engine"


def test_programs_that_are_not_there(make, bear_masks):
    job = make.structural(bear_masks)
    with pytest.raises(CreationError, match="cannot be started: No such file"):
        CommandEngine(CommandSettings(("/nowhere/program",))).make(job, lambda _: None)
    with pytest.raises(CreationError, match="name no program"):
        CommandEngine(CommandSettings(())).make(job, lambda _: None)


def test_arguments_of_views_that_were_not_drawn_are_left_out():
    values = {"front": "f.png", "folder": "x"}
    template = ("run", "--front={front}", "--back={back}", "{folder}/out", "{{}}")
    assert arguments(template, values) == ["run", "--front=f.png", "x/out", "{}"]
    for wrong in ("{nothing}", "{", "{0}", "{front.x}"):
        with pytest.raises(CreationError, match=r"known are \{front\}, \{folder\}"):
            arguments((wrong,), values)


def test_foreign_models_are_put_on_their_feet():
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 4]])
    triangles = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    assert np.ptp(fitted(vertices, triangles, 50, False).vertices[:, 1]) == pytest.approx(50)
    assert np.ptp(fitted(vertices, triangles, 50, True).vertices[:, 2]) == pytest.approx(100)
    with pytest.raises(CreationError, match="no height"):
        fitted(vertices * [1, 1, 0], triangles, 50, False)


def test_engines_by_name_and_their_settings(tmp_path):
    assert engine("shape", {}).name == "shape"
    raw = {"model": msgspec.Raw(b'"x.onnx"')}
    assert engine("onnx", raw).name == "onnx"
    assert engine("command", {"arguments": msgspec.Raw(b'["x"]')}).name == "command"
    for settings in ({}, {"model": msgspec.Raw(b"3")}, {**raw, "more": msgspec.Raw(b"1")},
                     {"model": msgspec.Raw(b"{")}):  # fmt: skip
        with pytest.raises(CreationError, match="settings of engine 'onnx' are wrong"):
            engine("onnx", settings)


class Entry:
    def __init__(self, name, loaded):
        self.name = name
        self._loaded = loaded

    def load(self):
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


class Theirs:
    @hookimpl
    def creation_engines(self):
        return {"theirs": lambda settings: ShapeEngine()}


def test_engines_of_other_distributions(monkeypatch):
    found = (Entry("broken", ImportError("no such card")), Entry("theirs", Theirs()))
    monkeypatch.setattr(registry, "_entry_points", lambda: found)
    assert engine("theirs", {}).name == "shape"
    with pytest.raises(CreationError, match="'broken' could not be loaded: ImportError: no such"):
        engine("broken", {})
    with pytest.raises(
        CreationError, match="there are shape, onnx, command, comfyui, hunyuan3d, broken, theirs"
    ):
        engine("other", {})
