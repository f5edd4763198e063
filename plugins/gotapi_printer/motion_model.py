"""PURE: how long a printer takes for the commands of a file, move by move, with acceleration.

Lengths are millimetres, speeds mm/s, accelerations mm/s2, times seconds. One pass, nothing is kept
but the last move: it enters the next one at the speed that both directions allow.
"""

import math
import re

_NUM = rb"([-+]?(?:\d{1,12}\.?\d{0,12}|\.\d{1,12}))"
# What slicers write nearly always: the letters in this order.
_PLAIN = re.compile(
    rb"G([01])(?: F%b)?(?: X%b)?(?: Y%b)?(?: Z%b)?(?: E%b)?(?: F%b)?" % ((_NUM,) * 6)
)
_CODE = re.compile(rb"([GM]) *0*(\d{1,4})(?![\d.])", re.IGNORECASE)
_WORD = re.compile(rb"([A-Z]) *" + _NUM + rb"?", re.IGNORECASE)
_AXES = (b"X", b"Y", b"Z", b"E")
_TINY = 1e-6

MAX_MOVES = 500_000
"""Moves that are calculated; the rest of a larger file counts like these on average."""

HOMING = (50.0, 50.0, 4.0)
"""mm/s towards the end stops; each axis then needs HOMING_TOUCH more."""
HOMING_TOUCH = 2.0
HOMING_WAY = (110.0, 110.0, 60.0)
LEVELLING = 25.0
NOZZLE_RATE, BED_RATE = 2.0, 0.4
"""Degrees a second that usual heaters gain; AMBIENT is where they begin, SETTLE what they wait."""
AMBIENT, SETTLE = 22.0, 10.0

Words = dict[bytes, float | None]


