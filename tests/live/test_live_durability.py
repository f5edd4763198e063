"""What was acknowledged survives a kill; and two hubs do not share a port."""

import threading
import time

TOKEN = "/gotapi/authorization/accesstoken"  # a path


def go_through_consent(hub):
    """Return the clientId and the token, as the hub has acknowledged them."""
    client = hub.ask("GET", "/gotapi/authorization/grant")["clientId"]
    wish = {"clientId": client, "scope": "all", "applicationName": "Durable"}
    answers = []
    asking = threading.Thread(target=lambda: answers.append(hub.ask("GET", TOKEN, wish)))
    asking.start()
    waiting = hub.until(lambda: hub.operate("GET", "state")["requests"])
    hub.operate("POST", "approve", code=waiting[0]["code"], lifetime="always")
    asking.join(10)
    return client, answers[0]["accessToken"]


def test_an_approval_survives_kill_9(run):
    first = run("--port", "0").wait_ready()
    client, token = go_through_consent(first)
    first.kill()  # at once: the answer itself was the acknowledgement

    second = run("--port", "0").wait_ready()
    found = second.ask("GET", "/gotapi/servicediscovery", {"accessToken": token})
    assert found["result"] == 0
    (application,) = second.operate("GET", "state")["applications"]
    assert (application["name"], application["origin"]) == ("Durable", "durable.app")
    # It is not asked again either: the approval is remembered with its client.
    again = second.ask("GET", TOKEN, {"clientId": client, "scope": "servicediscovery"})
    assert again["result"] == 0
    assert again["accessToken"] != token

    second.operate("POST", "revoke", id=application["id"])
    second.kill()
    third = run("--port", "0").wait_ready()
    for one in (token, again["accessToken"]):
        gone = third.ask("GET", "/gotapi/servicediscovery", {"accessToken": one})
        assert gone["errorCode"] == 15
    assert third.operate("GET", "state")["applications"] == []


def test_a_half_uploaded_file_is_gone_after_the_restart(run):
    hub = run("--port", "0").wait_ready()
    _, token = go_through_consent(hub)
    stored = hub.ask("POST", "/blobs/", {"accessToken": token}, body=b"whole")
    blobs = hub.home / "data" / "blobs"
    killed = threading.Event()

    def body():
        yield b"x" * 3_000_000
        killed.wait(10)
        yield b"x"

    def begin():
        try:
            hub.ask(
                "POST",
                "/blobs/",
                {"accessToken": token},
                body=body(),
                headers={"Content-Length": "9000000"},
            )
        except OSError:
            return  # the hub was killed

    sending = threading.Thread(target=begin, daemon=True)
    sending.start()
    hub.until(lambda: list(blobs.glob("*.part")))
    hub.kill()
    killed.set()
    sending.join(10)
    assert list(blobs.glob("*.part"))

    run("--port", "0").wait_ready()
    assert [one.name for one in blobs.iterdir()] == [stored["uri"].rpartition("/")[2]]


def test_a_second_hub_on_the_port_names_the_first_and_ends(run, tmp_path):
    first = run("--port", "0").wait_ready()
    port = first.url.rpartition(":")[2]
    begun = time.monotonic()
    second = run("--port", port, home=tmp_path / "other")
    message = second.process.stderr.read()
    assert second.process.wait(10) == 78
    assert time.monotonic() - begun < 8  # 2 s on a machine with nothing else to do
    assert f"Port {port}" in message
    assert f"(pid {first.process.pid})" in message
    assert "gotapi_core run" in message
    assert "choose another port" in message
    assert first.ask("GET", "/gotapi/availability")["result"] == 0


def test_the_port_is_free_again_at_once_after_a_kill(run):
    first = run("--port", "0").wait_ready()
    port = first.url.rpartition(":")[2]
    assert first.ask("GET", "/gotapi/availability")["result"] == 0
    first.kill()
    second = run("--port", port).wait_ready()
    assert second.url == first.url
