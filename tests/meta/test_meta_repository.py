"""What nobody may commit, and what must be in the wheel."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gotapi_core
from gotapi_core import __version__
from gotapi_core.host.loader import find_plugins
from gotapi_core.plugin.manifest import FILE_NAME

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_lock_files_pin_with_hashes_and_name_no_index() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        requirements = re.findall(r"^[a-z0-9][^\s=]*==", text, re.MULTILINE | re.IGNORECASE)
        assert len(requirements) > 10
        assert text.count("--hash=sha256:") >= len(requirements)
        assert not re.search(r"https?:|file:|index-url|find-links|trusted-host", text)


def test_no_tracked_file_names_a_machine_or_holds_a_secret() -> None:
    forbidden = re.compile(rb"/(?:root|farm|work)/|BEGIN (?:RSA |EC )?PRIVATE KEY")
    for path in tracked():
        if path != Path(__file__) and path.suffix not in (".png", ".webp"):
            assert not forbidden.search(path.read_bytes()), path


def test_versions_agree() -> None:
    assert PROJECT["project"]["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_bundled_plugin_has_a_manifest_and_is_found() -> None:
    bundled = PROJECT["project"]["entry-points"]["gotapi.plugins"]
    assert set(bundled) == {found.manifest.id for found in find_plugins()}
    for found in find_plugins():
        assert found.sound, found.reason
    for module in bundled.values():
        assert (ROOT / "plugins" / module / FILE_NAME).exists()


@pytest.mark.wheel
@pytest.mark.skipif(
    "GOTAPI_TEST_INSTALLED" not in os.environ, reason="only where the wheel is being tested"
)
def test_the_installed_wheel_is_what_is_being_tested() -> None:
    assert gotapi_core.__file__ is not None
    assert Path(gotapi_core.__file__).is_relative_to(sys.prefix)


@pytest.mark.wheel
@pytest.mark.skipif(
    "GOTAPI_TEST_INSTALLED" not in os.environ, reason="only where the wheel is being tested"
)
def test_the_wheel_has_every_file_of_the_packages_as_it_is_here() -> None:
    assert gotapi_core.__file__ is not None
    installed = Path(gotapi_core.__file__).parents[1]
    packages = [
        ROOT / name for name in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    ]
    compared = 0
    for package in packages:
        for path in tracked():
            if path.is_relative_to(package):
                there = installed / path.relative_to(package.parent)
                assert there.read_bytes() == path.read_bytes(), there
                compared += 1
    assert compared > 500
