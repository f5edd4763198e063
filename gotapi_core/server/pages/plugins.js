// The section about plug-ins: how each one is, what it wants, and the operator's decisions.

import { Refused, ask } from "./hub.js";
import { GuardedButton } from "./press.js";
import { copy, say } from "./view.js";

const STATES = {
  ready: ["Ready", "good"],
  starting: ["Starting", "busy"],
  found: ["Not connected", "off"],
  pending: ["Needs approval", "busy"],
  failed: ["Failed", "bad"],
  suspended: ["Back soon", "busy"],
  quarantined: ["Off after crashes", "bad"],
  stopped: ["Off", "off"],
};
const NO_ANSWER = "The hub did not answer. Look whether it runs, then try again.";

/** All plug-ins of the page; `tell(text)` speaks to those who hear it. */
export class PluginSection {
  constructor(home, tell) {
    this.home = home;
    this.tell = tell;
    this.rows = new Map(); // id -> PluginRow
    this.reachable = true;
  }

  /** Brings the rows in line with the hub's list, those that wait for a decision first. */
  update(list) {
    const ids = new Set(list.map((one) => one.id));
    for (const [id, row] of this.rows) {
      if (!ids.has(id)) {
        row.close();
        this.rows.delete(id);
      }
    }
    for (const one of list) {
      if (!this.rows.has(one.id)) {
        const row = new PluginRow(this.tell);
        row.set(this.reachable);
        this.rows.set(one.id, row);
      }
      this.rows.get(one.id).update(one);
    }
    this.order(list);
  }

  order(list) {
    const sorted = [...list].sort((a, b) => waits(b) - waits(a)).map((one) => one.id);
    const key = sorted.join(" ");
    if (this.key !== key) {
      this.key = key;
      this.home.append(...sorted.map((id) => this.rows.get(id).element));
      this.arm(); // they have moved
    }
  }

  /** Makes the buttons wait again. */
  arm() {
    for (const row of this.rows.values()) {
      row.approve.arm();
    }
  }

  /** Says whether the hub can be reached. */
  set(reachable) {
    this.reachable = reachable;
    for (const row of this.rows.values()) {
      row.set(reachable);
    }
  }
}

function waits(plugin) {
  return plugin.state === "pending" && plugin.digest ? 1 : 0;
}

let numbers = 0;

class PluginRow {
  constructor(tell) {
    const { element, parts } = copy("plugin");
    this.element = element;
    this.parts = parts;
    this.tell = tell;
    this.busy = false;
    this.open = false; // whether somebody wants to see the details
    this.reachable = true;
    numbers += 1;
    const heading = element.querySelector("h3");
    heading.id = `plugin-${numbers}`;
    for (const part of ["approve", "enable", "disable", "more"]) {
      parts[part].setAttribute("aria-describedby", heading.id);
    }
    this.approve = new GuardedButton(parts.approve, () => {
      const { id, digest } = this.plugin;
      this.decide("plugin-approve", { id, digest }, "Approved");
    });
    parts.enable.addEventListener("click", () => this.decideById("plugin-enable", "Turned on"));
    parts.disable.addEventListener("click", () => this.decideById("plugin-disable", "Turned off"));
    parts.more.addEventListener("click", () => this.toggle());
  }

  update(plugin) {
    const json = JSON.stringify(plugin);
    if (this.json === json) {
      return;
    }
    this.json = json;
    this.plugin = plugin;
    const parts = this.parts;
    const [words, tone] = STATES[plugin.state] ?? [plugin.state, "busy"];
    parts.name.textContent = plugin.name;
    parts.state.textContent = words;
    parts.state.dataset.tone = tone;
    const source = plugin.bundled ? "came with the hub" : "from others";
    parts.facts.textContent = `${plugin.id} ${plugin.version} · ${source}`;
    say(parts.reason, waits(plugin) ? "" : plugin.reason);
    this.ask(plugin);
    this.keepDetail(plugin);
    const running = ["ready", "starting", "suspended"].includes(plugin.state);
    parts.disable.hidden = !running;
    parts.enable.hidden = !["stopped", "failed", "quarantined"].includes(plugin.state);
    this.approve.arm(); // it may say something else now
    this.judge();
  }

  /** Shows what the operator is asked to approve. */
  ask(plugin) {
    const parts = this.parts;
    const asks = waits(plugin) === 1;
    this.element.toggleAttribute("data-asks", asks);
    parts.question.hidden = !asks;
    parts.approve.hidden = !asks;
    parts.runs.textContent = plugin.runs;
    const may = asks ? "" : plugin.rights.join("; ");
    say(parts.may, may && `May reach ${may}`);
    const wants = plugin.rights.length > 0 ? plugin.rights : ["nothing outside its own folder"];
    parts.rights.replaceChildren(...wants.map(item));
    parts.changed.hidden = plugin.changes.length === 0;
    parts.changes.replaceChildren(...plugin.changes.map(item));
  }

  set(reachable) {
    this.reachable = reachable;
    this.judge();
  }

  judge() {
    const able = this.reachable && !this.busy;
    this.approve.allow(able);
    for (const part of ["enable", "disable", "more"]) {
      this.parts[part].disabled = !able;
    }
  }

  decideById(action, word) {
    this.decide(action, { id: this.plugin.id }, word);
  }

  async decide(action, body, word) {
    const { name } = this.plugin;
    this.busy = true;
    this.judge();
    say(this.parts.problem, "");
    try {
      const answer = await ask(`api/${action}`, body);
      this.tell(`${word} ${name}. It is ${answer.state}.`);
    } catch (error) {
      say(this.parts.problem, error instanceof Refused ? error.message : NO_ANSWER);
    }
    this.busy = false;
    this.judge();
  }

  /** Details that somebody opened stay open while the plug-in is started again and again. */
  keepDetail(plugin) {
    if (plugin.state === "ready") {
      this.open = false;
    }
    this.parts.more.hidden = !plugin.detail && !this.open;
    if (!this.open) {
      this.parts.detail.hidden = true;
    } else if (plugin.detail) {
      this.readDetail();
    }
  }

  toggle() {
    this.open = !this.open;
    if (this.open) {
      this.readDetail();
    } else {
      this.parts.detail.hidden = true;
    }
  }

  async readDetail() {
    const { detail } = this.parts;
    try {
      const answer = await ask(`api/plugin?id=${encodeURIComponent(this.plugin.id)}`);
      if (this.open && answer.detail) {
        detail.textContent = answer.detail;
        detail.hidden = false;
      }
    } catch (error) {
      say(this.parts.problem, error instanceof Refused ? error.message : NO_ANSWER);
    }
  }

  close() {
    this.approve.close();
    this.element.remove();
  }
}

function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}
