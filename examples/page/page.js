"use strict";

// What the user sees. Text of services goes into textContent only, never into HTML.

const element = (id) => document.getElementById(id);
let hub = null;

function say(text, state = "") {
  element("message").textContent = text;
  element("message").dataset.state = state;
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    say(error.message, "error");
  }
}

async function connect() {
  hub = new Hub(element("url").value);
  say("Looking for the hub.");
  await hub.authorize("3dp", document.title, () =>
    say("Please allow this page on the operator page of your hub."));
  const { services } = await hub.get("servicediscovery");
  element("services").replaceChildren(...services.map(show));
  say(services.length ? "Connected." : "The hub has no printer.");
}

function show(service) {
  const item = element("service").content.cloneNode(true).firstElementChild;
  const [title, list] = [item.querySelector("h2"), item.querySelector("dl")];
  title.textContent = service.online ? service.name : `${service.name} (offline)`;
  item.id = service.serviceId;
  const button = (name) => item.querySelector(`[data-do="${name}"]`);
  button("ask").onclick = () => attempt(async () => {
    const answer = await hub.get("3dp/status", { serviceId: service.serviceId });
    fill(list, answer["3dp"]);
  });
  let stop = null;
  button("listen").onclick = () => attempt(async () => {
    if (stop === null) {
      stop = await hub.listen("3dp/status", service.serviceId, (event) => fill(list, event["3dp"]));
      button("listen").textContent = "Stop listening";
    } else {
      await stop();
      stop = null;
      button("listen").textContent = "Listen";
    }
  });
  return item;
}

function fill(list, status) {
  const rows = Object.entries(status).filter(([, value]) => typeof value !== "object");
  list.replaceChildren(...rows.flatMap(([name, value]) => {
    const [term, detail] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    detail.textContent = value;
    detail.dataset.name = name;
    return [term, detail];
  }));
}

element("connect").onsubmit = (event) => {
  event.preventDefault();
  attempt(connect);
};
element("forget").onclick = () => {
  hub?.forget();
  element("services").replaceChildren();
  say("Forgotten. The hub still lists this page as allowed; revoke it there.");
};
