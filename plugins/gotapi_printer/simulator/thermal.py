"""PURE. A heater with thermal mass: first-order, limited power, solved exactly.

Between two target changes the temperature follows one exponential towards the equilibrium of
full or no power, and stays at the target once there. Nothing is integrated in steps, so how
often a caller asks does not change the answer.
"""

import math

__all__ = ["BED", "CHAMBER", "NOZZLE", "PWM_FULL", "Heater", "HeaterKind"]

from dataclasses import dataclass

# Marlin's soft PWM counts to 127 and reports that number after `@:`.
PWM_FULL = 127


@dataclass(frozen=True, slots=True)
class HeaterKind:
    """The physics of one heater.

    `rise` is how far above ambient full power would take it (K), `tau` the time constant (s),
    `limit` the highest target the firmware accepts (degrees Celsius).
    """

    rise: float
    tau: float
    limit: float


# 21 -> 200 degrees in about 90 s, and 21 -> 60 degrees in about 2 min: a usual desktop printer.
NOZZLE = HeaterKind(rise=400.0, tau=150.0, limit=260.0)
BED = HeaterKind(rise=150.0, tau=400.0, limit=140.0)
CHAMBER = HeaterKind(rise=80.0, tau=600.0, limit=70.0)


class Heater:
    """One heater; every time is an argument in seconds, temperatures are degrees Celsius."""

    def __init__(self, kind: HeaterKind, ambient: float, *, instant: bool, broken: bool) -> None:
        self.kind = kind
        self.target = 0.0
        self._ambient = ambient
        self._instant = instant
        self._broken = broken
        self._since = 0.0
        self._from = ambient

    def set_target(self, target: float, now: float) -> None:
        """Aim at another temperature from now on; 0 switches the heater off."""
        self._from = self.temperature(now)
        self._since = now
        self.target = min(max(target, 0.0), self.kind.limit)
        if self._instant and not self._broken:
            self._from = self._resting()

    def temperature(self, now: float) -> float:
        """The temperature at a time not before the last change of target."""
        goal = self._resting()
        if self._from == goal:
            return goal
        end = self._equilibrium()
        value = end + (self._from - end) * math.exp(-(now - self._since) / self.kind.tau)
        return min(value, goal) if self._from < goal else max(value, goal)

    def power(self, now: float) -> int:
        """The soft PWM duty, 0 to 127."""
        temperature = self.temperature(now)
        if self.target <= self._ambient or temperature > self.target:
            return 0
        if temperature < self.target:
            return PWM_FULL
        return round(PWM_FULL * (self.target - self._ambient) / self.kind.rise)

    def time_at(self, temperature: float) -> float:
        """When that temperature is reached, on the present course; infinity if never."""
        end, start = self._equilibrium(), self._from
        goal = self._resting()
        if not min(start, goal) <= temperature <= max(start, goal) or start == end:
            return self._since if temperature == start else math.inf
        share = (temperature - end) / (start - end)
        return self._since - self.kind.tau * math.log(share) if share > 0 else math.inf

    def _resting(self) -> float:
        """Where the temperature ends: a target below ambient is never reached."""
        return self._ambient if self._broken else max(self.target, self._ambient)

    def _equilibrium(self) -> float:
        """Where the present power, held for ever, would take the temperature."""
        heating = self._from < self._resting()
        return self._ambient + (self.kind.rise if heating else 0.0)
