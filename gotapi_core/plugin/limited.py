"""Bounds itself, then becomes another program: `limited.py PARENT MEMORY CPU FILE COMMAND...`.

Run by path with `-I -S`, so it imports the standard library only. Bytes and seconds.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>


def main(words: list[str]) -> None:
    """Bound memory, time and files, die with the parent, and become the command."""
    parent, memory, cpu, file = (int(word) for word in words[:4])
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the hub has ended")
    for which, amount in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(which)
        most = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(which, (most, most))
    with contextlib.suppress(OSError):
        os.nice(10)  # a print that runs has the processor first
    os.execvp(words[4], words[4:])  # noqa: S606  # what it is for; nobody's shell reads it


if __name__ == "__main__":
    main(sys.argv[1:])
