"""A coroutine that took its first step at once.

Most plug-ins answer without waiting for anything. A time limit around such an answer costs more
than the answer: a timer made, sorted in and cancelled. So the first step is taken without one.
"""

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """The first step of a coroutine, in the task that makes it; `await` does the rest.

    Raises what the first step raises. After `done` there is `value`, and nothing to await.
    """

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self.done = False
        self.value: T
        self._waited_for: object = None
        try:
            self._waited_for = work.send(None)
        except StopIteration as end:
            self._finish(end)

    def __await__(self) -> Generator[object, Any, T]:
        while not self.done:
            try:
                answer = yield self._waited_for
            except GeneratorExit:
                self._work.close()
                raise
            except BaseException as error:  # the coroutine's own, above all its cancellation
                self._step(error)
            else:
                self._step(None, answer)
        return self.value

    def _step(self, error: BaseException | None, answer: object = None) -> None:
        try:
            self._waited_for = self._work.throw(error) if error else self._work.send(answer)
        except StopIteration as end:
            self._finish(end)

    def _finish(self, end: StopIteration) -> None:
        self.done = True
        self.value = end.value
