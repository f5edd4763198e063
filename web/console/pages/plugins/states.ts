/** The states of plug-ins, in words and colours. */
import { t } from "./text.js";

const STATES = {
  ready: "good", starting: "busy", found: "off", pending: "busy", failed: "bad", suspended: "busy",
  quarantined: "bad", stopped: "off",
} as const;

function isState(state: string): state is keyof typeof STATES {
  return state in STATES;
}

export function tone(state: string): string {
  return isState(state) ? STATES[state] : "busy";
}

export function stateWords(state: string): string {
  return isState(state) ? t(state) : state;
}
