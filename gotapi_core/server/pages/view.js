// Makes the page's parts out of its templates. Texts from outside go in as textContent only.

import { GuardedButton } from "./press.js";

/** Returns a copy of a template: the element, and its marked parts by name. */
export function copy(id) {
  const fragment = document.getElementById(id).content.cloneNode(true);
  const element = fragment.firstElementChild;
  const parts = {};
  for (const part of fragment.querySelectorAll("[data-part]")) {
    parts[part.dataset.part] = part;
  }
  return { element, parts };
}

/** Shows a text in an element, or hides the element when there is none. */
export function say(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

/** Says a span of seconds in words. */
export function span(seconds) {
  const steps = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const nearly = 0.05; // 23 hours and 59 minutes are a day
  const [size, unit] = steps.find(([size]) => seconds / size + nearly >= 1) ?? steps[3];
  const count = Math.max(0, Math.floor(seconds / size + nearly));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function ago(seconds) {
  return seconds < 10 ? "just now" : `${span(seconds)} ago`;
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function date(seconds) {
  return new Date(seconds * 1000).toLocaleDateString([], { dateStyle: "medium" });
}

function whoAsks(request) {
  const { origin, browser } = request;
  if (!browser) {
    return {
      kind: "A program on this computer asks",
      label: "It says it is",
      hint: "The hub cannot check who a program is. Approve it only if you have just started it.",
    };
  }
  if (origin === "null") {
    return {
      kind: "A page without an address asks",
      label: "Address",
      hint: "It was opened from a file, or stands inside another page. All such pages look the "
        + "same to the hub: what you allow one, you allow them all.",
    };
  }
  if (/^https?:\/\/(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(origin)) {
    return {
      kind: "A page from this computer asks",
      label: "From",
      hint: "It comes from a web server on this computer. It chose the name above itself.",
    };
  }
  const open = origin.startsWith("http://")
    ? " Its connection is not protected: others on the network can change what it does."
    : "";
  return {
    kind: origin.startsWith("http") ? "A web page asks" : "A part of your browser asks",
    label: "From",
    hint: `Go by this address: it comes from the browser. The name above is the page's own.${open}`,
  };
}

let numbers = 0;

/** The card of a request that waits for an answer. */
export class RequestCard {
  constructor(request, onApprove, onDeny) {
    this.request = request;
    const { element, parts } = copy("request");
    this.element = element;
    this.parts = parts;
    this.busy = false;
    this.reachable = true;
    const who = whoAsks(request);
    parts.kind.textContent = who.kind;
    parts.kind.dataset.kind = request.browser ? "page" : "program";
    parts.name.textContent = request.name;
    parts["origin-label"].textContent = who.label;
    parts.origin.textContent = request.origin === "null" ? "none" : request.origin;
    parts.hint.textContent = who.hint;
    parts.code.textContent = request.code;
    this.showKnown(request.known);
    this.heading = element.querySelector("h3");
    this.name();
    this.boxes = request.scopes.map((scope) => this.addScope(scope));
    this.deny = new GuardedButton(parts.deny, () => onDeny(this));
    this.approve = new GuardedButton(parts.approve, () => onApprove(this));
  }

  /** Gives heading, group and buttons names that belong together. */
  name() {
    numbers += 1;
    const id = `request-${numbers}`;
    this.heading.id = id;
    this.element.setAttribute("aria-labelledby", id);
    for (const part of ["deny", "approve"]) {
      this.parts[part].setAttribute("aria-describedby", id);
    }
    for (const radio of this.parts.lifetimes.querySelectorAll("input")) {
      radio.name = `lifetime-${numbers}`;
    }
  }

  /** Says which access the same origin has already, and offers to replace the newest one. */
  showKnown(known) {
    const { parts } = this;
    parts.known.hidden = known.length === 0;
    parts.replace.checked = false;
    if (known.length > 0) {
      const last = known.at(-1);
      const more = known.length === 1 ? "" : ` and ${known.length - 1} more`;
      parts["known-words"].textContent =
        `This origin already has access under “${last.name}”${more} since ${date(last.created)}.`;
    }
    this.knownIds = known.map((one) => one.id);
  }

  /** The approvals that the operator wants replaced. */
  get replaced() {
    return this.parts.replace.checked ? this.knownIds : [];
  }

  addScope(scope) {
    const { element, parts } = copy("scope");
    parts.words.textContent = scope.words || `use “${scope.scope}”`;
    parts.scope.textContent = scope.scope;
    const box = element.querySelector("input");
    box.value = scope.scope;
    box.addEventListener("change", () => this.judge());
    this.parts.scopes.append(element);
    return box;
  }

  get scopes() {
    return this.boxes.filter((box) => box.checked).map((box) => box.value);
  }

  get lifetime() {
    return this.parts.lifetimes.querySelector("input:checked").value;
  }

  /** Makes the buttons wait again. */
  arm() {
    this.deny.arm();
    this.approve.arm();
  }

  /** Says whether the hub can be reached and whether an answer is on its way to it. */
  set({ reachable = this.reachable, busy = this.busy }) {
    this.reachable = reachable;
    this.busy = busy;
    this.judge();
  }

  judge() {
    const able = this.reachable && !this.busy;
    this.deny.allow(able);
    this.approve.allow(able && this.scopes.length > 0);
    this.element.toggleAttribute("data-stale", !able);
  }

  problem(text) {
    say(this.parts.problem, text);
  }

  /** Takes the request as it is now; tells whether that may have moved buttons. */
  update(request) {
    const before = this.request;
    if (JSON.stringify(request.known) !== JSON.stringify(before.known)) {
      this.showKnown(request.known);
    }
    this.request = request;
    const shown = request.showsCode;
    this.parts.compare.toggleAttribute("data-shown", shown);
    this.parts["compare-words"].textContent = shown
      ? "Approve only if the application, or the page it opened, shows this code:"
      : "Code of the request";
    const texts = (one) => JSON.stringify([one.known, one.showsCode, one.waiting]);
    return texts(request) !== texts(before);
  }

  /** Refreshes what depends on the time (seconds since 1970). */
  tick(now) {
    const { created, deadline, waiting } = this.request;
    this.parts.asked.textContent = `Asked ${ago(now - created)}`;
    this.parts.waits.textContent = waiting
      ? "The application is waiting for your answer."
      : `The application has stopped waiting. Your answer still counts until ${clock(deadline)}: `
        + "it gets it when it asks again.";
  }

  close() {
    this.deny.close();
    this.approve.close();
    this.element.remove();
  }
}

/** The row of an application with access. */
export class ApplicationRow {
  constructor(application, { onRevoke, onChange, onHistory }) {
    const { element, parts } = copy("application");
    this.element = element;
    this.parts = parts;
    this.heading = element.querySelector("h3");
    parts.name.textContent = application.name;
    parts.origin.textContent = application.origin === "null" ? "no address" : application.origin;
    parts.origin.hidden = application.origin === application.name;
    numbers += 1;
    this.heading.id = `application-${numbers}`;
    for (const [part, act] of Object.entries({
      revoke: onRevoke, change: onChange, history: onHistory,
    })) {
      parts[part].setAttribute("aria-describedby", this.heading.id);
      parts[part].addEventListener("click", () => act(this));
    }
  }

  update(application, words) {
    this.application = application;
    this.words = words;
    const may = application.scopes.map((scope) => words[scope] || `use “${scope}”`);
    this.parts.scopes.textContent = `May ${may.join("; ")}.`;
  }

  set({ reachable }) {
    for (const part of ["revoke", "change", "history"]) {
      this.parts[part].disabled = !reachable;
    }
  }

  problem(text) {
    say(this.parts.problem, text);
  }

  tick(now) {
    const { created, expires, lastUsed } = this.application;
    const used = lastUsed === null ? "not used yet" : `used ${ago60(now - lastUsed)}`;
    this.parts.facts.textContent =
      `Approved ${ago(now - created)} · ends in ${span(expires - now)} · ${used}`;
  }

  close() {
    this.element.remove();
  }
}

function ago60(seconds) {
  return seconds < 120 ? "a moment ago" : ago(seconds);
}

/** Makes the row of a service. */
export function serviceRow(service) {
  const { element, parts } = copy("thing");
  parts.name.textContent = service.name;
  parts.facts.textContent = [service.type, service.plugin].filter(Boolean).join(" · ");
  parts.state.textContent = service.online ? "Online" : "Offline";
  parts.state.dataset.tone = service.online ? "good" : "off";
  say(parts.reason, service.online ? "" : service.reason);
  return element;
}
