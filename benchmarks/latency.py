"""Stream to a peer that answers 16 ms after each line, as behind a USB chip with its usual timer.

    python benchmarks/latency.py [--runs 3] [--lines 1500] [--turn 0.016]

The peer is a process of its own on a pseudo terminal. Its oks are those of Marlin with ADVANCED_OK
on a small board (`ok N P15 B3`, 4 command slots, 128 bytes to receive into), and it counts what a
host sends beyond that. The real driver prints to it twice: one line at a time, and with as many in
flight as the oks offer, which is its default.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

RUN_LIMIT = 120.0
TARGET = 150.0
SLOTS, RECEIVE = 4, 128
WINDOWS = {"one line at a time": 1, "by the printer's oks": 0}


# -- the peer ---------------------------------------------------------------------------------


def peer(turn: float) -> None:
    """Answer each line `turn` seconds after it came; print what was seen as JSON."""
    import pty
    import select
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    print(os.ttyname(slave), flush=True)
    waiting: list[tuple[float, bytes, int]] = []  # when to answer, what, bytes of the line
    moments: list[float] = []
    deepest = fullest = 0
    rest = b""
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([master], [], [], pause)[0]:
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            if slave >= 0:
                os.close(slave)
                slave = -1
            *lines, rest = (rest + data).split(b"\n")
            now = time.monotonic()
            for line in lines:
                if b" G1 X" in line:
                    moments.append(now)
                waiting.append((now + turn, _answer(line), len(line) + 1))
            deepest = max(deepest, len(waiting))
            fullest = max(fullest, sum(size for _, _, size in waiting))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(master, waiting.pop(0)[1])
    seconds = moments[-1] - moments[0] if len(moments) > 1 else 0.0
    seen = {"lines": len(moments), "seconds": seconds, "deepest": deepest, "fullest": fullest}
    print(json.dumps(seen), flush=True)


def _answer(line: bytes) -> bytes:
    number, _, command = line.partition(b"*")[0].partition(b" ")
    if command == b"M105":
        return b"ok T:21.0 /0.0 B:21.0 /0.0 @:0 B@:0\n"
    ok = b"ok %b P15 B%d\n" % (number, SLOTS - 1)
    if command == b"M115":
        return b"FIRMWARE_NAME:Marlin 2.1 MACHINE_TYPE:Benchmark\nCap:EEPROM:1\n" + ok
    return ok


# -- the host ---------------------------------------------------------------------------------


def host(port: str, file: Path, window: int) -> None:
    """Print the file with the driver."""
    from gotapi_printer.driver import DriverSettings, PrinterDriver
    from gotapi_printer.gcode import scan
    from gotapi_printer.link_serial import SerialSettings, serial_link
    from gotapi_printer.marlin import Limits
    from gotapi_printer.session import SessionSettings
    from gotapi_printer.updates import DriverState, DriverUpdate

    with file.open("rb") as opened:
        facts = scan(opened)
    online, ended = threading.Event(), threading.Event()

    def on_update(update: DriverUpdate) -> None:
        if update.state is DriverState.ONLINE:
            online.set()
        if update.job is not None and update.job.state.final:
            ended.set()

    settings = DriverSettings(session=SessionSettings(limits=Limits(window=window)))
    driver = PrinterDriver(lambda: serial_link(SerialSettings(port)), on_update, settings=settings)
    driver.start()
    try:
        _require(online.wait(RUN_LIMIT), "the driver did not come online")
        driver.print_file(file, "benchmark", facts)
        _require(ended.wait(RUN_LIMIT), "the driver did not finish")
    finally:
        driver.close()


def _require(held: bool, message: str) -> None:
    if not held:
        raise SystemExit(message)


# -- the measurement --------------------------------------------------------------------------


def write_file(path: Path, lines: int) -> None:
    """Write moves that are about 40 bytes on the wire with number and checksum."""
    moves = (
        f"G1 X{100 + n % 90}.{n % 1000:03d} Y{100 + n % 70}.{n % 997:03d} E{n * 0.0123:.4f}\n"
        for n in range(lines)
    )
    path.write_text("".join(moves))


def measure(file: Path, window: int, turn: float) -> dict[str, float]:
    """Run the driver against a new peer."""
    me = [sys.executable, str(Path(__file__).resolve())]
    answering = subprocess.Popen([*me, "peer", str(turn)], stdout=subprocess.PIPE, text=True)
    assert answering.stdout is not None
    try:
        port = answering.stdout.readline().strip()
        done = subprocess.run(
            [*me, "host", port, str(file), str(window)],
            capture_output=True,
            text=True,
            timeout=2 * RUN_LIMIT,
        )
        if done.returncode:
            raise SystemExit(f"the driver failed: {done.stderr[-2000:]}")
        seen: dict[str, float] = json.loads(answering.stdout.readline())
    finally:
        answering.kill()
        answering.wait()
    return {**seen, "rate": (seen["lines"] - 1) / seen["seconds"]}


def main() -> None:
    """Parse the command line and run."""
    if sys.argv[1:2] == ["peer"]:
        peer(float(sys.argv[2]))
        return
    if sys.argv[1:2] == ["host"]:
        host(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lines", type=int, default=1500)
    parser.add_argument("--turn", type=float, default=0.016)
    options = parser.parse_args()
    print(f"a turn takes {options.turn * 1e3:g} ms: {1 / options.turn:.0f} lines/s one by one")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "benchmark.gcode")
        write_file(file, options.lines)
        for name, window in WINDOWS.items():
            runs = [measure(file, window, options.turn) for _ in range(options.runs)]
            rates = [run["rate"] for run in runs]
            deepest = max(run["deepest"] for run in runs)
            fullest = max(run["fullest"] for run in runs)
            fits = "fits" if deepest <= SLOTS and fullest < RECEIVE else "TOO MUCH"
            median, best = statistics.median(rates), max(rates)
            print(
                f"{name:<22}{median:6.0f} lines/s (best {best:.0f}), {deepest:.0f} lines and "
                f"{fullest:.0f} bytes in flight: {fits}"
            )
    print(f"target: {TARGET:.0f} lines/s; now {median:.0f} ({best:.0f})")


if __name__ == "__main__":
    main()
