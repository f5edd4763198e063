"""The operator's secret file, login links and sessions."""

from __future__ import annotations

import os
import stat

import pytest

from gotapi_auth.failures import AuthError
from gotapi_auth.operator import SESSIONS_OWNER, OperatorAccess, ensure_secret, read_secret
from gotapi_core.protocol.errors import StorageFull
from gotapi_core.store import Documents, Store


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "operator.secret"


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store.db") as one:
        yield one


@pytest.fixture
def access(file, clock, store):
    return OperatorAccess(file, clock, store)


def test_the_first_start_makes_a_secret_for_the_owner_only(file, clock, store) -> None:
    old = os.umask(0)
    try:
        access = OperatorAccess(file, clock, store)
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    assert access.check_secret(read_secret(file))


def test_the_secret_stays_through_a_restart_and_is_the_installs_own(
    file, clock, store, tmp_path
) -> None:
    secret = ensure_secret(file)
    assert len(secret) == 43
    assert ensure_secret(file) == read_secret(file) == secret
    assert OperatorAccess(file, clock, store).check_secret(secret)
    assert ensure_secret(tmp_path / "other") != secret


@pytest.mark.parametrize("guess", [None, "", "x", "x" * 43, "x" * 1_000_000, "\ud800", "é"])
def test_a_wrong_secret_is_refused(access, guess) -> None:
    assert access.check_secret(guess) is False


def test_a_secret_with_more_behind_it_is_refused(access, file) -> None:
    assert access.check_secret(read_secret(file) + "x") is False
    assert access.check_secret(read_secret(file)[:-1]) is False


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_secret_that_others_could_read_is_replaced(file, mode, caplog) -> None:
    secret = ensure_secret(file)
    file.chmod(mode)
    assert ensure_secret(file) != secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "other users could read it" in caplog.text
    assert secret not in caplog.text


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 43, b"x" * 5000])
def test_a_damaged_secret_is_replaced(file, content, caplog) -> None:
    ensure_secret(file)
    file.write_bytes(content)
    with pytest.raises(AuthError, match=r"no operator secret"):
        read_secret(file)
    assert ensure_secret(file) == read_secret(file)
    assert "damaged" in caplog.text


def test_a_draft_of_a_crash_is_no_obstacle(file) -> None:
    file.parent.mkdir()
    file.with_name(".operator.secret.abc").write_text("half")
    assert ensure_secret(file) == read_secret(file)


def test_a_pipe_in_place_of_the_file_does_not_stop_the_hub(file) -> None:
    file.parent.mkdir()
    os.mkfifo(file)
    assert ensure_secret(file) == read_secret(file)


def test_a_link_in_place_of_the_file_is_refused(file, tmp_path) -> None:
    ensure_secret(tmp_path / "elsewhere")
    file.parent.mkdir()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuthError, match=r"cannot be read or written"):
        ensure_secret(file)
    with pytest.raises(AuthError, match=r"cannot be read.*as the user who runs the hub"):
        read_secret(file)


def test_without_a_hub_the_command_line_says_what_to_do(file) -> None:
    with pytest.raises(AuthError, match=r"no operator secret.*gotapi run"):
        read_secret(file)


async def test_a_login_link_opens_one_session(access) -> None:
    login = access.login_token()
    cookie = await access.log_in(login)
    assert cookie is not None
    assert cookie != login
    assert access.check_session(cookie)
    assert await access.log_in(login) is None
    assert access.check_session(login) is False


@pytest.mark.parametrize("guess", ["", "x", "x" * 257, "\ud800"])
async def test_a_wrong_login_or_cookie_is_refused(access, guess) -> None:
    access.login_token()
    assert await access.log_in(guess) is None
    assert access.check_session(guess) is False
    await access.log_out(guess)


def test_no_cookie_is_no_session(access) -> None:
    assert access.check_session(None) is False


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (599, True), (600, False), (-61, False)])
async def test_a_login_link_is_good_for_ten_minutes(access, clock, seconds, good) -> None:
    login = access.login_token()
    clock.now += seconds
    assert (await access.log_in(login) is not None) is good
    assert await access.log_in(login) is None


@pytest.mark.parametrize(("hours", "good"), [(0, True), (11.9, True), (12, False), (-1, False)])
async def test_a_session_is_good_for_twelve_hours(access, clock, hours, good) -> None:
    cookie = await access.log_in(access.login_token())
    clock.now += hours * 3600
    assert access.check_session(cookie) is good


async def test_logging_out(access) -> None:
    first, second = [await access.log_in(access.login_token()) for _ in range(2)]
    await access.log_out(first)
    assert not access.check_session(first)
    assert access.check_session(second)


async def restarted(file, clock, store):
    access = OperatorAccess(file, clock, store)
    await access.load()
    return access


async def test_a_session_lasts_through_a_restart_and_a_login_link_does_not(
    access, file, clock, store
) -> None:
    cookie, login = await access.log_in(access.login_token()), access.login_token()
    clock.now += 3600
    later = await restarted(file, clock, store)
    assert later.check_session(cookie)
    assert await later.log_in(login) is None
    assert later.derived("a page") == access.derived("a page") != access.derived("another")
    clock.now += 11 * 3600
    assert not later.check_session(cookie)
    assert not (await restarted(file, clock, store)).check_session(cookie)


async def test_one_that_has_ended_does_not_come_back(access, file, clock, store) -> None:
    cookie = await access.log_in(access.login_token())
    await access.log_out(cookie)
    assert not (await restarted(file, clock, store)).check_session(cookie)


async def test_another_secret_ends_all_sessions(access, file, clock, store) -> None:
    cookie = await access.log_in(access.login_token())
    file.unlink()
    assert not (await restarted(file, clock, store)).check_session(cookie)


async def test_rows_of_another_version_are_no_obstacle(access, file, clock, store) -> None:
    cookie = await access.log_in(access.login_token())
    await Documents(store, SESSIONS_OWNER).put("sessions", "no digest", b"{}")
    assert (await restarted(file, clock, store)).check_session(cookie)


async def test_where_the_store_takes_nothing_one_can_sign_in_all_the_same(
    access, monkeypatch, caplog
) -> None:
    async def full(*_args):
        raise StorageFull("The disk is full.")

    monkeypatch.setattr(Documents, "put", full)
    monkeypatch.setattr(Documents, "delete", full)
    cookie = await access.log_in(access.login_token())
    assert access.check_session(cookie)
    assert "so it ends with the hub: The disk is full." in caplog.text
    await access.log_out(cookie)
    assert not access.check_session(cookie)
    assert cookie not in caplog.text


async def test_links_and_sessions_are_bounded(access, file, clock, store) -> None:
    logins = [access.login_token() for _ in range(21)]
    assert await access.log_in(logins[0]) is None
    cookies = [await access.log_in(login) for login in logins[1:]]
    cookies += [await access.log_in(access.login_token()) for _ in range(31)]
    for one in (access, await restarted(file, clock, store)):
        assert [one.check_session(cookie) for cookie in cookies] == [False] + [True] * 50


async def test_only_digests_are_kept(access, file, tmp_path, store) -> None:
    login = access.login_token()
    cookie = await access.log_in(access.login_token())
    held = repr([access._secret, access._logins._issued, access._sessions._issued])
    held += "".join(one.read_bytes().decode("latin-1") for one in tmp_path.glob("store.db*"))
    for secret in (login, cookie, read_secret(file)):
        assert secret not in held
