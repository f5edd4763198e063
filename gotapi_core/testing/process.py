"""A hub as its user runs it: `gotapi run` in a process of its own."""

import re
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import httpx2

from gotapi_core.paths import paths_under

_PATIENCE = 20.0  # seconds; a start takes one


class HubProcess:
    """One home folder and the hub that runs on it; a context manager, or `start` and `stop`."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.url = ""
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "HubProcess":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id; raises RuntimeError where the hub does not run."""
        return self._running().pid

    def start(self) -> "HubProcess":
        """Start the hub on a free port and wait until it answers."""
        words = ["run", "--home", str(self.home), "--port", "0", *self._options]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gotapi_core", *words],
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._process.stdout is not None
        self.url = _read_until(self._process.stdout, r"ready at (\S+)")[1]
        return self

    def kill(self) -> None:
        """End it as a power cut would."""
        self._running().kill()
        self._forget()

    def stop(self) -> int:
        """End it as Ctrl-C would, where it still runs; returns its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            code = self._forget()
        return code

    def operator(self, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the operator's API as `gotapi apps` does."""
        secret = paths_under(self.home).operator_secret.read_text().strip()
        answer = httpx2.request(
            method,
            f"{self.url}/operator/api/{what}",
            json=body,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=40.0,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json()

    def approve_next(self) -> None:
        """Approve the request that waits, as soon as there is one."""
        state = self._wait_for(lambda state: bool(state["requests"]), "an application's request")
        code = state["requests"][0]["code"]
        self.operator("POST", "approve", {"code": code, "lifetime": "always"})

    def approve_plugin(self, plugin_id: str) -> str:
        """Approve a plug-in as it is now; returns its state after that."""
        plugins = self.operator("GET", "state")["plugins"]
        (digest,) = [one["digest"] for one in plugins if one["id"] == plugin_id]
        wish = {"id": plugin_id, "digest": digest}
        return str(self.operator("POST", "plugin-approve", wish)["state"])

    def wait_for_service(self, service_id: str) -> None:
        """Wait until a service is online."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for service in self.operator("GET", "state")["services"]:
                if service.get("serviceId", service.get("id")) == service_id and service["online"]:
                    return
            time.sleep(0.05)
        raise TimeoutError(f"{service_id} did not come online")

    def _wait_for(self, wanted: Any, what: str) -> Any:
        deadline = time.monotonic() + _PATIENCE
        state = self.operator("GET", "state")
        while not wanted(state):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come")
            state = self.operator("GET", f"changes?since={state['revision']}")
        return state

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the hub does not run")
        return self._process

    def _forget(self) -> int:
        process = self._running()
        code = process.wait(_PATIENCE)
        if process.stdout is not None:
            process.stdout.close()
        self._process = None
        return code


def _read_until(stream: IO[str], pattern: str) -> re.Match[str]:
    deadline = time.monotonic() + _PATIENCE
    seen: list[str] = []
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0 and selector.select(left):
            line = stream.readline()
            seen.append(line)
            if found := re.search(pattern, line):
                return found
            if not line:
                break
    raise RuntimeError(f"the hub did not start; it said: {''.join(seen) or 'nothing'}")
