"""How a plug-in reaches what the operator approved: serial ports, hosts of the network, folders.

These helpers refuse what was not approved. They hand things out; they do not hold a plug-in back
that goes around them: docs/security.md says what does.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from gotapi_core.protocol.errors import IllegalServerState

if TYPE_CHECKING:
    import httpx2
    import serial

_DEFAULT_PORTS = {"http": 80, "https": 443}


class NotApproved(IllegalServerState):
    """17: the plug-in was not approved to reach this."""


class Serial:
    """The serial ports that were approved."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The paths that may be opened, as patterns; "*" stands for all ports."""
        return self._patterns

    def allows(self, path: str) -> bool:
        """Tell whether a port may be opened."""
        plain = PurePath(os.path.abspath(path))  # without "..", and links stay as they are
        return any(one == "*" or plain.match(one) for one in self._patterns)

    def ports(self) -> list[str]:
        """Return the paths of the approved ports there are; blocks for some milliseconds."""
        if not self._patterns:
            return []
        from serial.tools.list_ports import comports  # late: many plug-ins need none

        named = {str(path) for one in self._patterns if one != "*" for path in _matching(one)}
        return sorted(named | {port.device for port in comports() if self.allows(port.device)})

    def open(self, path: str, **options: Any) -> "serial.Serial":
        """Open a port with the options of `serial.Serial`; blocks. Raises NotApproved."""
        if not self.allows(path):
            allowed = ", ".join(self._patterns) or "none"
            raise NotApproved(
                f"serial port {path!r} was not approved (only {allowed}); name it in the manifest "
                "under [rights] serial"
            )
        import serial

        return serial.Serial(path, **options)


class Http:
    """An HTTP client for the hosts that were approved."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = tuple(host.lower() for host in hosts)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that may be reached."""
        return self._hosts

    def allows(self, host: str, port: int) -> bool:
        """Tell whether a host may be reached at a port."""
        name = host.lower().rstrip(".")
        return any(_fits(one, name, port) for one in self._hosts)

    def client(
        self,
        *,
        base_url: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        follow_redirects: bool = False,
        verify: bool = True,
    ) -> "httpx2.AsyncClient":
        """Return a client to be closed by the plug-in; its requests raise NotApproved."""
        import httpx2  # late: many plug-ins need none

        async def check(request: httpx2.Request) -> None:  # of redirects, too
            port = request.url.port or _DEFAULT_PORTS.get(request.url.scheme, 0)
            if not self.allows(request.url.host, port):
                allowed = ", ".join(self._hosts) or "none"
                raise NotApproved(
                    f"host {request.url.host}:{port} was not approved (only {allowed}); name it in "
                    "the manifest under [rights] network"
                )

        return httpx2.AsyncClient(
            base_url=base_url,
            headers=headers,
            timeout=timeout,
            follow_redirects=follow_redirects,
            verify=verify,
            trust_env=False,  # a proxy of the environment would be a host nobody approved
            event_hooks={"request": [check]},
        )


def folders(named: Sequence[str]) -> tuple[Path, ...]:
    """Return the approved folders, where `~` is the home of who runs the hub."""
    return tuple(Path(one).expanduser() for one in named)


def _fits(pattern: str, name: str, port: int) -> bool:
    if pattern == "*":
        return True
    host, colon, number = pattern.rpartition(":")
    if not colon or pattern.endswith("]"):
        host, number = pattern, ""
    if number and number != str(port):
        return False
    host = host.strip("[]")
    return name.endswith(host[1:]) if host.startswith("*.") else name == host


def _matching(pattern: str) -> list[Path]:
    return list(Path("/").glob(pattern.lstrip("/")))
