"""`gotapi plugins new`: its project installs, is found, passes its own tests and conformance."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli import main
from gotapi_core.cli.plugins import SUBCOMMANDS
from gotapi_core.plugin.manifest import FILE_NAME, parse_manifest

PROJECT = {
    ".gitignore",
    "README.md",
    "gotapi_garage_door/__init__.py",
    f"gotapi_garage_door/{FILE_NAME}",
    "gotapi_garage_door/plugin.py",
    "gotapi_garage_door/py.typed",
    "pyproject.toml",
    "tests/test_gotapi_garage_door.py",
}


def new(*words: str) -> Result:
    return CliRunner().invoke(main, ["plugins", "new", *words])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The project of a new plug-in, and the folder into which pip installed it."""
    parent = tmp_path_factory.mktemp("new")
    made = new("garage-door", "--profile", "door", "--dir", str(parent))
    assert made.exit_code == 0, made.output
    project, target = parent / "gotapi-garage-door", parent / "site"
    run(
        Path(sys.prefix),
        *("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--disable-pip-version-check", "--target", str(target), str(project)),
    )
    return project, target


def run(target: Path, *words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(target), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_whole_project_is_made(installed: tuple[Path, Path]) -> None:
    project, _ = installed
    files = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert {path for path in files if not path.startswith("build/")} == PROJECT
    manifest = parse_manifest((project / "gotapi_garage_door" / FILE_NAME).read_bytes())
    assert (manifest.id, manifest.name, manifest.profiles) == (
        "garage-door",
        "Garage door",
        ("door",),
    )


def test_no_word_of_the_templates_is_left_over(installed: tuple[Path, Path]) -> None:
    project, _ = installed
    for name in PROJECT:
        assert "$" not in (project / name).read_text(), name


def test_the_loader_finds_and_loads_it(installed: tuple[Path, Path]) -> None:
    _, target = installed
    program = (
        "from gotapi_core.host.loader import find_plugins, load\n"
        "one = [load(p) for p in find_plugins() if p.manifest.id == 'garage-door'][0]\n"
        "print(one.reason, one.plugin_type.__name__, one.profiles, one.settings_type.__name__)"
    )
    words = "see and change the value of Garage door"
    expected = f" GarageDoorPlugin {{'door': '{words}'}} Settings\n"
    assert run(target, "-c", program) == expected


def test_its_own_tests_pass(installed: tuple[Path, Path]) -> None:
    project, target = installed
    told = run(target, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", cwd=project)
    assert "4 passed" in told


def test_an_existing_folder_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "gotapi-lamp").mkdir()
    answer = new("lamp", "--dir", str(tmp_path))
    assert answer.exit_code == 1
    assert "is there already and stays as it is" in answer.output
    assert list((tmp_path / "gotapi-lamp").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = new("lamp", "--dir", str(tmp_path / "file" / "below"))
    assert answer.exit_code == 1
    assert "cannot be made: Not a directory" in answer.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["Lamp"], "lower-case letters"),
        (["la mp"], "lower-case letters"),
        (["../lamp"], "lower-case letters"),
        (["-lamp"], "No such option"),
        (["lamp-"], "lower-case letters"),
        (["l" * 41], "lower-case letters"),
        (["printer"], "a package gotapi_printer in this environment already"),
        (["core"], "a package gotapi_core in this environment already"),
        (["lamp", "--profile", "system"], "belongs to the hub"),
        (["lamp", "--profile", "Light"], "must be lower case"),
        (["lamp", "--profile", 'a"b'], "no quotes"),
        (["lamp", "--profile", "a/b"], "must be lower case, without spaces and slashes"),
    ],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, words: list[str], says: str) -> None:
    answer = new("--dir", str(tmp_path), *words)
    assert answer.exit_code == 2
    assert says in answer.output.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["3d", "a", "a--b", "l" * 40])
def test_odd_but_valid_names_make_python(tmp_path: Path, name: str) -> None:
    answer = new(name, "--dir", str(tmp_path))
    assert answer.exit_code == 0, answer.output
    for path in tmp_path.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


def test_every_subcommand_has_help() -> None:
    shown = CliRunner().invoke(main, ["plugins", "--help"])
    for name, (_, short_help) in SUBCOMMANDS.items():
        assert short_help in shown.output
        assert CliRunner().invoke(main, ["plugins", name, "--help"]).exit_code == 0
    assert CliRunner().invoke(main, ["plugins", "nothing"]).exit_code == 2
