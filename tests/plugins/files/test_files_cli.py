"""`gotapi print` takes models without asking; the question is for what is neither."""

import pytest
from click.testing import CliRunner

from gotapi_core.cli import main


@pytest.mark.parametrize(
    "name", ["figure.stl", "FIGURE.3MF", "figure.obj", "figure.glb", "a.gcode"]
)
def test_models_are_not_asked_about(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"x")
    # Nobody listens there, so it ends at the hub and not at the file.
    answer = CliRunner().invoke(main, ["print", str(path), "--url", "http://127.0.0.1:9"])
    assert answer.exit_code == 3, answer.output
    assert "print it?" not in answer.output


def test_others_are(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"x")
    answer = CliRunner().invoke(main, ["print", str(path), "--url", "http://127.0.0.1:9"])
    assert answer.exit_code == 2
    assert ".stl" in answer.output
