"""Restarts and kill -9: what was acknowledged holds."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gotapi_auth.grants import Lifetime
from gotapi_auth.server import AuthServer
from gotapi_core.protocol.errors import TimedOut, UnknownClient, UnknownToken
from gotapi_core.protocol.identity import Identity
from gotapi_core.store import Store


async def test_a_restart_changes_nothing_that_was_acknowledged(start, page) -> None:
    async with start() as bench:
        client = await bench.server.grant(page)
        token = await bench.token(page, "3dp,3dps", client=client)
        bench.server.check(token, page, "3dp")
        revoked = await bench.token(page)
        await bench.server.revoke(bench.server.authenticate(revoked, page).application_id)
        applications = bench.server.applications()
    async with start() as bench:
        assert bench.server.applications() == applications
        assert applications[0].last_used == bench.clock.now
        assert bench.server.check(token, page, "3dps").scopes == {"3dp", "3dps"}
        with pytest.raises(UnknownToken):
            bench.server.check(revoked, page, "3dp")
        again = await bench.server.access_token(page, client, "3dps", None)
        assert bench.server.check(again.access_token, page, "3dps")


@pytest.mark.parametrize("lifetime", Lifetime)
async def test_an_approval_that_was_not_collected_waits_through_a_restart(
    start, page, lifetime
) -> None:
    async with start(wait=0.01) as bench:
        client = await bench.server.grant(page)
        with pytest.raises(TimedOut):
            await bench.server.access_token(page, client, "3dp,3dps", "Draw")
        code = bench.server.requests()[0].code
        await bench.server.approve(code, lifetime, scopes=["3dp"])
    async with start(wait=0.01) as bench:
        issued = await bench.server.access_token(page, client, "3dp,3dps", "Draw")
        assert [scope for scope, _ in issued.scopes] == ["3dp"]
        if lifetime is Lifetime.ONCE:  # collected, and that is on the disk as well
            with pytest.raises(TimedOut):
                await bench.server.access_token(page, client, "3dp,3dps", "Draw")
    async with start(wait=0.01) as bench:
        if lifetime is Lifetime.ONCE:
            with pytest.raises(TimedOut):
                await bench.server.access_token(page, client, "3dp,3dps", "Draw")
        assert bench.server.check(issued.access_token, page, "3dp")


async def test_unapproved_clients_ask_again_after_a_restart(start, page) -> None:
    async with start() as bench:
        client = await bench.server.grant(page)
    async with start() as bench:
        with pytest.raises(UnknownClient):
            await bench.server.access_token(page, client, "3dp", "Draw")


CHILD = """
import asyncio, sys, time
from gotapi_auth.server import AuthServer
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity
from gotapi_core.store import Store

page = Identity("https://draw.example", Lineage.STATUS, True)

def say(*words):
    sys.stdout.write(" ".join(words) + "\\n")
    sys.stdout.flush()

async def main():
    with Store(sys.argv[1]) as store:
        server = AuthServer(store, time.time, lambda: frozenset({"3dp"}))
        await server.load()
        while True:
            client = await server.grant(page)
            call = asyncio.create_task(server.access_token(page, client, "3dp", "Draw"))
            while not server.requests():
                await asyncio.sleep(0)
            application = await server.approve(server.requests()[0].code)
            token = (await call).access_token
            say("issued", client, token)
            second = (await server.access_token(page, client, "3dp", None)).access_token
            say("issued", client, second)
            if len(server.applications()) % 2 == 0:
                await server.revoke(application.id)
                say("revoked", client, token)
                say("revoked", client, second)

asyncio.run(main())
"""


def test_kill_9_neither_loses_a_token_nor_revives_one(path, page) -> None:
    log: list[list[str]] = []  # [issued or revoked, client, token]
    for round_ in range(3):
        log += run_and_kill(path, after=24 + round_)
        issued = {token for word, _, token in log if word == "issued"}
        revoked = {token for word, _, token in log if word == "revoked"}
        good = asyncio.run(good_tokens(path, issued, page))
        assert not good & revoked
        missing = issued - revoked - good
        if missing:  # only the revocation under way may be ahead of its acknowledgement
            last = [token for _, client, token in log if client == log[-1][1]]
            assert len(set(last)) == 2
            assert missing <= set(last)
        log += [["revoked", "", token] for token in missing]
        assert good
        assert revoked


def run_and_kill(path: Path, after: int) -> list[list[str]]:
    """Return what the child acknowledged until it was killed, right after so many lines."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout:
        lines = [child.stdout.readline() for _ in range(after)]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.read().splitlines(keepends=True)
    assert child.wait(5) == -signal.SIGKILL
    return [line.split() for line in lines if line.endswith("\n")]


async def good_tokens(path: Path, tokens: set[str], page: Identity) -> set[str]:
    with Store(path) as store:
        server = AuthServer(store, time.time, lambda: frozenset({"3dp"}))
        await server.load()
        try:
            return {token for token in tokens if is_good(server, token, page)}
        finally:
            await server.close()


def is_good(server: AuthServer, token: str, page: Identity) -> bool:
    try:
        server.check(token, page, "3dp")
    except UnknownToken:
        return False
    return True
