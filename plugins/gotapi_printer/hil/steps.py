"""What each step of the programme does; every one returns what it saw, or says what is wrong."""

import time
from collections.abc import Callable

from gotapi_printer.hil.bench import STATE_SECONDS, Bench, StepFailed, StepSkipped
from gotapi_printer.hil.profile import room
from gotapi_printer.hil.programme import StepId, centre, round_trip, short_moves, stroll
from gotapi_printer.job import JobState
from gotapi_printer.marlin import Box, Position, Temperature, classify
from gotapi_printer.updates import DriverState

__all__ = ["STEPS"]

Facts = list[str]

# A thermistor that is cut or shorted reads far below or above these (degrees Celsius).
_COLDEST, _HOTTEST = -10.0, 350.0
# So much warmer is warmer, whatever the noise of the sensor.
_WARMER = 3.0
# A heater is safe to touch up to here; a nozzle that begins above it is not warmed further.
_TOO_WARM = 40.0
# Firmwares round to two places; a nozzle that is elsewhere is off by millimetres.
_EXACT = 0.1
# How long a paused printer is watched, after what it had already was printed.
_WATCHED = 1.0
_BEFORE_PAUSE = 5


def connect(bench: Bench) -> Facts:
    """Open the port and wait for a printer that answers."""
    began = time.monotonic()
    bench.connect()
    took = time.monotonic() - began
    facts = [f"answered {took:.1f} s after the port was opened"]
    link = bench.update.link
    if link is not None and (link.manufacturer or link.product):
        facts.append(f"port: {link.manufacturer} {link.product}".strip())
    return facts


def capabilities(bench: Bench) -> Facts:
    """What M115 said."""
    firmware = bench.update.firmware
    if firmware is None or not firmware.name:
        raise StepFailed("M115 brought no FIRMWARE_NAME; expected a firmware that says what it is")
    able = sorted(name for name, can in firmware.capabilities.items() if can)
    facts = [
        f"firmware: {firmware.name}",
        f"machine: {firmware.machine or 'not said'}, tools: {firmware.extruders}",
        f"family: {bench.dialect.title}",
        f"can: {', '.join(able) or 'nothing said'}",
    ]
    if firmware.full_area is not None:
        facts.append("build volume: {:g} x {:g} x {:g} mm".format(*firmware.full_area.size))
    return facts


def temperatures(bench: Bench) -> Facts:
    """Sensors that read something sensible, and no heater that is on."""
    found = _temperatures(bench)
    for one in found:
        if one.actual is None or not _COLDEST <= one.actual <= _HOTTEST:
            raise StepFailed(
                f"{one.name} reads {one.actual}; expected {_COLDEST:g} to {_HOTTEST:g} C. Look at "
                "its sensor and cable"
            )
        if one.target:
            raise StepFailed(
                f"{one.name} is heated to {one.target:g} C; turn every heater off first"
            )
    return [f"{one.name}: {one.actual:.1f} C" for one in found]


def _temperatures(bench: Bench) -> tuple[Temperature, ...]:
    bench.ask("M105")
    update = bench.until(
        lambda update: bool(update.temperatures),
        STATE_SECONDS,
        "an answer to M105 with temperatures",
    )
    return update.temperatures


def _nozzle(bench: Bench) -> Temperature:
    for one in bench.update.temperatures:
        if one.name in ("T0", "T"):
            return one
    raise StepSkipped("the printer tells no temperature of a nozzle")


def heat(bench: Bench) -> Facts:
    """Warm the nozzle, see it get warmer, turn it off."""
    target = bench.profile.warm
    if not target:
        raise StepSkipped("the profile says warm = 0")
    before = _nozzle(bench).actual
    if before is None or before > _TOO_WARM:
        raise StepSkipped(f"the nozzle has {before} C already; let it cool below {_TOO_WARM:g}")
    began = time.monotonic()
    try:
        bench.ask(f"M104 S{target:.0f}")
        bench.until(
            lambda _: (_nozzle(bench).actual or 0.0) >= before + _WARMER,
            bench.profile.heat_seconds,
            f"the nozzle to get {_WARMER:g} C warmer than {before:g}",
        )
    finally:
        if bench.update.state is DriverState.ONLINE:
            bench.ask("M104 S0")
    took = time.monotonic() - began
    bench.ask("M105")
    bench.until(lambda _: not _nozzle(bench).target, STATE_SECONDS, "the nozzle to be off again")
    return [f"{before:.1f} C, {_WARMER:g} C more after {took:.1f} s", "off again"]


def _room(bench: Bench) -> Box:
    if not bench.profile.home:
        raise StepSkipped("the profile says home = false: without homing nobody knows where it is")
    firmware = bench.update.firmware
    told = None if firmware is None else firmware.work_area or firmware.full_area
    box = room(bench.profile, told)
    if box is None:
        raise StepSkipped(
            "the build volume is not known, or too small for the margin and the lift; write "
            "size = [x, y, z] into a profile and give it with --profile"
        )
    return box


