"""The time zone of this computer, where it has been told one."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

LOCALTIME = Path("/etc/localtime")


def local_offset(
    moment: float, environ: Mapping[str, str] = os.environ, localtime: Path = LOCALTIME
) -> int | None:
    """Return the minutes that local time is ahead of UTC; None where nobody set a zone.

    Without TZ and /etc/localtime the C library says UTC, and does not know (HD-HLF-06).
    """
    if os.name == "posix" and not environ.get("TZ") and not localtime.exists():
        return None
    return time.localtime(moment).tm_gmtoff // 60
