"""A plug-in in "another language": plain lines on stdio, and whatever breaks the rules."""

import json
import signal
import sys
import time

MODE = sys.argv[1]


def send(**members):
    sys.stdout.write(json.dumps(members) + "\n")
    sys.stdout.flush()


def describe():
    say = {"kind": "one-shot", "profile": "echo", "attribute": "say"}
    send(type="describe", routes=[say, {"kind": "surface", "path": "/echo"}])


def answer(message):
    send(type="reply", id=message["id"], result={"said": message.get("params", {})})
    if MODE == "twice":
        send(type="reply", id=message["id"], result={"said": "again"})
    if MODE == "garbage":
        sys.stdout.write("Segmentation fault (not really)\n")
        sys.stdout.flush()
    if MODE == "long":
        sys.stdout.write("x" * 3_000_000)
        sys.stdout.flush()


if MODE == "early":
    describe()
if MODE == "version":
    send(type="hello", versions={"min": 7, "max": 9}, id="echo", name="Rude")
elif MODE == "foreign":
    send(type="hello", versions={"min": 1, "max": 1}, id="printer", name="Rude")
elif MODE != "silent":
    send(type="hello", versions={"min": 1, "max": 1}, id="echo", name="Rude")
for line in sys.stdin:
    message = json.loads(line)
    kind = message["type"]
    if kind == "welcome":
        if MODE == "refuses":
            send(type="bye", reason="no licence", error=True)
        elif MODE == "greedy":
            send(type="describe", routes=[{"kind": "one-shot", "profile": "lamp"}])
        else:
            describe()
    elif kind == "services":
        service = {"id": "wall", "name": "Wall", "scopes": ["echo"]}
        send(type="reply", id=message["id"], result={"services": [service]})
    elif kind == "call":
        answer(message)
        if MODE == "lingers":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            send(type="bye")
            time.sleep(60)
    elif kind == "surface":
        send(type="reply", id=message["id"], result={"file": sys.argv[2]})
    elif kind == "ping" and MODE != "mute":
        send(type="pong", n=message.get("n", 0))
    elif kind == "fault":
        sys.stderr.write("I was told: " + message["message"] + "\n")
    elif kind == "bye":
        send(type="bye")
        break