def moves(bench: Bench) -> Facts:
    """Home, go round, and be where one should be."""
    box = _room(bench)
    job = bench.print(round_trip(box, bench.profile))
    place = _place(bench)
    for axis, wanted in zip("XY", centre(box), strict=True):
        if axis in place and abs(place[axis] - wanted) > _EXACT:
            raise StepFailed(f"{axis} is {place[axis]:g} after the moves; expected {wanted:g}")
    return [
        f"{job.progress.line} commands in {job.elapsed:.1f} s",
        f"within X {box.low[0]:g} to {box.high[0]:g}, Y {box.low[1]:g} to {box.high[1]:g} mm",
        "M114: " + ", ".join(f"{axis} {value:g}" for axis, value in place.items()),
    ]


def _place(bench: Bench) -> dict[str, float]:
    for line in bench.ask("M114"):
        reply = classify(line.encode())
        if isinstance(reply, Position):
            return dict(reply.axes)
    raise StepFailed("M114 was not answered with X:, Y: and Z:")


def resend(bench: Bench) -> Facts:
    """Damage the checksum of one line: it is asked for again, and every line counts once."""
    box, before = _room(bench), bench.update.resends
    if not bench.dialect.verifies:
        raise StepSkipped(f"{bench.dialect.title} does not look at checksums")
    if bench.link is None:
        raise StepFailed("there is no link")
    bench.link.damage_next_move()
    job = bench.print(short_moves(box, bench.profile))
    damaged = bench.link.damaged
    if not damaged:
        raise StepFailed("no line was damaged: no numbered G1 was sent")
    if bench.update.resends <= before:
        raise StepFailed(
            f"the printer took a line with a wrong checksum without asking again: {damaged}"
        )
    asked = bench.update.resends - before
    return [
        f"damaged: {damaged}",
        f"asked again {asked} times",
        f"{job.progress.line} commands done",
    ]


def pause(bench: Bench) -> Facts:
    """Pause a file, see that nothing is sent, go on."""
    bench.begin(stroll(_room(bench), bench.profile))
    bench.job_until(
        lambda job: job.progress.line >= _BEFORE_PAUSE, "some moves", bench.profile.move_seconds
    )
    bench.driver.pause()
    bench.job_until(lambda job: job.state is JobState.PAUSED, "a pause")
    bench.ask("M400", bench.profile.move_seconds)
    held_at, lines = bench.transcript.now(), _line(bench)
    bench.quiet(_WATCHED)
    sent = [entry.text for entry in bench.transcript.since(held_at, ">") if " G1 " in entry.text]
    if sent:
        raise StepFailed(f"{len(sent)} moves were sent while the file was paused: {sent[0]}")
    bench.driver.resume()
    bench.job_until(lambda job: job.progress.line > lines, "the moves to go on")
    return [f"held after {lines} commands for {_WATCHED:g} s without a move, went on"]


def _line(bench: Bench) -> int:
    job = bench.job
    return 0 if job is None else job.progress.line


def stop(bench: Bench) -> Facts:
    """Stop a file; the heaters are off and the printer is ready for the next command."""
    job = bench.job
    if job is None or job.state.final:
        bench.begin(stroll(_room(bench), bench.profile))
        bench.job_until(lambda job: job.progress.line >= _BEFORE_PAUSE, "some moves")
    began = time.monotonic()
    bench.driver.stop()
    job = bench.job_until(
        lambda job: job.state is JobState.STOPPED, "a stopped file", bench.profile.move_seconds
    )
    took = time.monotonic() - began
    hot = [one.name for one in _temperatures(bench) if one.target]
    if hot:
        raise StepFailed(f"{', '.join(hot)} is still heated after the stop")
    return [
        f"stopped {took:.2f} s after it was asked, at command {job.progress.line}",
        "heaters off",
    ]


def emergency(bench: Bench) -> Facts:
    """M112 past everything; nothing may follow it."""
    at = bench.transcript.now()
    try:
        bench.driver.emergency_stop()
    except Exception as error:
        raise StepFailed(f"M112 could not be written: {error}") from error
    called = bench.transcript.now()
    bench.until(
        lambda update: update.state is DriverState.HALTED, STATE_SECONDS, "a halted printer"
    )
    bench.quiet(_WATCHED)
    sent = bench.transcript.since(at, "!")
    if not sent:
        raise StepFailed("M112 was not written past everything else")
    after = [entry for entry in bench.transcript.since(sent[0].at, ">") if " G1 " in entry.text]
    if after:
        raise StepFailed(f"{len(after)} moves were sent after M112: {after[0].text}")
    said = "".join(entry.text for entry in bench.transcript.since(sent[0].at, "<"))
    said = said.replace("\\r", "").replace("\\n", " / ")
    return [
        f"M112 written {1000 * (called - at):.1f} ms after the call, nothing after it",
        f"the printer said: {said[:300] or 'nothing'}",
        "reset the printer, or switch it off and on",
    ]


STEPS: dict[StepId, Callable[[Bench], Facts]] = {
    StepId.CONNECT: connect,
    StepId.CAPABILITIES: capabilities,
    StepId.TEMPERATURES: temperatures,
    StepId.HEAT: heat,
    StepId.MOVES: moves,
    StepId.RESEND: resend,
    StepId.PAUSE: pause,
    StepId.STOP: stop,
    StepId.EMERGENCY: emergency,
}
