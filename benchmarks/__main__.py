"""Runs every benchmark, one after another: `make bench`, or `python -m benchmarks discovery ports`.

Each prints medians and, against a peer or a floor measured in the same run, ratios. Machines are
shared and noisy: a ratio means more than a time.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run the named benchmarks, or all; returns the worst exit code."""
    known = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    wanted = sys.argv[1:] or known
    unknown = set(wanted) - set(known)
    if unknown:
        print(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    worst = 0
    for name in wanted:
        print(f"\n== {name} ==", flush=True)
        worst = max(worst, subprocess.call([sys.executable, str(HERE / f"{name}.py")]))
    return worst


if __name__ == "__main__":
    sys.exit(main())
