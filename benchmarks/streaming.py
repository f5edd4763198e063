"""Stream 20,000 lines to a peer on a pseudo terminal that answers `ok` at once.

    python benchmarks/streaming.py [--runs 5] [--lines 20000] [--printcore-python PATH]

Three hosts take turns: the printer driver of this repository, a bare write/read loop as the floor
of what Python can do here, and printcore of Printrun where it is installed (`pip install
printrun`; another interpreter can be named with --printcore-python). The peer is a process of its
own and takes the time from its `ok` to the next line itself. Printed are medians over the runs,
and the best run, because other work on the machine only ever makes a run worse.
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
TARGETS = {"lines/s": 10_000.0, "cpu s/10k": 0.4, "p99 ms": 0.3}


def write_file(path: Path, lines: int) -> None:
    """Write moves that are about 40 bytes on the wire with number and checksum."""
    moves = (
        f"G1 X{100 + n % 90}.{n % 1000:03d} Y{100 + n % 70}.{n % 997:03d} E{n * 0.0123:.5f}\n"
        for n in range(lines)
    )
    path.write_text("; benchmark\n" + "".join(moves))


# -- the peer ---------------------------------------------------------------------------------


def peer() -> None:
    """Answer every line with ok until the host closes the port; print the gaps as JSON."""
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    print(os.ttyname(slave), flush=True)
    clock, read, write = time.perf_counter, os.read, os.write
    gaps: list[float] = []
    moments: list[float] = []
    rest = b""
    answered = 0.0
    while True:
        try:
            data = read(master, 4096)
        except OSError:
            break
        now = clock()
        if slave >= 0:
            os.close(slave)
            slave = -1
        data = rest + data
        count = data.count(b"\n")
        if not count:
            rest = data
            continue
        rest = data[data.rindex(b"\n") + 1 :]
        if b" G1 X" in data:
            moments.append(now)
            if answered:
                gaps.append(now - answered)
            answered = clock()
        else:
            answered = 0.0
        write(master, b"ok\n" * count)
    gaps.sort()
    seconds = moments[-1] - moments[0] if len(moments) > 1 else 0.0
    report = {
        "lines": len(moments),
        "seconds": seconds,
        "p50": gaps[len(gaps) // 2] if gaps else 0.0,
        "p99": gaps[int(len(gaps) * 0.99)] if gaps else 0.0,
    }
    print(json.dumps(report), flush=True)


# -- the hosts --------------------------------------------------------------------------------


def host_driver(port: str, file: Path) -> float:
    """Print the file with the driver; return the CPU seconds of the job."""
    from gotapi_printer.driver import PrinterDriver
    from gotapi_printer.gcode import scan
    from gotapi_printer.guard import Guard, GuardSettings
    from gotapi_printer.link_serial import SerialSettings, serial_link
    from gotapi_printer.marlin import Box
    from gotapi_printer.updates import DriverState, DriverUpdate

    # As in a hub: every line passes the policy, with a build volume to check.
    guard = Guard(GuardSettings(box=Box((0.0, 0.0, 0.0), (220.0, 220.0, 250.0))))
    inspector = guard.inspector(0.0)
    _require(inspector is not None, "the policy is off")
    with file.open("rb") as opened:
        facts = scan(opened, inspector.see)
    online, ended = threading.Event(), threading.Event()

    def on_update(update: DriverUpdate) -> None:
        if update.state is DriverState.ONLINE:
            online.set()
        if update.job is not None and update.job.state.final:
            ended.set()

    driver = PrinterDriver(lambda: serial_link(SerialSettings(port)), on_update, guard=guard)
    driver.start()
    try:
        _require(online.wait(RUN_LIMIT), "the driver did not come online")
        before = time.process_time()
        driver.print_file(file, "benchmark", facts)
        _require(ended.wait(RUN_LIMIT), "the driver did not finish")
        return time.process_time() - before
    finally:
        driver.close()


def host_floor(port: str, file: Path) -> float:
    """Write a line, read an ok, and nothing else; return the CPU seconds."""
    import tty

    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd)
    commands = [line for line in file.read_bytes().splitlines() if line[:1] != b";"]
    before = time.process_time()
    for number, command in enumerate(commands, 1):
        os.write(fd, b"N%d %b*99\n" % (number, command))
        while not os.read(fd, 4096).endswith(b"ok\n"):
            pass
    used = time.process_time() - before
    os.close(fd)
    return used


def host_printcore(port: str, file: Path) -> float:
    """Print the file with printcore; return the CPU seconds of the job."""
    from printrun import gcoder  # type: ignore[import-not-found]  # optional, not in the lock
    from printrun.printcore import printcore  # type: ignore[import-not-found]  # the same

    with file.open() as opened:
        moves = gcoder.LightGCode([line.strip() for line in opened])
    core = printcore(port, 115200)
    _wait_until(lambda: core.online, "printcore did not come online")
    before = time.process_time()
    core.startprint(moves)
    _wait_until(lambda: not core.printing, "printcore did not finish")
    used = time.process_time() - before
    core.disconnect()
    return used


HOSTS = {"driver": host_driver, "floor": host_floor, "printcore": host_printcore}


def _require(held: bool, message: str) -> None:
    if not held:
        raise SystemExit(message)


def _wait_until(condition, message: str) -> None:
    until = time.monotonic() + RUN_LIMIT
    while not condition():
        _require(time.monotonic() < until, message)
        time.sleep(0.02)


# -- the measurement --------------------------------------------------------------------------


def measure(name: str, python: str, file: Path) -> dict[str, float]:
    """Run one host against a new peer."""
    me = [str(Path(__file__).resolve())]
    answering = subprocess.Popen([sys.executable, *me, "peer"], stdout=subprocess.PIPE, text=True)
    assert answering.stdout is not None
    try:
        port = answering.stdout.readline().strip()
        host = subprocess.run(
            [python, *me, "host", name, port, str(file)],
            capture_output=True,
            text=True,
            timeout=2 * RUN_LIMIT,
        )
        if host.returncode:
            raise SystemExit(f"{name} failed: {host.stderr[-2000:]}")
        report = json.loads(answering.stdout.readline())
    finally:
        answering.kill()
        answering.wait()
    cpu = float(host.stdout.split()[-1])
    return {
        "lines/s": (report["lines"] - 1) / report["seconds"],
        "cpu s/10k": cpu * 10_000 / report["lines"],
        "p50 ms": report["p50"] * 1e3,
        "p99 ms": report["p99"] * 1e3,
    }


def has_printcore(python: str) -> bool:
    """Whether this interpreter can import printcore."""
    probe = [python, "-c", "import printrun.printcore, printrun.gcoder"]
    try:
        return subprocess.run(probe, capture_output=True).returncode == 0
    except OSError:
        return False


def show(results: dict[str, list[dict[str, float]]]) -> None:
    """Print medians, best runs, ratios and the targets."""
    print(f"{'host':<12}{'lines/s':>18}{'CPU s / 10k':>18}{'p50 ms':>16}{'p99 ms':>16}")
    for name, runs in results.items():
        cells = ""
        for figure, width in (("lines/s", 18), ("cpu s/10k", 18), ("p50 ms", 16), ("p99 ms", 16)):
            values = [run[figure] for run in runs]
            best = max(values) if figure == "lines/s" else min(values)
            digits = 0 if figure == "lines/s" else 3
            cell = f"{statistics.median(values):.{digits}f} ({best:.{digits}f})"
            cells += f"{cell:>{width}}"
        print(f"{name:<12}{cells}")
    print("median (best)")
    for other in ("floor", "printcore"):
        if other in results:
            print(f"driver / {other}: " + ratios(results["driver"], results[other]))
    for figure, target in TARGETS.items():
        values = [run[figure] for run in results["driver"]]
        best = max(values) if figure == "lines/s" else min(values)
        held = best >= target if figure == "lines/s" else best <= target
        print(f"target {figure} {target:g}: best {best:.3f}, {'met' if held else 'MISSED'}")


def ratios(ours: list[dict[str, float]], others: list[dict[str, float]]) -> str:
    """The medians of one host over those of another."""
    parts = []
    for figure in ("lines/s", "cpu s/10k", "p99 ms"):
        mine = statistics.median(run[figure] for run in ours)
        theirs = statistics.median(run[figure] for run in others)
        parts.append(f"{figure} x {mine / theirs:.2f}" if theirs else f"{figure} -")
    return ", ".join(parts)


def main() -> None:
    """Parse the command line and run."""
    if sys.argv[1:2] == ["peer"]:
        peer()
        return
    if sys.argv[1:2] == ["host"]:
        name, port, file = sys.argv[2:5]
        print(HOSTS[name](port, Path(file)))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--printcore-python", default=sys.executable)
    options = parser.parse_args()
    names = {"driver": sys.executable, "floor": sys.executable}
    if has_printcore(options.printcore_python):
        names["printcore"] = options.printcore_python
    else:
        print("printcore is not installed here (pip install printrun): left out")
    results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "benchmark.gcode")
        write_file(file, options.lines)
        for _ in range(options.runs):
            for name, python in names.items():
                results[name].append(measure(name, python, file))
    show(results)


if __name__ == "__main__":
    main()
