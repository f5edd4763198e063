"""The list: every requirement and every test of Annex A has a check, and every check a mutation."""

import re
from pathlib import Path

import pytest

from gotapi_core.conformance import Level
from gotapi_portrayal.conformance.requirements import FAMILIES, PROFILES, REQUIREMENTS
from gotapi_portrayal.conformance.suite import CHECKS, SUITE

ALL = [(family, check) for family, checks in CHECKS.items() for check in checks]

# OGC 15-001r4: the headings "Requirement n" of A.2, A.4, A.6 and A.8, by class.
ANNEX_A = {
    "core": {1, 2, 3, 4},
    "scene": {5, 6, 7, 8, 9, 11},
    "view": {12, 13, 14, 16},
    "info": set(range(17, 26)),
}


def test_the_requirements_are_those_of_the_text() -> None:
    assert list(REQUIREMENTS) == list(range(1, 26))
    tested = {
        family: {one.number for one in REQUIREMENTS.values() if one.family == family and one.tested}
        for family in ANNEX_A
    }
    assert tested == ANNEX_A


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_every_requirement_has_a_check_in_its_class(number: int) -> None:
    families = {family for family, check in ALL if number in check.requirements}
    assert families == {REQUIREMENTS[number].family}


@pytest.mark.parametrize("family", ANNEX_A)
def test_every_conformance_class_has_its_own_test(family: str) -> None:
    assert [place for place, check in ALL if check.annex == family] == [family]


def test_what_annex_a_tests_is_bronze_and_nothing_else_is() -> None:
    for _, check in ALL:
        assert (check.level is Level.BRONZE) == bool(check.requirements or check.annex), check.id


def test_ids_are_unique_and_name_their_class() -> None:
    ids = [check.id for _, check in ALL]
    assert len(set(ids)) == len(ids)
    assert all(check.id.startswith(f"{family}-") for family, check in ALL)


def test_rules_say_what_why_and_where() -> None:
    for _, check in ALL:
        assert all((check.what, check.why)), check.id
        assert re.match(r"OGC 15-001r4 (\d|A\.)|OGC 06-121r9 \d|safety", check.source), check.source


def test_every_check_has_a_mutation() -> None:
    tables = "".join(
        path.read_text() for path in Path(__file__).parent.glob("test_3dps_breaks_*.py")
    )
    broken = {
        word
        for words in re.findall(r'^\s+\(?"([a-z -]+)",', tables, re.M)
        for word in words.split()
    }
    assert {check.id for _, check in ALL} <= broken


def test_the_suite_has_the_classes_of_the_issue() -> None:
    assert set(SUITE.classes) == {"core", "scene", "info", "view"} == set(FAMILIES)
    assert set(PROFILES) == {"scene", "info", "view"}
