"""How a model is to be: from texts that anybody may send, within the engine's bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_creation.engine.order import GRIDS, HEIGHTS, TRIANGLES, Options, Profile
from gotapi_creation.service.wishes import engine_of, options_of, papers_of
from gotapi_creation.wire import Code, CreationError, View


def test_what_is_not_said_is_as_usual() -> None:
    assert options_of({}) == Options()
    assert options_of({"unknown": "kept by the wire"}) == Options()
    assert papers_of({}) == {}
    assert engine_of({}, {}) == "shape"


def test_names_are_read_in_any_spelling() -> None:
    found = options_of({"Height": "50.5", "GRID": "128", "tri_angles": "9000", "foot": "TRUE"})
    assert found == Options(height=50.5, grid=128, triangles=9000, foot=True)
    assert options_of({"profile": "BOX", "foot": "0"}).profile is Profile.BOX


def test_paper_is_for_all_views_or_for_one() -> None:
    assert papers_of({"paper": "FFeedd", "back_paper": "#000000"}) == {
        View.FRONT: "#ffeedd",
        View.RIGHT: "#ffeedd",
        View.BACK: "#000000",
    }


def test_an_engine_is_one_that_the_operator_set_up() -> None:
    assert engine_of({"engine": "onnx"}, {"onnx": {}}) == "onnx"
    with pytest.raises(CreationError, match="there is: shape, onnx"):
        engine_of({"Engine": "other"}, {"onnx": {}})


@pytest.mark.parametrize("name", ["../x", "X" * 60, "a b"])
def test_an_engine_with_an_odd_name_is_none(name) -> None:
    with pytest.raises(CreationError):
        engine_of({"engine": name}, {name: {}})


NAMES = ["height", "grid", "triangles", "profile", "foot", "paper", "front_paper", "engine"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=50)))
def test_no_text_leads_out_of_bounds(extra: dict[str, str]) -> None:
    for read in (options_of, papers_of):
        try:
            found = read(extra)
        except CreationError as error:
            assert error.code is Code.INVALID_PARAMETER  # noqa: PT017  # not always raised
            continue
        if isinstance(found, Options):
            assert HEIGHTS[0] <= found.height <= HEIGHTS[1]
            assert GRIDS[0] <= found.grid <= GRIDS[1]
            assert TRIANGLES[0] <= found.triangles <= TRIANGLES[1]
        else:
            assert all(len(colour) == 7 for colour in found.values())
