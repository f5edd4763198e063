"""Real hubs in processes of their own."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from urllib.parse import urlencode, urlsplit

import pytest

DEADLINE = 15.0  # seconds; a hub needs about one


class Process:
    """One `gotapi run`, and an operator and an application that speak to it."""

    def __init__(self, home, *options: str) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gotapi_core", "run", "--home", str(home), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.url = ""
        self._readers = []

    def wait_ready(self) -> "Process":
        line = self.process.stdout.readline()
        assert " is ready at " in line, line + self.process.stderr.read()
        self.url = line.rstrip().rpartition(" ")[2]
        # Nobody reads the rest, and a full pipe would stop the hub.
        for stream in (self.process.stdout, self.process.stderr):
            self._readers.append(threading.Thread(target=stream.read, daemon=True))
            self._readers[-1].start()
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)

    def close(self) -> None:
        self.kill()
        for reader in self._readers:
            reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()

    def ask(self, method, path, params=None, *, body=None, headers=None):
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=DEADLINE)
        fields = {"X-GotAPI-Origin": "durable.app", **(headers or {})}
        try:
            connection.request(method, f"{path}?{urlencode(params or {})}", body, fields)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def operate(self, method, what, **members):
        """Do as `gotapi apps` does."""
        secret = (self.home / "data" / "operator.secret").read_text().strip()
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        body = json.dumps(members) if method == "POST" else None
        return self.ask(method, f"/operator/api/{what}", headers=headers, body=body)

    def until(self, what):
        deadline = time.monotonic() + DEADLINE
        while not (found := what()):
            assert time.monotonic() < deadline, "it did not come to pass in time"
            time.sleep(0.01)
        return found


@pytest.fixture
def run(tmp_path):
    """A function that starts hubs; they are killed after the test."""
    started = []

    def run(*options: str, home=None) -> Process:
        started.append(Process(home or tmp_path / "home", *options))
        return started[-1]

    yield run
    for one in started:
        one.close()
