"""PURE: the one error of everything that makes models."""

from gotapi_creation.engine.order import Failure, View


class CreationError(ValueError):
    """No model can be made: says what was wrong, what was expected, and what to do."""

    def __init__(self, code: str, message: str, view: View | None = None) -> None:
        super().__init__(message)
        self.failure = Failure(code, message, view)


def of_picture(view: View, message: str) -> CreationError:
    """Return the error of one drawing; its message begins with the view."""
    return CreationError("picture", f"the {view} drawing {message}", view)
