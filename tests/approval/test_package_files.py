"""The hash of a package: what changes it, what does not, and what cannot be vouched for."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from gotapi_core.host.package_files import UnfitPackage, measure


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1")
    (folder / "inner" / "b.py").write_text("b = 2")
    return folder


def test_the_same_files_have_the_same_hash_wherever_they_are(package: Path, tmp_path: Path) -> None:
    first = measure(package)
    assert sorted(first.files) == ["a.py", "inner/b.py"]
    package.rename(tmp_path / "moved")
    assert measure(tmp_path / "moved") == first


def test_what_python_and_git_write_does_not_count(package: Path) -> None:
    first = measure(package)
    for name in ("__pycache__", ".git", "inner/__pycache__"):
        (package / name).mkdir()
        (package / name / "x").write_text("anything")
    assert measure(package) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.py").write_text("a = 2"),
        lambda folder: (folder / "a.py").rename(folder / "c.py"),
        lambda folder: (folder / "new.txt").touch(),
        lambda folder: (folder / "inner" / "b.py").unlink(),
        lambda folder: (folder / "a.py").chmod(0o755),
        lambda folder: (folder / "a.pyc").write_bytes(b"code"),
        lambda folder: (folder / "link").symlink_to("a.py"),
        lambda folder: (folder / "inner" / "b.py").rename(folder / "b.py"),
    ],
)
def test_every_change_changes_the_hash(package: Path, change) -> None:
    first = measure(package).digest
    change(package)
    assert measure(package).digest != first


def test_no_name_can_pass_for_two(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "a").write_text("")
    (one / "b").write_text("")
    inner = measure(one)
    (two / f"a {inner.files['a']}\n1:b").write_text("")
    assert measure(two).digest != inner.digest


def test_a_link_within_counts_as_its_text(package: Path) -> None:
    (package / "link").symlink_to("a.py")
    first = measure(package)
    (package / "link").unlink()
    (package / "link").symlink_to("inner/b.py")
    assert measure(package).digest != first.digest


@pytest.mark.parametrize("target", ["/etc/passwd", "../other.py", "..", "inner/../../other.py"])
def test_a_link_that_leads_out_is_refused(package: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "other.py").write_text("x = 1")
    (package / "link").symlink_to(target)
    with pytest.raises(UnfitPackage, match="is a link out of the package"):
        measure(package)


def test_the_package_itself_may_be_reached_by_a_link(package: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(package)
    assert measure(tmp_path / "link") == measure(package)


def test_links_in_a_circle_end(package: Path) -> None:
    (package / "loop").symlink_to("loop")
    if sys.version_info >= (3, 13):  # which does not follow it
        assert "loop" in measure(package).files
    else:
        with pytest.raises(UnfitPackage, match="loop is a link"):
            measure(package)


def test_what_is_no_file_is_refused_and_not_opened(package: Path) -> None:
    os.mkfifo(package / "pipe")
    with pytest.raises(UnfitPackage, match="neither a file nor a folder"):
        measure(package)


def test_too_many_files_or_bytes_are_refused(package: Path) -> None:
    with pytest.raises(UnfitPackage, match="more than 1 files"):
        measure(package, most_files=1)
    with pytest.raises(UnfitPackage, match="MiB"):
        measure(package, most_bytes=5)


def test_no_folder_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(UnfitPackage, match="there is no folder"):
        measure(tmp_path / "nothing")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_cannot_be_read_is_named(package: Path) -> None:
    (package / "a.py").chmod(0)
    with pytest.raises(UnfitPackage, match=r"a\.py cannot be read"):
        measure(package)


def test_a_thousand_files_take_no_time(package: Path) -> None:
    for number in range(1000):
        (package / f"m{number}.py").write_text(f"x = {number}\n" * 200)
    begun = time.process_time()
    assert len(measure(package).files) == 1002
    assert time.process_time() - begun < 1.0  # 0.1 s on a slow machine
