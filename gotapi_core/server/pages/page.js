// The operator page: follows the hub's state and sends the operator's decisions.

import { openChange, openHistory } from "./change.js";
import { Follower, Refused, ask, dropKey, takeKey } from "./hub.js";
import { PluginSection } from "./plugins.js";
import { showTrust } from "./trust.js";
import { ApplicationRow, RequestCard, say, serviceRow } from "./view.js";

const $ = (id) => document.getElementById(id);

const LINKS = {
  live: "Connected",
  pause: "Reconnecting",
  missing: "Hub not found",
  gone: "Hub not found",
  refused: "Stopped",
  "signed-out": "Signed out",
};
const LIFETIMES = { once: "once", day: "for a day", always: "until you revoke it" };

const requests = new Map(); // code -> RequestCard
const applications = new Map(); // id -> ApplicationRow
let reachable = true;
let skew = 0; // seconds by which the hub's clock is ahead of the browser's
let shown = {}; // what services and plug-ins are on the page, as JSON

const plugins = new PluginSection($("plugins"), tell);
const follower = new Follower(onState, onTrouble);

function onState(state) {
  skew = state.now - Date.now() / 1000;
  say($("version"), state.hub.version);
  $("page").setAttribute("aria-busy", "false");
  showRequests(state.requests);
  showApplications(state.applications, state.words);
  showThings("services", state.services, serviceRow);
  plugins.update(state.plugins);
  $("plugins-none").hidden = state.plugins.length > 0;
  showSafeMode(state.hub.safeMode);
  tick();
}

/** Brings a map of rows in line with a list; tells whether any came or went. */
function align(rows, list, keyOf, make) {
  const keys = new Set(list.map(keyOf));
  let changed = false;
  for (const [key, row] of rows) {
    if (!keys.has(key)) {
      const focused = row.element.contains(document.activeElement);
      row.close();
      rows.delete(key);
      changed = true;
      if (focused) {
        row.home.focus(); // not the next row: a key held down must not reach its buttons
      }
    }
  }
  for (const one of list) {
    if (!rows.has(keyOf(one))) {
      rows.set(keyOf(one), make(one));
      changed = true;
    }
  }
  return changed;
}

function showRequests(list) {
  const fresh = [];
  const changed = align(requests, list, (one) => one.code, (one) => {
    const card = new RequestCard(one, approve, deny);
    card.home = $("requests-title");
    card.set({ reachable });
    $("requests").append(card.element);
    fresh.push(one);
    return card;
  });
  const moved = list.filter((one) => requests.get(one.code).update(one));
  if (changed || moved.length > 0) {
    armAll(); // the others have moved
  }
  $("requests-none").hidden = list.length > 0;
  document.title = list.length > 0 ? `(${list.length}) gotapi-hub` : "gotapi-hub";
  if (fresh.length > 0) {
    tell(fresh.map((one) => `${one.name} asks for access.`).join(" "));
  }
}

function showApplications(list, words) {
  const changed = align(applications, list, (one) => one.id, (one) => {
    const row = new ApplicationRow(one, {
      onRevoke: revoke,
      onChange: (row) => openChange(row.application, row.words, tell),
      onHistory: (row) => openHistory(row.application),
    });
    row.home = $("applications-title");
    row.set({ reachable });
    $("applications").prepend(row.element); // the newest on top
    return row;
  });
  for (const one of list) {
    applications.get(one.id).update(one, words);
  }
  $("applications-none").hidden = list.length > 0;
  if (changed) {
    armAll();
  }
}

function showSafeMode(why) {
  $("safe-mode").hidden = !why;
  $("safe-mode-why").textContent = why;
}

function showThings(id, list, make) {
  const json = JSON.stringify(list);
  if (shown[id] !== json) {
    shown[id] = json;
    $(id).replaceChildren(...list.map(make));
    $(`${id}-none`).hidden = list.length > 0;
  }
}

