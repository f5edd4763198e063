"""When a plug-in that crashed is started again, and when no more. PURE."""

from collections import deque


class Crashes:
    """The recent crashes of one plug-in; times are seconds of any one clock.

    After a crash it waits 1 s, then twice as long for each further one of the last ten minutes, at
    most a minute. The fifth within ten minutes turns the plug-in off until the operator acts.
    """

    def __init__(
        self,
        *,
        first: float = 1.0,
        longest: float = 60.0,
        most: int = 5,
        within: float = 600.0,
    ) -> None:
        self._first = first
        self._longest = longest
        self._most = most
        self._within = within
        self._times: deque[float] = deque(maxlen=most)

    @property
    def within(self) -> float:
        """Seconds after which a crash is forgotten."""
        return self._within

    def crashed(self, now: float) -> float | None:
        """Note a crash; return seconds to wait before a new start, None for no start."""
        while self._times and now - self._times[0] > self._within:
            self._times.popleft()
        self._times.append(now)
        if len(self._times) >= self._most:
            return None
        doubled: float = self._first * 2 ** (len(self._times) - 1)
        return min(doubled, self._longest)

    def forget(self) -> None:
        """Begin anew: the operator turned the plug-in on again."""
        self._times.clear()
