"""PURE: what a printer asks its user, as its host actions build it up line by line."""

import msgspec

from gotapi_printer.marlin import Action

MAX_CHOICES = 16
"""Buttons kept of one prompt; Marlin's own prompts have two."""
MAX_TEXT = 200
"""Characters kept of a text; a line of Marlin has 96 bytes."""

CONTINUE = "Continue"


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

    def waits(self, text: str) -> bool:
        """The printer waits for its user (`busy: paused for user`) and may not have said why."""
        if self.shown is not None:
            return False
        self._show(text, (CONTINUE,))
        return True

    def clear(self) -> bool:
        """Forget the question; tell whether there was one."""
        there_was = self.shown is not None
        self.shown = None
        self._text, self._choices = "", []
        return there_was

    def _show(self, text: str, choices: tuple[str, ...]) -> None:
        self._number += 1
        self.shown = Prompt(self._number, text, choices)
