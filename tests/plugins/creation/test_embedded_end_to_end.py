"""The real embedded service behind the real hub: drawn silhouettes become a model, and a print."""

import pytest

from gotapi_creation.embedded_service import EmbeddedDesk
from gotapi_creation.wire import CreationError


def silhouette(width: int, height: int, across: float) -> bytes:
    """Draw a capsule as black on nothing."""
    import io

    from PIL import Image, ImageDraw

    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    half = across * width / 2
    draw.rounded_rectangle(
        (width / 2 - half, height * 0.1, width / 2 + half, height * 0.9), half, (40, 90, 200, 255)
    )
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


@pytest.fixture
async def embedded_app(hub_of):
    async with hub_of(embedded=True, lost_time=60.0) as app:
        app.service = "embedded.creation"
        yield app


@pytest.mark.timeout(180)
async def test_two_silhouettes_become_glb_stl_and_3mf(embedded_app):
    app = embedded_app
    assert (await app.ask("servicediscovery"))["services"][0]["online"] is True
    await app.connect()
    [template, *_] = (await app.ask("getattribute"))["templateInfo"]
    files = (await app.ask("filetransfer", number=2))["fileTransInfo"]
    for entry, across in zip(files, (0.5, 0.3), strict=True):
        sent = await app.http.put(entry["url"], content=silhouette(256, 256, across))
        assert sent.status_code == 200
    begun = await app.ask("setattribute", "PUT", templateId=template["templateId"], num_sil=2)
    assert begun["result"] == 0, begun
    answer = await app.done()
    assert answer["result"] == 0, answer
    models = {one["format"]: one for one in answer["fileTransInfo"] if "part" not in one}
    assert {"glb", "stl", "3mf"} <= set(models)
    for one in models.values():
        content = (await app.http.get(one["url"])).content
        assert len(content) == one["size"]


async def test_a_service_that_cannot_start_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("gotapi_creation.embedded_service._START", 0.2)
    monkeypatch.setattr("gotapi_creation.service.embedded._COMMAND", ("/bin/false",))
    desk = EmbeddedDesk(tmp_path, {"tool": {"arguments": ["x"]}})
    try:
        with pytest.raises(CreationError, match="does not start"):
            await desk.ready()
    finally:
        await desk.stop()
    assert (tmp_path / "engines.json").exists()
