"""Files over FTP: one user for one file, once, in a jail, on loopback."""

import contextlib
import ftplib
import io
from pathlib import Path

import pytest

from gotapi_creation.transfer.failures import BadPicture
from gotapi_creation.transfer.ftp import FtpDoor, FtpUnavailable
from gotapi_creation.transfer.slots import Slot

TIME = 30.0


@pytest.fixture
def received() -> list[tuple[int, object]]:
    return []


@pytest.fixture
def door(tmp_path, received, monkeypatch):
    monkeypatch.setattr("gotapi_creation.transfer.ftp._Handler.auth_failed_timeout", 0.01)
    one = FtpDoor(tmp_path / "ftp", on_received=lambda *what: received.append(what))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def slot(tmp_path) -> Slot:
    return Slot(tmp_path / "files" / "7", 1000)


def client(door: FtpDoor, user: str = "7", password: str = "secret") -> ftplib.FTP:
    ftp = ftplib.FTP(timeout=TIME)
    ftp.connect("127.0.0.1", int(door.address.rpartition(":")[2]))
    try:
        ftp.login(user, password)
    except ftplib.Error:
        ftp.close()
        raise
    return ftp


async def test_a_file_is_stored_by_its_id(door, slot, received, until) -> None:
    door.expect(7, "secret", slot)
    with client(door) as ftp:
        ftp.storbinary("STOR 7", io.BytesIO(b"picture"))
    await until(lambda: received)
    assert received == [(7, None)]
    assert slot.path.read_bytes() == b"picture"


async def test_the_user_is_forgotten_when_the_file_is_there(door, slot, received, until) -> None:
    door.expect(7, "secret", slot)
    with client(door) as ftp:
        ftp.storbinary("STOR 7", io.BytesIO(b"picture"))
        await until(lambda: received)
        with pytest.raises(ftplib.all_errors):
            ftp.storbinary("STOR 7", io.BytesIO(b"other"))
    with pytest.raises(ftplib.error_perm, match="wrong, or used"):
        client(door)
    assert slot.path.read_bytes() == b"picture"


async def test_what_is_there_is_not_sent_again(door, slot, received, until, tmp_path) -> None:
    door.expect(7, "secret", slot)
    (tmp_path / "ftp" / "7" / "7").write_bytes(b"pic")  # as a reset connection leaves it
    with client(door) as ftp:
        ftp.voidcmd("TYPE I")
        assert ftp.size("7") == 3
        ftp.storbinary("STOR 7", io.BytesIO(b"ture"), rest=3)
    await until(lambda: received)
    assert slot.path.read_bytes() == b"picture"


@pytest.mark.parametrize(("user", "password"), [("7", "guess"), ("8", "secret"), ("anonymous", "")])
def test_others_do_not_get_in(door, slot, user, password) -> None:
    door.expect(7, "secret", slot)
    with pytest.raises(ftplib.error_perm, match="530"):
        client(door, user, password)


@pytest.mark.parametrize(
    "command",
    [
        "RETR ../../../../etc/passwd",
        "STOR other",
        "STOR ../7/../8",
        "STOR ../../escaped",
        "MKD new",
        "DELE 7",
        "RNFR 7",
        "SITE CHMOD 777 7",
        "CWD ..",
    ],
)
def test_the_jail_holds(door, slot, tmp_path, command) -> None:
    door.expect(7, "secret", slot)
    with client(door) as ftp:
        before = sorted(tmp_path.rglob("*"))
        try:
            ftp.voidcmd(command)
        except ftplib.all_errors:
            pass
        else:
            assert command == "CWD .."  # which stays in the root
            assert ftp.pwd() == "/"
    assert sorted(tmp_path.rglob("*")) == before


def test_no_other_host_gets_the_data(door, slot) -> None:
    door.expect(7, "secret", slot)
    with client(door) as ftp, pytest.raises(ftplib.error_perm, match="501"):
        ftp.sendport("127.0.0.2", 5555)


async def test_a_file_that_is_too_large_is_ended(door, slot, received) -> None:
    door.expect(7, "secret", slot)
    ftp = client(door)
    with contextlib.closing(ftp), pytest.raises(ftplib.all_errors):
        ftp.storbinary("STOR 7", io.BytesIO(b"x" * 5_000_000))
    assert received == []
    assert not slot.whole


async def test_a_file_that_is_refused_is_reported(door, tmp_path, received, until) -> None:
    def refuse(_: Path) -> None:
        raise BadPicture("This is no picture")

    slot = Slot(tmp_path / "files" / "7", 1000, refuse)
    door.expect(7, "secret", slot)
    with client(door) as ftp:
        ftp.storbinary("STOR 7", io.BytesIO(b"text"))
    await until(lambda: received)
    assert str(received[0][1]) == "This is no picture"
    assert not slot.whole


def test_a_model_is_fetched_but_not_written(door, tmp_path) -> None:
    model = tmp_path / "model.stl"
    model.write_bytes(b"solid")
    door.offer(7, "secret", model)
    door.offer(7, "secret", model)  # asked for twice
    got = io.BytesIO()
    with client(door) as ftp:
        ftp.retrbinary("RETR 7", got.write)
        with pytest.raises(ftplib.error_perm, match="550"):
            ftp.storbinary("STOR 7", io.BytesIO(b"other"))
    assert got.getvalue() == model.read_bytes() == b"solid"


def test_a_user_whose_time_is_over_is_forgotten(door, slot, monkeypatch) -> None:
    monkeypatch.setattr("gotapi_creation.transfer.ftp.LIFETIME", -1.0)
    door.expect(7, "secret", slot)
    with pytest.raises(ftplib.error_perm):
        client(door)
    door.expect(8, "secret", slot)
    assert not (slot.path.parent.parent / "ftp" / "7").exists()


def test_it_does_not_listen_to_the_network_in_the_clear(tmp_path) -> None:
    with pytest.raises(FtpUnavailable, match="needs a certificate"):
        FtpDoor(tmp_path, "0.0.0.0")


def test_tls_without_its_library_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.delattr("pyftpdlib.handlers.TLS_FTPHandler", raising=False)
    door = FtpDoor(tmp_path, "127.0.0.1", certificate=tmp_path / "cert.pem")
    with pytest.raises(FtpUnavailable, match="PyOpenSSL"):
        door.start()
