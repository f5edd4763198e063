"""Levels of detail: names, sets, and which of them a request takes (3DPS Table 22)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.types import Lods, LodSelection, SceneError

NAMES = [lod.name(code) for code in lod.CODES]


def mask(*names: str) -> int:
    return sum(lod.bit(lod.code(name)) for name in names)


def taken(names: tuple[str, ...], wanted: str, selection: LodSelection) -> tuple[str, ...]:
    return lod.names(lod.chosen(mask(*names), Lods(wanted, selection)))


@pytest.mark.parametrize("name", [*NAMES, ""])
def test_a_name_comes_back(name: str) -> None:
    assert lod.name(lod.code(name)) == name


def test_two_point_nought_is_two() -> None:
    assert lod.code("2.0") == lod.code("2")


@pytest.mark.parametrize("name", ["5", "2.4", "-1", "2.", "x", "2.22", "٢", "1e0", " 2", "4.1"])
def test_what_is_no_level_is_refused_with_words(name: str) -> None:
    with pytest.raises(SceneError, match="no level of detail"):
        lod.code(name)


@given(st.sets(st.sampled_from(NAMES)))
def test_a_set_keeps_its_names_in_order(names: set[str]) -> None:
    assert lod.names(mask(*names)) == tuple(sorted(names, key=lod.code))


@pytest.mark.parametrize(
    ("selection", "wanted", "found"),
    [
        (LodSelection.EQUALS, "1.3", ("1.3",)),
        (LodSelection.EQUALS, "2", ()),
        (LodSelection.EQUALS_OR_SMALLER, "2", ("1.3",)),
        (LodSelection.EQUALS_OR_SMALLER, "4", ("3",)),
        (LodSelection.EQUALS_OR_SMALLER, "1", ()),
        (LodSelection.COMBINED, "2.2", ("1.2", "1.3", "2.2")),
        (LodSelection.COMBINED, "0", ()),
        (LodSelection.EQUALS_OR_SIMILAR, "2", ("2.2",)),
        (LodSelection.EQUALS_OR_SIMILAR, "0", ("1.2",)),
        (LodSelection.EQUALS_OR_SIMILAR, "2.2", ("2.2",)),
    ],
)
def test_what_is_taken_of_four_levels(
    selection: LodSelection, wanted: str, found: tuple[str, ...]
) -> None:
    assert taken(("1.2", "1.3", "2.2", "3"), wanted, selection) == found


@pytest.mark.parametrize("selection", LodSelection)
def test_what_has_only_one_form_is_always_taken(selection: LodSelection) -> None:
    assert lod.chosen(mask(""), Lods("2", selection)) == mask("")


def test_without_a_wish_everything_is_taken() -> None:
    assert lod.chosen(mask("1", "2"), None) == mask("1", "2")


@given(st.sets(st.sampled_from(NAMES), min_size=1), st.sampled_from(NAMES))
def test_similar_always_finds_one_and_combined_holds_the_smaller(
    names: set[str], wanted: str
) -> None:
    have = tuple(names)
    assert len(taken(have, wanted, LodSelection.EQUALS_OR_SIMILAR)) == 1
    smaller = taken(have, wanted, LodSelection.EQUALS_OR_SMALLER)
    assert set(smaller) <= set(taken(have, wanted, LodSelection.COMBINED))
    assert len(smaller) <= 1
