"""What answers a request: handlers by their place, resources with their formats."""

from typing import Any

import pytest

from gotapi_portrayal import answers, offer
from gotapi_portrayal.answers import Answer, Resource, World, answer
from gotapi_portrayal.capabilities.build import build
from gotapi_portrayal.catalogue import Service
from gotapi_portrayal.check import Shelf
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.request.errors import OwsError
from gotapi_portrayal.request.types import GetResourceById


@pytest.fixture
def world(scene_store: SqliteSceneStore) -> World:
    catalogue = build(scene_store.layers(), scene_store.sequence(), Service())
    return World(scene_store, Shelf(catalogue), "http://127.0.0.1/3dps")


@pytest.fixture(autouse=True)
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(world: World, request: GetResourceById) -> Resource | None:
        if request.resource_id != "tiles/1":
            return None
        body = f"{world.version}".encode()
        return Resource(Answer(body, "image/png"), ("image/png", "image/apng"))

    monkeypatch.setitem(offer.RESOURCES, "tiles", "somewhere:find")
    load: Any = answers._load
    monkeypatch.setattr(
        answers, "_load", lambda place: find if place == "somewhere:find" else load(place)
    )


def test_46_a_resource_in_one_of_its_formats(world: World) -> None:
    for media in ("image/png", "image/apng"):
        found = answer(world, GetResourceById("tiles/1", media))
        assert (found.body, found.media) == (b"%d" % world.version, "image/png")


@pytest.mark.parametrize(
    ("name", "media", "locator", "status"),
    [
        ("tiles/1", "image/jpeg", "outputFormat", 400),
        ("tiles/2", "image/png", "resourceId", 404),
        ("tile", "image/png", "resourceId", 404),
        ("elsewhere/1", "image/png", "resourceId", 404),
    ],
)
def test_46_resources_that_there_are_not(
    world: World, name: str, media: str, locator: str, status: int
) -> None:
    with pytest.raises(OwsError) as caught:
        answer(world, GetResourceById(name, media))
    assert (caught.value.code.value, caught.value.locator, caught.value.status) == (
        "InvalidParameterValue",
        locator,
        status,
    )


@pytest.mark.parametrize("place", sorted(offer.HANDLERS.values()))
def test_every_handler_is_there(place: str) -> None:
    assert callable(answers._load(place))