class MotionModel:
    """Takes a file command by command; `seconds` is the time up to the last one."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._moves = 0
        self._place = [0.0, 0.0, 0.0, 0.0]
        self._relative = False
        self._relative_e = False
        self._unit = 1.0
        self._feed = 25.0
        self._percent = 1.0
        # Marlin's example configuration; files of slicers set their printer's own.
        self._fastest = [300.0, 300.0, 5.0, 25.0]
        self._hardest = [3000.0, 3000.0, 100.0, 10000.0]
        self._printing = self._travel = self._retract = 3000.0
        self._direction = (0.0, 0.0, 0.0, 0.0)
        self._speed = 0.0
        # Of each heater: degrees at a time, the time, and the target since then.
        self._hot = {b"T": (AMBIENT, 0.0, 0.0), b"B": (AMBIENT, 0.0, 0.0)}
        self._homed: set[int] = set()

    def take(self, command: bytes) -> None:
        """Take the next command, without its comment."""
        match = _PLAIN.fullmatch(command)
        if match is not None:
            self._plain(match)
            return
        found = _CODE.match(command)
        if found is not None:
            code = found[1].upper() + b"%d" % int(found[2])
            self._coded(code, _words(command[found.end() :]))

    # -- moves ----------------------------------------------------------------------------------

    def _plain(self, match: re.Match[bytes]) -> None:
        _, early, x, y, z, e, late = match.groups()
        feed = late or early
        if feed is not None and (value := float(feed)) > 0.0:
            self._feed = value * self._unit / 60.0
        place, target = self._place, self._place[:]
        base = place if self._relative else (0.0, 0.0, 0.0)
        unit = self._unit
        if x is not None:
            target[0] = base[0] + float(x) * unit
        if y is not None:
            target[1] = base[1] + float(y) * unit
        if z is not None:
            target[2] = base[2] + float(z) * unit
        if e is not None:
            target[3] = float(e) * unit + (place[3] if self._relative_e else 0.0)
        self._move(target)

    def _move(self, target: list[float], flat: float | None = None) -> None:
        place, self._place = self._place, target
        dx, dy = target[0] - place[0], target[1] - place[1]
        dz, de = target[2] - place[2], target[3] - place[3]
        length = math.sqrt((dx * dx + dy * dy if flat is None else flat * flat) + dz * dz)
        if length >= _TINY:
            span, hardest = length, (self._printing if de else self._travel)
        elif abs(de) >= _TINY:
            span, hardest = abs(de), self._retract
        else:
            return
        self._moves += 1
        if self._moves > MAX_MOVES:
            self.seconds += self.seconds / self._moves
            return
        self._ride(span, (dx / span, dy / span, dz / span, de / span), hardest)

    def _ride(
        self, span: float, unit: tuple[float, float, float, float], acceleration: float
    ) -> None:
        """Add one move: enter it, gain speed, go on at it; its end is the next one's matter."""
        speed = self._feed * self._percent
        for share, fastest, hardest in zip(unit, self._fastest, self._hardest, strict=True):
            if share:
                share = abs(share)
                speed = min(speed, fastest / share)
                acceleration = min(acceleration, hardest / share)
        before, arrival = self._direction, self._speed
        straight = (
            before[0] * unit[0] + before[1] * unit[1] + before[2] * unit[2] + before[3] * unit[3]
        )
        entry = min(arrival, speed) * min(max(straight, 0.0), 1.0)
        top = min(speed, math.sqrt(entry * entry + 2.0 * acceleration * span))
        gained = (top * top - entry * entry) / (2.0 * acceleration)
        self.seconds += (arrival - entry + top - entry) / acceleration
        self.seconds += max(span - gained, 0.0) / top
        self._direction, self._speed = unit, top

    def _stand(self) -> None:
        self._speed = 0.0

    # -- everything else ------------------------------------------------------------------------

    def _coded(self, code: bytes, words: Words) -> None:
        match code:
            case b"G0" | b"G1":
                self._worded(words, None)
            case b"G2" | b"G3":
                self._worded(words, code == b"G2")
            case b"G4":
                self._stand()
                seconds = words.get(b"S")
                self.seconds += (words.get(b"P") or 0.0) / 1000.0 if seconds is None else seconds
            case b"G20" | b"G21":
                self._unit = 25.4 if code == b"G20" else 1.0
            case b"G90" | b"G91":
                self._relative = self._relative_e = code == b"G91"
            case b"M82" | b"M83":
                self._relative_e = code == b"M83"
            case b"G92":
                for axis, letter in enumerate(_AXES):
                    if (value := words.get(letter)) is not None:
                        self._place[axis] = value * self._unit
            case b"G28":
                self._home(words)
            case b"G29":
                self._stand()
                self.seconds += LEVELLING
            case _:
                self._setting(code, words)

    def _setting(self, code: bytes, words: Words) -> None:
        match code:
            case b"M104" | b"M109":
                self._heat(b"T", NOZZLE_RATE, words, wait=code == b"M109")
            case b"M140" | b"M190":
                self._heat(b"B", BED_RATE, words, wait=code == b"M190")
            case b"M201":
                self._limits(self._hardest, words)
            case b"M203":
                self._limits(self._fastest, words)
            case b"M204":
                both = words.get(b"S")
                self._printing = words.get(b"P") or both or self._printing
                self._travel = words.get(b"T") or both or self._travel
                self._retract = words.get(b"R") or self._retract
            case b"M220":
                if (value := words.get(b"S")) is not None and value >= 1.0:
                    self._percent = value / 100.0

    def _limits(self, values: list[float], words: Words) -> None:
        for axis, letter in enumerate(_AXES):
            if (value := words.get(letter)) is not None and value > 0.0:
                values[axis] = value

    def _worded(self, words: Words, clockwise: bool | None) -> None:
        if (feed := words.get(b"F")) is not None and feed > 0.0:
            self._feed = feed * self._unit / 60.0
        target = self._place[:]
        for axis, letter in enumerate(_AXES):
            if (value := words.get(letter)) is not None:
                relative = self._relative_e if axis == 3 else self._relative
                target[axis] = value * self._unit + (self._place[axis] if relative else 0.0)
        self._move(target, None if clockwise is None else self._arc(target, words, clockwise))

    def _arc(self, target: list[float], words: Words, clockwise: bool) -> float | None:
        """The length of an arc around I and J; None for others, which count as their chord."""
        i = (words.get(b"I") or 0.0) * self._unit
        j = (words.get(b"J") or 0.0) * self._unit
        radius = math.hypot(i, j)
        if radius < _TINY:
            return None
        first = math.atan2(-j, -i)
        last = math.atan2(target[1] - self._place[1] - j, target[0] - self._place[0] - i)
        swept = (first - last if clockwise else last - first) % math.tau
        return radius * (swept if swept > 1e-9 else math.tau)

    def _home(self, words: Words) -> None:
        self._stand()
        named = [axis for axis in range(3) if _AXES[axis] in words]
        for axis in named or range(3):
            way = abs(self._place[axis]) if axis in self._homed else HOMING_WAY[axis]
            self.seconds += way / HOMING[axis] + HOMING_TOUCH
            self._place[axis] = 0.0
            self._homed.add(axis)

    def _heat(self, heater: bytes, rate: float, words: Words, *, wait: bool) -> None:
        target = words.get(b"S") or words.get(b"R")
        if target is None:
            return
        # It may have been warming up while other things were waited for.
        began, since, goal = self._hot[heater]
        warm = max(min(began + rate * (self.seconds - since), goal), began)
        self._hot[heater] = (warm, self.seconds, target)
        if wait:
            self._stand()
            # S does not wait for cooling.
            self.seconds += (target - warm) / rate + SETTLE if target > warm else 0.0


def _words(rest: bytes) -> Words:
    found: Words = {}
    for letter, value in _WORD.findall(rest):
        found.setdefault(letter.upper(), float(value) if value else None)
    return found
