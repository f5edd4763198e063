"""Engines on HTTP, against small servers that answer as ComfyUI and Hunyuan3D's server do."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import numpy as np
import pytest

from gotapi_creation.engine import remote
from gotapi_creation.engine.comfy_engine import ComfyEngine, ComfySettings
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.hunyuan_engine import HunyuanEngine, HunyuanSettings
from gotapi_creation.engine.order import View
from gotapi_creation.engine.registry import engine
from gotapi_meshes.glb_writer import write_glb
from gotapi_meshes.mesh import Mesh

TETRAHEDRON = Mesh(
    np.array([(0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, 10)], float),
    np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], np.uint32),
    True,
)
GLB = write_glb(TETRAHEDRON)


class Peer:
    """Answers from a list per path, the last one again and again; keeps what it was asked."""

    def __init__(self, answers):
        self.answers = {path: list(some) for path, some in answers.items()}
        self.asked = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length", 0))
                path = self.path.partition("?")[0]
                peer.asked.append((self.command, self.path, self.rfile.read(length)))
                waiting = peer.answers.get(path, [(404, b"no such path")])
                status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer  # noqa: N815  # the names that http.server calls

            def log_message(self, *words):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def paths(self):
        return [f"{method} {path}" for method, path, _ in self.asked]

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def peer():
    made = []

    def start(answers):
        made.append(Peer(answers))
        return made[-1]

    yield start
    for one in made:
        one.end()


@pytest.fixture
def job(make, bear_masks):
    return make.structural(bear_masks)


def hunyuan(url, **settings):
    return HunyuanEngine(HunyuanSettings(url, **settings), pause=lambda _: None)


DONE = {"status": "completed", "model_base64": base64.b64encode(GLB).decode()}


def test_a_hunyuan_server_makes_a_model(peer, job):
    states = [{"status": "processing"}, {"status": "processing"}, {"status": "texturing"}, DONE]
    server = peer({"/send": [(200, {"uid": "u1"})], "/status/u1": [(200, one) for one in states]})
    said = []
    made = hunyuan(server.url, usual=10.0).make(job, said.append)
    assert np.ptp(made.vertices[:, 1]) == pytest.approx(100)
    assert server.paths() == ["POST /send", *["GET /status/u1"] * 4]
    sent = json.loads(server.asked[0][2])
    assert base64.b64decode(sent["image"])[:4] == b"\x89PNG"
    assert (sent["type"], sent["texture"], sent["octree_resolution"]) == ("glb", False, 256)
    assert "image_front" not in sent
    fractions = [one.fraction for one in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 0.6  # painting begins
    assert said[-1].stage == "texturing"


def test_views_are_sent_where_the_server_takes_them(peer, job):
    server = peer({"/send": [(200, {"uid": "u1"})], "/status/u1": [(200, DONE)]})
    hunyuan(server.url, views=True).make(job, lambda _: None)
    sent = json.loads(server.asked[0][2])
    assert {"image", "image_front", "image_right", "image_back"} <= sent.keys()
    assert sent["image"] == sent["image_front"] != sent["image_right"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"/send": [(404, {"text": "no memory", "error_code": 1})]}, "refused /send: 404 .*no mem"),
        ({"/send": [(200, b"<html>")]}, "answers what is not understood"),
        ({"/send": [(200, {"uid": "u"})], "/status/u": [(200, {"status": "processing"})]},
         "was given 5 seconds"),
        ({"/send": [(200, {"uid": "u"})], "/status/u": [(200, {"status": "error"})]},
         "failed: it says not why"),
        ({"/send": [(200, {"uid": "u"})],
          "/status/u": [(200, {"status": "completed", "model_base64": "%%%"})]}, "no base64"),
        ({"/send": [(200, {"uid": "u"})],
          "/status/u": [(200, {"status": "completed", "model_base64": "aGVsbG8="})]},
         "made a model that is unusable"),
    ],
)  # fmt: skip
def test_hunyuan_servers_that_fail(peer, job, answers, words):
    with pytest.raises(CreationError, match=words) as caught:
        hunyuan(peer(answers).url, seconds=5).make(job, lambda _: None)
    assert caught.value.failure.code == "engine"
    assert str(caught.value).startswith("the Hunyuan3D server ")


def test_a_server_that_is_not_there_and_one_that_never_ends(peer, job, monkeypatch):
    gone = peer({})
    gone.end()
    gone.end = lambda: None
    with pytest.raises(CreationError, match="does not answer: ConnectError; is it running"):
        hunyuan(gone.url).make(job, lambda _: None)
    monkeypatch.setattr(remote, "MOST", 1000)
    server = peer({"/send": [(200, b"x" * 5000)]})
    with pytest.raises(CreationError, match="sends more than 1,000 bytes"):
        hunyuan(server.url).make(job, lambda _: None)
    with pytest.raises(CreationError, match="begins with http"):
        hunyuan("file:///etc/passwd").make(job, lambda _: None)


GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "{front}"}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "{back}"}},
    "3": {"class_type": "SaveGLB", "inputs": {"filename_prefix": "mesh"}},
}
SAVED = {
    "outputs": {
        "1": {
            "text": ["hello"],
            "images": [{"filename": "a.png", "subfolder": "", "type": "temp"}],
        },
        "3": {"3d": [{"filename": "mesh_1.glb", "subfolder": "mesh", "type": "output"}]},
    },
    "status": {"status_str": "success", "completed": True},
}


def comfy(url, tmp_path, graph=GRAPH, **settings):
    path = tmp_path / "graph.json"
    path.write_text(graph if isinstance(graph, str) else json.dumps(graph))
    return ComfyEngine(ComfySettings(url, str(path), **settings), pause=lambda _: None)


def answers(**more):
    return {
        "/upload/image": [(200, {"name": 'f"1.png', "subfolder": "", "type": "input"}),
                          (200, {"name": "b.png", "subfolder": "in", "type": "input"})],
        "/prompt": [(200, {"prompt_id": "p1", "number": 1, "node_errors": {}})],
        "/history/p1": [(200, {}), (200, {}), (200, {"p1": SAVED})],
        "/view": [(200, GLB)],
        **more,
    }  # fmt: skip


def test_a_comfyui_makes_a_model(peer, job, tmp_path):
    server = peer(answers())
    said = []
    made = comfy(server.url, tmp_path).make(job, said.append)
    assert np.ptp(made.vertices[:, 1]) == pytest.approx(100)
    assert server.paths() == [
        "POST /upload/image", "POST /upload/image", "POST /prompt",
        "GET /history/p1", "GET /history/p1", "GET /history/p1",
        "GET /view?filename=mesh_1.glb&subfolder=mesh&type=output",
    ]  # fmt: skip
    assert b"\x89PNG" in server.asked[0][2]
    sent = json.loads(server.asked[2][2])
    assert sent["prompt"]["1"]["inputs"]["image"] == 'f"1.png'
    assert sent["prompt"]["2"]["inputs"]["image"] == "in/b.png"
    assert sent["client_id"] == "gotapi-hub"
    assert [one.fraction for one in said] == sorted(one.fraction for one in said)


FAILED = {"outputs": {}, "status": {"status_str": "error", "completed": False}}
EMPTY = {"outputs": {"3": {"3d": []}}, "status": {"status_str": "success"}}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"/prompt": [(200, {"error": {"message": "bad node"}})]}, "refused the graph: .*bad node"),
        ({"/prompt": [(400, {"node_errors": {"1": "x"}})]}, "refused /prompt: 400"),
        ({"/history/p1": [(200, {"p1": FAILED})]}, "failed in the graph"),
        ({"/history/p1": [(200, {"p1": EMPTY})]}, "saved no GLB"),
        ({"/history/p1": [(200, b"[")]}, "what is not understood"),
        ({"/view": [(200, b"junk")]}, "unusable"),
    ],
)
def test_comfyuis_that_fail(peer, job, tmp_path, more, words):
    with pytest.raises(CreationError, match=words):
        comfy(peer(answers(**more)).url, tmp_path).make(job, lambda _: None)


def test_a_graph_that_takes_too_long_is_taken_back(peer, job, tmp_path):
    server = peer(answers(**{"/history/p1": [(200, {})], "/queue": [(200, b"")],
                             "/interrupt": [(200, b"")]}))  # fmt: skip
    with pytest.raises(CreationError, match="was given 3 seconds"):
        comfy(server.url, tmp_path, seconds=3).make(job, lambda _: None)
    assert server.paths()[-2:] == ["POST /queue", "POST /interrupt"]
    assert json.loads(server.asked[-2][2]) == {"delete": ["p1"]}


def test_graphs_that_do_not_fit(peer, make, bear_masks, tmp_path):
    server = peer(answers())
    alone = make.structural(bear_masks, (View.FRONT,))
    with pytest.raises(CreationError, match="the graph wants a back drawing"):
        comfy(server.url, tmp_path).make(alone, lambda _: None)
    for wrong in ("[", "[1]"):
        with pytest.raises(CreationError, match=r"graph\.json cannot be used"):
            comfy(server.url, tmp_path, wrong).make(alone, lambda _: None)
    gone = ComfyEngine(ComfySettings(server.url, str(tmp_path / "none.json")))
    with pytest.raises(CreationError, match="export it in API form"):
        gone.make(alone, lambda _: None)


def test_they_are_engines_by_name():
    url = {"url": msgspec.Raw(b'"http://127.0.0.1:1"')}
    assert engine("hunyuan3d", url).name == "hunyuan3d"
    assert engine("comfyui", {**url, "graph": msgspec.Raw(b'"g.json"')}).name == "comfyui"
