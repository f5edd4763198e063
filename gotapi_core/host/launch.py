"""A plug-in's first process: ties its life and its memory to the hub's, then becomes the plug-in.

Run as a script by `child.py`: `launch.py HUB_PID MEMORY_BYTES COMMAND...`. What it sets outlives
`exec`; a `preexec_fn` would do the same in a copy of the hub, whose threads may hold locks.
"""

import contextlib
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)
_NOT_FOUND = 127  # as a shell says it


def main(arguments: list[str]) -> int:
    """Become the command; returns an exit code only where that is not possible."""
    hub, memory, *command = arguments
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_DATA, int(memory))
    _end_with(int(hub))
    try:
        os.execvp(command[0], command)  # noqa: S606  # no shell is what is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
    return _NOT_FOUND


def _limit(what: int, value: int) -> None:
    with contextlib.suppress(ValueError, OSError):  # lower limits than ours are in force
        resource.setrlimit(what, (value, value))


def _end_with(hub: int) -> None:
    """Be told to end when the hub does; elsewhere than on Linux the end of stdin tells."""
    if sys.platform != "linux":
        return
    import ctypes  # late: it costs more than the rest

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != hub:  # it ended before it could be tied to
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
