"""PURE. What kind of printer is simulated: the firmware's compile-time configuration."""

from dataclasses import dataclass

from gotapi_printer.simulator.dialects import MARLIN, Dialect

__all__ = ["MAX_TOOLS", "Settings"]


# Marlin EXTRUDERS: at most eight.
MAX_TOOLS = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration the firmware was "compiled" with.

    Lengths are millimetres, temperatures degrees Celsius, times seconds of simulated time.
    The defaults are those of Marlin 2.1 on an 8-bit board.
    """

    dialect: Dialect = MARLIN
    machine_type: str = "GotAPI Sim"
    uuid: str = "cede2a2f-41a2-4748-9b12-c55c62f367ff"
    area: tuple[float, float, float] = (220.0, 220.0, 250.0)
    ambient: float = 21.0
    tools: int = 1
    bed: bool = True
    chamber: bool = False
    # The files on the card in the slot, None without a slot: long name and content.
    card: tuple[tuple[str, bytes], ...] | None = None
    # Marlin BUFSIZE: commands received and not yet finished, the running one included.
    command_slots: int = 4
    # Marlin RX_BUFFER_SIZE on AVR. Bytes beyond it are lost while the queue is full.
    rx_buffer: int = 128
    # Marlin MAX_CMD_SIZE, the closing NUL included: 95 characters of a line count.
    command_size: int = 96
    # Marlin BLOCK_BUFFER_SIZE; one block of the ring always stays free.
    planner_blocks: int = 16
    emergency_parser: bool = True
    advanced_ok: bool = False
    cold_extrusion: bool = False
    # M600 asks after the change whether more filament is to be pushed through.
    purge_prompt: bool = False
    # A board whose heater cartridge is broken: full power, no heat, then a fatal error.
    broken_heater: bool = False
    # A board whose X endstop never closes: every G28 halts it.
    broken_endstop: bool = False
    # True: moves, dwells and heating take no time at all.
    instant: bool = False
