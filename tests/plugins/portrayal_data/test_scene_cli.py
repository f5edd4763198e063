"""`gotapi scenes`, and imports in a bounded process of their own."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_core.plugin.bounded import ChildLimits
from gotapi_portrayal.data import desk
from gotapi_portrayal.data.cli import plugin_folder, scenes
from gotapi_portrayal.data.desk import import_files
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.types import SceneError

OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "one.obj").write_bytes(OBJ)
    (tmp_path / "two.obj").write_bytes(OBJ)
    (tmp_path / "bad.obj").write_bytes(b"nothing")
    names = {f"o{number}": {"type": "Road", "geometry": [7]} for number in range(30)}
    names["good"] = {"type": "Road", "geometry": [
        {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]]]}]}  # fmt: skip
    document = {"type": "CityJSON", "version": "2.0", "CityObjects": names,
                "vertices": [[0, 0, 0], [1, 0, 0], [0, 1, 0]]}  # fmt: skip
    (tmp_path / "city.json").write_text(json.dumps(document))
    return tmp_path


def run(home: Path, *words: object) -> tuple[int, str]:
    result = CliRunner().invoke(scenes, [*map(str, words), "--home", str(home)])
    return result.exit_code, result.output


def test_nothing_is_there_at_first(home: Path) -> None:
    assert run(home, "list") == (0, "There is no layer; `gotapi scenes add FILE` makes one.\n")
    code, output = run(home, "remove", "one")
    assert (code, "no layer 'one'" in output) == (1, True)


def test_files_are_added_listed_and_removed(home: Path, files: Path) -> None:
    code, output = run(home, "add", files / "one.obj", files / "two.obj")
    assert (code, output.count("1 objects, 1 triangles")) == (0, 2)
    code, output = run(home, "list")
    assert [line.split()[0] for line in output.splitlines()] == ["one", "two"]
    assert "a place of its own" in output
    assert run(home, "remove", "one", "two") == (0, "Removed one.\nRemoved two.\n")
    assert run(home, "list")[1].startswith("There is no layer")


def test_files_can_become_one_layer(home: Path, files: Path) -> None:
    code, output = run(
        home, "add", files / "one.obj", files / "two.obj", "--layer", "both", "--title", "Both",
        "--private", "--at", "500000", "5600000", "10", "--crs", "EPSG:25832",
    )  # fmt: skip
    assert code == 0
    assert "both  Both  (2 objects, 2 triangles, EPSG:25832, private)" in output


@pytest.mark.parametrize(("option", "shown"), [([], 20), (["--faults"], 31)])
def test_faults_are_shown(home: Path, files: Path, option: list[str], shown: int) -> None:
    code, output = run(home, "add", files / "city.json", *option)
    assert code == 0
    assert output.count("  city.json: ") == shown
    assert ("and 11 more; --faults shows all" in output) is (not option)


def test_a_file_that_is_none_is_told_and_changes_nothing(home: Path, files: Path) -> None:
    run(home, "add", files / "one.obj", "--layer", "a")
    code, output = run(home, "add", files / "bad.obj", "--layer", "a")
    assert code == 1
    assert "bad.obj: it is none of CityJSON" in output
    assert "1 triangles" in run(home, "list")[1]


def test_a_store_that_is_none_is_told(home: Path) -> None:
    folder = plugin_folder(home)
    folder.mkdir(parents=True)
    (folder / "scenes.sqlite3").write_bytes(
        b"no database at all, but long enough to be looked at" * 9
    )
    code, output = run(home, "list")
    assert (code, "scenes.sqlite3" in output) == (1, True)


def test_a_store_that_is_busy_is_told(
    home: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gotapi_portrayal.data import sqlite_files

    run(home, "add", files / "one.obj")
    store = SqliteSceneStore(plugin_folder(home) / "scenes.sqlite3")
    monkeypatch.setattr(sqlite_files, "WAIT", 0.05)
    with store._files.writing():
        code, output = run(home, "remove", "one")
    store.close()
    assert (code, "being written" in output) == (1, True)


@pytest.mark.parametrize(("variable", "below"), [("/data", "/data"), ("relative", "")])
def test_without_a_home_the_folders_of_the_user_are_used(
    monkeypatch: pytest.MonkeyPatch, variable: str, below: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", variable)
    expected = Path(below) if below else Path.home() / ".local" / "share"
    assert plugin_folder(None) == expected / "gotapi" / "plugins" / "portrayal"


def test_the_command_alone_does_not_load_numpy() -> None:
    import subprocess

    program = "import sys; import gotapi_portrayal.data.cli; print('numpy' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert found.stdout == "False\n"


def order(files: Path) -> Order:
    return Order((str(files / "one.obj"),), "one")


async def test_an_import_that_takes_too_long_is_ended(files: Path) -> None:
    with pytest.raises(SceneError, match="took longer"):
        await import_files(files / "s.sqlite3", order(files), limits=ChildLimits(seconds=0.01))


async def test_an_import_that_takes_too_much_memory_is_ended(files: Path) -> None:
    small = ChildLimits(memory=30 << 20)
    with pytest.raises(SceneError, match=r"memory|failed|signal"):
        await import_files(files / "s.sqlite3", order(files), limits=small)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("print('oh'); raise SystemExit(3)", "failed"),
        ("raise SystemExit(3)", "it said nothing"),
    ],
)
async def test_an_import_that_ends_by_itself_is_told(
    files: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    monkeypatch.setattr(
        desk, "_WORKER", (sys.executable, "-c", program.replace("print('oh')", "pass"))
    )
    with pytest.raises(SceneError, match=words):
        await import_files(files / "s.sqlite3", order(files))


async def test_a_file_that_cannot_be_read_is_told(files: Path) -> None:
    with pytest.raises(SceneError, match=r"gone\.obj: No such file"):
        await import_files(files / "s.sqlite3", Order((str(files / "gone.obj"),), "a"))


async def test_a_cancelled_import_leaves_nothing(files: Path) -> None:
    store = SqliteSceneStore(files / "s.sqlite3")
    running = asyncio.create_task(import_files(files / "s.sqlite3", order(files)))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert store.layers() == ()
    store.close()


async def test_progress_is_heard(files: Path) -> None:
    shares: list[float] = []
    done = await import_files(files / "s.sqlite3", order(files), shares.append)
    assert (done.layer.name, done.faults) == ("one", ())
    assert shares
    assert all(0 <= share <= 1 for share in shares)
