// A plug-in of gotapi-hub in Node, without any dependency. It speaks GotAPI-4: one JSON object per
// line on stdin and stdout (docs/gotapi4.md). Whatever is printed goes to stderr: the hub logs it.
import { createInterface } from "node:readline";

const SERVICE = { id: "clock", name: "Clock", type: "software", scopes: ["clock"] };
const RESULT_CODE = { unknownService: 6, unknownAttribute: 8, invalidParameter: 10 };

const ROUTES = [
  {
    kind: "one-shot",
    method: "GET",
    profile: "clock",
    attribute: "time",
    summary: "Tell the time in a time zone.",
    params: { type: "object", properties: { zone: { type: "string" } } },
    result: { type: "object", properties: { time: { type: "string" }, zone: { type: "string" } } },
  },
  {
    kind: "event",
    profile: "clock",
    attribute: "tick",
    summary: "Tell the time again and again.",
    params: { type: "object", properties: { every: { type: "number", minimum: 0.01 } } },
    result: { type: "object", properties: { time: { type: "string" }, count: { type: "integer" } } },
  },
];

let settings = {};
const streams = new Map(); // id of the eventStart -> its timer and how many events may still go

function send(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

class Failure extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// Runs what answers a request; every request is answered once, also when it fails.
function answer(id, work) {
  try {
    send({ type: "reply", id, result: work() });
  } catch (error) {
    send({ type: "reply", id, error: { code: error.code ?? 1, message: error.message } });
  }
}

function time({ zone = settings.zone ?? "UTC" }) {
  try {
    const time = new Date().toLocaleString("sv-SE", { timeZone: zone });
    return { time, zone };
  } catch {
    throw new Failure(
      RESULT_CODE.invalidParameter,
      `parameter 'zone': there is no time zone '${zone}'; an example is Europe/Vienna`,
    );
  }
}

function call(message) {
  if (message.service !== SERVICE.id) throw new Failure(RESULT_CODE.unknownService, "no such clock");
  if (message.attribute === "time") return time(message.params ?? {});
  throw new Failure(RESULT_CODE.unknownAttribute, `a clock has no '${message.attribute}'`);
}

function startTicking({ id, params = {}, window = 64 }) {
  let count = 0;
  const stream = { left: window };
  stream.timer = setInterval(() => {
    if (stream.left === 0) return; // the hub is behind: it says eventAck when it has caught up
    stream.left -= 1;
    count += 1;
    send({ type: "event", id, value: { time: new Date().toISOString(), count } });
  }, (params.every ?? 1) * 1000);
  streams.set(id, stream);
}

function cancel({ id }) {
  clearInterval(streams.get(id)?.timer);
  streams.delete(id);
}

const RECEIVED = {
  welcome(message) {
    settings = message.settings;
    send({ type: "log", level: "info", message: `the clock runs in ${process.version}` });
    send({ type: "describe", routes: ROUTES, words: { clock: "know what time it is" } });
  },
  services: ({ id }) => answer(id, () => ({ services: [SERVICE] })),
  call: (message) => answer(message.id, () => call(message)),
  eventStart: startTicking,
  eventAck({ id, count }) {
    const stream = streams.get(id);
    if (stream) stream.left += count;
  },
  cancel,
  ping: ({ n }) => send({ type: "pong", n }),
  fault: ({ message }) => console.error(`the hub says: ${message}`),
  bye(message) {
    for (const id of streams.keys()) cancel({ id });
    if (message.error) console.error(`the hub refuses: ${message.reason}`);
    process.stdout.write(`${JSON.stringify({ type: "bye" })}\n`, () => process.exit(0));
  },
};

send({
  type: "hello",
  versions: { min: 1, max: 1 },
  id: "node-clock",
  name: "Clock (Node)",
  version: "1.0.0",
  sdk: `node ${process.version}`,
});

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const message = JSON.parse(line);
  RECEIVED[message.type]?.(message); // a type that a later version adds is no reason to fail
});
lines.on("close", () => process.exit(0)); // the hub is gone
