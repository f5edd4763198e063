// The dialogs that change an approval and show what an application did with it.

import { Refused, ask } from "./hub.js";
import { GuardedButton } from "./press.js";
import { copy, say } from "./view.js";

const $ = (id) => document.getElementById(id);

let save = null; // the guarded button, made when it is first shown
let onSave = () => {};

/** Lets the operator change an application's scopes and end; `tell` says what was done. */
export function openChange(application, words, tell) {
  $("change-title").textContent = `Change ${application.name}`;
  $("change-scopes").replaceChildren($("change-scopes").querySelector("legend"));
  for (const scope of application.asked) {
    $("change-scopes").append(scopeBox(scope, application.scopes.includes(scope), words[scope]));
  }
  $("change").querySelector('input[value="keep"]').checked = true;
  say($("change-end"), `until ${moment(application.expires)}`);
  $("change-date").value = "";
  $("change-date").min = day(Date.now());
  $("change-date").max = day(Date.now() + 179 * 86_400_000);
  say($("change-problem"), "");
  save ??= new GuardedButton($("change-save"), () => onSave());
  onSave = () => send(application, tell);
  $("change").showModal();
  save.arm();
}

function scopeBox(scope, checked, words) {
  const { element, parts } = copy("scope");
  parts.words.textContent = words || `use “${scope}”`;
  parts.scope.textContent = scope;
  const box = element.querySelector("input");
  box.value = scope;
  box.checked = checked;
  return element;
}

async function send(application, tell) {
  const boxes = [...$("change-scopes").querySelectorAll("input:checked")];
  const scopes = boxes.map((box) => box.value);
  if (scopes.length === 0) {
    say($("change-problem"), "Leave one scope at least, or revoke the application.");
    return;
  }
  const body = { id: application.id, scopes };
  const choice = $("change").querySelector('input[name="change-end"]:checked').value;
  if (choice === "date") {
    // The end of that day, by this computer's clock.
    body.until = new Date(`${$("change-date").value}T23:59:59`).getTime() / 1000;
    if (Number.isNaN(body.until)) {
      say($("change-problem"), "Choose a day.");
      return;
    }
  } else if (choice !== "keep") {
    body.lifetime = choice;
  }
  try {
    await ask("api/change", body);
    $("change").close();
    tell(`Changed ${application.name}.`);
  } catch (error) {
    say($("change-problem"), error instanceof Refused ? error.message : "The hub did not answer.");
  }
}

/** Shows the log of past use of an application. */
export async function openHistory(application) {
  $("history-title").textContent = `What ${application.name} did`;
  $("history-rows").replaceChildren();
  say($("history-none"), "Looking…");
  $("history").showModal();
  try {
    const { uses } = await ask(`api/history?id=${encodeURIComponent(application.id)}`);
    $("history-rows").replaceChildren(...uses.map(useRow));
    say($("history-none"), uses.length === 0 ? "Nothing yet." : "");
  } catch (error) {
    say($("history-none"), error instanceof Refused ? error.message : "The hub did not answer.");
  }
}

function useRow(use) {
  const { element, parts } = copy("use");
  parts.route.textContent = use.route;
  parts.count.textContent = `${use.count} ×`;
  const [first, last] = [moment(use.first), moment(use.last)];
  parts.when.textContent = first === last ? last : `${first} to ${time(use.last)}`;
  return element;
}

function moment(seconds) {
  return new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

function time(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { timeStyle: "short" });
}

function day(milliseconds) {
  const date = new Date(milliseconds);
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return parts.map((part) => String(part).padStart(2, "0")).join("-");
}

$("change-date").addEventListener("input", () => {
  $("change").querySelector('input[value="date"]').checked = true;
});
$("change-cancel").addEventListener("click", () => $("change").close());
$("history-close").addEventListener("click", () => $("history").close());
