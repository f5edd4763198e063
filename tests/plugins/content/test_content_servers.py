"""Content servers that the operator registers."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_printer.content.cli import content
from gotapi_printer.content.servers import (
    MOST,
    ContentServer,
    Registered,
    ServerError,
    check,
    secret,
)


def server(name: str = "Models", url: str = "https://models.example", **members: str):
    return ContentServer(name, url, **members)


def test_what_is_added_is_there_after_a_restart(tmp_path: Path) -> None:
    assert Registered(tmp_path).read() == ()
    Registered(tmp_path).add(server(ca_file="/ca.pem"))
    Registered(tmp_path).add(server("Other"))
    assert [one.name for one in Registered(tmp_path).read()] == ["Models", "Other"]
    assert stat.S_IMODE((tmp_path / "content.json").stat().st_mode) == 0o600


def test_a_name_stands_for_one_server(tmp_path: Path) -> None:
    registered = Registered(tmp_path)
    registered.add(server())
    registered.add(server(url="https://new.example"))
    assert registered.read() == (server(url="https://new.example"),)


def test_removing_takes_exactly_one(tmp_path: Path) -> None:
    registered = Registered(tmp_path)
    for name in ("a", "b", "c"):
        registered.add(server(name))
    registered.remove("b")
    assert [one.name for one in registered.read()] == ["a", "c"]
    with pytest.raises(ServerError, match="no content server 'b' here; there is: a, c"):
        registered.remove("b")


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (server(url="ftp://models.example"), "begin with http"),
        (server(url="https://anna:word@models.example"), "user name"),
        (server(login_file="a", token_file="b"), "not both"),
        (server(name=""), "length >= 1"),
        (server(name="x" * 101), "length <= 100"),
    ],
)
def test_a_server_that_cannot_be_is_refused(tmp_path: Path, bad, complaint: str) -> None:
    with pytest.raises(ServerError, match=complaint):
        check(bad)
    with pytest.raises(ServerError):
        Registered(tmp_path).add(bad)
    assert Registered(tmp_path).read() == ()


def test_there_is_an_end_to_servers(tmp_path: Path) -> None:
    registered = Registered(tmp_path)
    for number in range(MOST):
        registered.add(server(f"s{number}"))
    registered.add(server("s0", "https://again.example"))
    with pytest.raises(ServerError, match="remove one"):
        registered.add(server("more"))


@pytest.mark.parametrize("body", [b"", b"{}", b"[{}]", b"\xff"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "content.json").write_bytes(body)
    with pytest.raises(ServerError, match="register the servers again"):
        Registered(tmp_path).read()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerError, match="cannot be written"):
        Registered(tmp_path / "file" / "x")._write(())
    (tmp_path / "content.json").mkdir()
    with pytest.raises(ServerError, match="cannot be read"):
        Registered(tmp_path).read()


def test_a_secret_is_the_first_line(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"  anna:w0rd \r\nmore\n")
    assert secret(str(file)) == "anna:w0rd"
    for body, words in ((b"", "is empty"), (b"\nx", "is empty"), (b"\xff\n", "no text")):
        file.write_bytes(body)
        with pytest.raises(ServerError, match=words):
            secret(str(file))
    with pytest.raises(ServerError, match="No such file"):
        secret(str(tmp_path / "missing"))


def test_the_command_adds_lists_and_removes(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t")

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(content, [*words, "--home", str(tmp_path)])
        return result.exit_code, result.output

    assert run("list") == (0, "No content server was added.\n")
    code, text = run("add", "Models", "http://m.example", "--token-file", str(token))
    assert (code, "Added Models." in text, "over http" in text) == (0, True, True)
    assert run("list")[1] == f"Models  http://m.example  (with {token})\n"
    assert run("add", "Bad", "ftp://m.example")[0] == 1
    assert run("remove", "Models") == (0, "Removed Models.\n")
    assert run("remove", "Models")[0] == 1
    (tmp_path / "data" / "plugins" / "printer" / "content.json").write_text("x")
    assert run("list")[0] == 1
