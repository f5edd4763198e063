"""The hub's own content server: what it lists, gives, and never gives."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.plugin import SurfaceReply, SurfaceRequest
from gotapi_printer.content.folder import (
    DEPTH,
    LIFETIME,
    MOST_FILES,
    MOST_TOKENS,
    ContentFolder,
    FileTokens,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "contents"


@pytest.fixture
def folder(root: Path, clock: Clock) -> ContentFolder:
    made = ContentFolder(root, FileTokens(clock))
    made.open()
    return made


async def ask(folder: ContentFolder, path: str = "", method: str = "GET", **given: Any):
    token = given.get("token", folder.tokens.issue("app"))
    headers = (("authorization", f"Bearer {token}"),) if token else ()
    request = SurfaceRequest(
        method=method, path=f"/contents{path}", query=given.get("query", b""), headers=headers
    )
    return await folder.answer(request)


def listed(reply: SurfaceReply) -> list[str]:
    assert reply.status == 200
    return [one["name"] for one in msgspec.json.decode(reply.body)["files"]]


async def test_the_list_names_each_file_with_its_address(folder, root) -> None:
    (root / "toys").mkdir()
    (root / "box.gcode").write_text("G28\n")
    (root / "toys" / "my dog.stl").write_bytes(b"solid")
    reply = await ask(folder)
    files = msgspec.json.decode(reply.body)["files"]
    assert [(one["name"], one["size"], one["url"]) for one in files] == [
        ("box.gcode", 4, "/contents/box.gcode"),
        ("toys/my dog.stl", 5, "/contents/toys/my%20dog.stl"),
    ]
    assert files[0]["modified"].endswith("+00:00")
    got = await ask(folder, files[1]["url"].removeprefix("/contents"))
    assert got.file == str(root.resolve() / "toys" / "my dog.stl")
    assert ("content-disposition", "attachment") in got.headers


async def test_only_who_has_a_token_reads(folder, root: Path, clock: Clock) -> None:
    (root / "a.gcode").write_text("G28\n")
    for token in ("", "wrong"):
        for path in ("", "/a.gcode", "/missing"):
            reply = await ask(folder, path, token=token)
            assert (reply.status, reply.file) == (401, None)
    token = folder.tokens.issue("app")
    assert folder.tokens.holder(token) == "app"
    assert (await ask(folder, "/a.gcode", token=token)).status == 200
    query = f"x=1&secureToken={token}".encode()
    assert (await ask(folder, "/a.gcode", token="", query=query)).status == 200
    clock.now = LIFETIME
    assert (await ask(folder, "/a.gcode", token=token)).status == 401


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_is_ever_written(folder, method: str) -> None:
    reply = await ask(folder, "/new.gcode", method)
    assert reply.status == 405
    assert ("allow", "GET, HEAD") in reply.headers


@pytest.mark.parametrize(
    "path",
    [
        *("/..", "/../secret", "/%2e%2e/secret", "/toys/../../secret", "//etc/passwd"),
        *("/.hidden", "/toys/.hidden", "/toys", "/missing", "/a%00.gcode", "/a\\b", "/./a.gcode"),
        *("/link", "/loop", "/" + "x" * 2000, "/toys//dog.stl"),
    ],
)
async def test_what_is_outside_or_hidden_is_not_there(folder, root: Path, path: str) -> None:
    (root.parent / "secret").write_text("secret")
    (root / "toys").mkdir()
    for name in ("a.gcode", ".hidden", "toys/.hidden", "toys/dog.stl"):
        (root / name).write_text("x")
    (root / "link").symlink_to(root.parent / "secret")
    (root / "loop").symlink_to(root / "loop")
    reply = await ask(folder, path)
    assert (reply.status, reply.file) == (404, None)
    assert listed(await ask(folder)) == ["a.gcode", "toys/dog.stl"]


async def test_a_link_within_the_folder_is_a_file(folder, root: Path) -> None:
    (root / "a.gcode").write_text("x")
    (root / "b.gcode").symlink_to(root / "a.gcode")
    assert listed(await ask(folder)) == ["a.gcode", "b.gcode"]


@given(st.text(max_size=30))
def test_no_name_finds_a_file_outside(tmp_path_factory, name: str) -> None:
    root = tmp_path_factory.getbasetemp() / "hypothesis-contents"
    root.mkdir(exist_ok=True)
    found = ContentFolder(root, FileTokens()).find(name)
    assert found is None


async def test_the_list_has_an_end_and_folders_a_depth(folder, root: Path) -> None:
    deep = root
    for number in range(DEPTH + 2):
        deep = deep / f"d{number}"
        deep.mkdir()
        (deep / "file").touch()
    assert len(listed(await ask(folder))) == DEPTH
    for number in range(MOST_FILES):
        os.link(root / "d0" / "file", root / f"file{number}")
    assert len(listed(await ask(folder))) == MOST_FILES


async def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    folder = ContentFolder(tmp_path / "nowhere", FileTokens())
    assert listed(await ask(folder)) == []


def test_tokens_are_of_one_application_and_bounded(clock: Clock) -> None:
    tokens = FileTokens(clock)
    first = tokens.issue("one")
    second = tokens.issue("two")
    assert (tokens.holder(first), tokens.holder(second)) == ("one", "two")
    assert tokens.holder(first + "x") is None
    for _ in range(MOST_TOKENS):
        tokens.issue("many")
    assert tokens.holder(first) is None
    clock.now = LIFETIME
    last = tokens.issue("late")
    assert tokens.holder(last) == "late"
    assert len(tokens._holders) == 1