function onTrouble(trouble, message) {
  $("link").dataset.state = trouble ?? "live";
  $("link").textContent = LINKS[trouble ?? "live"];
  reachable = trouble === null;
  for (const row of [...requests.values(), ...applications.values()]) {
    row.set({ reachable });
  }
  plugins.set(reachable);
  $("sign-out").hidden = !reachable;
  showBanner(trouble, message);
}

function showBanner(trouble, message) {
  const [title, text] = {
    missing: [
      "The hub does not answer",
      "Perhaps it was stopped. Start it with “gotapi run”; this page looks for it every few "
        + "seconds. Nothing can be approved meanwhile.",
    ],
    gone: [
      "The hub does not answer",
      "This page has stopped looking for it. Start the hub with “gotapi run”, then try again.",
    ],
    "signed-out": [
      "You are signed out",
      "The session is over. Run “gotapi operator” in a terminal and open the link that it prints.",
    ],
    refused: ["The hub refused to go on", message],
  }[trouble] ?? ["", ""];
  if ($("banner-title").textContent !== title || $("banner-text").textContent !== text) {
    $("banner-title").textContent = title;
    $("banner-text").textContent = text;
  }
  $("banner").hidden = !title;
  $("banner-retry").hidden = trouble !== "gone" && trouble !== "refused";
  $("page").setAttribute("aria-busy", "false");
}

async function approve(card) {
  const { code, name, scopes: asked } = card.request;
  const body = { code, lifetime: card.lifetime };
  if (card.scopes.length < asked.length) {
    body.scopes = card.scopes;
  }
  if (card.replaced.length > 0) {
    body.replace = card.replaced;
  }
  await decide(card, "api/approve", body, `Approved ${name} ${LIFETIMES[body.lifetime]}.`);
}

async function deny(card) {
  const { code, name } = card.request;
  await decide(card, "api/deny", { code }, `Denied ${name}.`);
}

async function decide(card, path, body, news) {
  card.set({ busy: true });
  card.problem("");
  try {
    await ask(path, body);
    tell(news);
  } catch (error) {
    card.problem(inWords(error));
    card.set({ busy: false });
  }
}

async function revoke(row) {
  const { id, name } = row.application;
  const sure = await confirmed(
    `Revoke ${name}?`,
    "It loses its access at once, and what it is doing now is cut off. It can ask you again.",
  );
  if (!sure) {
    return;
  }
  row.problem("");
  try {
    await ask("api/revoke", { id });
    tell(`Revoked ${name}.`);
  } catch (error) {
    row.problem(inWords(error));
  }
}

function inWords(error) {
  if (error instanceof Refused) {
    return error.message;
  }
  return "The hub did not answer. Look whether it runs, then try again.";
}

function confirmed(title, text) {
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm").returnValue = "";
  $("confirm").showModal();
  return new Promise((resolve) => {
    const onClose = () => {
      armAll(); // what the dialog covered is shown anew
      resolve($("confirm").returnValue === "yes");
    };
    $("confirm").addEventListener("close", onClose, { once: true });
  });
}

/** Says a short text to those who hear the page. */
function tell(text) {
  $("news").textContent = text;
}

function tick() {
  const now = Date.now() / 1000 + skew;
  for (const row of [...requests.values(), ...applications.values()]) {
    row.tick(now);
  }
}

function armAll() {
  plugins.arm();
  for (const card of requests.values()) {
    card.arm();
  }
}

async function signOut() {
  try {
    await ask("logout", {});
  } catch (error) {
    if (!(error instanceof Refused)) {
      tell(inWords(error));
      return;
    }
  }
  dropKey();
  location.assign("/");
}

$("confirm-yes").addEventListener("click", () => $("confirm").close("yes"));
$("confirm-no").addEventListener("click", () => $("confirm").close("no"));
$("banner-retry").addEventListener("click", () => follower.start());
$("sign-out").addEventListener("click", signOut);
// What was hidden, or behind another window, is shown anew.
document.addEventListener("visibilitychange", armAll);
window.addEventListener("focus", armAll);
window.addEventListener("pageshow", armAll);
window.addEventListener("resize", armAll);

takeKey();
setInterval(tick, 1000);
follower.start();
showTrust();
