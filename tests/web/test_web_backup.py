"""A backup made in the console, and what it says where none can be made."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from gotapi_core.backup import BackupError, open_backup
from gotapi_core.server import operator_backup

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def card_of(tab):
    await tab.click('a[href="/console/system"]:visible')
    await tab.wait_for_selector("page-system")
    return tab.locator('[data-card="backup"]')


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_a_backup_is_downloaded_and_is_whole(site, open_tab, check_access):
    tab = await open_tab(site.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    await tab.goto(f"{site.url}/console/system")
    card = tab.locator('[data-card="backup"]')
    await card.get_by_text("gotapi restore gotapi-").wait_for()
    await tab.wait_for_selector("text=Free on the disk")
    await check_access(tab)
    async with tab.expect_download() as coming:
        await card.get_by_role("button", name="Download a backup").click()
    download = await coming.value
    assert download.suggested_filename.startswith("gotapi-")
    file = Path(await download.path())
    with open_backup(file) as backup:
        backup.check()
        names = {one.name for one in backup.manifest.entries}
        assert not backup.manifest.keys
    assert "data/hub.sqlite3" in names
    assert not any("secret" in name for name in names)


async def test_why_there_is_none_is_said_with_a_way_on(site, tab, monkeypatch):
    card = await card_of(tab)
    write = operator_backup.write_backup

    def full(*given, **more):
        monkeypatch.setattr(operator_backup, "write_backup", write)
        raise BackupError("There is no room left on <b>the disk</b>")

    monkeypatch.setattr(operator_backup, "write_backup", full)
    await card.get_by_role("button", name="Download a backup").click()
    await card.get_by_role("alert").get_by_text("no room left on <b>the disk</b>").wait_for()
    async with tab.expect_download():
        await card.get_by_role("button", name="Try again").click()
    await card.get_by_role("alert").wait_for(state="detached")


async def test_one_at_a_time_and_called_off_when_the_page_goes(site, tab, open_tab, monkeypatch):
    begun, ended = threading.Event(), threading.Event()

    def endless(paths, out, created, scratch, *, stopped):
        begun.set()
        waiting = threading.Event()
        while not stopped():
            waiting.wait(0.02)
        ended.set()
        raise BackupError("The backup was called off")

    monkeypatch.setattr(operator_backup, "write_backup", endless)
    card = await card_of(tab)
    await card.get_by_role("button", name="Download a backup").click()
    await card.get_by_text("The backup is being made").wait_for()
    assert await asyncio.to_thread(begun.wait, 20)
    other = await open_tab(site.link())
    await other.wait_for_selector('.link[data-state="live"]', state="attached")
    second = await card_of(other)
    await second.get_by_role("button", name="Download a backup").click()
    await second.get_by_text("A backup is being made already").wait_for()
    await tab.close()
    assert await asyncio.to_thread(ended.wait, 20)
    monkeypatch.undo()
    async with asyncio.timeout(20):
        while site.live.app.operator.backups.busy:  # noqa: ASYNC110  # the hub tells nobody
            await asyncio.sleep(0.02)
    async with other.expect_download():
        await second.get_by_role("button", name="Try again").click()


async def test_only_the_console_itself_gets_one(site, tab):
    asked = """async (headers) =>
        (await fetch("/operator/backup", { method: "POST", headers })).status"""
    assert await tab.evaluate(asked, {}) == 401
    assert await tab.evaluate(asked, {"x-gotapi-page-key": "0" * 64}) == 401
