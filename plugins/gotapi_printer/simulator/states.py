"""PURE. The life of the firmware as one transition table."""

import enum

__all__ = ["TRANSITIONS", "Event", "State"]


class State(enum.Enum):
    """What the board does with bytes it receives."""

    OFF = "has no power yet: swallows everything"
    RUNNING = "reads and executes"
    FROZEN = "hangs: bytes fill the receive buffer, nothing is read or said"
    HALTED = "killed: swallows everything until a reset"


class Event(enum.Enum):
    """What changes the state."""

    RESET = "power, reset pin or watchdog"
    FREEZE = "the main loop hangs"
    THAW = "the main loop goes on"
    KILL = "M112 or a fatal error"


# An event that has no entry in a state changes nothing there.
TRANSITIONS: dict[State, dict[Event, State]] = {
    State.OFF: {Event.RESET: State.RUNNING},
    State.RUNNING: {
        Event.RESET: State.RUNNING,
        Event.FREEZE: State.FROZEN,
        Event.KILL: State.HALTED,
    },
    State.FROZEN: {Event.RESET: State.RUNNING, Event.THAW: State.RUNNING},
    State.HALTED: {Event.RESET: State.RUNNING},
}
