"""What a printer asks its user: host actions in, prompts out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.marlin import Action
from gotapi_printer.prompts import ECHO, MAX_CHOICES, MAX_TEXT, Prompt, PromptReader


def tell(reader: PromptReader, *actions: tuple[str, str]) -> list[bool]:
    return [reader.take(Action(name, text)) for name, text in actions]


def test_a_prompt_is_built_line_by_line_and_shown_at_its_end() -> None:
    reader = PromptReader()
    changed = tell(
        reader,
        ("prompt_begin", "Filament is out"),
        ("prompt_button", "Purge more"),
        ("prompt_choice", "Continue"),
    )
    assert changed == [False, False, False]
    assert reader.shown is None
    assert tell(reader, ("prompt_show", "")) == [True]
    assert reader.shown == Prompt(1, "Filament is out", ("Purge more", "Continue"))


def test_the_end_takes_it_away_once() -> None:
    reader = PromptReader()
    tell(reader, ("prompt_begin", "x"), ("prompt_show", ""))
    assert tell(reader, ("prompt_end", ""), ("prompt_end", "")) == [True, False]
    assert reader.shown is None


def test_each_prompt_has_a_number_of_its_own() -> None:
    reader = PromptReader()
    for number in (1, 2, 3):
        tell(reader, ("prompt_begin", "x"), ("prompt_button", "a"), ("prompt_show", ""))
        assert reader.shown == Prompt(number, "x", ("a",))


def test_a_printer_that_waits_without_a_word_asks_for_continue() -> None:
    reader = PromptReader()
    assert reader.waits("the printer is paused for user", 0.0)
    assert reader.shown == Prompt(1, "the printer is paused for user", ("Continue",))
    assert not reader.waits("again", 2.0)
    assert reader.clear()
    assert not reader.clear()


def test_what_was_said_before_the_answer_came_is_no_new_question() -> None:
    reader = PromptReader()
    tell(reader, ("prompt_begin", "Nozzle Parked"), ("prompt_show", ""))
    reader.answered(10.0)
    assert reader.shown is None
    assert not reader.waits("the printer is paused for user", 10.1)
    assert reader.waits("the printer is paused for user", 10.0 + ECHO)  # it did not hear
    tell(reader, ("prompt_begin", "Purge"), ("prompt_show", ""))
    reader.answered(20.0)
    assert tell(reader, ("prompt_begin", "Purge"), ("prompt_show", "")) == [False, True]


def test_a_prompt_of_the_printer_s_own_stands_before_one_of_ours() -> None:
    reader = PromptReader()
    tell(reader, ("prompt_begin", "Change filament"), ("prompt_show", ""))
    assert not reader.waits("the printer is paused for user", 0.0)
    assert reader.shown is not None
    assert reader.shown.text == "Change filament"


@pytest.mark.parametrize("name", ["pause", "notification", "poweroff", ""])
def test_other_actions_are_none_of_its_business(name: str) -> None:
    assert tell(PromptReader(), (name, "x")) == [False]


def test_texts_and_choices_are_bounded() -> None:
    reader = PromptReader()
    tell(reader, ("prompt_begin", "x" * 999), *[("prompt_button", "y" * 999)] * 99)
    tell(reader, ("prompt_show", ""))
    assert reader.shown is not None
    assert len(reader.shown.text) == MAX_TEXT
    assert [len(choice) for choice in reader.shown.choices] == [MAX_TEXT] * MAX_CHOICES


NAMES = ("prompt_begin", "prompt_button", "prompt_choice", "prompt_show", "prompt_end", "paused")


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=12))))
def test_the_answer_of_take_says_whether_the_shown_one_changed(actions) -> None:
    reader = PromptReader()
    for name, text in actions:
        before = reader.shown
        changed = reader.take(Action(name, text))
        assert changed == (reader.shown is not before)
