"""The G-code of jobs that ended, kept for a while so that it can be looked at."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

KEEP = 24 * 3600.0  # seconds after the end of a job; uploads are kept as long
MOST = 20  # files of one printer, newest jobs first
ROOM = 512 << 20  # bytes of one printer's files together: the disk may be a small card


class KeptFiles:
    """A folder with the files of one printer's ended jobs, by the ids of those."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, job_id: str) -> Path:
        """Return where the file of a job is, if it is kept."""
        return self._folder / f"{job_id}.gcode"

    def take(self, source: Path, job_id: str) -> None:
        """Move a job's file here; raises OSError, also where there is none."""
        self._folder.mkdir(parents=True, exist_ok=True)
        source.replace(self.path(job_id))

    def sweep(self, ended: Iterable[tuple[str, float]], now: float) -> None:
        """Throw away what is too old or too much.

        `ended` has the jobs that ended, the last one first, each with the moment of its end.
        """
        room, kept = ROOM, set[Path]()
        for job_id, ended_at in ended:
            path = self.path(job_id)
            with contextlib.suppress(OSError):
                size = path.stat().st_size
                if len(kept) < MOST and size <= room and now - ended_at < KEEP:
                    kept.add(path)
                    room -= size
        with contextlib.suppress(OSError):
            for path in set(self._folder.iterdir()) - kept:
                path.unlink()
