"""PURE: what a printer asks its user, as its host actions build it up line by line."""

import math

import msgspec

from gotapi_printer.marlin import Action

MAX_CHOICES = 16
"""Buttons kept of one prompt; Marlin's own prompts have two."""
MAX_TEXT = 200
"""Characters kept of a text; a line of Marlin has 96 bytes."""

CONTINUE = "Continue"
ECHO = 3.0
"""Seconds after an answer in which "it waits" may have been said before the answer came; Marlin
says it every 2 s."""


class Prompt(msgspec.Struct, frozen=True):
    """A question on the printer's mind; `choices` are answered by their place, from 0."""

    number: int
    """Counts the prompts of a printer, so that an answer cannot hit another question."""
    text: str
    choices: tuple[str, ...] = ()


class PromptReader:
    """Follows `prompt_begin`, `prompt_button`, `prompt_choice`, `prompt_show`, `prompt_end`."""

    def __init__(self) -> None:
        self._number = 0
        self._text = ""
        self._choices: list[str] = []
        self._answered = -math.inf
        self.shown: Prompt | None = None

    def take(self, action: Action) -> bool:
        """Follow an action; tell whether what is shown changed."""
        match action.name:
            case "prompt_begin":
                self._text, self._choices = action.text[:MAX_TEXT], []
            case "prompt_button" | "prompt_choice" if len(self._choices) < MAX_CHOICES:
                self._choices.append(action.text[:MAX_TEXT])
            case "prompt_show":
                self._show(self._text, tuple(self._choices))
                return True
            case "prompt_end":
                return self.clear()
        return False

    def waits(self, text: str, now: float) -> bool:
        """The printer waits for its user (`busy: paused for user`) and may not have said why."""
        if self.shown is not None or now < self._answered + ECHO:
            return False
        self._show(text, (CONTINUE,))
        return True

    def answered(self, now: float) -> None:
        """The user has chosen; `now` in seconds, of the clock that `waits` is asked with."""
        self._answered = now
        self.clear()

    def clear(self) -> bool:
        """Forget the question; tell whether there was one."""
        there_was = self.shown is not None
        self.shown = None
        self._text, self._choices = "", []
        return there_was

    def _show(self, text: str, choices: tuple[str, ...]) -> None:
        self._number += 1
        self.shown = Prompt(self._number, text, choices)
