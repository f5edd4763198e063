"""Stands in for the engine's worker: what it does is said by a file in the folder of the job."""

import json
import os
import sys
import time
from pathlib import Path

order = json.loads(Path(sys.argv[1]).read_bytes())
out = Path(order["folder"])
wish = Path(os.environ.get("HOME", ".")).parents[2] / "wish"  # <home>/wish
doing = wish.read_text().strip() if wish.exists() else "good"


def say(**members: object) -> None:
    print(json.dumps(members), flush=True)


(wish.parent / "tries").open("a").write(f"{doing} {sorted(order['pictures'])}\n")
say(progress={"fraction": 0.25, "stage": "Cutting out the figure"})
if doing == "crash":
    os.abort()
if doing == "refuse":
    failure = {"code": "picture", "message": "the front drawing is blank", "view": "front"}
    say(failure=failure)
    sys.exit(1)
while doing == "wait" and (wish.read_text().strip() == "wait"):
    time.sleep(0.02)
if doing == "silent":
    sys.exit(0)
if doing == "garbage":
    sys.stdout.buffer.write(b"\xff\x00 nonsense\n{\n" * 100)
(out / "preview.glb").write_bytes(b"glTF preview")
(out / "preview-front.png").write_bytes(b"png")
say(progress={"fraction": 0.5, "stage": "Shaping", "preview": "preview.glb"})
for name in ("model.glb", "model.stl", "model.3mf"):
    (out / name).write_bytes(name.encode() * 100)
(out / "report.json").write_text("{}")
report = {
    "engine": "fake", "template": "human", "views": ["front"], "triangles": 1, "vertices": 3,
    "size": [1, 1, 1], "volume": 1, "surface": 1, "watertight": True, "manifold": True,
    "parts": 1, "genus": 0, "coloured": True, "agreement": {}, "profiles": {}, "warnings": [],
    "files": {}, "seconds": 0.1,
}  # fmt: skip
say(done=report)
