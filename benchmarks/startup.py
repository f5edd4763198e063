"""Start the hub as its user does; measure the time to the first good answer and the idle memory.

    python benchmarks/startup.py [--runs 7]

Each run is a `gotapi run` of its own with a new home, so its store is created and migrated within
the measured time. Memory is what is resident after a second without requests; PSS, which shares
the pages of libraries among the processes that use them, is printed beside it.
"""

import argparse
import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

TARGETS = {"seconds": 1.0, "MB": 80.0}  # at most
IDLE = 1.0  # seconds before memory is read


def first_answer(url: str) -> None:
    """Ask until the hub answers well; raises OSError where nobody listens."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request("GET", "/gotapi/availability")
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    answer.read()
    connection.close()


def memory(pid: int) -> tuple[float, float]:
    """Return the resident set size and the proportional one of a process in MB (10**6 bytes)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines}
    return sizes["Rss:"], sizes["Pss:"]


def one_run() -> tuple[float, float, float]:
    """Return seconds to the first good answer, then resident and proportional MB."""
    with tempfile.TemporaryDirectory() as home:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "gotapi_core", "run", "--home", home, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert " is ready at " in line, line
                first_answer(line.split()[-1])
                took = time.perf_counter() - begun
                time.sleep(IDLE)
                return took, *memory(process.pid)
            finally:
                process.terminate()


def main() -> int:
    """Run, print the medians, and tell by the exit code whether they reach the targets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = [one_run() for _ in range(parser.parse_args().runs)]
    seconds, resident, shared = (statistics.median(column) for column in zip(*runs, strict=True))
    good = seconds <= TARGETS["seconds"] and resident <= TARGETS["MB"]
    print(f"start of the hub, medians of {len(runs)} runs")
    print(
        f"  first good answer after {seconds:.2f} s (best {min(run[0] for run in runs):.2f}, "
        f"target <= {TARGETS['seconds']}), resident {resident:.1f} MB, PSS {shared:.1f} MB "
        f"(target <= {TARGETS['MB']}): {'reached' if good else 'MISSED'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
