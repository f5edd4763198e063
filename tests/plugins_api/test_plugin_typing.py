"""What a type checker makes of a plug-in: a right one is clean, a wrong one is told."""

from pathlib import Path

import pytest
from mypy import api

EXAMPLE = """
from collections.abc import AsyncIterator, Sequence

from gotapi_core.plugin import (
    Blob, Call, Collection, Context, Durable, NoParams, Params, Plugin, Result, Service,
    SurfaceReply, SurfaceRequest, delete, event, get, hookimpl, post, put, surface,
)


class DimParams(Params):
    level: int
    file_uri: str = ""


class Light(Result):
    is_on: bool
    level: int = 0


class Lamp(Plugin):
    id = "lamp"
    name = "Lamps"

    async def start(self, context: Context) -> None:
        await super().start(context)
        lamps: Collection = context.collection("lamps")
        await lamps.put("one", Light(is_on=True))
        known: list[Light] = await lamps.all(Light)
        context.log.info("%d lamps", len(known))

    def services(self) -> Sequence[Service]:
        return [Service(id="desk", name="Desk lamp", scopes=("light",))]

    @get("light", "state")
    async def state(self, call: Call) -> Light:
        return Light(is_on=True, level=3)

    @put("light", "state")
    async def dim(self, call: Call, params: DimParams) -> None:
        blob: Blob = await self.context.blobs.open(params.file_uri, application=call.application)
        self.context.log.info("%s %d", blob.path, params.level)

    @post("light", "state")
    @delete("light", "state")
    async def more(self, call: Call, params: NoParams) -> Light:
        return Light(is_on=False)

    @event("light", "changes")
    async def changes(self, call: Call) -> AsyncIterator[Light | Durable[Light]]:
        yield Light(is_on=True)
        yield Durable(Light(is_on=False))

    @surface("/lamps")
    async def page(self, request: SurfaceRequest) -> SurfaceReply:
        return SurfaceReply(body=request.path.encode())


class LateLamp(Plugin):
    id = "late-lamp"
    name = "Lamps that answer later"

    async def services(self) -> Sequence[Service]:
        return [Service(id="desk", name="Desk lamp", scopes=("light",))]


@hookimpl
def gotapi_plugins() -> Sequence[type[Plugin]]:
    return [Lamp, LateLamp]
"""

MISTAKES = """
def mistakes(dim: DimParams, lamp: Light) -> None:
    dim.level = 4
    Light(True)
    Light(is_on="yes")
    Light(colour=1, is_on=True)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Mypy's words on the example with mistakes at its end: one run serves both tests."""
    folder: Path = tmp_path_factory.mktemp("typing")
    file = folder / "lamp_plugin.py"
    file.write_text(EXAMPLE + MISTAKES, encoding="utf-8")
    out, err, _ = api.run(
        ["--strict", "--config-file=", "--cache-dir", str(folder), "--follow-imports=silent",
         "--hide-error-context", "--no-error-summary", str(file)]
    )  # fmt: skip
    assert err == ""
    return out


def _lines(report: str) -> list[tuple[int, str]]:
    found = []
    for line in report.splitlines():
        _, number, rest = line.split(":", 2)
        found.append((int(number), rest))
    return found


@pytest.mark.timeout(120)
def test_a_right_plugin_is_clean_under_strict(report: str) -> None:
    end = EXAMPLE.count("\n")
    assert [line for line in _lines(report) if line[0] <= end] == []


@pytest.mark.timeout(120)
def test_wrong_uses_of_params_and_results_are_told(report: str) -> None:
    end = EXAMPLE.count("\n")
    told = {number - end for number, _ in _lines(report) if number > end}
    assert told == {3, 4, 5, 6}
